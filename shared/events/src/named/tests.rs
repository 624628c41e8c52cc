use bytes::Bytes;
use model::{HealthStatus, TargetId, Timestamp};

use super::*;
use crate::{
    Draft, EventId, EventType,
    state::{HealthSummary, InputVector, RenderInputs, SyncStage, SyncStatus},
};

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn target() -> TargetId {
    TargetId { cluster: "eu".parse().unwrap(), application: "shop".parse().unwrap() }
}

fn blob(text: &str) -> Content {
    Content::Blob(digest(text))
}

fn paged<Row>(pages: &[&str]) -> Table<Row> {
    Table::Paged { pages: pages.iter().map(|text| digest(text)).collect(), rows: 300 }
}

fn event<S: State>(aggregate: Aggregate, state: &S) -> Event {
    let draft = Draft {
        aggregate,
        n: 1,
        previous: None,
        kind: EventType::HealthChanged,
        format: S::FORMAT,
        time: Timestamp::from_millis(1),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload: Bytes::from(crate::encode(state).unwrap()),
    };
    Event { id: EventId::derive("log", &draft), sequence: 1, draft }
}

fn named(event: &Event) -> Vec<Digest> {
    blobs_of(event).unwrap().blobs
}

fn row(path: &str, artifact: &str) -> ObservedPath {
    let outcome = PathOutcome::Found { closure: digest(path), artifact: digest(artifact), notes: vec![] };
    ObservedPath { path: path.into(), outcome }
}

fn source(paths: Table<ObservedPath>) -> Event {
    let commit = "1".repeat(40).parse().unwrap();
    let revision = Some(ObservedRevision { commit, reference: "main".into(), paths, origin: None });
    event(
        Aggregate::Source("shop".parse().unwrap()),
        &SourceState { observation: 1, revision, ..SourceState::default() },
    )
}

#[test]
fn a_source_names_its_artifacts_and_the_pages_that_name_them() {
    assert_eq!(named(&source(Table::Inline(vec![row("a", "files")]))), [digest("files")]);
    let found = blobs_of(&source(paged(&["p", "q"]))).unwrap();
    assert_eq!(found.blobs, [digest("p"), digest("q")]);
    assert_eq!(found.path_pages, found.blobs);
    let page = rmp_serde::to_vec_named(&[row("a", "x"), row("b", "y")]).unwrap();
    assert_eq!(artifacts_of(&page).unwrap(), [digest("x"), digest("y")]);
    assert!(artifacts_of(b"no page").is_err());
}

#[test]
fn a_render_names_manifests_and_secrets() {
    let commit: model::Commit = "1".repeat(40).parse().unwrap();
    let made_from = RenderInputs {
        source: "shop".parse().unwrap(),
        observation: 1,
        commit: commit.clone(),
        closure: Some(digest("closure")),
        engine: "plain".into(),
        key_id: "k".into(),
    };
    let desired = DesiredState {
        digest: digest("desired"),
        objects: 1,
        manifests: blob("manifests"),
        secrets: Some(digest("secrets")),
        commit,
        observation: 1,
        notes: vec![],
    };
    let state = RenderState { made_from, desired: Some(desired), failure: None };
    let render = Aggregate::Render { application: "shop".parse().unwrap(), parameters: digest("parameters") };
    assert_eq!(named(&event(render, &state)), [digest("manifests"), digest("secrets")]);
}

#[test]
fn a_set_and_a_sync_name_their_contents() {
    let set = DefinitionsState {
        digest: digest("set"),
        set: blob("encoded"),
        rejected: None,
        commit: None,
        observation: 0,
        consent: Default::default(),
    };
    assert_eq!(named(&event(Aggregate::Definitions, &set)), [digest("encoded")]);
    let sync = SyncState {
        generation: 1,
        plan: digest("plan"),
        stage: SyncStage::Superseded { at: Timestamp::from_millis(1) },
        applied: None,
        commit: None,
        manifests: Some(blob("manifests")),
        objects: paged(&["p"]),
        superseded: 0,
    };
    assert_eq!(named(&event(Aggregate::Sync(target()), &sync)), [digest("manifests"), digest("p")]);
}

#[test]
fn a_target_names_its_plan_and_previews_and_tables() {
    let made_from = InputVector {
        definitions_n: 1,
        slice: digest("slice"),
        parameters: digest("parameters"),
        observation: 1,
        desired: digest("desired"),
        sync_n: 0,
    };
    let plan = PlannedSync {
        generation: 1,
        digest: digest("digest"),
        plan: blob("plan"),
        made_from,
        open: 0,
        since: Timestamp::from_millis(1),
        silence_ms: 1,
        asked: vec![],
    };
    let at = Timestamp::from_millis(1);
    let outcome = ReleaseOutcome::Abandoned { unreachable_since: at, inventory: paged(&["left"]) };
    let state = TargetState {
        status: SyncStatus::Unknown,
        plan: Some(plan),
        refused: None,
        drift: paged(&["drift"]),
        heals: vec![],
        refreshed: vec![],
        health: HealthSummary { status: HealthStatus::Unknown, since: at, objects: vec![] },
        handled: vec![Handled {
            id: "request-1".parse().unwrap(),
            outcome: RequestOutcome::Previewed(blob("preview")),
        }],
        supersede: None,
        strays: vec![],
        rebuilt: Default::default(),
        released: Some(Release { at, outcome }),
        paused: None,
        waits: vec![],
        heals_paged: paged(&["heals"]),
        refreshed_paged: paged(&["refreshed"]),
    };
    let event = event(Aggregate::Target(target()), &state);
    assert_eq!(named(&event), ["plan", "drift", "heals", "refreshed", "preview", "left"].map(digest));
}

#[test]
fn what_a_newer_process_wrote_is_unknown() {
    let mut newer = source(Table::default());
    newer.draft.format += 1;
    assert!(matches!(blobs_of(&newer), Err(DecodeError::Newer { .. })));
}
