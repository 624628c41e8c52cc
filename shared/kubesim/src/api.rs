//! One cluster as its API server shows it: every answer follows from the request, the objects and the time.

mod create;
mod delete;
mod discovery;
mod exchange;
mod patch;
mod prepare;
mod read;
mod scale;
mod service;
mod strategic;
mod update;
mod valid;
mod watch;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    definitions, lifecycle,
    managed::{Act, Tracked},
    refusal::Refusal,
    route::{Parameters, Route, Target, Trial, manager},
    schema::{Kind, table},
    store::{CHANGES_KEPT, Key, Store},
    typed::{self, Nulls},
};
pub(crate) use delete::{CLEANUP, FOREGROUND, ORPHAN};
use exchange::{body, same_place, whole};
pub(crate) use exchange::{refused, response};
pub use watch::{News, Watch};

/// What acts on a cluster besides its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Controllers {
    /// Those that end things: namespaces are emptied, what lost its owners is collected, definitions clean up. They are
    /// done by the time a request is answered.
    #[default]
    Lifecycle,
    /// None but those in the API server itself, as on a control plane without a controller manager: definitions.
    None,
}

/// One cluster: its objects, and the kinds that it serves.
///
/// It is synchronous and deterministic: uids and versions come from a seed and a counter, the time is given.
/// A clone is a backup: put in the cluster's place, it is the cluster restored.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) store: Store,
    /// Kinds from definitions, by the resource's name (`carts.shop.example`), each version of it.
    pub(crate) custom: BTreeMap<String, Vec<Arc<Kind>>>,
    pub(crate) controllers: Controllers,
    seed: u64,
    /// How many uids were given.
    given: u64,
}

/// The answer to a request.
#[derive(Debug)]
pub enum Answer {
    /// All of it.
    Whole(Response<Bytes>),
    /// Events from now on: ask [`Watch::next`] whenever something was written.
    Watch(Box<Watch>),
}

/// A request on its way, with what it is about.
pub(crate) struct Call<'a> {
    pub(crate) kind: Arc<Kind>,
    pub(crate) target: Target,
    pub(crate) parameters: Parameters,
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) manager: String,
    pub(crate) now: Timestamp,
    pub(crate) trial: Trial,
}

pub(crate) type Outcome = Result<Answer, Refusal>;

impl Cluster {
    /// An empty cluster with the namespaces that every cluster has. Equal seeds give equal uids.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        let mut cluster = Self {
            store: Store::new(CHANGES_KEPT),
            custom: BTreeMap::new(),
            controllers: Controllers::default(),
            seed,
            given: 0,
        };
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let request = Request::post("/api/v1/namespaces").header(header::USER_AGENT, "kube-apiserver");
            if let Ok(request) = request.body(Bytes::from(body.to_string())) {
                cluster.handle(&request, now);
            }
        }
        cluster
    }

    /// With other controllers than usual.
    #[must_use]
    pub fn with_controllers(mut self, controllers: Controllers) -> Self {
        self.controllers = controllers;
        self
    }

    /// Lets uids follow from another seed: a backup that is put back must not give those again that the lost objects had.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// The newest version that was given to an object.
    pub fn version(&self) -> u64 {
        self.store.version()
    }

    /// How many objects there are.
    pub fn objects(&self) -> usize {
        self.store.len()
    }

    /// Forgets what changed so far, as etcd does every five minutes: watches and lists that go on from before get 410.
    pub fn compact(&mut self) {
        self.store.compact();
    }

    /// Answers a request.
    pub fn handle(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        self.dispatch(request, now).unwrap_or_else(|refusal| Answer::Whole(refused(&refusal)))
    }

    fn dispatch(&mut self, request: &Request<Bytes>, now: Timestamp) -> Outcome {
        let target = match Route::parse(request.uri().path()) {
            Route::Document(path) => return self.document(request, &path),
            Route::Objects(target) => target,
        };
        let kind = self.kind(&target).ok_or_else(Refusal::no_resource)?;
        // All namespaces at once can be read, and no object of theirs.
        let everywhere = kind.namespaced && target.namespace.is_none();
        let misplaced = !kind.namespaced && target.namespace.is_some();
        let part = target.subresource.as_ref();
        if misplaced
            || (everywhere && target.name.is_some())
            || part.is_some_and(|part| !kind.subresources.contains(part) && part != "finalize")
        {
            return Err(Refusal::no_resource());
        }
        if everywhere && *request.method() != Method::GET {
            return Err(Refusal::method_not_allowed());
        }
        let parameters = Parameters::parse(request.uri().query().unwrap_or_default());
        let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let manager = manager(&parameters, agent.unwrap_or_default());
        let trial = parameters.trial(request.method())?;
        let call = Call { kind, target, parameters, request, manager, now, trial };
        let answer = self.verb(&call)?;
        lifecycle::settle(self, now);
        Ok(answer)
    }

    fn verb(&mut self, call: &Call<'_>) -> Outcome {
        let method = call.request.method().clone();
        let named = call.target.name.is_some();
        let collection = call.kind.verbs.iter().any(|verb| verb == "deletecollection");
        match (method, named) {
            (Method::GET, true) if call.parameters.is_set("watch") => self.watch(call),
            (Method::GET, true) => self.get(call),
            (Method::GET, false) if call.parameters.is_set("watch") => self.watch(call),
            (Method::GET, false) => self.list(call),
            (Method::POST, false) => self.create(call),
            (Method::PUT, true) => self.replace(call),
            (Method::PATCH, true) => self.patch(call),
            (Method::DELETE, true) if call.target.subresource.is_none() => self.delete(call),
            (Method::DELETE, false) if collection => self.delete_collection(call),
            _ => Err(Refusal::method_not_allowed()),
        }
    }

    fn kind(&self, target: &Target) -> Option<Arc<Kind>> {
        let serves = |kind: &&Arc<Kind>| {
            kind.group == target.group && kind.version == target.version && kind.plural == target.plural
        };
        let custom = self.custom.get(&format!("{}.{}", target.plural, target.group));
        table().kinds.iter().find(serves).or_else(|| custom?.iter().find(serves)).cloned()
    }

    /// All kinds that are served, built in and custom.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Arc<Kind>> {
        table().kinds.iter().chain(self.custom.values().flatten())
    }

    /// Where the object of a call is.
    pub(crate) fn key(call: &Call<'_>) -> Key {
        let namespace = call.target.namespace.as_deref().unwrap_or_default();
        key(&call.kind, namespace, call.target.name.as_deref().unwrap_or_default())
    }

    /// A uid that no other object has.
    pub(crate) fn next_uid(&mut self) -> String {
        self.given += 1;
        let (high, low) = (mix(self.seed, self.given), mix(!self.seed, self.given));
        // The bits that say "random" in a UUID. Source: RFC 9562 §5.4.
        let (high, low) = ((high & !0xf000) | 0x4000, (low & !(0xc << 60)) | (0x8 << 60));
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
        format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
    }

    /// A number that follows from the seed.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.given += 1;
        mix(self.seed, self.given)
    }

    /// What follows from a written object for what is served.
    pub(crate) fn written(&mut self, kind: &Kind, object: &Value, now: Timestamp) {
        if kind.built_in() == "CustomResourceDefinition" {
            definitions::serve(self, object, now);
        }
    }
}

/// splitmix64: every bit depends on every bit.
fn mix(seed: u64, count: u64) -> u64 {
    let mut state = seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// Where an object of a kind is.
pub(crate) fn key(kind: &Kind, namespace: &str, name: &str) -> Key {
    Key { resource: resource(kind).into(), namespace: namespace.into(), name: name.into() }
}

/// `deployments.apps`.
pub(crate) fn resource(kind: &Kind) -> String {
    format!("{}.{}", kind.plural, kind.group)
}

/// `apps/v1`.
pub(crate) fn api_version(kind: &Kind) -> String {
    if kind.group.is_empty() { kind.version.clone() } else { format!("{}/{}", kind.group, kind.version) }
}

/// The form in which the server writes times.
pub(crate) fn seconds(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Call<'_> {
    pub(crate) fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn part(&self) -> &str {
        self.target.subresource.as_deref().unwrap_or_default()
    }

    pub(crate) fn refuse_absent(&self) -> Refusal {
        Refusal::not_found(&self.kind, self.name())
    }

    /// Runs `work` as an act of the request's manager.
    pub(crate) fn acting<T>(&self, work: impl FnOnce(&Act<'_>) -> T) -> T {
        let (api_version, time) = (api_version(&self.kind), seconds(self.now));
        let with_status = self.kind.subresources.iter().any(|part| part == "status");
        let tracked = match self.part() {
            "status" if self.kind.is_custom() => Tracked::CustomStatus,
            "status" => Tracked::Status,
            "scale" => Tracked::Scale,
            _ if with_status => Tracked::NoStatus,
            _ => Tracked::All,
        };
        work(&Act {
            manager: &self.manager,
            api_version: &api_version,
            subresource: self.part(),
            time: &time,
            of: &self.kind.of,
            tracked,
        })
    }

    /// An object as it is decoded: in its stored form, with defaults.
    pub(crate) fn decoded(&self, object: &Value) -> Value {
        decoded(&self.kind, object, Nulls::Dropped)
    }

    /// An object in the version that was asked for.
    pub(crate) fn versioned(&self, mut object: Value) -> Value {
        if self.kind.is_custom() {
            object["apiVersion"] = json!(api_version(&self.kind));
        }
        object
    }
}

/// An object as it is decoded: in its stored form, with defaults.
pub(crate) fn decoded(kind: &Kind, object: &Value, nulls: Nulls) -> Value {
    if !kind.of.is_built_in() {
        return typed::custom(&kind.of, object, nulls);
    }
    let mut object = typed::stored(&kind.of, object);
    crate::defaults::fill(&mut object);
    typed::stored(&kind.of, &object)
}
