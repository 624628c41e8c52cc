//! What becomes of the log for the neighbours of a prune: what is not known is pending, never nothing.

use events::{
    Table,
    state::{
        AppliedObject, ObservedRevision, RenderInputs, RenderState, SourceState, SyncState, TargetState,
    },
};
use model::{
    Aggregate, Application, DefinitionSet, Failure, HealthStatus, RetryClass,
    definition::{SourcePath, SyncPolicy},
};

use super::*;
use crate::known::{Definitions, SourceFacts, Versioned};

fn id(namespace: &str, name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: Some(namespace.into()),
        name: name.into(),
    }
}

fn target(application: &str) -> TargetId {
    TargetId { cluster: "eu".parse().unwrap(), application: application.parse().unwrap() }
}

fn failure() -> Failure {
    let text = String::new;
    let (at, class) = (Timestamp::default(), RetryClass::Permanent);
    Failure { code: text(), message: text(), remedy: text(), class, at, attempts: 1 }
}

fn application(name: &str, source: &str) -> Application {
    Application {
        name: name.parse().unwrap(),
        source: SourcePath { name: source.parse().unwrap(), path: name.into() },
        rendering: Default::default(),
        targets: Default::default(),
        overrides: Vec::new(),
        namespace: Some(format!("of-{name}")),
        sync: SyncPolicy::default(),
        deletion: Deletion::default(),
        guard: Default::default(),
        ignore: vec![],
        first_contact: Default::default(),
    }
}

fn assignment(application: Application) -> Assignment {
    let parameters = Digest::of(application.name.as_str().as_bytes());
    Assignment { application, parameters, slice: Digest::of(b"slice") }
}

fn found(closure: &str) -> PathOutcome {
    PathOutcome::Found { closure: Digest::of(closure.as_bytes()), artifact: Digest::of(b"a"), notes: vec![] }
}

/// `mine` and `near` of source `repo`, `far` of source `other`, all rendered at what was fetched last, and idle.
struct Log {
    known: Known,
    ids: Ids,
}

impl Log {
    fn new() -> Self {
        let mut log = Self { known: Known::default(), ids: Ids::new() };
        let applications = [("mine", "repo"), ("near", "repo"), ("far", "other")];
        let targets = applications
            .map(|(name, source)| (target(name), Arc::new(assignment(application(name, source)))));
        let set = DefinitionSet::default();
        log.known.definitions = Some(Arc::new(Definitions {
            n: 1,
            set,
            targets: targets.into_iter().collect(),
            by_application: BTreeMap::new(),
            fleet: None,
        }));
        log.fetched("repo", &[("mine", found("1")), ("near", found("1"))], None);
        log.fetched("other", &[("far", found("1"))], None);
        for (name, _) in applications {
            log.rendered(name, Some("1"), Some(&[id(&format!("of-{name}"), "x")]), None);
        }
        log
    }

    fn fetched(&mut self, source: &str, paths: &[(&str, PathOutcome)], failure: Option<Failure>) {
        let commit = "a".repeat(40).parse().unwrap();
        let revision = ObservedRevision {
            commit,
            reference: "refs/heads/main".into(),
            paths: Table::default(),
            origin: None,
        };
        let state = SourceState {
            observation: 1,
            revision: (!paths.is_empty()).then_some(revision),
            failure,
            handled: vec![],
        };
        let paths = paths.iter().map(|(path, found)| ((*path).to_owned(), found.clone())).collect();
        self.known.sources.insert(source.parse().unwrap(), Arc::new(SourceFacts { state, paths }));
    }

    fn render_of(&self, name: &str) -> Aggregate {
        self.known.definitions.as_ref().unwrap().targets[&target(name)].render()
    }

    fn rendered(
        &mut self,
        name: &str,
        closure: Option<&str>,
        objects: Option<&[ObjectId]>,
        failure: Option<Failure>,
    ) {
        let commit: model::Commit = "a".repeat(40).parse().unwrap();
        let made_from = RenderInputs {
            source: "repo".parse().unwrap(),
            observation: 1,
            commit: commit.clone(),
            closure: closure.map(|text| Digest::of(text.as_bytes())),
            engine: "plain".into(),
            key_id: "k".into(),
        };
        let desired = objects.map(|objects| {
            let digest = Digest::of(format!("{name} {objects:?}").as_bytes());
            let all = objects.iter().cloned().collect();
            self.ids.insert((digest, Some(format!("of-{name}"))), Arc::new(all));
            DesiredState {
                digest,
                objects: objects.len() as u32,
                manifests: events::Content::Inline(vec![]),
                secrets: None,
                commit,
                observation: 1,
                notes: vec![],
            }
        });
        let state = RenderState { made_from, desired, failure };
        let event = Digest::of(b"render").to_string().parse().unwrap();
        self.known.renders.insert(self.render_of(name), Arc::new(Versioned { event, n: 1, state }));
    }

    fn synced(&mut self, name: &str, stage: SyncStage, rows: &[(ObjectId, ObjectOutcome)]) {
        let row = |(id, outcome): &(ObjectId, ObjectOutcome)| AppliedObject {
            id: id.clone(),
            api_version: "v1".parse().unwrap(),
            origin: Origin::Created,
            uid: Some("u".into()),
            resource_version: None,
            manifest: None,
            ignored: Default::default(),
            fingerprint: None,
            outcome: outcome.clone(),
        };
        let state = SyncState {
            generation: 1,
            plan: Digest::of(b"plan"),
            stage,
            applied: None,
            commit: None,
            manifests: None,
            objects: Table::default(),
            superseded: 0,
        };
        let objects = rows.iter().map(|it| (it.0.clone(), row(it))).collect();
        let facts = SyncFacts { n: 1, at: Timestamp::default(), state, objects };
        self.known.syncs.insert(target(name), Arc::new(facts));
    }

    /// What `mine` is told of a neighbour when it looks around for these.
    fn near(&self, name: &str, about: &[ObjectId]) -> Neighbour {
        let around = self.known.around(&target("mine"), about.iter().cloned().collect(), &self.ids);
        let near = around.neighbours.into_iter().find(|near| near.application.as_str() == name);
        near.unwrap_or_else(|| panic!("{name} is no neighbour"))
    }
}

fn finished() -> SyncStage {
    SyncStage::Finished { at: Timestamp::default(), outcome: events::state::SyncOutcome::Succeeded }
}

#[test]
fn what_is_not_rendered_at_the_fetched_revision_is_pending() {
    let about = [id("of-near", "x")];
    let log = Log::new();
    let near = log.near("near", &about);
    assert_eq!((near.rendered, near.desired.len(), near.activity), (Rendered::Yes, 1, Activity::Idle));

    let mut log = Log::new();
    log.fetched("repo", &[("mine", found("1")), ("near", found("2"))], None);
    assert_eq!(log.near("near", &about).rendered, Rendered::Pending, "the files are others now");
    log.fetched("repo", &[("mine", found("1"))], None);
    assert_eq!(log.near("near", &about).rendered, Rendered::Pending, "its path was not read yet");
    log.fetched("repo", &[("mine", found("1")), ("near", PathOutcome::Failed(failure()))], None);
    assert_eq!(
        log.near("near", &about).rendered,
        Rendered::Pending,
        "its path cannot be read: not rendered so yet"
    );
    log.rendered("near", None, Some(&about), Some(failure()));
    let near = log.near("near", &about);
    assert_eq!(
        (near.rendered, near.desired.len()),
        (Rendered::Failed, 1),
        "what was good last is desired still"
    );

    let mut log = Log::new();
    log.known.sources.clear();
    assert_eq!(log.near("near", &about).rendered, Rendered::Pending, "nothing is known of the source");
    let mut log = Log::new();
    log.known.renders.remove(&log.render_of("near"));
    assert_eq!(log.near("near", &about).rendered, Rendered::Pending, "never rendered");
    let mut log = Log::new();
    log.ids.clear();
    assert_eq!(log.near("near", &about).rendered, Rendered::Pending, "its objects cannot be read");
}

#[test]
fn another_source_has_to_be_rendered_once() {
    let about = [id("of-far", "x")];
    let mut log = Log::new();
    log.fetched("other", &[("far", found("2"))], None);
    assert_eq!(log.near("far", &about).rendered, Rendered::Yes, "its revisions are not ours");
    log.rendered("far", Some("1"), None, Some(failure()));
    assert_eq!(log.near("far", &about).rendered, Rendered::Failed);
    log.known.renders.remove(&log.render_of("far"));
    assert_eq!(log.near("far", &about).rendered, Rendered::Pending);
    log.fetched("other", &[], Some(failure()));
    assert_eq!(log.near("far", &about).rendered, Rendered::Failed, "a source that was never fetched");
}

#[test]
fn a_failed_render_stands_for_the_namespaces_that_it_is_known_to_touch() {
    let mut log = Log::new();
    log.rendered("near", Some("1"), Some(&[id("last-good", "y")]), Some(failure()));
    log.synced("near", finished(), &[(id("applied", "z"), ObjectOutcome::Created)]);
    let near = log.near("near", &[id("of-mine", "x")]);
    let expected = ["applied", "last-good", "of-near"].map(ToOwned::to_owned);
    assert_eq!((near.rendered, near.namespaces), (Rendered::Failed, BTreeSet::from(expected)));
}

#[test]
fn only_what_was_applied_with_success_is_held() {
    let mut log = Log::new();
    let x = id("of-near", "x");
    for (outcome, held) in [
        (ObjectOutcome::Created, 1),
        (ObjectOutcome::Configured, 1),
        (ObjectOutcome::Unchanged, 1),
        (ObjectOutcome::Untouched, 1),
        (ObjectOutcome::Pending, 0),
        (ObjectOutcome::Terminating, 0),
        (ObjectOutcome::Failed(failure()), 0),
    ] {
        log.synced("near", finished(), &[(x.clone(), outcome.clone())]);
        assert_eq!(log.near("near", std::slice::from_ref(&x)).holdings.len(), held, "{outcome:?}");
    }
    // The same name in another group is told as well, and nothing else is.
    let other = ObjectId { group: "example.com".into(), ..x.clone() };
    log.synced(
        "near",
        finished(),
        &[(other, ObjectOutcome::Created), (id("of-near", "y"), ObjectOutcome::Created)],
    );
    assert_eq!(log.near("near", &[x]).holdings.len(), 1);
}

#[test]
fn a_plan_that_nobody_has_taken_up_is_at_work() {
    let mut log = Log::new();
    let about = [id("of-near", "x")];
    log.synced("near", SyncStage::Running { since: Timestamp::default(), instance: "one".into() }, &[]);
    assert_eq!(log.near("near", &about).activity, Activity::Syncing);
    log.synced("near", finished(), &[]);
    assert_eq!(log.near("near", &about).activity, Activity::Idle);
    let health = events::state::HealthSummary {
        status: HealthStatus::Unknown,
        since: Timestamp::default(),
        objects: vec![],
    };
    let plan = |generation| events::state::PlannedSync {
        generation,
        digest: Digest::of(b"plan"),
        plan: events::Content::Inline(vec![]),
        made_from: events::state::InputVector {
            definitions_n: 1,
            slice: Digest::of(b"slice"),
            parameters: Digest::of(b"parameters"),
            observation: 1,
            desired: Digest::of(b"desired"),
            sync_n: 1,
        },
        open: 0,
        since: Timestamp::default(),
        silence_ms: 0,
        asked: vec![],
    };
    for (generation, activity) in [(1, Activity::Idle), (2, Activity::Syncing)] {
        let state = TargetState {
            status: events::state::SyncStatus::OutOfSync,
            plan: Some(plan(generation)),
            refused: None,
            drift: Table::default(),
            heals: vec![],
            refreshed: vec![],
            health: health.clone(),
            handled: vec![],
            supersede: None,
            strays: vec![],
            rebuilt: Default::default(),
            released: None,
            paused: None,
            waits: vec![],
            heals_paged: Table::default(),
            refreshed_paged: Table::default(),
        };
        let event = Digest::of(b"own").to_string().parse().unwrap();
        log.known.targets.insert(target("near"), Arc::new(Versioned { event, n: 1, state }));
        assert_eq!(log.near("near", &about).activity, activity, "generation {generation}");
    }
}

#[test]
fn what_leaves_gives_and_what_is_deleted_with_it_is_counted() {
    let mut log = Log::new();
    let x = id("of-gone", "x");
    log.synced("gone", finished(), &[(x.clone(), ObjectOutcome::Created)]);
    log.synced("near", finished(), &[(id("of-near", "x"), ObjectOutcome::Created)]);
    for (deletion, leaving) in [(Deletion::Orphan, 0), (Deletion::Delete, 1)] {
        let application = Application { deletion, ..application("gone", "repo") };
        let left = Left { application, since: Timestamp::default() };
        log.known.leaving.insert(target("gone"), Some(Arc::new(left)));
        let around = log.known.around(&target("mine"), BTreeSet::from([x.clone()]), &log.ids);
        assert_eq!((around.leaving, around.objects), (leaving, 2), "{deletion:?}");
        let gone = log.near("gone", std::slice::from_ref(&x));
        assert_eq!((gone.desired.len(), gone.holdings.len()), (0, 1));
    }
}
