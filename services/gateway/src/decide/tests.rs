//! From events to statuses, in stories.

use std::time::Duration;

use bus::Freshness;
use events::{
    Draft, Event, EventId, EventType, Table,
    state::{
        ClusterState, HealthSummary, Reachability, Release, ReleaseOutcome, RenderInputs, RenderState,
        SourceState, State, SyncOutcome, SyncStage, SyncState, SyncStatus, TargetState,
    },
};
use model::{
    Aggregate, Application, Cluster, DefinitionSet, Digest, Failure, HealthStatus, RetryClass, Source,
    TargetId, Timestamp,
};
use serde::Serialize;

use super::{Picture, Reason, Taken, Told, evaluated};
use crate::wire::{self, Evaluated, Sync, TargetStatus};

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

fn set(applications: &[&str]) -> DefinitionSet {
    let source: Source = parsed(r#"{"name": "shop", "git": {"url": "https://git.example/shop.git"}}"#);
    let cluster: Cluster = parsed(r#"{"name": "eu", "kubeconfig": {"file": null, "context": null}}"#);
    let application = |name: &&str| -> Application {
        parsed(&format!(r#"{{"name": "{name}", "source": {{"name": "shop", "path": "deploy"}}}}"#))
    };
    DefinitionSet::new(vec![source], vec![cluster], applications.iter().map(application).collect()).unwrap()
}

fn id() -> TargetId {
    TargetId { cluster: "eu".parse().unwrap(), application: "web".parse().unwrap() }
}

fn failure(code: &str) -> Failure {
    let (message, remedy) = ("no".to_owned(), String::new());
    Failure { code: code.into(), message, remedy, class: RetryClass::Permanent, at: NOW, attempts: 1 }
}

fn target(status: SyncStatus) -> TargetState {
    let health = HealthSummary { status: HealthStatus::Healthy, since: NOW, objects: vec![] };
    TargetState {
        status,
        plan: None,
        refused: None,
        drift: Table::default(),
        heals: vec![],
        refreshed: vec![],
        health,
        handled: vec![],
        supersede: None,
        strays: vec![],
        rebuilt: Default::default(),
        released: None,
        paused: None,
        waits: vec![],
        heals_paged: Table::default(),
        refreshed_paged: Table::default(),
    }
}

fn sync(stage: SyncStage) -> SyncState {
    SyncState {
        generation: 1,
        plan: Digest::of(b"plan"),
        stage,
        applied: None,
        commit: None,
        manifests: None,
        objects: Table::default(),
        superseded: 0,
    }
}

struct Story(Picture);

impl Story {
    fn new() -> Self {
        let mut picture = Picture::default();
        assert_eq!(picture.define(1, set(&["web"]).into(), Told::default()), [id()]);
        Self(picture)
    }

    /// Takes an event in; says whose status it concerns.
    fn take<S: State + Serialize>(
        &mut self,
        aggregate: Aggregate,
        kind: EventType,
        state: &S,
    ) -> Vec<TargetId> {
        let draft = Draft::after(None, aggregate, (kind, NOW), state).unwrap();
        let event = Event { id: EventId::derive("log", &draft), sequence: 1, draft };
        match self.0.take(&event).unwrap() {
            Taken::Targets(targets) => targets,
            Taken::Definitions(..) => panic!("no definitions were told"),
        }
    }

    fn target(&mut self, state: &TargetState) {
        let kind = EventType::HealthChanged;
        assert_eq!(self.take(Aggregate::Target(id()), kind, state), [id()]);
    }

    fn sync(&mut self, stage: SyncStage) {
        assert_eq!(self.take(Aggregate::Sync(id()), EventType::SyncFinished, &sync(stage)), [id()]);
    }

    fn status(&self) -> Option<TargetStatus> {
        let evaluated = Evaluated { state: wire::Freshness::Fresh, by: None, seconds: None };
        self.0.status(&id(), evaluated)
    }

    fn word(&self) -> Sync {
        self.status().unwrap().sync
    }

    fn problem(&self) -> Option<String> {
        self.status().unwrap().problem.map(|problem| problem.code)
    }
}

fn failed(code: &str) -> SyncStage {
    SyncStage::Finished { at: NOW, outcome: SyncOutcome::Failed { failure: failure(code) } }
}

#[test]
fn the_word_follows_target_and_sync() {
    let mut story = Story::new();
    assert_eq!(story.word(), Sync::Unknown, "nothing was told yet");
    story.target(&target(SyncStatus::OutOfSync));
    assert_eq!(story.word(), Sync::OutOfSync);
    story.sync(SyncStage::Running { since: NOW, instance: "a".into() });
    assert_eq!(story.word(), Sync::Syncing);
    story.target(&target(SyncStatus::Stalled));
    assert_eq!(story.word(), Sync::Stalled, "a silent applier is no work under way");
    story.sync(SyncStage::Finished { at: NOW, outcome: SyncOutcome::Succeeded });
    story.target(&target(SyncStatus::InSync));
    assert_eq!(story.word(), Sync::InSync);
}

#[test]
fn the_problem_nearest_to_its_root_is_told() {
    let mut story = Story::new();
    story.sync(failed("APPLY-CONFLICT"));
    assert_eq!(story.problem().as_deref(), Some("APPLY-CONFLICT"));
    story.target(&TargetState { refused: Some(failure("GUARD-SHARE")), ..target(SyncStatus::OutOfSync) });
    assert_eq!(story.problem().as_deref(), Some("GUARD-SHARE"));
    let made_from = RenderInputs {
        source: "shop".parse().unwrap(),
        observation: 1,
        commit: "1c7cb7001c7cb7001c7cb7001c7cb7001c7cb700".parse().unwrap(),
        closure: None,
        engine: String::new(),
        key_id: String::new(),
    };
    let render = RenderState { made_from, desired: None, failure: Some(failure("RENDER-FAILED")) };
    let aggregate = story.0.render_of(&id()).unwrap().clone();
    assert_eq!(story.take(aggregate, EventType::RenderFailed, &render), [id()]);
    assert_eq!(story.problem().as_deref(), Some("RENDER-FAILED"));
    let source = SourceState { failure: Some(failure("GIT-AUTH")), ..SourceState::default() };
    let aggregate = Aggregate::Source("shop".parse().unwrap());
    assert_eq!(story.take(aggregate.clone(), EventType::SourceFailed, &source), [id()]);
    assert_eq!(story.take(aggregate, EventType::SourceFailed, &source), [], "that is no news");
    assert_eq!(story.problem().as_deref(), Some("GIT-AUTH"));
    let definition = set(&[]).clusters()[0].clone();
    let reachability = Reachability::Unreachable { since: NOW, failure: failure("CLUSTER-AUTH") };
    let cluster = ClusterState { definition, reachability, restored: None, identity: Default::default() };
    story.take(Aggregate::Cluster("eu".parse().unwrap()), EventType::ClusterUnreachable, &cluster);
    assert_eq!(story.problem().as_deref(), Some("CLUSTER-AUTH"));
}

#[test]
fn a_failed_sync_is_forgotten_once_the_target_is_in_sync() {
    let mut story = Story::new();
    story.sync(failed("APPLY-CONFLICT"));
    story.target(&target(SyncStatus::InSync));
    assert_eq!(story.problem(), None);
}

#[test]
fn what_leaves_is_shown_until_it_is_let_go() {
    let mut story = Story::new();
    story.target(&target(SyncStatus::InSync));
    assert_eq!(story.0.define(2, set(&[]).into(), Told::default()), [id()]);
    assert_eq!(story.word(), Sync::Leaving);
    assert_eq!(story.0.define(1, set(&["web"]).into(), Told::default()), [], "older definitions");
    let released = Some(Release { at: NOW, outcome: ReleaseOutcome::Emptied });
    story.target(&TargetState { released, ..target(SyncStatus::Unknown) });
    assert!(story.status().is_none() && story.0.ids().is_empty());
    story.0.define(3, set(&["web"]).into(), Told::default());
    assert_eq!(story.word(), Sync::Unknown, "it is back, and its new differ has not spoken yet");
}

#[test]
fn what_cannot_be_read_is_told_in_place_of_what_was_known() {
    let mut story = Story::new();
    story.target(&target(SyncStatus::InSync));
    let reason = Reason::Form("format 9".into());
    for aggregate in [Aggregate::Target(id()), Aggregate::Source("shop".parse().unwrap())] {
        let failure = super::failure(&aggregate, &reason, NOW);
        assert_eq!(story.0.miss(&aggregate, failure), [id()]);
        assert_eq!(story.problem().as_deref(), Some("API-UNREAD"));
    }
    assert_eq!(story.word(), Sync::Unknown);
    story.target(&target(SyncStatus::InSync));
    assert_eq!(story.word(), Sync::InSync, "it can be read again");
    assert_eq!(story.problem().as_deref(), Some("API-UNREAD"), "its source cannot");
}

#[test]
fn a_status_turns_stale_by_itself() {
    let second = Duration::from_secs(1);
    let told = Freshness::Fresh { by: "a".into(), age: 100 * second };
    let state = |since: u32| evaluated(&told, since * second, None, 180 * second).state;
    assert_eq!((state(80), state(81)), (wire::Freshness::Fresh, wire::Freshness::Stale));
    let outdated = |since: u32| evaluated(&told, second, Some(since * second), 180 * second);
    assert_eq!((outdated(180).state, outdated(181).state), (wire::Freshness::Fresh, wire::Freshness::Stale));
    assert_eq!(outdated(181).seconds, Some(181), "of definitions that are no longer the newest");
    let never = evaluated(&Freshness::Unknown { owner: None }, 999 * second, None, 180 * second);
    assert_eq!((never.state, never.seconds), (wire::Freshness::Unknown, None));
}

#[test]
fn what_has_waited_longest_is_told() {
    let mut story = Story::new();
    let wait = |name: &str| events::state::Wait {
        id: model::ObjectId {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: Some("shop".into()),
            name: name.into(),
        },
        reason: events::state::WaitReason::Deletion,
        whom: vec!["example.com/wait".into()],
        since: NOW,
    };
    story.target(&TargetState { waits: vec![wait("a"), wait("b")], ..target(SyncStatus::OutOfSync) });
    assert_eq!(
        story.status().unwrap().waiting.as_deref(),
        Some("ConfigMap shop/a is deleted and not gone yet, held by the finalizer example.com/wait")
    );
    story.target(&target(SyncStatus::InSync));
    assert_eq!(story.status().unwrap().waiting, None);
}
