//! Lists and watches over time.

use jiff::SignedDuration;
use serde_json::json;

use crate::Bench;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn a_quiet_watch_marks_the_version_once_a_minute_and_ends_in_time() {
    let mut bench = Bench::start();
    let from = bench.cluster.version();
    let path = format!("{MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=100&resourceVersion={from}");
    let mut watch = bench.watch(&path);
    assert_eq!(bench.told(&mut watch), [""; 0]);
    bench.map("a", json!({}));
    assert_eq!(bench.told(&mut watch), ["ADDED a"]);
    assert_eq!(watch.due(), bench.now + SignedDuration::from_secs(60));
    bench.now = watch.due();
    assert_eq!(bench.told(&mut watch), ["BOOKMARK "]);
    assert_eq!(watch.due(), bench.now + SignedDuration::from_secs(40));
    bench.now = watch.due();
    assert!(matches!(watch.next(&bench.cluster, bench.now), kubesim::News::Last(_)));
}

#[test]
fn what_is_forgotten_cannot_be_gone_on_from() {
    let mut bench = Bench::start();
    let from = bench.cluster.version();
    for name in ["a", "b", "c"] {
        bench.map(name, json!({}));
    }
    let mut behind = bench.watch(&format!("{MAPS}?watch=1&resourceVersion={from}"));
    let (_, page) = bench.get(&format!("{MAPS}?limit=1"));
    let next = page["metadata"]["continue"].as_str().unwrap().to_owned();
    bench.cluster.compact();
    bench.map("d", json!({}));
    assert_eq!(bench.told(&mut behind), ["ERROR Expired"]);
    assert_eq!(
        bench.get(&format!("{MAPS}?limit=1&continue={next}")).0,
        200,
        "nothing was written in between"
    );
    bench.cluster.compact();
    let (code, expired) = bench.get(&format!("{MAPS}?limit=1&continue={next}"));
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
    let exact = format!("{MAPS}?resourceVersion={from}&resourceVersionMatch=Exact");
    assert_eq!(bench.get(&exact).0, 410);
}

#[test]
fn pages_are_of_one_version_whatever_is_written_between_them() {
    let mut bench = Bench::start();
    for name in ["a", "b", "c", "d"] {
        bench.map(name, json!({}));
    }
    let (_, first) = bench.get(&format!("{MAPS}?limit=2"));
    bench.send("DELETE", &format!("{MAPS}/c"), &json!({}));
    bench.send("PATCH", &format!("{MAPS}/d"), &json!({"data": {"k": "v"}}));
    bench.map("e", json!({}));
    let next = first["metadata"]["continue"].as_str().unwrap().to_owned();
    let (_, second) = bench.get(&format!("{MAPS}?limit=9&continue={next}"));
    let names: Vec<_> =
        second["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]).collect();
    assert_eq!(names, ["c", "d"]);
    assert_eq!(second["items"][1].get("data"), None);
    assert_eq!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
}

#[test]
fn equal_seeds_and_requests_give_equal_answers() {
    let run = || {
        let mut bench = Bench::start();
        bench.send("POST", MAPS, &json!({"metadata": {"generateName": "a-"}}));
        bench.send(
            "POST",
            "/api/v1/namespaces/default/services",
            &json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}),
        );
        let answers = [
            bench.get(MAPS),
            bench.get("/api/v1/namespaces/default/services"),
            bench.get("/api/v1/namespaces"),
        ];
        answers.map(|(_, body)| body.to_string())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_restored_backup_gives_no_uid_again_that_was_lost() {
    let mut bench = Bench::start();
    let backup = bench.cluster.clone();
    let lost = bench.map("a", json!({}));
    bench.cluster = backup.clone();
    assert_eq!(bench.map("a", json!({}))["metadata"]["uid"], lost["metadata"]["uid"], "equal seeds");
    bench.cluster = backup;
    bench.cluster.reseed(8);
    assert_ne!(bench.map("a", json!({}))["metadata"]["uid"], lost["metadata"]["uid"]);
}
