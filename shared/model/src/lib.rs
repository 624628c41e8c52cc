//! The nouns that every other crate shares: ids, digests, aggregates, definitions.
//!
//! Ids are parsed once, at the border, and carried as types from then on. This crate knows no file, no
//! network, no clock and no other crate of ours.

#![warn(missing_docs)]

pub mod aggregate;
pub mod definition;
pub mod digest;
pub mod failure;
pub mod fingerprint;
pub mod health;
pub mod name;
pub mod object;
pub mod revision;
pub mod time;

pub use aggregate::{Aggregate, AggregateKind, CommandScope, Partition, TargetId};
pub use definition::{Application, Cluster, DefinitionSet, Source};
pub use digest::Digest;
pub use failure::{Failure, RetryClass};
pub use fingerprint::{Empty, Fingerprint};
pub use health::HealthStatus;
pub use name::{ApplicationName, ClusterName, SourceName};
pub use object::{ApiVersion, Gvk, ObjectId};
pub use revision::{Commit, TreeId};
pub use time::Timestamp;
