use std::time::{Duration, Instant};

use cluster::{ClusterError, Lookup, Missing};
use model::{Gvk, RetryClass};
use serde_json::json;

use crate::mock::{End, Mock, Reply, config_maps, id, object, ok, status};

#[tokio::test]
async fn a_throttling_server_is_left_alone() {
    let throttle = || Reply::Full(429, "retry-after: 1\r\n", b"slow down".to_vec());
    let mock = Mock::in_turn([throttle, || ok(object("a", "1"))]).await;
    let start = Instant::now();
    let error = mock.apply().await.unwrap_err();
    let ClusterError::Throttled { retry_after, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*retry_after, Some(Duration::from_secs(1)));
    assert_eq!(mock.requests().len(), 1, "who retries is the caller's decision");
    mock.apply().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_silent_server_costs_the_deadline_and_no_more() {
    let silent = Mock::start(|_| Reply::Silence).await;
    // One that begins to answer and then stops is the same.
    let stuck = Mock::start(|_| Reply::Stream(b"{".to_vec(), End::Silence)).await;
    let start = Instant::now();
    let (silent, stuck) = tokio::join!(silent.apply(), stuck.apply());
    for error in [silent.unwrap_err(), stuck.unwrap_err()] {
        assert_eq!((error.code(), error.class()), ("CLUSTER-TIMEOUT", RetryClass::Transient));
    }
    assert!((cluster::CALL_DEADLINE..cluster::CALL_DEADLINE * 2).contains(&start.elapsed()));
}

#[tokio::test]
async fn an_answer_that_is_none_is_no_answer() {
    type Case = (&'static str, fn() -> Reply);
    let huge = || Reply::Full(200, "", vec![b' '; 17 << 20]);
    let cases: [Case; 7] = [
        ("CLUSTER-BAD-RESPONSE", || ok("<html>")),
        ("CLUSTER-BAD-RESPONSE", || ok("[]")),
        ("CLUSTER-BAD-RESPONSE", || ok(json!({"metadata": {"name": "a", "namespace": "test"}}))),
        ("CLUSTER-BAD-RESPONSE", || ok(object("b", "1"))),
        ("CLUSTER-BAD-RESPONSE", || Reply::Full(302, "location: http://127.0.0.1:1\r\n", vec![])),
        ("CLUSTER-UNREACHABLE", || Reply::Stream(b"{".to_vec(), End::HangUp)),
        ("CLUSTER-TOO-LARGE", huge),
    ];
    for (code, reply) in cases {
        let mock = Mock::in_turn([reply]).await;
        let error = mock.client.get(&config_maps(), &id("a")).await.unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
    }
}

#[tokio::test]
async fn only_a_404_of_the_object_says_that_it_is_absent() {
    let details = |name: &str| json!({"kind": "configmaps", "name": name});
    let absent = json!({"kind": "Status", "code": 404, "details": details("a")});
    let mock = Mock::start(move |_| Reply::Full(404, "", absent.to_string().into_bytes())).await;
    assert_eq!(mock.client.get(&config_maps(), &id("a")).await, Ok(None));
    for body in ["404 page not found", "<html>no such site</html>", r#"{"kind":"Status","code":404}"#] {
        let mock = Mock::start(|_| Reply::Full(404, "", body.into())).await;
        let error = mock.client.get(&config_maps(), &id("a")).await.unwrap_err();
        assert!(matches!(error, ClusterError::NotFound { missing: Missing::Resource, .. }), "{error:?}");
    }
    for (code, expected) in [(403, "CLUSTER-FORBIDDEN"), (500, "CLUSTER-SERVER"), (401, "CLUSTER-AUTH")] {
        let mock = Mock::start(move |_| status(code)).await;
        assert_eq!(mock.client.get(&config_maps(), &id("a")).await.unwrap_err().code(), expected);
    }
}

#[tokio::test]
async fn discovery_version_by_version_records_what_fails() {
    let mock = Mock::start(|request| match request.split(' ').nth(1).unwrap() {
        "/api" => ok(json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => {
            let group = |name: &str| {
                let version = |version: &str| json!({"groupVersion": format!("{name}/{version}")});
                let (old, new) = (version("v1"), version("v2"));
                json!({"name": name, "versions": [old, new], "preferredVersion": new})
            };
            ok(json!({"kind": "APIGroupList", "groups": [group("good"), group("bad")]}))
        }
        path if path.starts_with("/apis/bad/") => status(503),
        _ => {
            let resource = |name: &str| json!({"name": name, "kind": "Thing", "namespaced": true});
            ok(json!({"resources": [resource("things"), resource("things/status")]}))
        }
    })
    .await;
    let discovery = mock.client.discover().await.unwrap();
    let Lookup::Known(found) = discovery.preferred("good", "Thing") else { panic!("{discovery:?}") };
    assert_eq!((found.plural.as_str(), found.gvk.api_version.version.as_str()), ("things", "v2"));
    assert_eq!(discovery.preferred("bad", "Thing"), Lookup::GroupUnavailable);
    let gvk = Gvk { api_version: "bad/v1".parse().unwrap(), kind: "Thing".into() };
    assert_eq!(discovery.lookup(&gvk), Lookup::GroupUnavailable);
    assert_eq!(discovery.resources().count(), 3);
}

#[tokio::test]
async fn discovery_fails_as_a_whole_if_the_list_of_groups_does() {
    let mock = Mock::start(|request| if request.contains("/apis ") { status(503) } else { ok("{}") }).await;
    assert_eq!(mock.client.discover().await.unwrap_err().code(), "CLUSTER-SERVER");
}
