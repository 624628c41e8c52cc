use cluster::ClusterError;
use serde_json::json;

use crate::mock::{Mock, Reply, config_maps, named, object, ok, page, status};

async fn names(mock: &Mock) -> Result<Vec<String>, ClusterError> {
    let listed = mock.client.list(&config_maps(), None, "a=b").await?;
    Ok(listed.items.into_iter().map(|live| live.id.name).collect())
}

#[tokio::test]
async fn a_list_whose_version_is_dropped_begins_anew() {
    let replies: [fn() -> Reply; 4] = [
        || page(&["a", "gone"], "5", "more"),
        || status(410),
        || page(&["a", "b"], "7", "more"),
        || page(&["c"], "7", ""),
    ];
    let mock = Mock::in_turn(replies).await;
    assert_eq!(names(&mock).await.unwrap(), ["a", "b", "c"]);
    let requests = mock.requests();
    assert!(requests[1].contains("continue=more") && !requests[2].contains("continue"), "{requests:?}");
    assert!(requests.iter().all(|request| request.contains("labelSelector=a%3Db")));
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let mock =
        Mock::start(|request| if request.contains("continue") { status(410) } else { page(&[], "5", "x") });
    assert_eq!(names(&mock.await).await.unwrap_err().code(), "CLUSTER-GONE");
}

#[tokio::test]
async fn pages_that_are_too_large_are_asked_for_in_smaller_portions() {
    let mock = Mock::start(|request| match request {
        _ if request.contains("limit=500") => Reply::Full(200, "", vec![b' '; 65 << 20]),
        _ => page(&["a"], "5", ""),
    })
    .await;
    assert_eq!(names(&mock).await.unwrap(), ["a"]);
    assert!(mock.requests()[1].contains("limit=125"));
}

#[tokio::test]
async fn an_item_cannot_hide_what_it_is() {
    let mut item = object("a", "1");
    item["data"] = json!({"k": "aHVudGVyMg=="});
    let body = json!({"metadata": {"resourceVersion": "1"}, "items": [item]});
    let mock = Mock::start(move |_| ok(&body)).await;
    let listed = mock.client.list(&named("Secret", "secrets"), None, "").await.unwrap();
    assert!(!format!("{listed:?}").contains("aHVudGVyMg"), "it says that it is a ConfigMap");
}

#[tokio::test]
async fn an_empty_list_may_be_null() {
    let mock = Mock::start(|_| ok(json!({"metadata": {"resourceVersion": "3"}, "items": null}))).await;
    assert_eq!(names(&mock).await.unwrap(), Vec::<String>::new());
}
