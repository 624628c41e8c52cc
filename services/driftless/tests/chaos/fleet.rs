//! Three control planes, sixty applications on all of them, and minutes of everything: commits, edits by hand, killed
//! and frozen processes, a broker that is killed. The proof is the log.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    options::{clusters, number, seed},
    platform::Backend,
    script::{Act, Broker, long},
    world::{Spread, World},
};

const APPLICATIONS: usize = 60;

/// For a fleet that starts, or was struck, on a slow machine.
const BOUND: Duration = Duration::from_secs(300);

/// Minutes in every build.
const MINUTES: f64 = 0.25;

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_survives_minutes_of_everything() {
    let length = Duration::from_secs_f64(60.0 * number("MINUTES").unwrap_or(MINUTES));
    let seed = seed();
    eprintln!("fleet for {length:.0?}, seed {seed}");
    let mut world = World::new(Backend::Nats, &clusters(3), APPLICATIONS, Spread::All).await;
    let took = world.converge(BOUND).await;
    eprintln!("{} targets converged for the first time after {took:.1?}", world.targets());
    let script = long(seed, &world.cast(Broker::Struck), length);
    let acts = acts(&script);
    world.play(script).await;
    let took = world.converge(BOUND).await;
    world.audit().await;

    eprintln!("acts: {acts:?}");
    eprintln!("{} targets converged {took:.1?} after the last act; the log is one history:", world.targets());
    for (kind, count) in &world.ledger.counts {
        eprintln!("{count:>7} {}", kind.word());
    }
    eprintln!("{:>7} of them acknowledged to somebody", world.ledger.acknowledged);
    for site in &world.sites {
        let seen = site.witness.seen();
        let (lives, living) = (seen.beings.len(), seen.living().len());
        eprintln!("{}: {living} objects, {lives} were ever there, {} went", site.name, seen.gone.len());
    }
    let told = world.ask_about(0, "log").unwrap();
    assert!(!told["entries"].as_array().unwrap().is_empty(), "{told}");
    world.end().await;
}

fn acts(script: &[(Duration, Act)]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for (_, act) in script {
        let word = match act {
            Act::Commit { .. } => "commits",
            Act::Edit { .. } => "edits by hand",
            Act::Delete { .. } => "deletions by hand",
            Act::Kill(_) => "kills",
            Act::Freeze(_) => "freezes",
            Act::KillBroker => "kills of the broker",
            Act::Thaw(_) | Act::Start(_) | Act::StartBroker => continue,
        };
        *counts.entry(word).or_default() += 1;
    }
    counts
}
