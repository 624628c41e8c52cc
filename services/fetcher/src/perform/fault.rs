//! Why something was not found, before it has a time and a count.

use bus::BlobError;
use engine::ChartError;
use manifest::ArtifactError;
use model::{Failure, RetryClass, Timestamp};
use source::SourceError;

/// Longest message in a state: the tool's words and a path at most.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// A failure that has no time and count yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub message: String,
    pub remedy: &'static str,
    pub class: RetryClass,
    pub cause: Cause,
}

/// What has to change before a fault can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The repository, its host, or the way to it.
    Git,
    /// The repository of a chart that the path depends on, or the way to it.
    Charts,
}

impl Fault {
    pub fn of_source(error: &SourceError) -> Self {
        let mut message = error.to_string();
        if let Some(cause) = std::error::Error::source(error) {
            message = format!("{message}: {cause}");
        }
        let (code, remedy, class) = (error.code(), error.remedy(), error.class());
        Self { code, message, remedy, class, cause: Cause::Git }
    }

    pub fn of_blob(error: &BlobError) -> Self {
        let (code, remedy, class) = (error.code(), error.remedy(), error.class());
        Self { code, message: error.to_string(), remedy, class, cause: Cause::Git }
    }

    /// What Git says of the charts that a chart depends on.
    pub fn of_lock(error: &ChartError) -> Self {
        Self { cause: Cause::Git, ..Self::of_charts(error) }
    }

    pub fn of_charts(error: &ChartError) -> Self {
        let (code, remedy, class) = (error.code(), error.remedy(), error.class());
        let mut message = error.to_string();
        if let Some(cause) = std::error::Error::source(error) {
            message = format!("{message}: {cause}");
        }
        Self { code, message, remedy, class, cause: Cause::Charts }
    }

    /// The charts and the files of the path do not go together.
    pub fn of_artifact(error: &ArtifactError) -> Self {
        let (message, class) = (format!("with the charts it depends on: {error}"), error.class());
        let remedy = "depend on fewer charts, or read a smaller folder";
        Self { code: "GIT-TOO-LARGE", message, remedy, class, cause: Cause::Git }
    }

    /// The process ends.
    pub fn interrupted() -> Self {
        let (code, message) = ("GIT-INTERRUPTED", "the files were not stored".to_owned());
        Self { code, message, remedy: "", class: RetryClass::Transient, cause: Cause::Git }
    }

    /// A visit without a look: never decided, and nobody hears of it.
    pub fn nothing() -> Self {
        let (code, message) = ("GIT-NOTHING", "there is nothing to look at".to_owned());
        Self { code, message, remedy: "", class: RetryClass::Bug, cause: Cause::Git }
    }

    /// Bounded, because an event must hold it.
    pub fn into_failure(self, at: Timestamp, attempts: u32) -> Failure {
        let Self { code, message, remedy, class, cause: _ } = self;
        let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
        Failure { code: code.to_owned(), message, remedy: remedy.to_owned(), class, at, attempts }
    }
}
