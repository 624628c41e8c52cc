//! What the log says and cannot be read here: it is told, and nothing is made up in its place.

use model::{Aggregate, Failure, RetryClass, Timestamp};

/// Why the newest state of an aggregate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is of a form that is not known here.
    Form(String),
    /// The blob that it is in is not there, or cannot be had now.
    Blob(String),
}

/// The failure that people see.
pub fn failure(aggregate: &Aggregate, reason: &Reason, now: Timestamp) -> Failure {
    let (why, remedy, class) = match reason {
        Reason::Form(why) => {
            (why, "run the gateway in the version of the other services", RetryClass::Permanent)
        }
        Reason::Blob(why) => (
            why,
            "see whether the log's store of blobs answers and is whole; it is tried again every few seconds",
            RetryClass::Transient,
        ),
    };
    Failure {
        code: "API-UNREAD".into(),
        message: format!("the newest state of {} cannot be read here: {why}", aggregate.path()),
        remedy: remedy.into(),
        class,
        at: now,
        attempts: 1,
    }
}
