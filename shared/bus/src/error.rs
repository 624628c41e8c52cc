//! What can go wrong with the log, whether trying again helps, and what a person can do.

use std::{path::PathBuf, sync::Arc};

use model::{Aggregate, Digest, RetryClass};

use crate::{LogPosition, Undecodable};

/// What the backend said; shared, because one failed disk write refuses many appends.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Says why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the state folder.
    #[error("the state folder {} is in use{}", folder.display(), holder_text(*holder))]
    InUse {
        /// The state folder.
        folder: PathBuf,
        /// Its process id, if it could be read.
        holder: Option<u32>,
    },
    /// The folder or the file in it cannot be used.
    #[error("the log in {} could not be opened", folder.display())]
    Storage {
        /// The state folder.
        folder: PathBuf,
        /// What the backend said.
        #[source]
        cause: Cause,
    },
    /// A restore into the log did not come to its end: what is there is a part of what should be.
    #[error("the log holds only a part of a backup: its restore did not come to its end")]
    Restoring,
    /// A newer version of driftless wrote the log.
    #[error("the log has layout {found}, the newest known here is {known}")]
    NewerLayout {
        /// Layout of the log.
        found: u32,
        /// Newest layout known here.
        known: u32,
    },
    /// The server does not answer or refuses us.
    #[error("NATS at {url} could not be reached")]
    Connect {
        /// Address, without credentials.
        url: String,
        /// What the client said.
        #[source]
        cause: Cause,
    },
    /// The server is too old.
    #[error("NATS at {url} is version {found}, at least {needed} is needed")]
    ServerTooOld {
        /// Address, without credentials.
        url: String,
        /// Version of the server, as it names it.
        found: String,
        /// Oldest version that can be used.
        needed: String,
    },
    /// The server acknowledges before its disk does.
    #[error("NATS at {url} runs without `sync_interval: always`")]
    SyncNotAlways {
        /// Address of its monitoring endpoint.
        url: String,
    },
    /// The monitoring endpoint does not answer as it should.
    #[error("the monitoring endpoint {url} could not be read")]
    Monitoring {
        /// Its address.
        url: String,
        /// What went wrong.
        #[source]
        cause: Cause,
    },
    /// A stream could not be created or read.
    #[error("the stream {stream} could not be prepared")]
    Stream {
        /// Its name.
        stream: String,
        /// What the server said.
        #[source]
        cause: Cause,
    },
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map(|pid| format!(" by process {pid}")).unwrap_or_default()
}

impl OpenError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Connect { .. } | Self::Monitoring { .. } | Self::Stream { .. } => RetryClass::Transient,
            Self::InUse { .. }
            | Self::Storage { .. }
            | Self::Restoring
            | Self::NewerLayout { .. }
            | Self::ServerTooOld { .. }
            | Self::SyncNotAlways { .. } => RetryClass::Permanent,
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "LOG-IN-USE",
            Self::Storage { .. } => "LOG-STORAGE",
            Self::Restoring => "LOG-RESTORING",
            Self::NewerLayout { .. } => "LOG-NEWER",
            Self::Connect { .. } => "LOG-CONNECT",
            Self::ServerTooOld { .. } => "LOG-SERVER-OLD",
            Self::SyncNotAlways { .. } => "LOG-SYNC",
            Self::Monitoring { .. } => "LOG-MONITORING",
            Self::Stream { .. } => "LOG-STREAM",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "stop the other process, talk to it instead, or use another --state folder",
            Self::Storage { .. } => "check that the folder exists, is writable and has space",
            Self::Restoring => "run `driftless restore` again: it begins anew",
            Self::NewerLayout { .. } => "use the newer driftless, or an empty state folder",
            Self::Connect { .. } => "check the address, the credentials and that the server runs",
            Self::ServerTooOld { .. } => "upgrade every server of the NATS cluster",
            Self::SyncNotAlways { .. } => {
                "set `jetstream { sync_interval: always }` in the configuration of every server and restart it"
            }
            Self::Monitoring { .. } => "check the address (http://host:8222), or leave it out",
            Self::Stream { .. } => "check that JetStream is on, has space, and that the account may use it",
        }
    }
}

/// Says why an event was not appended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Another event stands at that version, or the one before is missing: the decision is stale.
    #[error("{aggregate} is at {newest}, so {n} cannot be appended", newest = newest.unwrap_or(0))]
    Conflict {
        /// The aggregate.
        aggregate: Aggregate,
        /// Version of the draft.
        n: u64,
        /// Newest version in the log; `None` if there is no event.
        newest: Option<u64>,
    },
    /// The payload is above the bound; what grows belongs in blobs.
    #[error("an event of {aggregate} has {bytes} bytes, at most {max} are allowed")]
    TooLarge {
        /// The aggregate.
        aggregate: Aggregate,
        /// Bytes of the payload.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The draft breaks a rule of the envelope.
    #[error("a draft for {aggregate} is malformed: {rule}")]
    Malformed {
        /// The aggregate.
        aggregate: Aggregate,
        /// The broken rule.
        rule: &'static str,
    },
    /// The newest event cannot be read here: whoever cannot read a state must not replace it.
    #[error("the newest event of {} cannot be read: {}", .0.aggregate, .0.reason)]
    Undecodable(Undecodable),
    /// The log is another one than at the start of this process.
    #[error("{aggregate} was not appended because the log is another one")]
    Restarted {
        /// The aggregate.
        aggregate: Aggregate,
    },
    /// The backend failed; whether the event was stored is unknown.
    #[error("whether {aggregate} was appended is unknown")]
    Unavailable {
        /// The aggregate.
        aggregate: Aggregate,
        /// What the backend said.
        #[source]
        cause: Cause,
    },
}

impl AppendError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Conflict { .. } => RetryClass::Stale,
            Self::TooLarge { .. } | Self::Malformed { .. } => RetryClass::Bug,
            Self::Undecodable(_) | Self::Restarted { .. } => RetryClass::Permanent,
            Self::Unavailable { .. } => RetryClass::Transient,
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "LOG-CONFLICT",
            Self::TooLarge { .. } => "LOG-TOO-LARGE",
            Self::Malformed { .. } => "LOG-MALFORMED",
            Self::Undecodable(_) => "LOG-UNDECODABLE",
            Self::Restarted { .. } => "LOG-RESTARTED",
            Self::Unavailable { .. } => "LOG-UNAVAILABLE",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "nothing: it is decided again from the newest state",
            Self::TooLarge { .. } | Self::Malformed { .. } => "report it as a bug",
            Self::Undecodable(_) => "upgrade this process to the version that wrote the event",
            Self::Restarted { .. } => "nothing: the process starts afresh",
            Self::Unavailable { .. } => "check the disk of the log and that its server runs",
        }
    }
}

/// Says why the log could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The event cannot be read here.
    #[error("the newest event of {} cannot be read: {}", .0.aggregate, .0.reason)]
    Undecodable(Undecodable),
    /// The log is another one, or an older copy.
    #[error("the log is another one: {found:?} instead of {seen:?}")]
    Restarted {
        /// What was seen before.
        seen: LogPosition,
        /// What is there now.
        found: LogPosition,
    },
    /// The backend failed.
    #[error("the log could not be read")]
    Unavailable(#[source] Cause),
}

impl ReadError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Undecodable(_) | Self::Restarted { .. } => RetryClass::Permanent,
            Self::Unavailable(_) => RetryClass::Transient,
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "LOG-UNDECODABLE",
            Self::Restarted { .. } => "LOG-RESTARTED",
            Self::Unavailable(_) => "LOG-UNAVAILABLE",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "upgrade this process to the version that wrote the event",
            Self::Restarted { .. } => "nothing: the process starts afresh",
            Self::Unavailable(_) => "check the disk of the log and that its server runs",
        }
    }
}

/// Says why a blob could not be stored or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BlobError {
    /// The content is above the bound.
    #[error("a blob of {bytes} bytes is above the bound of {max}")]
    TooLarge {
        /// Plain bytes.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// What is stored under the address is something else; it was dropped.
    #[error("the blob {digest} is corrupt")]
    Corrupt {
        /// Its address.
        digest: Digest,
    },
    /// The backend failed.
    #[error("the store of blobs is unavailable")]
    Unavailable(#[source] Cause),
}

impl BlobError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::TooLarge { .. } | Self::Corrupt { .. } => RetryClass::Permanent,
            Self::Unavailable(_) => RetryClass::Transient,
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "BLOB-TOO-LARGE",
            Self::Corrupt { .. } => "BLOB-CORRUPT",
            Self::Unavailable(_) => "BLOB-UNAVAILABLE",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "split the source, or leave large files out of it",
            Self::Corrupt { .. } => "nothing: it is rebuilt from Git; check the disk of the log",
            Self::Unavailable(_) => "check the disk of the log and that its server runs",
        }
    }
}
