//! Kubernetes API servers: the only crate that names a Kubernetes client.
//!
//! The client library serves as an authenticated HTTP stack; requests and answers are raw JSON, because what
//! driftless decides by (201 against 200, conflicts field by field, 404 of what exactly) is in the answer
//! itself. Live objects are redacted the moment they are parsed; nothing in clear leaves this crate, neither
//! as value nor inside an error.
//!
//! It must not know why anything is applied or deleted: no plans, no ownership, no drift.
//! Entry types: [`ClusterClient`], [`Live`], [`Observation`], [`ClusterError`].

#![warn(missing_docs)]

mod apply;
mod backoff;
mod client;
mod connect;
mod delete;
mod dialer;
mod dice;
mod discover;
mod discovery;
mod error;
mod flight;
mod home;
mod identity;
mod lanes;
mod lease;
mod left_behind;
mod lines;
mod list;
mod live;
mod misfit;
mod observe;
mod patch;
mod path;
mod proxy;
mod resource;
mod send;
mod status;
mod transport;
mod version;
mod watch;
mod window;

pub use apply::{Applied, Apply, Force, Mode, Outcome};
pub use client::{ClusterClient, ConnectOptions, ServerVersion};
pub use delete::{Delete, Deleted, Propagation};
pub use dialer::{Answer, Dialer, Network};
pub use discovery::{Discovery, Lookup};
pub use error::{Cause, CauseKind, ClusterError, FieldConflict, Misfit, Missing};
pub use identity::{Identity, same_as};
pub use lanes::WATCHES_MAX;
pub use lease::{Lease, LeaseClaim};
pub use list::Listed;
pub use live::{Live, Sensitive};
pub use observe::Observation;
pub use resource::{Resource, Scope, Verb};
pub use send::CALL_DEADLINE;
pub use version::{order, went_back};
pub use watch::WatchEvent;
