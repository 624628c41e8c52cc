//! What one cluster does where no real one can be held against it: controllers, time, equal seeds.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod lifecycle;
mod reading;

use bytes::Bytes;
use jiff::Timestamp;
use kubesim::{Answer, Cluster, News, Watch};
use serde_json::{Value, json};

/// A cluster and its time.
pub struct Bench {
    pub cluster: Cluster,
    pub now: Timestamp,
}

impl Bench {
    pub fn start() -> Self {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        Self { cluster: Cluster::new(7, now), now }
    }

    fn answer(&mut self, method: &str, path: &str, content: &str, body: &Value) -> Answer {
        let request = http::Request::builder().method(method).uri(path).header("content-type", content);
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.cluster.handle(&request.body(body).unwrap(), self.now)
    }

    pub fn send(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let content = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        match self.answer(method, path, content, body) {
            Answer::Whole(response) => {
                (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
            }
            Answer::Watch(_) => panic!("{path} is watched"),
        }
    }

    pub fn get(&mut self, path: &str) -> (u16, Value) {
        self.send("GET", path, &Value::Null)
    }

    /// Creates a ConfigMap in `default`; as it was stored.
    pub fn map(&mut self, name: &str, metadata: Value) -> Value {
        let mut object = json!({"metadata": metadata});
        object["metadata"]["name"] = json!(name);
        let (code, object) = self.send("POST", "/api/v1/namespaces/default/configmaps", &object);
        assert_eq!(code, 201, "{object}");
        object
    }

    pub fn watch(&mut self, path: &str) -> Watch {
        match self.answer("GET", path, "", &Value::Null) {
            Answer::Watch(watch) => *watch,
            Answer::Whole(response) => panic!("{response:?}"),
        }
    }

    /// What a watch tells now, as type and name.
    pub fn told(&self, watch: &mut Watch) -> Vec<String> {
        let (News::Lines(lines) | News::Last(lines)) = watch.next(&self.cluster, self.now);
        let lines = std::str::from_utf8(&lines).unwrap().lines();
        let events = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let shown = events.map(|event| {
            let object = &event["object"];
            format!(
                "{} {}{}",
                text(&event["type"]),
                text(&object["metadata"]["name"]),
                text(&object["reason"])
            )
        });
        shown.collect()
    }
}
