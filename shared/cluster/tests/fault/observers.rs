use std::{sync::Mutex, time::Duration};

use cluster::Observation;
use futures::{Stream, StreamExt};
use serde_json::json;
use tokio::time::timeout;

use crate::mock::{End, Mock, Reply, config_maps, event, object, page, status};

/// A server that answers lists and watches each in turn, the last answer again and again.
async fn server<const L: usize, const W: usize>(
    lists: [fn() -> Reply; L],
    watches: [fn() -> Reply; W],
) -> Mock {
    let next = Mutex::new((0, 0));
    Mock::start(move |request| {
        let mut next = next.lock().unwrap();
        if request.contains("watch=1") {
            next.1 += 1;
            watches[(next.1 - 1).min(W - 1)]()
        } else {
            next.0 += 1;
            lists[(next.0 - 1).min(L - 1)]()
        }
    })
    .await
}

/// The next `count` observations in short.
async fn told(observations: impl Stream<Item = Observation>, count: usize) -> Vec<String> {
    let short = |observation| match observation {
        Observation::Upsert(live) => format!("upsert {}", live.id.name),
        Observation::Gone { id, .. } => format!("gone {}", id.name),
        Observation::Listed { present, resource_version } => {
            format!("listed {} at {resource_version}", present.len())
        }
        Observation::Current { resource_version } => format!("current {resource_version}"),
        Observation::Restored { seen, now } => format!("restored {seen} to {now}"),
        Observation::Unreadable(error) | Observation::Unavailable(error) => error.code().to_owned(),
        Observation::Unserved(error) => format!("unserved {}", error.code()),
    };
    let told = observations.take(count).map(short).collect();
    timeout(Duration::from_secs(60), told).await.unwrap()
}

fn silence() -> Reply {
    Reply::Stream(Vec::new(), End::Silence)
}

#[tokio::test]
async fn pages_events_and_bookmarks_are_told_in_order() {
    let watch = || {
        let bookmark = json!({"metadata": {"resourceVersion": "9"}});
        let events = [
            event("MODIFIED", &object("a", "6")),
            event("DELETED", &object("b", "7")),
            event("BOOKMARK", &bookmark),
        ];
        Reply::Stream(events.concat().into_bytes(), End::Proper)
    };
    let lists: [fn() -> Reply; 3] =
        [|| page(&["a"], "5", "more"), || page(&["b"], "5", ""), || page(&[], "9", "")];
    let mock = server(lists, [watch, silence]).await;
    let observations = mock.client.observe(&config_maps(), None, "");
    let expected = [
        "upsert a",
        "upsert b",
        "listed 2 at 5",
        "current 5",
        "upsert a",
        "gone b",
        "current 9",
        "current 9",
    ];
    assert_eq!(told(observations, 8).await, expected);
    let requests = mock.requests();
    assert!(
        requests[3].contains("limit=1&") || requests[3].contains("limit=1 "),
        "it looks before it goes on"
    );
    assert!(requests[4].contains("resourceVersion=9"), "the second watch goes on where the first ended");
}

#[tokio::test]
async fn a_dropped_version_means_a_new_list() {
    let gone =
        || Reply::Stream(event("ERROR", &json!({"kind": "Status", "code": 410})).into_bytes(), End::Silence);
    let lists: [fn() -> Reply; 2] = [|| page(&["a"], "5", ""), || page(&["b"], "8", "")];
    let mock = server(lists, [gone, silence]).await;
    let observations = mock.client.observe(&config_maps(), None, "");
    let expected = ["upsert a", "listed 1 at 5", "current 5", "upsert b", "listed 1 at 8", "current 8"];
    assert_eq!(told(observations, 6).await, expected);
}

#[tokio::test]
async fn a_failing_server_is_unavailable_and_then_back() {
    let lists: [fn() -> Reply; 3] = [|| status(503), || status(403), || page(&[], "5", "")];
    let watches: [fn() -> Reply; 2] = [|| status(500), silence];
    let mock = server(lists, watches).await;
    let observations = mock.client.observe(&config_maps(), None, "");
    let expected = [
        "CLUSTER-SERVER",
        "CLUSTER-FORBIDDEN",
        "listed 0 at 5",
        "CLUSTER-SERVER",
        "listed 0 at 5",
        "current 5",
    ];
    assert_eq!(told(observations, 6).await, expected);
}

#[tokio::test]
async fn a_resource_that_is_not_served_is_followed_no_more_when_that_is_said_twice() {
    let end = || Reply::Stream(Vec::new(), End::Proper);
    let lists: [fn() -> Reply; 4] =
        [|| status(404), || page(&["a"], "5", ""), || status(404), || status(404)];
    let mock = server(lists, [end]).await;
    let observations = mock.client.observe(&config_maps(), None, "");
    // More is asked for: after the last there is none.
    let expected = [
        "CLUSTER-NOT-FOUND",
        "upsert a",
        "listed 1 at 5",
        "current 5",
        "CLUSTER-NOT-FOUND",
        "unserved CLUSTER-NOT-FOUND",
    ];
    assert_eq!(told(observations, 9).await, expected);
}

#[tokio::test]
async fn throttling_is_no_outage() {
    let mock = server([|| page(&["a"], "5", "")], [|| status(429), silence]).await;
    let observations = mock.client.observe(&config_maps(), None, "");
    let expected = ["upsert a", "listed 1 at 5", "CLUSTER-THROTTLED", "current 5"];
    assert_eq!(told(observations, 4).await, expected);
}

#[tokio::test]
async fn versions_that_go_back_tell_a_restored_cluster() {
    let end = || Reply::Stream(Vec::new(), End::Proper);
    let lists: [fn() -> Reply; 3] =
        [|| page(&["a"], "50", ""), || page(&[], "10", ""), || page(&["b"], "10", "")];
    let mock = server(lists, [end, silence]).await;
    let observations = mock.client.observe(&config_maps(), None, "");
    let expected = [
        "upsert a",
        "listed 1 at 50",
        "current 50",
        "restored 50 to 10",
        "upsert b",
        "listed 1 at 10",
        "current 10",
    ];
    assert_eq!(told(observations, 7).await, expected);
}

#[tokio::test]
async fn an_unreadable_event_means_a_new_list() {
    let garbage = || Reply::Stream(b"garbage\n".to_vec(), End::Silence);
    let mock = server([|| page(&["a"], "5", "")], [garbage, silence]).await;
    let observations = mock.client.observe(&config_maps(), None, "");
    let expected = [
        "upsert a",
        "listed 1 at 5",
        "current 5",
        "CLUSTER-BAD-RESPONSE",
        "upsert a",
        "listed 1 at 5",
        "current 5",
    ];
    assert_eq!(told(observations, 7).await, expected);
}
