//! What is made of events.

use bytes::Bytes;
use events::{
    Draft,
    state::{PathOutcome, RenderInputs, State, encode},
};
use model::{Application, Cluster, Digest, Source};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn set(names: &[&str]) -> DefinitionSet {
    let source: Source = serde_json::from_str(r#"{"name":"shop","git":{"url":"a"}}"#).unwrap();
    let cluster: Cluster =
        serde_json::from_str(r#"{"name":"eu","kubeconfig":{"file":null,"context":null}}"#).unwrap();
    let application = |name: &&str| -> Application {
        let text = format!(r#"{{"name":"{name}","source":{{"name":"shop","path":"{name}"}}}}"#);
        serde_json::from_str(&text).unwrap()
    };
    DefinitionSet::new(vec![source], vec![cluster], names.iter().map(application).collect()).unwrap()
}

fn render(name: &str) -> Aggregate {
    let renders: Vec<Aggregate> = render_jobs(&set(&[name])).into_keys().collect();
    renders.into_iter().next().unwrap()
}

fn event<S: State>(aggregate: Aggregate, n: u64, kind: EventType, state: &S) -> Event {
    let draft = Draft {
        aggregate,
        n,
        previous: None,
        kind,
        format: S::FORMAT,
        time: NOW,
        cause: None,
        correlation: Some("change-1".into()),
        actor: None,
        traceparent: None,
        payload: Bytes::from(encode(state).unwrap()),
    };
    Event { id: EventId::derive("log", &draft), sequence: n, draft }
}

fn revision(n: u64, kind: EventType, observation: u64) -> Event {
    let commit = "a".repeat(40).parse().unwrap();
    let paths = Table::Inline(rows(&["one"]));
    let revision = Some(ObservedRevision { commit, reference: "main".into(), paths, origin: None });
    let state = SourceState { observation, revision, ..SourceState::default() };
    event(Aggregate::Source("shop".parse().unwrap()), n, kind, &state)
}

fn rows(names: &[&str]) -> Vec<ObservedPath> {
    let outcome = PathOutcome::Found { closure: Digest::of(b"c"), artifact: Digest::of(b"a"), notes: vec![] };
    names.iter().map(|name| ObservedPath { path: (*name).into(), outcome: outcome.clone() }).collect()
}

fn rendered(name: &str, n: u64, engine: &str) -> Event {
    let made_from = RenderInputs {
        source: "shop".parse().unwrap(),
        observation: 1,
        commit: "a".repeat(40).parse().unwrap(),
        closure: Some(Digest::of(b"c")),
        engine: engine.into(),
        key_id: "key".into(),
    };
    let state = RenderState { made_from, desired: None, failure: None };
    event(render(name), n, EventType::DesiredStateRendered, &state)
}

fn picture() -> Picture {
    Picture::new(Engines::new("plain 1", "kustomize v5.8.1", "helm v3.19.0"), "key".into())
}

/// Takes a revision in, its rows included.
fn observe(picture: &mut Picture, event: &Event) -> Vec<Aggregate> {
    let Taken::Revision { name, observed, paths: Table::Inline(rows) } = picture.take(event).unwrap() else {
        panic!("a revision is expected")
    };
    picture.observe(&name, observed, rows)
}

#[test]
fn nothing_is_rendered_or_retired_before_the_definitions_are_known() {
    let mut picture = picture();
    observe(&mut picture, &revision(1, EventType::RevisionObserved, 1));
    picture.take(&rendered("gone", 1, "plain 1, pipeline 1")).unwrap();
    assert_eq!(picture.decide(&render("one"), NOW), Step::Rest);
    assert!(picture.renders().is_empty());
    picture.define(&set(&["one"]));
    assert_eq!(picture.renders().len(), 2, "the one asked for and the one to be retired");
    for (name, expected) in [("one", "render"), ("gone", "retire")] {
        let Step::Do(order) = picture.decide(&render(name), NOW) else { panic!("{name}") };
        let found = match order.work {
            Work::Render { .. } => "render",
            Work::Fail { .. } => "fail",
            Work::Retire => "retire",
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_revision_wakes_those_who_read_from_its_source() {
    let mut picture = picture();
    picture.define(&set(&["one", "two"]));
    assert_eq!(observe(&mut picture, &revision(1, EventType::RevisionObserved, 1)).len(), 2);
    let again = picture.take(&revision(2, EventType::SourceFailed, 1)).unwrap();
    assert!(matches!(again, Taken::Nothing), "the same revision: nothing to read");
    let older = picture.take(&revision(3, EventType::RevisionObserved, 0)).unwrap();
    assert!(matches!(older, Taken::Nothing));
    let Step::Do(order) = picture.decide(&render("one"), NOW) else { panic!("it is rendered") };
    assert_eq!(order.trace.unwrap().correlation.as_deref(), Some("change-1"));
    assert_eq!(picture.decide(&render("two"), NOW), Step::Rest, "its path was not looked at yet");
    picture.take(&revision(4, EventType::SourceRetired, 1)).unwrap();
    assert_eq!(picture.decide(&render("one"), NOW), Step::Rest, "its source is gone");
}

/// The source was moved: what was seen at the old place, now or by a fetcher that does not know yet, says nothing about
/// the new one.
#[test]
fn what_was_seen_elsewhere_is_not_rendered() {
    let mut picture = picture();
    let defined = set(&["one"]);
    let here = defined.sources()[0].git.origin();
    picture.define(&defined);
    let seen_at = |n: u64, origin: Digest| {
        let mut told = revision(n, EventType::RevisionObserved, n);
        let mut state: SourceState = events::decode(told.draft.format, &told.draft.payload).unwrap();
        state.revision.as_mut().unwrap().origin = Some(origin);
        told.draft.payload = Bytes::from(encode(&state).unwrap());
        told
    };
    observe(&mut picture, &seen_at(1, Digest::of(b"elsewhere")));
    assert_eq!(picture.decide(&render("one"), NOW), Step::Rest);
    observe(&mut picture, &seen_at(2, here));
    assert!(matches!(picture.decide(&render("one"), NOW), Step::Do(_)));
}

#[test]
fn a_parked_render_is_left_alone() {
    let mut picture = picture();
    picture.define(&set(&["one"]));
    observe(&mut picture, &revision(1, EventType::RevisionObserved, 1));
    let mut newer = rendered("one", 1, "plain 1, pipeline 1");
    newer.draft.format = u16::MAX;
    assert!(picture.take(&newer).is_err());
    assert_eq!(picture.decide(&render("one"), NOW), Step::Rest);
    picture.take(&rendered("one", 2, "plain 0, pipeline 1")).unwrap();
    let Step::Do(order) = picture.decide(&render("one"), NOW) else { panic!("it is rendered") };
    assert_eq!(order.stored.as_ref().unwrap().n, 2);
}

#[test]
fn what_was_learnt_about_the_files_chooses_the_lane() {
    let mut picture = picture();
    picture.define(&set(&["one"]));
    observe(&mut picture, &revision(1, EventType::RevisionObserved, 1));
    let Step::Do(order) = picture.decide(&render("one"), NOW) else { panic!("it is rendered") };
    assert_eq!(picture.lane(&order), Lane::InProcess);
    picture.needs_process(&render("one"));
    assert_eq!(picture.lane(&order), Lane::Process);
}
