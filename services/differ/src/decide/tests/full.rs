//! Everything that is told is as much as it may be, with names and messages as long as others can make them.

use std::sync::Arc;

use events::{
    Content, EventType,
    envelope::PAYLOAD_BYTES_MAX,
    state::{HealAttempt, Refreshed, TargetState},
};
use model::{Digest, Fingerprint, HealthStatus, ObjectId, TargetId};
use plan::{HeldObject, HeldReason, Stray, SyncPlan};

use super::*;
use crate::{
    intake::Intake,
    known::{News, Versioned},
    perform::{Due, End, append},
};

/// An id as long as the API server takes it.
fn long(i: usize) -> ObjectId {
    ObjectId {
        group: "g".repeat(253),
        kind: "K".repeat(63),
        namespace: Some("n".repeat(63)),
        name: format!("{i:0>253}"),
    }
}

fn hostile(bytes: usize) -> String {
    "é".repeat(bytes / 2)
}

fn hostile_failure() -> Failure {
    let (message, remedy) = (hostile(100_000), hostile(100_000));
    Failure { message, remedy, ..failure("RENDER-FAILED", RetryClass::Permanent) }
}

/// A target with forty drifted objects that are not healthy, as it is decided.
fn drifted() -> World {
    let names: Vec<String> = (0..40).map(|i| format!("{i:0>253}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::synced(&names);
    world.policy(|policy| policy.self_heal = false);
    let fields: Vec<String> = (0..50).map(|i| format!("data.{i}.{}", hostile(5_000))).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    for name in names {
        world.edit(name, "12", "other");
        let mut seen = world.live.get(&id(name)).unwrap().clone();
        seen.health = health::Health { status: HealthStatus::Degraded, reason: hostile(100_000) };
        world.live.upsert(id(name), seen);
        world.dry_run(name, world::changes(&fields));
    }
    world.load();
    assert_eq!(world.step(), "DriftDetected Drifted Degraded");
    assert_eq!(world.step(), "rest", "what was cut is no news");
    world
}

/// The rest of it.
fn fill(world: &World) -> TargetState {
    let mut state = world.own().clone();
    let held = |reason| (0..40).map(move |i| HeldObject { id: long(i), reason });
    let held = held(HeldReason::Stray).chain(held(HeldReason::Terminating)).collect();
    let plan = SyncPlan { desired: Digest::of(b"d"), namespace: None, steps: vec![], held, in_sync: 0 };
    let strays: Vec<Stray> = (0..40)
        .map(|i| Stray {
            id: long(i),
            api_version: "v1".parse().unwrap(),
            uid: "u".repeat(36),
            provenance: Provenance::Unknown,
        })
        .collect();
    state.strays = super::strays::told(&plan, &strays);
    let around = world.around();
    state.waits =
        crate::decide::awaited::waits(&world.facts(&world.snapshot, &around), &plan, &[], world.now);
    state.refused = Some(super::bounds::told(hostile_failure()));
    for i in 0..40 {
        let outcome = match i % 2 {
            0 => RequestOutcome::Refused(hostile_failure()),
            _ => RequestOutcome::Previewed(Content::Inline(vec![7; 4_096])),
        };
        requests::record(&mut state, &format!("request-{i:0>27}").parse().unwrap(), outcome);
    }
    let fields = |i: usize| Digest::of(&i.to_be_bytes());
    let heal = |i| HealAttempt { id: long(i), fields: fields(i), attempts: 4, last: world.now };
    state.heals = (0..4_096).map(heal).collect();
    let fingerprint = |i| Fingerprint { hash: fields(i), empties: vec![] };
    let refreshed =
        |i| Refreshed { id: long(i), uid: "u".repeat(36), sync_n: 9, fingerprint: fingerprint(i) };
    state.refreshed = (0..64).map(refreshed).collect();
    if let Some(planned) = &mut state.plan {
        planned.plan = Content::Inline(vec![7; 8_000]);
    }
    state
}

fn due(state: &TargetState, own: Option<Versioned<TargetState>>) -> Due {
    let mut snapshot = World::new(&[]).snapshot;
    snapshot.own = own.map(Arc::new);
    let target = TargetId { cluster: "eu".parse().unwrap(), application: "shop".parse().unwrap() };
    Due { target, kind: EventType::DriftDetected, state: state.clone(), snapshot }
}

async fn log() -> (Arc<dyn bus::Log>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap(), folder)
}

/// Appends a state and reads what the log holds then.
async fn told(
    log: &Arc<dyn bus::Log>,
    state: &TargetState,
    own: Option<Versioned<TargetState>>,
) -> Versioned<TargetState> {
    let end = append(log, vec![due(state, own)], bus::now()).await.unwrap().pop().unwrap();
    let End::At(event) = end else { panic!("it was not appended") };
    assert!(event.draft.payload.len() <= PAYLOAD_BYTES_MAX);
    let read = Intake::new(Arc::clone(log)).read(&event).await.unwrap();
    let Some(News::Target(_, read)) = read else { panic!("{read:?}") };
    read
}

#[tokio::test]
async fn with_every_bound_full_a_state_fits_into_an_event_and_comes_back_whole() {
    let (log, _folder) = log().await;
    let state = fill(&drifted());
    assert!(events::encode(&state).unwrap().len() > 4 * PAYLOAD_BYTES_MAX);
    assert!(!state.strays.is_empty() && !state.waits.is_empty() && !state.health.objects.is_empty());
    let read = told(&log, &state, None).await.state;
    assert_eq!(read.refused, state.refused, "it is told as it is, not as too large");
    assert_eq!((&read.drift, &read.heals, &read.refreshed), (&state.drift, &state.heals, &state.refreshed));
    assert_eq!(read.plan.as_ref().map(|plan| plan.digest), state.plan.as_ref().map(|plan| plan.digest));
    let again = told(&log, &read, None).await;
    assert_eq!(again.state, read, "and it is no news then");
}

#[tokio::test]
async fn a_state_that_fits_nowhere_fails_its_target_and_says_so_once() {
    let (log, _folder) = log().await;
    let mut state = drifted().own().clone();
    state.refused = Some(hostile_failure());
    let asked: events::state::RequestId = "asked-for-0001".parse().unwrap();
    requests::record(&mut state, &asked, RequestOutcome::InSync);
    let own = told(&log, &state, None).await;
    assert_eq!(own.state.refused.as_ref().unwrap().code, "TARGET-TOO-LARGE");
    let answer = own.state.handled.iter().find(|done| done.id == asked).map(|done| &done.outcome);
    assert!(matches!(answer, Some(RequestOutcome::Failed(_))), "{answer:?}");
    let end = append(&log, vec![due(&state, Some(own))], bus::now()).await.unwrap().pop();
    assert!(matches!(end, Some(End::TooLarge(_))), "nothing is appended again and again");
}
