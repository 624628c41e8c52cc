//! Each row: what is stored, what the source shows, and what follows.

use events::state::{ObservedPath, PathOutcome, RenderInputs};
use model::{
    Aggregate, Digest, Failure, RetryClass, Timestamp,
    definition::{Rendering, SourcePath},
};
use plan::{RenderJob, RenderParameters};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn engines() -> Engines {
    Engines::new("plain 1", "kustomize v5.8.1", "helm v3.19.0")
}

fn job() -> RenderJob {
    let source = SourcePath { name: "shop".parse().unwrap(), path: "deploy".into() };
    let parameters = RenderParameters { source, rendering: Rendering::Kustomize, namespace: None };
    RenderJob { application: "shop".parse().unwrap(), parameters }
}

fn render() -> Aggregate {
    Aggregate::Render { application: "shop".parse().unwrap(), parameters: job().parameters.digest() }
}

fn observed(observation: u64) -> Observed {
    let cause = Digest::of(b"cause").to_string().parse().unwrap();
    Observed {
        observation,
        commit: observation.to_string().repeat(40).parse().unwrap(),
        origin: None,
        trace: Trace { cause, correlation: None, actor: None, traceparent: None },
    }
}

fn found(closure: &str) -> ObservedPath {
    let (closure, artifact) = (Digest::of(closure.as_bytes()), Digest::of(b"artifact"));
    ObservedPath { path: "deploy".into(), outcome: PathOutcome::Found { closure, artifact, notes: vec![] } }
}

fn lost(message: &str) -> ObservedPath {
    ObservedPath {
        path: "deploy".into(),
        outcome: PathOutcome::Failed(failure(RetryClass::Permanent, message)),
    }
}

fn failure(class: RetryClass, message: &str) -> Failure {
    let (code, message, remedy) = ("CODE".into(), message.into(), String::new());
    Failure { code, message, remedy, class, at: NOW, attempts: 3 }
}

/// A good render of closure `a`.
fn stored() -> Stored {
    let made_from = RenderInputs {
        source: "shop".parse().unwrap(),
        observation: 1,
        commit: "1".repeat(40).parse().unwrap(),
        closure: Some(Digest::of(b"a")),
        engine: engines().kustomize().to_owned(),
        key_id: "key".into(),
    };
    let id = Digest::of(b"id").to_string().parse().unwrap();
    Stored { n: 4, id, standing: Standing::InForce, made_from, failure: None, desired: None, blobs: vec![] }
}

fn failed(class: RetryClass) -> Stored {
    Stored { failure: Some(failure(class, "broken")), ..stored() }
}

/// A render of a path that was lost.
fn lost_before(message: &str) -> Stored {
    let mut stored = Stored { failure: Some(failure(RetryClass::Permanent, message)), ..stored() };
    stored.made_from.closure = None;
    stored
}

fn decide(stored: Option<&Stored>, row: Option<&ObservedPath>, now: Timestamp) -> String {
    decide_holding(Holding::Whole, stored, row, now)
}

fn decide_holding(
    holding: Holding,
    stored: Option<&Stored>,
    row: Option<&ObservedPath>,
    now: Timestamp,
) -> String {
    let (job, observed, engines) = (job(), observed(2), engines());
    let situation = Situation {
        job: Some(&job),
        observed: Some(&observed),
        row,
        stored,
        retry: None,
        holding,
        engines: &engines,
        key_id: "key",
    };
    show(&step(&render(), &situation, now))
}

fn show(step: &Step) -> String {
    match step {
        Step::Rest => "rest".into(),
        Step::Wait(until) => format!("wait {} ms", until.since(NOW).as_millis()),
        Step::Do(order) => match &order.work {
            Work::Render { made_from, .. } => {
                format!("render observation {}, attempt {}", made_from.observation, order.attempts + 1)
            }
            Work::Fail { failure, .. } => format!("fail: {}", failure.message),
            Work::Retire => "retire".into(),
        },
    }
}

#[test]
fn only_other_inputs_are_rendered() {
    use RetryClass::{Bug, Permanent, Transient};
    let other = |change: fn(&mut Stored)| {
        let mut stored = stored();
        change(&mut stored);
        Some(stored)
    };
    let now = "render observation 2, attempt 1";
    for (what, stored, row, expected) in [
        ("never rendered", None, Some(found("a")), now),
        ("not looked at yet", None, None, "rest"),
        ("another commit, same files", Some(stored()), Some(found("a")), "rest"),
        ("other files", Some(stored()), Some(found("b")), now),
        ("another source", other(|s| s.made_from.source = "old".parse().unwrap()), Some(found("a")), now),
        (
            "an upgrade",
            other(|s| s.made_from.engine = "kustomize v5.7.0, pipeline 1".into()),
            Some(found("a")),
            now,
        ),
        ("another key", other(|s| s.made_from.key_id = "old".into()), Some(found("a")), now),
        ("retired before", other(|s| s.standing = Standing::Retired), Some(found("a")), now),
        ("bad files", Some(failed(Permanent)), Some(found("a")), "rest"),
        ("our fault", Some(failed(Bug)), Some(found("a")), "rest"),
        (
            "the program was missing and is there",
            Some({
                let mut stored = failed(Permanent);
                stored.made_from.engine =
                    Engines::new("plain 1", "kustomize missing", "helm v3.19.0").kustomize().into();
                stored
            }),
            Some(found("a")),
            now,
        ),
        ("may pass", Some(failed(Transient)), Some(found("a")), "wait 4000 ms"),
        ("may pass, other files", Some(failed(Transient)), Some(found("b")), now),
        ("the path is lost", Some(stored()), Some(lost("no folder")), "fail: no folder"),
        ("lost from the start", None, Some(lost("no folder")), "fail: no folder"),
        ("lost as before", Some(lost_before("no folder")), Some(lost("no folder")), "rest"),
        ("lost otherwise", Some(lost_before("no folder")), Some(lost("a file")), "fail: a file"),
        ("found again", Some(lost_before("no folder")), Some(found("a")), now),
    ] {
        assert_eq!(decide(stored.as_ref(), row.as_ref(), NOW), expected, "{what}");
    }
}

#[test]
fn attempts_back_off_and_go_on() {
    let stored = failed(RetryClass::Transient);
    let later = |millis: i64| Timestamp::from_millis(NOW.as_millis() + millis);
    let row = found("a");
    assert_eq!(decide(Some(&stored), Some(&row), later(3_999)), "wait 4000 ms");
    assert_eq!(decide(Some(&stored), Some(&row), later(4_000)), "render observation 2, attempt 4");
    assert_eq!(decide(Some(&stored), Some(&row), later(-1)), "render observation 2, attempt 4");
    let (job, observed, engines) = (job(), observed(2), engines());
    let retry = Some(Retry { at: later(4_000), attempts: 40 });
    let situation = Situation {
        job: Some(&job),
        observed: Some(&observed),
        row: Some(&row),
        stored: Some(&stored),
        retry,
        holding: Holding::Whole,
        engines: &engines,
        key_id: "key",
    };
    assert_eq!(show(&step(&render(), &situation, later(4_001))), "wait 304000 ms");
}

#[test]
fn what_is_lost_is_rendered_again_unless_its_files_are_bad_or_gone() {
    let lost = |stored: &Stored, row| decide_holding(Holding::Lost, Some(stored), Some(&row), NOW);
    assert_eq!(lost(&stored(), found("a")), "render observation 2, attempt 1");
    assert_eq!(lost(&failed(RetryClass::Permanent), found("a")), "rest");
    assert_eq!(lost(&failed(RetryClass::Transient), found("a")), "wait 4000 ms");
    assert_eq!(lost(&lost_before("no folder"), super::tests::lost("no folder")), "rest");
}

#[test]
fn what_nobody_asks_for_is_retired_once() {
    let engines = engines();
    let gone = Stored { standing: Standing::Retired, ..stored() };
    for (stored, expected) in [(Some(stored()), "retire"), (Some(gone), "rest"), (None, "rest")] {
        let stored = stored.as_ref();
        let situation = Situation {
            job: None,
            observed: None,
            row: None,
            stored,
            retry: None,
            holding: Holding::Whole,
            engines: &engines,
            key_id: "key",
        };
        assert_eq!(show(&step(&render(), &situation, NOW)), expected);
    }
}
