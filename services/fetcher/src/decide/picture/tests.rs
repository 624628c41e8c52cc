//! What is made of events, and what is done for whole remotes.

use bytes::Bytes;
use events::{
    Draft,
    state::{Request, State, encode},
};
use model::{
    Application, Failure, RetryClass,
    definition::{Git, Reference},
};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn source(name: &str, url: &str) -> Source {
    let git = Git {
        url: url.into(),
        reference: Reference::Default,
        auth: Default::default(),
        ca_file: None,
        verify: None,
        proxy: None,
    };
    Source { name: name.parse().unwrap(), git, poll_ms: 30_000 }
}

fn set(sources: &[(&str, &str)], applications: Vec<Application>) -> DefinitionSet {
    let sources = sources.iter().map(|(name, url)| source(name, url)).collect();
    DefinitionSet::new(sources, vec![], applications).unwrap()
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
        correlation: None,
        actor: None,
        traceparent: None,
        payload: Bytes::from(encode(state).unwrap()),
    };
    Event { id: EventId::derive("log", &draft), sequence: n, draft }
}

fn observed(name: &str, n: u64, observation: u64) -> Event {
    let state = SourceState { observation, ..SourceState::default() };
    event(Aggregate::Source(name.parse().unwrap()), n, EventType::RevisionObserved, &state)
}

fn asked(name: &str, ids: &[&str]) -> Event {
    let request = |id: &&str| Request {
        id: id.parse().unwrap(),
        kind: RequestKind::Fetch,
        at: NOW,
        by: Default::default(),
    };
    let state = CommandState { pending: ids.iter().map(request).collect() };
    let scope = CommandScope::Source(name.parse().unwrap());
    event(Aggregate::Command(scope), 1, EventType::SyncRequested, &state)
}

fn looked(picture: &mut Picture, name: &str, millis_ago: i64) {
    let name: SourceName = name.parse().unwrap();
    let git = picture.definitions.as_ref().unwrap().set.source(&name).unwrap().git.clone();
    let at = Timestamp::from_millis(NOW.as_millis() - millis_ago);
    let memory = Memory { at, git, reading: Arc::default(), rounds: 1, failing: None, sight: None };
    picture.remember(&name, Some(memory));
}

fn remote(url: &str) -> RemoteId {
    RemoteId::of(&source("any", url).git)
}

#[test]
fn unknown_definitions_are_not_empty_ones() {
    let mut picture = Picture::default();
    picture.take(&observed("shop", 1, 1)).unwrap();
    assert_eq!(picture.decide(remote("a"), NOW), None);
    assert_eq!(picture.unnamed(), []);
    picture.define(DefinitionSet::default());
    assert_eq!(picture.unnamed().len(), 1);
}

#[test]
fn what_is_retired_is_not_retired_again() {
    let mut picture = Picture::default();
    picture.define(set(&[("kept", "a")], vec![]));
    picture.take(&observed("kept", 1, 1)).unwrap();
    picture.take(&observed("shop", 1, 1)).unwrap();
    picture.take(&observed("parked", 1, 1)).unwrap();
    picture.park(&"parked".parse().unwrap());
    let unnamed: Vec<String> = picture.unnamed().iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(unnamed, ["shop"]);
    let state = SourceState { observation: 1, ..SourceState::default() };
    let aggregate = Aggregate::Source("shop".parse().unwrap());
    picture.take(&event(aggregate, 2, EventType::SourceRetired, &state)).unwrap();
    assert_eq!(picture.unnamed(), []);
}

#[test]
fn a_state_never_goes_back() {
    let mut picture = Picture::default();
    picture.take(&observed("shop", 5, 3)).unwrap();
    assert!(matches!(picture.take(&observed("shop", 4, 2)).unwrap(), Taken::Nothing));
    assert!(matches!(picture.take(&observed("shop", 5, 3)).unwrap(), Taken::Nothing));
    assert_eq!(picture.known[&"shop".parse().unwrap()].state.observation, 3);
}

#[test]
fn one_fetch_serves_all_sources_of_a_remote() {
    let mut picture = Picture::default();
    picture.define(set(&[("one", "a"), ("two", "a"), ("other", "b")], vec![]));
    for (name, millis_ago) in [("one", 1_000), ("two", 20_000), ("other", 1_000)] {
        looked(&mut picture, name, millis_ago);
    }
    let rest = picture.decide(remote("a"), NOW).unwrap().unwrap_err();
    let wait = rest.since(NOW).as_secs();
    assert!((6..=13).contains(&wait), "the earlier of both ends decides: {wait} s");

    picture.take(&asked("two", &["request-1"])).unwrap();
    let visit = picture.decide(remote("a"), NOW).unwrap().unwrap();
    assert_eq!(visit.effort, Effort::Fetch);
    let answers: Vec<(&str, usize)> =
        visit.looks.iter().map(|look| (look.source.name.as_str(), look.answers.len())).collect();
    assert_eq!(answers, [("one", 0), ("two", 1)]);
    assert!(picture.decide(remote("b"), NOW).unwrap().is_err(), "another remote rests on");

    let handled = SourceState { handled: vec!["request-1".parse().unwrap()], ..SourceState::default() };
    let aggregate = Aggregate::Source("two".parse().unwrap());
    picture.take(&event(aggregate, 1, EventType::RevisionObserved, &handled)).unwrap();
    assert!(picture.decide(remote("a"), NOW).unwrap().is_err(), "the answer is there");
}

#[test]
fn other_paths_need_no_fetch_and_answer_nothing() {
    let text = r#"{"name":"one","source":{"name":"shop","path":"deploy"}}"#;
    let application: Application = serde_json::from_str(text).unwrap();
    let mut picture = Picture::default();
    picture.define(set(&[("shop", "a")], vec![application]));
    looked(&mut picture, "shop", 1_000);
    let visit = picture.decide(remote("a"), NOW).unwrap().unwrap();
    assert_eq!((visit.effort, visit.looks[0].reading.len()), (Effort::Survey, 1));
}

#[test]
fn a_restart_goes_on_counting_failures() {
    let failure = Failure {
        code: "GIT-UNREACHABLE".into(),
        message: "down".into(),
        remedy: String::new(),
        class: RetryClass::Transient,
        at: NOW,
        attempts: 7,
    };
    let state = SourceState { failure: Some(failure), ..SourceState::default() };
    let mut picture = Picture::default();
    picture.define(set(&[("shop", "a")], vec![]));
    let aggregate = Aggregate::Source("shop".parse().unwrap());
    picture.take(&event(aggregate, 1, EventType::SourceFailed, &state)).unwrap();
    let visit = picture.decide(remote("a"), NOW).unwrap().unwrap();
    assert_eq!(visit.looks[0].failures, 7);
}

#[test]
fn an_event_that_cannot_be_read_parks_its_source() {
    let mut picture = Picture::default();
    picture.define(set(&[("shop", "a")], vec![]));
    let mut newer = observed("shop", 1, 1);
    newer.draft.format = u16::MAX;
    assert!(picture.take(&newer).is_err());
    assert_eq!(picture.decide(remote("a"), NOW), None);
    picture.take(&observed("shop", 2, 1)).unwrap();
    assert!(picture.decide(remote("a"), NOW).is_some());
}
