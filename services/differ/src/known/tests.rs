//! Deliveries that come late, twice or out of order.

use events::{
    Table,
    state::{RenderInputs, SyncStage},
};
use model::{CommandScope, Digest};

use super::*;

fn target() -> TargetId {
    TargetId { cluster: "eu".parse().unwrap(), application: "shop".parse().unwrap() }
}

/// An aggregate, news of it that bear a mark, and where the mark is found again once they are taken.
type Case = (Aggregate, fn(u64) -> News, fn(&Known) -> Option<u64>);

fn definitions(mark: u64) -> News {
    News::Definitions(Definitions::new(mark, DefinitionSet::default()))
}

fn source(mark: u64) -> News {
    let state = SourceState { observation: mark, revision: None, failure: None, handled: vec![] };
    News::Source("repo".parse().unwrap(), SourceFacts { state, paths: BTreeMap::new() })
}

fn render_aggregate() -> Aggregate {
    Aggregate::Render { application: target().application, parameters: Digest::of(b"parameters") }
}

fn render(mark: u64) -> News {
    let made_from = RenderInputs {
        source: "repo".parse().unwrap(),
        observation: mark,
        commit: "a".repeat(40).parse().unwrap(),
        closure: None,
        engine: "plain".into(),
        key_id: "k".into(),
    };
    let event = Digest::of(b"event").to_string().parse().unwrap();
    let state = RenderState { made_from, desired: None, failure: None };
    News::Render(render_aggregate(), Versioned { event, n: mark, state })
}

fn sync(mark: u64) -> News {
    let state = SyncState {
        generation: mark,
        plan: Digest::of(b"plan"),
        stage: SyncStage::Rejected { reason: String::new() },
        applied: None,
        commit: None,
        manifests: None,
        objects: Table::default(),
        superseded: 0,
    };
    News::Sync(target(), SyncFacts { n: mark, at: Timestamp::default(), state, objects: BTreeMap::new() })
}

fn requests(mark: u64) -> News {
    let request = |i: u64| Request {
        id: format!("request-{i}").parse().unwrap(),
        kind: events::state::RequestKind::Pause,
        at: Timestamp::default(),
        by: Default::default(),
    };
    News::Requests(target(), (0..mark).map(request).collect())
}

#[test]
fn what_comes_late_or_twice_changes_nothing() {
    let cases: [Case; 5] = [
        (Aggregate::Definitions, definitions, |known| Some(known.definitions.as_ref()?.n)),
        (Aggregate::Source("repo".parse().unwrap()), source, |known| {
            Some(known.sources.values().next()?.state.observation)
        }),
        (render_aggregate(), render, |known| {
            Some(known.renders.get(&render_aggregate())?.state.made_from.observation)
        }),
        (Aggregate::Sync(target()), sync, |known| Some(known.syncs.get(&target())?.state.generation)),
        (Aggregate::Command(CommandScope::Target(target())), requests, |known| {
            Some(known.requests.get(&target())?.len() as u64)
        }),
    ];
    for (aggregate, news, mark) in cases {
        let mut known = Known::default();
        for (sequence, told, expected) in [(20, 2, 2), (10, 1, 2), (20, 2, 2), (30, 3, 3)] {
            let dirty = known.take_event(&aggregate, sequence, news(told));
            assert_eq!(mark(&known), Some(expected), "{aggregate} at {sequence}");
            let passed = dirty == Dirty::Targets(vec![]);
            assert!(passed || sequence == 20 || sequence == 30, "{aggregate} at {sequence}: {dirty:?}");
        }
    }
}

#[test]
fn a_sync_that_cannot_be_read_is_followed_by_one_that_can() {
    let mut known = Known::default();
    known.take_event(&Aggregate::Definitions, 1, definitions(1));
    let legible = |known: &Known| known.snapshot(&target()).unwrap().legible;
    let aggregate = Aggregate::Sync(target());
    assert_eq!(legible(&known), Legible::Yes);
    let dirty = known.take_event(&aggregate, 2, News::SyncParked(target()));
    assert_eq!((legible(&known), dirty), (Legible::No, Dirty::Targets(vec![target()])));
    known.take_event(&aggregate, 1, sync(1));
    assert_eq!(legible(&known), Legible::No, "an older one says nothing of it");
    known.take_event(&aggregate, 3, sync(3));
    assert_eq!(legible(&known), Legible::Yes);
}
