//! One cluster, and the witness at its border: nothing is written that the rules forbid.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;
use kubesim::{Answer, Cluster};
use model::{ClusterName, TargetId};
use serde_json::Value;
use testkit::MemoryLog;
use tokio::sync::watch;

use crate::{picture, rest, trace::Trace};

/// One cluster.
pub struct Site {
    pub name: ClusterName,
    cluster: Mutex<Cluster>,
    written: watch::Sender<u64>,
    memory: Arc<MemoryLog>,
    trace: Trace,
    /// Uids of what others made.
    foreign: Mutex<BTreeSet<String>>,
    /// Whether it was ever restored from a backup.
    restored: AtomicBool,
}

/// The time by the simulated clock, as clusters want it.
pub fn now() -> Timestamp {
    Timestamp::from_millisecond(bus::now().as_millis()).unwrap_or_default()
}

impl Site {
    /// An empty cluster.
    pub fn new(name: ClusterName, seed: u64, memory: Arc<MemoryLog>, trace: Trace) -> Arc<Self> {
        Arc::new(Self {
            name,
            cluster: Mutex::new(Cluster::new(seed, now())),
            written: watch::Sender::default(),
            memory,
            trace,
            foreign: Mutex::default(),
            restored: AtomicBool::new(false),
        })
    }

    /// Wakes with everything that is written from now on.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// The cluster, for those who look or act without a request.
    pub fn with<T>(&self, act: impl FnOnce(&mut Cluster) -> T) -> T {
        let result = act(&mut self.lock());
        self.written.send_modify(|count| *count += 1);
        result
    }

    /// Puts a backup in its place.
    pub fn restore(&self, backup: Cluster, seed: u64) {
        self.restored.store(true, Ordering::Relaxed);
        self.with(|cluster| {
            *cluster = backup;
            cluster.reseed(seed);
        });
    }

    /// Whether it was ever restored from a backup.
    pub fn was_restored(&self) -> bool {
        self.restored.load(Ordering::Relaxed)
    }

    /// Looks into the cluster; wakes nobody.
    pub fn lock(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a request of a process of ours, and watches what it does.
    pub fn serve(&self, who: &str, request: &Request<Bytes>) -> Answer {
        let path = request.uri().path().to_owned();
        let tried = request.uri().query().is_some_and(|query| query.contains("dryRun"));
        let writes = *request.method() != Method::GET && !tried && !path.contains("/leases");
        let before = if writes { self.get(&path) } else { None };
        let answer = self.carry_out(request);
        if let (true, Answer::Whole(whole)) = (writes, &answer) {
            self.trace.tell(who, format!("{} {path} {}", request.method(), whole.status().as_u16()));
            if let (Some(before), true) = (before, whole.status().is_success()) {
                self.judge(who, request, &before);
            }
        }
        answer
    }

    /// What somebody else does.
    pub fn act(&self, who: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let content =
            if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("{path}?fieldManager={who}"))
            .header("content-type", content)
            .body(Bytes::from(if body.is_null() { String::new() } else { body.to_string() }))
            .unwrap_or_default();
        let Answer::Whole(whole) = self.carry_out(&request) else { return (0, Value::Null) };
        self.trace.tell(who, format!("{method} {path} {}", whole.status().as_u16()));
        (whole.status().as_u16(), serde_json::from_slice(whole.body()).unwrap_or_default())
    }

    /// The object at a path, if it is there.
    pub fn get(&self, path: &str) -> Option<Value> {
        let request = Request::get(path).body(Bytes::new()).ok()?;
        let Answer::Whole(whole) = self.lock().handle(&request, now()) else { return None };
        whole.status().is_success().then(|| serde_json::from_slice(whole.body()).unwrap_or_default())
    }

    /// Everything of a resource.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let list = self.get(path).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// From now on the object with that uid is known to be somebody else's.
    pub fn is_foreign(&self, uid: &str) -> bool {
        self.foreign.lock().unwrap_or_else(PoisonError::into_inner).contains(uid)
    }

    /// Notes that an object is somebody else's.
    pub fn note_foreign(&self, object: &Value) {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        self.foreign.lock().unwrap_or_else(PoisonError::into_inner).insert(uid);
    }

    fn carry_out(&self, request: &Request<Bytes>) -> Answer {
        let answer = self.lock().handle(request, now());
        if *request.method() != Method::GET {
            self.written.send_modify(|count| *count += 1);
        }
        answer
    }

    /// Judges a write of ours on something that was there before.
    fn judge(&self, who: &str, request: &Request<Bytes>, before: &Value) {
        let path = request.uri().path();
        let uid = before["metadata"]["uid"].as_str().unwrap_or_default();
        if self.is_foreign(uid) && self.get(path).is_none_or(|after| after["data"] != before["data"]) {
            self.trace.broke(format!("{who} changed what is not ours: {path}"));
        }
        if *request.method() != Method::DELETE {
            return;
        }
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        if body["preconditions"]["uid"] != uid {
            self.trace.broke(format!("{who} deleted {path} without naming its uid"));
        }
        let rows = picture::inventories(&self.memory, &self.name);
        // What was about to be created when its process died has no uid there yet: then it has to carry our mark.
        let intended = |target: &TargetId| rest::mark(before).as_deref() == Some(target.application.as_str());
        let named = rows.iter().any(|(target, row)| match &row.uid {
            Some(known) => known == uid,
            None => before["metadata"]["name"] == row.id.name.as_str() && intended(target),
        });
        if !named {
            self.trace.broke(format!("{who} deleted {path} ({uid}), which is in no inventory"));
        }
    }
}
