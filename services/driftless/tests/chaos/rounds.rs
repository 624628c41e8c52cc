//! Rounds: a commit that changes two hundred applications, and processes that are struck while it is applied.

use std::time::Duration;

use crate::{
    options::{clusters, number, seed},
    platform::Backend,
    script::{Act, Broker, round},
    world::{Spread, World},
};

/// As many as a small company has.
const APPLICATIONS: usize = 200;

/// Rounds until a new world begins, with an empty log: creates of everything are a story of their own.
const ROUNDS_OF_A_WORLD: u64 = 10;

/// For a fleet that starts, and for one that was struck: a frozen process is missed after some ten seconds, and what
/// it created keeps others from creating for as long again; the rest is for slow machines.
const BOUND: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn rounds_over_nats() {
    rounds(Backend::Nats).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_embedded() {
    rounds(Backend::Embedded).await;
}

async fn rounds(backend: Backend) {
    let (first, rounds) = (seed(), number("ROUNDS").unwrap_or(1));
    let clusters = clusters(2);
    let mut begun = None;
    for i in 0..rounds {
        let seed = first.wrapping_add(i);
        eprintln!("{backend:?} round {} of {rounds}, seed {seed}", i + 1);
        let is_cold = begun.is_none();
        let mut world = match begun.take() {
            Some(world) => world,
            None => World::new(backend, &clusters, APPLICATIONS, Spread::One).await,
        };
        let broker = if backend == Backend::Nats { Broker::Struck } else { Broker::Spared };
        let mut script = round(seed, &world.cast(broker));
        // What somebody took before the log says that it was ours is theirs, until a person says otherwise.
        script.retain(|(_, act)| !is_cold || !matches!(act, Act::Edit { .. } | Act::Delete { .. }));
        world.play(script).await;
        let took = world.converge(BOUND).await;
        world.audit().await;
        eprintln!(
            "  converged {took:.1?} after the last act; {} events acknowledged, {} revived",
            world.ledger.acknowledged, world.platform.revived
        );
        match (i + 1) % ROUNDS_OF_A_WORLD {
            0 => world.end().await,
            _ => begun = Some(world),
        }
    }
    if let Some(world) = begun {
        world.end().await;
    }
}
