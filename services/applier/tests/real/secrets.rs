//! Secret values reach the cluster and nothing else.

use std::fs;

use model::Aggregate;
use serde_json::json;

use crate::bed::{Bed, apply, create, failure, succeeded};

const PLAIN: &str = "hunter2-hunter2-hunter2";
const ENCODED: &str = "aHVudGVyMi1odW50ZXIyLWh1bnRlcjI=";

async fn assert_nowhere(bed: &Bed) {
    for aggregate in [Aggregate::Sync(bed.target.clone()), Aggregate::Target(bed.target.clone())] {
        for event in bed.log.history(&aggregate, 256).await.unwrap() {
            let text = String::from_utf8_lossy(&event.draft.payload).into_owned();
            assert!(!text.contains(PLAIN) && !text.contains(ENCODED), "{aggregate}");
        }
    }
    for file in fs::read_dir(bed.folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let found = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found(PLAIN) && !found(ENCODED), "{}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_values_reach_the_cluster_and_nothing_else() {
    let mut bed = Bed::new().await;
    let secret = |extra: serde_json::Value| {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": bed.namespace}, "stringData": {"password": PLAIN}});
        for (key, value) in extra.as_object().unwrap() {
            secret[key] = value.clone();
        }
        secret
    };
    let (good, bad) = (secret(json!({})), secret(json!({"data": {"not a key": ENCODED}})));
    let set = bed.desire(std::slice::from_ref(&good)).await;
    let applier = bed.start("one");
    let state = bed.execute(vec![create(&good)]).await;
    assert!(succeeded(&state), "{state:?}");
    // Equal markers on both sides: the value on the cluster is the one of the manifest.
    let wanted = set.objects()[0].value.value()["data"].clone();
    assert_eq!(bed.value(&good).await["data"], wanted);
    let fingerprint = bed.rows(&state).await[0].fingerprint.clone().unwrap();
    let live = bed.get(&good).await.unwrap();
    assert!(diff::matches(&fingerprint, live.value.value(), &bed.manager()));
    // A refusal that quotes what it refuses.
    bed.desire(std::slice::from_ref(&bad)).await;
    let failed = failure(&bed.execute(vec![apply(&bad, &live)]).await);
    assert_eq!(failed.code, "CLUSTER-INVALID");
    assert!(!format!("{failed:?}").contains("hunter2"));
    assert_nowhere(&bed).await;
    applier.stop().await;
}
