//! Fields that never change, and objects that are made anew for them.

use events::state::{ObjectOutcome, Origin};
use plan::{Action, Reason};
use serde_json::{Value, json};

use crate::bed::{Applier, Bed, create, failure, step, succeeded};

fn web(bed: &Bed, consent: bool, selector: &str) -> Value {
    let mut body = bed.deployment("web", json!({}));
    if consent {
        body["metadata"]["annotations"] = json!({"driftless.dev/recreate": "allowed"});
    }
    body["spec"]["selector"]["matchLabels"]["part"] = selector.into();
    body["spec"]["template"]["metadata"]["labels"]["part"] = selector.into();
    body
}

async fn created(body: impl Fn(&Bed) -> Value) -> (Bed, Value, Applier) {
    let mut bed = Bed::new().await;
    let body = body(&bed);
    bed.desire(std::slice::from_ref(&body)).await;
    let applier = bed.start("one");
    assert!(succeeded(&bed.execute(vec![create(&body)]).await));
    let uid = bed.get(&body).await.unwrap().uid;
    (bed, uid.into(), applier)
}

async fn recreate(bed: &mut Bed, body: &Value, uid: &Value, reason: Reason) -> events::state::SyncState {
    bed.desire(std::slice::from_ref(body)).await;
    let uid = uid.as_str().unwrap().to_owned();
    bed.execute(vec![step(body, Action::Apply { uid }, reason)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_made_anew_if_plan_and_manifest_say_so() {
    let (mut bed, uid, _applier) = created(|bed| web(bed, true, "a")).await;
    let next = web(&bed, true, "b");
    let state = recreate(&mut bed, &next, &uid, Reason::Recreate).await;
    assert!(succeeded(&state), "{state:?}");
    let live = bed.get(&next).await.unwrap();
    assert_ne!(uid, live.uid.as_str());
    let rows = bed.rows(&state).await;
    assert_eq!((rows[0].uid.as_ref(), &rows[0].outcome), (Some(&live.uid), &ObjectOutcome::Created));
    assert_eq!(rows[0].origin, Origin::Created);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_without_the_word_of_both() {
    for (consent, reason) in [(true, Reason::Changed), (false, Reason::Recreate)] {
        let (mut bed, uid, _applier) = created(|bed| web(bed, consent, "a")).await;
        let next = web(&bed, consent, "b");
        let failed = failure(&recreate(&mut bed, &next, &uid, reason).await);
        assert_eq!(failed.code, "APPLY-IMMUTABLE");
        assert!(failed.message.contains("spec.selector"), "{}", failed.message);
        assert!(failed.remedy.contains("driftless.dev/recreate: allowed"), "{}", failed.remedy);
        assert_eq!(uid, bed.get(&next).await.unwrap().uid.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_could_not_be_created_deletes_nothing() {
    let (mut bed, uid, _applier) = created(|bed| web(bed, true, "a")).await;
    let mut next = web(&bed, true, "b");
    next["spec"]["template"]["spec"]["containers"][0]["image"] = "".into();
    let failed = failure(&recreate(&mut bed, &next, &uid, Reason::Recreate).await);
    assert_eq!(failed.code, "CLUSTER-INVALID");
    assert_eq!(uid, bed.get(&next).await.unwrap().uid.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_waits_for_finalizers_is_not_created_beside() {
    let (mut bed, uid, _applier) = created(|bed| web(bed, true, "a")).await;
    let next = web(&bed, true, "b");
    let finalizers = json!([{"op": "add", "path": "/metadata/finalizers", "value": ["example.com/wait"]}]);
    bed.patch_as("alice", &next, finalizers).await;
    let state = recreate(&mut bed, &next, &uid, Reason::Recreate).await;
    assert_eq!(failure(&state).code, "APPLY-TERMINATING");
    bed.patch_as("alice", &next, json!([{"op": "remove", "path": "/metadata/finalizers"}])).await;
    let state = bed.execute(vec![step(&next, Action::Create, Reason::Unfinished)]).await;
    assert!(succeeded(&state), "{state:?}");
    assert_ne!(uid, bed.get(&next).await.unwrap().uid.as_str());
}
