//! A simulator of Kubernetes API servers: thousands of clusters in one process, each as large as the text of its
//! objects and of their last changes.
//!
//! A [`Cluster`] is pure: a request, the objects and the time give the answer, so that a test can hold it against a
//! real API server answer for answer. A [`Simulator`] serves many of them on loopback, with faults where they are
//! asked for.
//!
//! What it does as the real server does, down to `managedFields`, conflicts, texts and codes: discovery, get, list (in
//! pages, at a version), watch (bookmarks, 410), create, update, server-side apply, merge, JSON and strategic merge
//! patches, dry-run, delete (preconditions, propagation, finalizers), `status` and `scale`, namespaces, definitions of
//! custom resources. The built-in kinds, their types and their defaults' places come from `table/kinds.txt`.
//!
//! What it does not do: users and rights (whoever brings no token may do all, another token than the cluster's is
//! refused), validation beyond names, required fields and immutable ones, admission webhooks and policies, quotas,
//! conversion (each built-in kind has one version, the versions of a custom resource have the same content), `Table`
//! answers, protobuf (`kubectl create namespace` sends it, `kubectl apply` does not) and YAML bodies, duplicate keys in
//! bodies, OpenAPI types, `exec`, `logs`, `proxy`, `eviction`, `token`, `binding`. Nothing runs: no pods are made, no
//! node answers, a pod that is deleted is gone at once.
//!
//! Where it is known to differ: the real server writes Jobs and claims once more when they are applied again, and
//! NetworkPolicies with empty lists every time; it adds advice as warnings; it tells conflicts in no order.
//!
//! It must not know of driftless. Entry types: [`Cluster`], [`Simulator`], [`Fault`].

#![warn(missing_docs)]

mod api;
mod defaults;
mod definitions;
mod fault;
mod fields;
mod lifecycle;
mod managed;
mod merge;
mod object;
mod refusal;
mod route;
mod schema;
mod selector;
mod server;
mod store;
mod typed;

pub use api::{Answer, Cluster, Controllers, News, Watch};
pub use fault::{Effect, Fault, Matching};
pub use server::{Simulator, StartError};
