//! `command/…`, written by the gateway: what people asked for and nobody has carried out yet.

use std::{fmt, str::FromStr};

use model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::State;

/// Most pending requests of one aggregate; more are refused.
pub const REQUESTS_MAX: usize = 32;

/// Pending requests. The role that carries one out records its id and outcome in its own aggregate; the
/// gateway drops only what is recorded there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandState {
    /// Pending requests, oldest first, at most [`REQUESTS_MAX`].
    pub pending: Vec<Request>,
}

impl State for CommandState {
    const FORMAT: u16 = 1;
}

/// The id of a request: 8 to 64 letters, digits and dashes, chosen by who asks; asking again with it is the same request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

/// Says that a text is not a request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a request id: 8 to 64 letters, digits and dashes are expected")]
pub struct RequestIdError;

impl FromStr for RequestId {
    type Err = RequestIdError;
    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if plain && (8..=64).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(RequestIdError) }
    }
}

impl TryFrom<String> for RequestId {
    type Error = RequestIdError;
    fn try_from(text: String) -> Result<Self, RequestIdError> {
        text.parse()
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> String {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// What is asked for.
    pub kind: RequestKind,
    /// When.
    pub at: Timestamp,
    /// Who.
    #[serde(default)]
    pub by: Asker,
}

/// Who asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asker {
    /// Somebody who waits for the answer.
    #[default]
    Person,
    /// A webhook: nobody waits, and the newest push stands for those before it.
    Push,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestKind {
    /// Of a source: look now.
    Fetch,
    /// Of a target: reach the desired state that follows from the named request of its source, then say how it went.
    Sync {
        /// The `Fetch` request that must have been carried out first.
        after: Option<RequestId>,
    },
    /// Of a target: say what a sync would change, without changing anything.
    Preview {
        /// The `Fetch` request that must have been carried out first.
        after: Option<RequestId>,
    },
    /// Of a target: its inventory, which was rebuilt from the cluster, is right; its orphans may be pruned.
    ConfirmInventory,
    /// Of a target: do nothing by itself, and show what would be done.
    Pause,
    /// Of a target: go on.
    Resume,
    /// Of a target: carry out the plan with that digest although a guard refused it. Of the fleet: put the set of
    /// definitions with that digest in force although the guard refused it.
    Approve {
        /// Digest of what was refused.
        plan: Digest,
    },
}
