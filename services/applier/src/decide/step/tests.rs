use cluster::{Applied, Cause, CauseKind, FieldConflict, Outcome};
use events::state::Origin;
use manifest::{InstallKey, redact};
use model::{ObjectId, definition::SourcePath};
use plan::Stage;
use serde_json::json;

use super::*;

fn application(first_contact: FirstContact) -> Application {
    Application {
        name: "shop".parse().unwrap(),
        source: SourcePath { name: "repo".parse().unwrap(), path: String::new() },
        rendering: Default::default(),
        targets: Default::default(),
        overrides: Vec::new(),
        namespace: None,
        sync: Default::default(),
        deletion: Default::default(),
        guard: Default::default(),
        ignore: vec![],
        first_contact,
    }
}

fn id() -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: Some("shop".into()),
        name: "a".into(),
    }
}

fn task(action: Action, reason: Reason) -> Task {
    let stage = Stage::Configuration;
    let step = Step { id: id(), api_version: "v1".parse().unwrap(), stage, action, reason };
    let manifest =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "1"}});
    Task {
        step,
        application: application(FirstContact::Refuse),
        ignored: Ignored::default(),
        desired: Some(manifest),
        last: None,
        last_ignored: Ignored::default(),
        version: Some("7".into()),
        origin: Origin::Created,
        attempted: Attempted::No,
        let_go: None,
    }
}

fn create() -> Task {
    task(Action::Create, Reason::New)
}

fn apply() -> Task {
    task(Action::Apply { uid: "u".into() }, Reason::Changed)
}

/// A live object; `mine`: with our mark.
fn live(mine: bool, others: &[&str]) -> Live {
    let entry = |manager: &str, operation: &str, fields: Value| json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields});
    let mut entries = vec![];
    if mine {
        entries.push(entry("driftless:shop", "Apply", json!({"f:data": {"f:a": {}}})));
    }
    entries.extend(others.iter().map(|other| entry(other, "Update", json!({"f:data": {"f:b": {}}}))));
    let labels = if mine { json!({"driftless.dev/application": "shop"}) } else { json!({}) };
    let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1", "b": "2"},
        "metadata": {"name": "a", "labels": labels, "managedFields": entries}});
    Live {
        id: id(),
        api_version: "v1".parse().unwrap(),
        uid: "u".into(),
        resource_version: "8".into(),
        value: redact(value, &InstallKey::from_bytes([1; 32]), &[]).0,
    }
}

fn terminating() -> Live {
    let mut value = live(true, &[]).value.into_value();
    value["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    Live { value: redact(value, &InstallKey::from_bytes([1; 32]), &[]).0, ..live(true, &[]) }
}

fn done(outcome: Outcome, object: Live) -> Answer {
    Answer::Applied(Applied { outcome, object, warnings: vec![] })
}

fn request() -> String {
    "apply ConfigMap shop/a".into()
}

fn failed(error: ClusterError) -> Answer {
    Answer::Failed(error)
}

fn timeout() -> Answer {
    failed(ClusterError::Timeout { request: request(), after: Duration::from_secs(5) })
}

fn moved() -> Answer {
    failed(ClusterError::Moved { request: request(), message: String::new() })
}

fn conflict(field: &str) -> Answer {
    let conflicts = vec![FieldConflict { manager: Some("alice".into()), field: field.into() }];
    failed(ClusterError::Conflict { request: request(), conflicts })
}

fn invalid(field: &str, kind: CauseKind) -> Answer {
    let causes = vec![Cause { field: field.into(), kind, message: String::new() }];
    failed(ClusterError::Invalid { request: request(), causes, message: "no".into() })
}

fn unserved() -> Answer {
    failed(ClusterError::NotFound { request: request(), missing: Missing::Resource })
}

/// Plays answers to a task; gives the requests and the end, one a line.
fn play(task: &Task, answers: Vec<Answer>) -> Vec<String> {
    let (mut machine, mut next) = Machine::begin(task);
    let mut answers = answers.into_iter();
    let mut told = Vec::new();
    loop {
        match next {
            Next::Finish(result) => {
                told.push(shown(result));
                assert_eq!(answers.next(), None, "answers are left: {told:?}");
                return told;
            }
            Next::Ask { wait, act } => {
                let pause = if wait.is_zero() { String::new() } else { format!("{}ms ", wait.as_millis()) };
                told.push(format!("{pause}{}", asked(&act)));
                let answer = answers.next().unwrap_or_else(|| panic!("no answer to the last of {told:?}"));
                next = machine.next(answer);
            }
        }
    }
}

fn asked(act: &Act) -> String {
    match act {
        Act::Look => "look".into(),
        Act::Create => "create".into(),
        Act::Apply { uid, force, without } => {
            let word = if *force == Force::Yes { "force" } else { "apply" };
            let without = if without.is_empty() { vec![] } else { vec!["without".into(), without.join(" ")] };
            [vec![word.into(), uid.clone()], without].concat().join(" ")
        }
        Act::GiveBack { uid } => format!("give back {uid}"),
        Act::Patch { clearing, version } => format!("remove {} at {version}", clearing.removals.join(" ")),
        Act::Disown { operations } => {
            let paths = operations.as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap());
            format!("disown {}", paths.collect::<Vec<_>>().join(" "))
        }
        Act::Probe => "probe".into(),
        Act::Delete { uid } => format!("delete {uid}"),
        Act::Rediscover => "rediscover".into(),
    }
}

fn shown(result: StepResult) -> String {
    match result {
        StepResult::Written(written) => format!("{:?} {:?}", written.outcome, written.origin),
        StepResult::Dropped => "dropped".into(),
        StepResult::Terminating => "terminating".into(),
        StepResult::Failed(fault) => fault.code().into(),
    }
}

#[test]
fn a_create_meets_nothing() {
    assert_eq!(play(&create(), vec![done(Outcome::Created, live(true, &[]))]), ["create", "Created Created"]);
}

#[test]
fn a_create_that_meets_an_object_writes_nothing_and_looks() {
    for refusal in [moved(), conflict(".data.a"), failed(ClusterError::AlreadyExists { request: request() })]
    {
        let foreign = Answer::Seen(Some(live(false, &["helm"])));
        assert_eq!(play(&create(), vec![refusal, foreign]), ["create", "look", "APPLY-FIRST-CONTACT"]);
    }
    // Ours after all: it is in no inventory.
    let ours = Answer::Seen(Some(live(true, &["controller"])));
    assert_eq!(
        play(&create(), vec![moved(), ours, done(Outcome::Updated, live(true, &[]))]),
        ["create", "look", "apply u", "Configured Rebuilt"]
    );
    // Gone again.
    assert_eq!(
        play(&create(), vec![moved(), Answer::Seen(None), done(Outcome::Created, live(true, &[]))]),
        ["create", "look", "create", "Created Created"]
    );
    let answers = vec![moved(), Answer::Seen(Some(terminating()))];
    assert_eq!(play(&create(), answers), ["create", "look", "APPLY-TERMINATING"]);
}

#[test]
fn objects_of_others_are_taken_over_by_policy_only() {
    let taking = Task { application: application(FirstContact::TakeOver), ..create() };
    let foreign = || Answer::Seen(Some(live(false, &["helm"])));
    assert_eq!(
        play(&taking, vec![moved(), foreign(), done(Outcome::Updated, live(true, &["helm"]))]),
        ["create", "look", "apply u", "Configured Adopted"]
    );
    let answers = vec![moved(), foreign(), conflict(".data.a"), done(Outcome::Updated, live(true, &[]))];
    assert_eq!(play(&taking, answers), ["create", "look", "apply u", "force u", "Configured Adopted"]);
}

#[test]
fn a_server_that_writes_all_the_same_gets_our_fields_back() {
    let overrun = || done(Outcome::Updated, live(true, &["helm"]));
    assert_eq!(play(&create(), vec![overrun(), overrun()]), ["create", "give back u", "APPLY-FIRST-CONTACT"]);
    // Nobody else ever wrote to it: it is our own.
    assert_eq!(play(&create(), vec![done(Outcome::Updated, live(true, &[]))]), ["create", "Created Created"]);
    let answers = vec![overrun(), timeout(), timeout(), timeout()];
    let told = play(&create(), answers);
    assert_eq!(told.last().map(String::as_str), Some("APPLY-FIRST-CONTACT"));
}

#[test]
fn an_unanswered_create_is_never_repeated_blindly() {
    let answers = vec![timeout(), Answer::Seen(None), done(Outcome::Created, live(true, &[]))];
    assert_eq!(play(&create(), answers), ["create", "500ms look", "create", "Created Created"]);
    let ours = Answer::Seen(Some(live(true, &[])));
    let answers = vec![timeout(), ours.clone(), done(Outcome::Updated, live(true, &[]))];
    assert_eq!(play(&create(), answers), ["create", "500ms look", "apply u", "Created Created"]);
    for unsure in
        [task(Action::Create, Reason::Unfinished), Task { attempted: Attempted::Perhaps, ..create() }]
    {
        let answers = vec![ours.clone(), done(Outcome::Updated, live(true, &[]))];
        assert_eq!(play(&unsure, answers), ["look", "apply u", "Created Created"]);
        let foreign = Answer::Seen(Some(live(false, &["helm"])));
        assert_eq!(play(&unsure, vec![foreign]), ["look", "APPLY-FIRST-CONTACT"]);
    }
}

#[test]
fn hiccups_are_waited_out_within_a_bound() {
    let told = play(&apply(), vec![timeout(), timeout(), timeout()]);
    assert_eq!(told, ["apply u", "500ms apply u", "2000ms apply u", "CLUSTER-TIMEOUT"]);
    let throttled = |seconds: u64| {
        failed(ClusterError::Throttled {
            request: request(),
            retry_after: Some(Duration::from_secs(seconds)),
        })
    };
    let answers = vec![throttled(3), throttled(9_999), done(Outcome::Created, live(true, &[]))];
    assert_eq!(play(&create(), answers), ["create", "3000ms create", "30000ms create", "Created Created"]);
    let forbidden = failed(ClusterError::Forbidden { request: request(), message: "no".into() });
    assert_eq!(play(&apply(), vec![forbidden]), ["apply u", "CLUSTER-FORBIDDEN"]);
}

#[test]
fn a_kind_that_is_not_served_is_looked_up_once() {
    let answers = vec![unserved(), Answer::Rediscovered, done(Outcome::Created, live(true, &[]))];
    assert_eq!(play(&create(), answers), ["create", "rediscover", "create", "Created Created"]);
    let answers = vec![unserved(), Answer::Rediscovered, unserved()];
    assert_eq!(play(&create(), answers), ["create", "rediscover", "create", "CLUSTER-NOT-FOUND"]);
    let prune = task(Action::Prune { uid: "u".into() }, Reason::Orphan);
    let answers = vec![unserved(), Answer::Rediscovered, unserved()];
    assert_eq!(play(&prune, answers), ["delete u", "rediscover", "delete u", "dropped"]);
}

#[test]
fn force_only_on_what_we_applied_last() {
    let knowing = Task { last: Some(json!({"data": {"a": "0"}})), ..apply() };
    let answers = vec![conflict(".data.a"), done(Outcome::Updated, live(true, &[]))];
    assert_eq!(play(&knowing, answers), ["apply u", "force u", "Configured Created"]);
    assert_eq!(play(&knowing, vec![conflict(".data.b")]), ["apply u", "APPLY-CONFLICT"]);
    // The log has forgotten what we applied: our own entry says it, or nobody does.
    let seen = || Answer::Seen(Some(live(true, &["alice"])));
    let configured = || done(Outcome::Updated, live(true, &[]));
    assert_eq!(
        play(&apply(), vec![conflict(".data.a"), seen(), configured()]),
        ["apply u", "look", "force u", "Configured Created"]
    );
    let refused = ["apply u", "look", "APPLY-CONFLICT"];
    assert_eq!(play(&apply(), vec![conflict(".data.b"), seen()]), refused);
    assert_eq!(
        play(&apply(), vec![conflict(".data.a"), seen(), conflict(".data.a")]),
        ["apply u", "look", "force u", "APPLY-CONFLICT"]
    );
    let permitted = Task { application: application(FirstContact::TakeOver), ..apply() };
    assert_eq!(
        play(&permitted, vec![conflict(".data.b"), seen(), configured()]),
        ["apply u", "look", "force u", "Configured Created"]
    );
}

fn pointing(pointer: &str) -> Ignored {
    Ignored { pointers: vec![pointer.into()], managers: vec![] }
}

fn ignoring(task: Task) -> Task {
    Task { ignored: pointing("/data/a"), ..task }
}

#[test]
fn what_is_ignored_is_given_up_before_it_is_left_out() {
    let record = "remove /metadata/managedFields/0/fieldsV1/f:data at 8";
    let handed = || {
        let mut value = live(true, &[]).value.into_value();
        value["metadata"]["managedFields"][0]["fieldsV1"] = json!({"f:spec": {}});
        Live { value: redact(value, &InstallKey::from_bytes([1; 32]), &[]).0, ..live(true, &[]) }
    };
    let seen = || Answer::Seen(Some(live(true, &[])));
    let task = ignoring(apply());
    let answers = vec![seen(), Answer::Patched(handed()), done(Outcome::Updated, handed())];
    assert_eq!(play(&task, answers), ["look", record, "apply u without /data/a", "Configured Created"]);
    // Another one changed the object meanwhile; and who owns nothing has nothing to give up.
    let answers = vec![seen(), moved(), Answer::Seen(Some(handed())), done(Outcome::Updated, handed())];
    assert_eq!(
        play(&task, answers),
        ["look", record, "look", "apply u without /data/a", "Configured Created"]
    );
    // What was created whole is given up at once, and needs no other apply.
    let answers = vec![done(Outcome::Created, live(true, &[])), Answer::Patched(handed())];
    assert_eq!(play(&ignoring(create()), answers), ["create", record, "Created Created"]);
    // Conflicts about what is ignored cannot be; what is no longer ignored is taken back.
    let knowing =
        Task { last: Some(json!({"data": {"a": "0"}})), last_ignored: pointing("/data/a"), ..apply() };
    let answers = vec![conflict(".data.a"), done(Outcome::Updated, live(true, &[]))];
    assert_eq!(play(&knowing, answers), ["apply u", "force u", "Configured Created"]);
}

#[test]
fn what_was_ignored_is_no_leftover() {
    let last = || Some(json!({"data": {"a": "1", "b": "1"}}));
    let behind = || done(Outcome::Updated, live(true, &["alice"]));
    let was = Task { last: last(), last_ignored: pointing("/data/b"), ..apply() };
    assert_eq!(play(&was, vec![behind()]), ["apply u", "Configured Created"]);
    let ignored = pointing("/data/b");
    let is = Task { last: last(), ignored, ..apply() };
    let answers = vec![Answer::Seen(Some(live(true, &["alice"]))), behind()];
    assert_eq!(play(&is, answers), ["look", "apply u", "Configured Created"]);
}

#[test]
fn an_object_that_is_another_one_now_is_left_alone() {
    let other = Live { uid: "other".into(), ..live(true, &[]) };
    assert_eq!(
        play(&apply(), vec![moved(), Answer::Seen(Some(other))]),
        ["apply u", "look", "APPLY-REPLACED"]
    );
    assert_eq!(play(&apply(), vec![moved(), Answer::Seen(None)]), ["apply u", "look", "APPLY-REPLACED"]);
    let wrong = invalid("metadata.uid", CauseKind::Immutable);
    assert_eq!(play(&apply(), vec![wrong]), ["apply u", "APPLY-REPLACED"]);
    let answers = vec![moved(), Answer::Seen(Some(live(true, &[]))), done(Outcome::Updated, live(true, &[]))];
    assert_eq!(play(&apply(), answers), ["apply u", "look", "apply u", "Configured Created"]);
}

#[test]
fn a_refused_change_is_told_apart() {
    let selector = || invalid("spec.selector", CauseKind::Immutable);
    assert_eq!(play(&apply(), vec![selector()]), ["apply u", "APPLY-IMMUTABLE"]);
    let spec = || invalid("spec", CauseKind::Forbidden);
    let seen = || Answer::Seen(Some(live(true, &[])));
    let answers = vec![spec(), seen(), Answer::Probed(true)];
    assert_eq!(play(&apply(), answers), ["apply u", "look", "probe", "APPLY-IMMUTABLE"]);
    let answers = vec![spec(), seen(), Answer::Probed(false)];
    assert_eq!(play(&apply(), answers), ["apply u", "look", "probe", "CLUSTER-INVALID"]);
    // A wrong shape is never an immutable field, whatever a new object would be.
    for kind in [CauseKind::Type, CauseKind::Duplicate] {
        let answers = vec![invalid("spec.ports", kind), seen()];
        assert_eq!(play(&apply(), answers), ["apply u", "look", "CLUSTER-INVALID"]);
    }
    assert_eq!(play(&create(), vec![spec()]), ["create", "CLUSTER-INVALID"]);
}

/// With a plan that says to recreate, and a manifest that consents.
fn recreate() -> Task {
    let mut task = task(Action::Apply { uid: "u".into() }, Reason::Recreate);
    let annotations = json!({manifest::RECREATE_ANNOTATION: "allowed"});
    task.desired.as_mut().unwrap()["metadata"]["annotations"] = annotations;
    task
}

#[test]
fn an_object_is_recreated_by_proof_and_consent_only() {
    let selector = || invalid("spec.selector", CauseKind::Immutable);
    let gone = || Answer::Deleted(Deleted::Gone);
    let new = || done(Outcome::Created, live(true, &[]));
    assert_eq!(
        play(&recreate(), vec![selector(), Answer::Probed(true), gone(), new()]),
        ["apply u", "probe", "delete u", "create", "Created Created"]
    );
    assert_eq!(
        play(&recreate(), vec![selector(), Answer::Probed(false)]),
        ["apply u", "probe", "CLUSTER-INVALID"]
    );
    for (deleted, end) in [
        (Deleted::Terminating { finalizers: vec![] }, "APPLY-TERMINATING"),
        (Deleted::UidMismatch { found: "other".into() }, "APPLY-REPLACED"),
    ] {
        let answers = vec![selector(), Answer::Probed(true), Answer::Deleted(deleted)];
        assert_eq!(play(&recreate(), answers), ["apply u", "probe", "delete u", end]);
    }
    let answers = vec![selector(), Answer::Probed(true), timeout(), gone(), new()];
    assert_eq!(play(&recreate(), answers).last().map(String::as_str), Some("Created Created"));
    // Neither the plan nor the manifest alone is consent.
    let planned = task(Action::Apply { uid: "u".into() }, Reason::Recreate);
    let consenting = Task { step: apply().step, ..recreate() };
    for task in [planned, consenting] {
        assert_eq!(play(&task, vec![selector()]), ["apply u", "APPLY-IMMUTABLE"]);
    }
}

#[test]
fn fields_in_the_way_are_cleared_within_a_bound() {
    let refusal = || invalid("data.b", CauseKind::Forbidden);
    let seen = || Answer::Seen(Some(live(true, &["alice"])));
    let removed = || Answer::Patched(live(true, &[]));
    let answers = vec![refusal(), seen(), removed(), done(Outcome::Updated, live(true, &[]))];
    assert_eq!(
        play(&apply(), answers),
        ["apply u", "look", "remove /data/b at 8", "apply u", "Configured Created"]
    );
    let answers =
        vec![refusal(), seen(), moved(), seen(), removed(), done(Outcome::Updated, live(true, &[]))];
    assert_eq!(play(&apply(), answers).len(), 7);
    // Always refused: it ends.
    let mut answers = vec![];
    for _ in 0..3 {
        answers.extend([refusal(), seen(), removed()]);
    }
    answers.extend([refusal(), seen(), Answer::Probed(false)]);
    assert_eq!(play(&apply(), answers).last().map(String::as_str), Some("CLUSTER-INVALID"));
}

#[test]
fn what_was_dropped_and_stayed_behind_is_removed() {
    let knowing = Task { last: Some(json!({"data": {"a": "1", "b": "1"}})), ..apply() };
    let behind = || done(Outcome::Updated, live(true, &["alice"]));
    let answers = vec![behind(), Answer::Patched(live(true, &[]))];
    assert_eq!(play(&knowing, answers), ["apply u", "remove /data/b at 8", "Configured Created"]);
    let answers =
        vec![behind(), moved(), Answer::Seen(Some(live(true, &["alice"]))), Answer::Patched(live(true, &[]))];
    assert_eq!(
        play(&knowing, answers),
        ["apply u", "remove /data/b at 8", "look", "remove /data/b at 8", "Configured Created"]
    );
}

#[test]
fn an_apply_that_changed_nothing_says_so() {
    let same = Task { version: Some("8".into()), ..apply() };
    assert_eq!(play(&same, vec![done(Outcome::Updated, live(true, &[]))]), ["apply u", "Unchanged Created"]);
}

#[test]
fn prunes_delete_one_uid_and_nothing_else() {
    let prune = task(Action::Prune { uid: "u".into() }, Reason::Orphan);
    for (answer, end) in [
        (Deleted::Gone, "dropped"),
        (Deleted::NotFound, "dropped"),
        (Deleted::UidMismatch { found: "other".into() }, "dropped"),
        (Deleted::Terminating { finalizers: vec!["x".into()] }, "terminating"),
    ] {
        assert_eq!(play(&prune, vec![Answer::Deleted(answer)]), ["delete u", end]);
    }
    let answers = vec![timeout(), Answer::Deleted(Deleted::NotFound)];
    assert_eq!(play(&prune, answers), ["delete u", "500ms delete u", "dropped"]);
    assert_eq!(play(&task(Action::Forget, Reason::Gone), vec![]), ["dropped"]);
}

#[test]
fn what_is_handed_over_is_forced_only_from_its_giver() {
    let from = |giver: &str| {
        let (from, origin) = (giver.parse().unwrap(), plan::Origin::Adopted);
        task(Action::Receive { uid: "u".into(), from, origin }, Reason::HandOver)
    };
    let taken = |manager: &str| {
        let conflicts = vec![FieldConflict { manager: Some(manager.into()), field: ".data.a".into() }];
        failed(ClusterError::Conflict { request: request(), conflicts })
    };
    let answers = vec![taken("driftless:other"), done(Outcome::Updated, live(true, &[]))];
    assert_eq!(play(&from("other"), answers), ["apply u", "force u", "Configured Adopted"]);
    for stranger in ["driftless:third", "other", "alice"] {
        assert_eq!(play(&from("other"), vec![taken(stranger)]), ["apply u", "APPLY-CONFLICT"], "{stranger}");
    }
    let replaced = Live { uid: "another".into(), ..live(true, &[]) };
    assert_eq!(
        play(&from("other"), vec![moved(), Answer::Seen(Some(replaced))]),
        ["apply u", "look", "APPLY-REPLACED"]
    );
}

#[test]
fn an_orphan_loses_our_mark_and_nothing_else() {
    let orphan = task(Action::Orphan { uid: "u".into(), origin: plan::Origin::Created }, Reason::Released);
    let seen = |live: Live| Answer::Seen(Some(live));
    let patched = || Answer::Patched(live(false, &[]));
    let disowned = "disown /metadata/resourceVersion /metadata/labels/driftless.dev~1application \
                    /metadata/managedFields/0";
    assert_eq!(play(&orphan, vec![seen(live(true, &["alice"])), patched()]), ["look", disowned, "dropped"]);
    // It moved under the patch: looked at again, after a wait.
    let answers = vec![seen(live(true, &["alice"])), moved(), seen(live(true, &["alice"])), patched()];
    assert_eq!(play(&orphan, answers), ["look", disowned, "500ms look", disowned, "dropped"]);
    let other = Live { uid: "other".into(), ..live(true, &[]) };
    for gone in [Answer::Seen(None), seen(other), seen(live(false, &["alice"]))] {
        assert_eq!(play(&orphan, vec![gone]), ["look", "dropped"]);
    }
    let forbidden = failed(ClusterError::Forbidden { request: request(), message: "no".into() });
    assert_eq!(
        play(&orphan, vec![seen(live(true, &["alice"])), forbidden]),
        ["look", disowned, "CLUSTER-FORBIDDEN"]
    );
    let vanished = failed(ClusterError::NotFound { request: request(), missing: Missing::Object });
    assert_eq!(play(&orphan, vec![seen(live(true, &["alice"])), vanished]), ["look", disowned, "dropped"]);
}

/// Let go of by a commit that was reverted: the same object comes back as it was ours before, whoever put another one
/// there keeps it.
#[test]
fn what_was_let_go_of_returns() {
    let gone = |uid: &str| {
        let origin = Origin::Created;
        Task { let_go: Some(LetGo { uid: uid.into(), origin }), ..create() }
    };
    let nobodys = |manager: &str| {
        let conflicts = vec![FieldConflict { manager: Some(manager.into()), field: ".data.a".into() }];
        failed(ClusterError::Conflict { request: request(), conflicts })
    };
    let seen = || Answer::Seen(Some(live(false, &[])));
    let back = || done(Outcome::Updated, live(true, &[]));
    assert_eq!(
        play(&gone("u"), vec![moved(), seen(), back()]),
        ["create", "look", "apply u", "Configured Created"]
    );
    // Desired otherwise than it was let go of.
    let told = play(&gone("u"), vec![moved(), seen(), nobodys(crate::decide::returning::NOBODY), back()]);
    assert_eq!(told, ["create", "look", "apply u", "force u", "Configured Created"]);
    let told = play(&gone("u"), vec![moved(), seen(), nobodys("alice")]);
    assert_eq!(told, ["create", "look", "apply u", "APPLY-CONFLICT"]);
    let told = play(&gone("another"), vec![moved(), seen()]);
    assert_eq!(told, ["create", "look", "APPLY-FIRST-CONTACT"]);
}

#[test]
fn what_was_handed_over_gets_our_fields_back() {
    let task = task(Action::GiveBack { uid: "u".into() }, Reason::HandOver);
    let seen = || Answer::Seen(Some(live(true, &["driftless:other"])));
    let given = || done(Outcome::Updated, live(false, &[]));
    assert_eq!(play(&task, vec![seen(), given()]), ["look", "give back u", "dropped"]);
    assert_eq!(
        play(&task, vec![seen(), moved(), Answer::Seen(None)]),
        ["look", "give back u", "500ms look", "dropped"]
    );
    // The object would be invalid without what only we own: the fields stay, and are nobody's.
    let told = play(
        &task,
        vec![seen(), invalid("spec", CauseKind::Forbidden), seen(), Answer::Patched(live(false, &[]))],
    );
    assert_eq!(told[..2], ["look", "give back u"]);
    assert!(told[2] == "look" && told[3].starts_with("disown ") && told[4] == "dropped", "{told:?}");
}

#[test]
fn an_object_that_comes_and_goes_ends_the_step() {
    let answers = (0..REQUESTS_MAX).map(|i| if i % 2 == 0 { moved() } else { Answer::Seen(None) }).collect();
    assert_eq!(play(&create(), answers).last().map(String::as_str), Some("APPLY-REPLACED"));
}
