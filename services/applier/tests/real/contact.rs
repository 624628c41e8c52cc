//! Objects of others.

use events::state::Origin;
use plan::{Action, Reason};
use serde_json::json;

use crate::bed::{Bed, apply, create, failure, outcomes, step, succeeded};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_not_even_touched() {
    for (name, data) in [("same", json!({"x": "1"})), ("conflicting", json!({"x": "other"}))] {
        let mut bed = Bed::new().await.with_namespace().await;
        let theirs = bed.config_map("a", data);
        let before = bed.apply_as("helm", &theirs).await;
        let ours = bed.config_map("a", json!({"x": "1", "y": "2"}));
        let fine = bed.config_map("fine", json!({}));
        bed.desire(&[ours.clone(), fine.clone()]).await;
        let _applier = bed.start("one");
        let state = bed.execute(vec![create(&ours), create(&fine)]).await;
        let failed = failure(&state);
        assert_eq!(failed.code, "APPLY-FIRST-CONTACT", "{name}");
        assert!(failed.message.ends_with("it belongs to helm"), "{}", failed.message);
        // Steps of one stage do not wait for each other; nothing was applied in full.
        let rows = bed.rows(&state).await;
        assert_eq!(outcomes(&rows), ["a APPLY-FIRST-CONTACT", "fine Created"]);
        assert_eq!((rows[0].uid.clone(), state.applied), (None, None));
        // The very same version: nothing was written, not even undone.
        assert_eq!(bed.get(&ours).await.unwrap(), before, "{name}");
        // The next attempt does not write first either.
        let state = bed.execute(vec![step(&ours, Action::Create, Reason::Unfinished)]).await;
        assert_eq!((failure(&state).code.as_str(), failure(&state).attempts), ("APPLY-FIRST-CONTACT", 2));
        assert_eq!(bed.get(&ours).await.unwrap(), before, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_takes_objects_over() {
    let mut bed = Bed::taking_over().await.with_namespace().await;
    let before = bed.apply_as("helm", &bed.config_map("a", json!({"x": "theirs", "z": "3"}))).await;
    let ours = bed.config_map("a", json!({"x": "ours"}));
    bed.desire(std::slice::from_ref(&ours)).await;
    let _applier = bed.start("one");
    let state = bed.execute(vec![create(&ours)]).await;
    assert!(succeeded(&state), "{state:?}");
    let rows = bed.rows(&state).await;
    assert_eq!((rows[0].origin, rows[0].uid.clone()), (Origin::Adopted, Some(before.uid)));
    assert_eq!(bed.value(&ours).await["data"], json!({"x": "ours", "z": "3"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_others_are_not_taken_but_our_own_are_taken_back() {
    let mut bed = Bed::new().await;
    let map = bed.config_map("a", json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&map)).await;
    let _applier = bed.start("one");
    bed.execute(vec![create(&map)]).await;
    // Somebody took our field: it is healed, by force.
    bed.apply_as("alice", &bed.config_map("a", json!({"x": "9"}))).await;
    let live = bed.apply_as("alice", &bed.config_map("a", json!({"x": "9", "y": "8"}))).await;
    let state = bed.execute(vec![step(&map, Action::Apply { uid: live.uid.clone() }, Reason::Drift)]).await;
    assert!(succeeded(&state), "{state:?}");
    assert_eq!(bed.value(&map).await["data"], json!({"x": "1", "y": "8"}));
    // A field that we never applied is theirs.
    let more = bed.config_map("a", json!({"x": "1", "y": "2"}));
    bed.desire(std::slice::from_ref(&more)).await;
    let state = bed.execute(vec![apply(&more, &live)]).await;
    let failed = failure(&state);
    assert_eq!(failed.code, "APPLY-CONFLICT");
    assert!(failed.message.ends_with(": .data.y belongs to alice"), "{}", failed.message);
    assert_eq!(bed.value(&map).await["data"], json!({"x": "1", "y": "8"}));
    // Also after the failed attempt our own field is still ours to take back.
    bed.apply_as("alice", &bed.config_map("a", json!({"x": "9", "y": "2"}))).await;
    let state = bed.execute(vec![apply(&more, &live)]).await;
    assert!(succeeded(&state), "{state:?}");
    assert_eq!(bed.value(&map).await["data"], json!({"x": "1", "y": "2"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_object_is_left_alone() {
    let mut bed = Bed::new().await;
    let map = bed.config_map("a", json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&map)).await;
    let _applier = bed.start("one");
    bed.execute(vec![create(&map)]).await;
    let old = bed.get(&map).await.unwrap();
    bed.delete(&map).await;
    let state = bed.execute(vec![apply(&map, &old)]).await;
    assert_eq!(failure(&state).code, "APPLY-REPLACED");
    assert!(bed.get(&map).await.is_none(), "an apply never creates");
    let other = bed.apply_as("alice", &bed.config_map("a", json!({"x": "9"}))).await;
    let state = bed.execute(vec![apply(&map, &old)]).await;
    assert_eq!(failure(&state).code, "APPLY-REPLACED");
    assert_eq!(bed.get(&map).await.unwrap(), other);
}
