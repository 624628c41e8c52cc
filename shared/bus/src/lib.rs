//! The log: the one place where services meet.
//!
//! One API over two backends: NATS JetStream for fleets, redb inside one process by default. [`open`] gives a
//! [`Log`]; everything else hangs from it. Appending with the expected version is the only commit; readers
//! list the newest event of each aggregate and then watch. This crate knows places, versions and bytes; it
//! must not know what a payload means. Only here are async-nats and redb named.

#![warn(missing_docs)]

pub mod archive;
mod clock;
pub mod config;
pub mod draft_check;
mod embedded;
pub mod error;
pub mod evaluated;
pub mod feed;
pub mod filter;
pub mod freshness;
pub mod lineage;
pub mod log;
pub mod membership;
mod nats;
pub mod ownership;
mod packing;
pub mod patient;
pub mod position;
pub mod share;
pub mod verdict;
pub mod watch;

pub use clock::{now, simulate};
pub use config::{Credentials, EmbeddedConfig, LogConfig, NatsConfig, open};
pub use error::{AppendError, BlobError, Cause, OpenError, ReadError};
pub use evaluated::{Ages, Evaluated};
pub use feed::{Feed, FeedItem};
pub use filter::{Filter, Partitions};
pub use freshness::{Freshness, Report, freshness};
pub use lineage::{Kinship, Lineage, Restoration, RestorationId};
pub use log::{HISTORY_MAX, Log, Swept};
pub use membership::{Member, Membership, Pulse, Roll};
pub use ownership::{Ownership, WEIGHT_MAX};
pub use patient::Patient;
pub use position::{LogPosition, Succession};
pub use share::{Claim, Share};
pub use watch::{Undecodable, Watch, WatchItem};
