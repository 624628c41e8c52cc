//! Following changes.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Call, Cluster, api_version,
    read::{after, in_version},
    resource,
};
use crate::{
    object::set_meta,
    refusal::Refusal,
    schema::Kind,
    selector::Selector,
    store::{After, Change, parse},
};

/// How often a watch that says nothing marks the version. Source: API server, bookmark frequency.
const BOOKMARK_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How long a watch lasts by default: half an hour, as on the real server at least.
const LASTS: SignedDuration = SignedDuration::from_mins(30);

/// A watch: a place in what changes, and what of it is told.
#[derive(Debug)]
pub struct Watch {
    kind: Arc<Kind>,
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
    selector: Selector,
    seen: u64,
    bookmarks: Option<Timestamp>,
    ends: Timestamp,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// What is there is told first, then a bookmark marks the end of it, if that is asked for.
    Listing(Marked),
    Following,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marked {
    Yes,
    No,
}

/// What a watch has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Events, one a line. None: nothing has happened.
    Lines(Bytes),
    /// The last events; the watch is over.
    Last(Bytes),
}

impl Watch {
    pub(super) fn open(cluster: &Cluster, call: &Call<'_>) -> Result<Self, Refusal> {
        let parameters = &call.parameters;
        let selector =
            Selector::parse(&call.kind, parameters.text("labelSelector"), parameters.text("fieldSelector"))?;
        let from = parameters.number("resourceVersion").filter(|version| *version > 0);
        let initial = parameters.is_set("sendInitialEvents");
        let lasts = parameters.number("timeoutSeconds").and_then(|seconds| i64::try_from(seconds).ok());
        let ends = call.now + lasts.map_or(LASTS, SignedDuration::from_secs);
        Ok(Self {
            kind: Arc::clone(&call.kind),
            resource: resource(&call.kind),
            namespace: call.target.namespace.clone(),
            name: call.target.name.clone(),
            selector,
            seen: from.unwrap_or_else(|| cluster.store.version()),
            bookmarks: parameters.is_set("allowWatchBookmarks").then(|| call.now + BOOKMARK_EVERY),
            ends,
            state: match (from, initial) {
                (_, true) if parameters.is_set("allowWatchBookmarks") => State::Listing(Marked::Yes),
                (_, true) => State::Listing(Marked::No),
                (None, false) => State::Listing(Marked::No),
                (Some(_), false) => State::Following,
            },
        })
    }

    /// When it has something to tell at the latest, if nothing is written.
    pub fn due(&self) -> Timestamp {
        self.bookmarks.map_or(self.ends, |bookmark| bookmark.min(self.ends))
    }

    /// What has happened since it was asked last.
    pub fn next(&mut self, cluster: &Cluster, now: Timestamp) -> News {
        let mut lines = String::new();
        match self.state {
            State::Ended => return News::Last(Bytes::new()),
            State::Listing(marked) => self.tell_all(cluster, marked, &mut lines),
            State::Following => {}
        }
        self.state = State::Following;
        if self.seen > cluster.store.version() {
            // The cluster went back: the real server would have been restarted.
            self.state = State::Ended;
            return News::Last(lines.into());
        }
        if self.seen < cluster.store.floor() {
            self.state = State::Ended;
            let message = format!("too old resource version: {} ({})", self.seen, cluster.store.floor());
            line(&mut lines, "ERROR", &Refusal::expired(message).to_json().to_string());
            return News::Last(lines.into());
        }
        for change in cluster.store.changes_after(self.seen) {
            self.tell(change, &mut lines);
        }
        self.seen = self.seen.max(cluster.store.version());
        if self.bookmarks.is_some_and(|due| now >= due) {
            self.bookmarks = Some(now + BOOKMARK_EVERY);
            line(&mut lines, "BOOKMARK", &self.bookmark(Marked::No).to_string());
        }
        if now >= self.ends {
            self.state = State::Ended;
            return News::Last(lines.into());
        }
        News::Lines(lines.into())
    }

    fn tell_all(&mut self, cluster: &Cluster, marked: Marked, lines: &mut String) {
        self.seen = cluster.store.version();
        for (key, stored) in cluster.store.list(&self.resource, self.namespace.as_deref()) {
            let named = self.name.as_ref().is_none_or(|name| **name == *key.name);
            if named && self.selects(&stored.text) {
                line(lines, "ADDED", &in_version(&self.kind, &stored.text));
            }
        }
        if marked == Marked::Yes {
            line(lines, "BOOKMARK", &self.bookmark(marked).to_string());
        }
    }

    fn bookmark(&self, marked: Marked) -> Value {
        let mut object =
            json!({"kind": self.kind.kind, "apiVersion": api_version(&self.kind), "metadata": {}});
        set_meta(&mut object, "resourceVersion", json!(self.seen.to_string()));
        if marked == Marked::Yes {
            set_meta(&mut object, "annotations", json!({"k8s.io/initial-events-end": "true"}));
        }
        object
    }

    fn selects(&self, text: &str) -> bool {
        self.selector.is_all() || self.selector.matches(&parse(text))
    }

    /// An object that gets what is selected by appears, one that loses it goes.
    fn tell(&self, change: &Change, lines: &mut String) {
        let here = *change.key.resource == *self.resource
            && self.namespace.as_ref().is_none_or(|namespace| **namespace == *change.key.namespace)
            && self.name.as_ref().is_none_or(|name| **name == *change.key.name);
        if !here {
            return;
        }
        let before = change.before.as_ref().filter(|before| self.selects(before));
        let there = match &change.after {
            After::There(text) => self.selects(text),
            After::Gone(_) => false,
        };
        let text = in_version(&self.kind, after(&change.after));
        match (before, there) {
            (None, true) => line(lines, "ADDED", &text),
            (Some(_), true) => line(lines, "MODIFIED", &text),
            // As it last was when it was selected, at the version at which it went.
            (Some(before), false) => {
                let mut object = parse(&in_version(&self.kind, before));
                if let After::Gone(text) = &change.after {
                    object = parse(&in_version(&self.kind, text));
                }
                set_meta(&mut object, "resourceVersion", json!(change.version.to_string()));
                line(lines, "DELETED", &object.to_string());
            }
            (None, false) => {}
        }
    }
}

fn line(lines: &mut String, kind: &str, object: &str) {
    lines.push_str("{\"type\":\"");
    lines.push_str(kind);
    lines.push_str("\",\"object\":");
    lines.push_str(object);
    lines.push_str("}\n");
}
