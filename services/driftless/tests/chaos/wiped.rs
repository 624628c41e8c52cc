//! The broker loses everything in the middle of a sync: what is on the clusters is found there, and nothing is deleted
//! before somebody has confirmed that it may be.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    options::{clusters, number, seed},
    platform::Backend,
    script::Act,
    world::{Spread, World, pause},
};

const APPLICATIONS: usize = 20;

/// For a fleet that starts: two of a role that start together wait for each other before they create; the rest is for
/// slow machines.
const BOUND: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_broker_deletes_nothing_that_is_not_confirmed() {
    let first = seed();
    let mut world = World::new(Backend::Nats, &clusters(2), APPLICATIONS, Spread::One).await;
    world.converge(BOUND).await;
    for seed in first..first + number("ROUNDS").unwrap_or(1) {
        eprintln!("wipe, seed {seed}");
        wiped(&mut world, &mut StdRng::seed_from_u64(seed)).await;
    }
    world.end().await;
}

async fn wiped(world: &mut World, random: &mut StdRng) {
    let all: Vec<usize> = (0..APPLICATIONS).collect();
    // Each has an object that it can lose.
    world.perform(&Act::Commit { changed: vec![], toggled: all.clone() }).await;
    world.converge(BOUND).await;
    world.audit().await;
    let gone = |world: &World| world.sites.iter().map(|site| site.witness.seen().gone.len()).sum::<usize>();
    let (before, ended) = (gone(world), world.platform.revived);

    world.perform(&Act::Commit { changed: all.clone(), toggled: vec![] }).await;
    pause(Duration::from_millis(random.random_range(0..2500))).await;
    world.wipe().await;
    world.perform(&Act::Commit { changed: vec![], toggled: all.clone() }).await;
    let processes = Backend::Nats.processes().len();
    let still = |world: &World| {
        let ended = world.platform.revived - ended;
        (ended < processes).then(|| format!("only {ended} processes started afresh"))
    };
    world.until(BOUND, still).await;
    world.until(BOUND, World::lacking).await;
    // A prune would have followed in the same sync: what comes after it is told by the next one.
    world.perform(&Act::Commit { changed: all, toggled: vec![] }).await;
    let took = world.until(BOUND, World::lacking).await;
    assert_eq!(gone(world), before, "something was deleted that nobody had confirmed");
    assert_eq!(world.platform.revived - ended, processes, "each ends once");
    eprintln!("  the next commit is applied {took:.1?} later");

    for app in 0..APPLICATIONS {
        assert!(world.ask_about(app, "confirm").is_some(), "the inventory of {app} is not confirmed");
    }
    let took = world.converge(BOUND).await;
    world.audit().await;
    assert_eq!(gone(world), before + APPLICATIONS, "what was confirmed goes");
    eprintln!("  converged {took:.1?} after the last word");
}
