use cluster::{ClusterError, WatchEvent};
use futures::StreamExt;
use serde_json::json;

use crate::mock::{End, Mock, Reply, config_maps, event, object, status};

async fn events(body: Vec<u8>, end: fn() -> End) -> Vec<Result<WatchEvent, ClusterError>> {
    let mock = Mock::start(move |_| Reply::Stream(body.clone(), end())).await;
    mock.client.watch(&config_maps(), None, "", "5").collect().await
}

#[tokio::test]
async fn one_bad_event_is_not_the_end() {
    let long = format!("{{\"type\":\"ADDED\",\"object\":\"{}\"}}\n", "x".repeat(17 << 20));
    let body = [
        event("ADDED", &object("a", "6")),
        "garbage\n".into(),
        event("ADDED", &json!({"metadata": {"uid": "1"}})),
        long,
        event("NEW-KIND-OF-EVENT", &json!({})),
        event("BOOKMARK", &json!({"metadata": {"resourceVersion": "9"}})),
    ];
    let found = events(body.concat().into_bytes(), || End::Proper).await;
    let codes: Vec<&str> = found
        .iter()
        .map(|event| match event {
            Ok(_) => "ok",
            Err(error) => error.code(),
        })
        .collect();
    let bad = "CLUSTER-BAD-RESPONSE";
    assert_eq!(codes, ["ok", bad, bad, "CLUSTER-TOO-LARGE", bad, "ok"]);
    assert_eq!(found[5], Ok(WatchEvent::Bookmark("9".into())));
}

#[tokio::test]
async fn a_version_that_is_gone_ends_the_watch() {
    let gone = event("ERROR", &json!({"kind": "Status", "code": 410, "reason": "Expired"}));
    let after = event("ADDED", &object("a", "6"));
    let found = events([gone, after].concat().into_bytes(), || End::Silence).await;
    assert_eq!(found, [Ok(WatchEvent::Gone)]);
    let mock = Mock::start(|_| status(410)).await;
    let found: Vec<_> = mock.client.watch(&config_maps(), None, "", "5").collect().await;
    assert_eq!(found, [Ok(WatchEvent::Gone)]);
}

#[tokio::test]
async fn other_errors_end_the_watch_too() {
    let error = event("ERROR", &json!({"kind": "Status", "code": 500}));
    let found = events(error.into_bytes(), || End::Silence).await;
    assert!(matches!(&found[..], [Err(ClusterError::Server { .. })]), "{found:?}");
    let found = events(event("ADDED", &object("a", "6")).into_bytes(), || End::HangUp).await;
    assert!(matches!(&found[..], [Ok(_), Err(ClusterError::Unreachable { .. })]), "{found:?}");
}
