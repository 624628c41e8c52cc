//! Why a render failed, before it has a time and a count.

use bus::BlobError;
use engine::EngineError;
use manifest::{ArtifactError, OpenError, ParseError, SetError};
use model::{Failure, RetryClass, Timestamp};

/// Longest message in a state: the tool's words, and an event must hold it beside 16 KiB of manifests.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// Why a render failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable code.
    pub code: &'static str,
    /// What failed.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// What trying again would achieve.
    pub class: RetryClass,
}

impl Fault {
    /// The failure as a state tells it.
    pub fn into_failure(self, at: Timestamp, attempts: u32) -> Failure {
        let Self { code, message, remedy, class } = self;
        let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
        Failure { code: code.to_owned(), message, remedy, class, at, attempts }
    }

    /// The blob with the files is not there.
    pub fn files_missing() -> Self {
        Self {
            code: "RENDER-FILES",
            message: "the files of this revision are not in the log's store".to_owned(),
            remedy: "the fetcher notices within ten polls and stores them anew from Git; a requested sync makes it look at once".to_owned(),
            class: RetryClass::Transient,
        }
    }

    /// Our own code panicked on these files; others are not affected.
    pub fn panicked() -> Self {
        Self {
            code: "RENDER-BUG",
            message: "rendering these files hit a fault of driftless itself".to_owned(),
            remedy: "report it, with the files if they may be shown".to_owned(),
            class: RetryClass::Bug,
        }
    }

    /// The manifests pass one of our bounds.
    pub fn too_large(what: &str, max: usize) -> Self {
        Self {
            code: "RENDER-TOO-LARGE",
            message: format!("more than {max} {what}"),
            remedy: "split the application".to_owned(),
            class: RetryClass::Permanent,
        }
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        let mut message = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            message = format!("{message}: {cause}");
        }
        Self { code: error.code(), message, remedy: error.remedy().to_owned(), class: error.class() }
    }
}

impl From<BlobError> for Fault {
    fn from(error: BlobError) -> Self {
        let class = error.class();
        Self { code: error.code(), message: error.to_string(), remedy: error.remedy().to_owned(), class }
    }
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        let class = match error {
            // While a key is rotated: a fetcher that has the new one seals these files anew.
            OpenError::WrongKey { .. } => RetryClass::Transient,
            OpenError::Corrupt => error.class(),
        };
        Self { code: error.code(), message: error.to_string(), remedy: error.remedy().to_owned(), class }
    }
}

impl From<ArtifactError> for Fault {
    fn from(error: ArtifactError) -> Self {
        let (class, remedy) = (error.class(), "read a smaller folder".to_owned());
        Self { code: "RENDER-ARTIFACT", message: error.to_string(), remedy, class }
    }
}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Self {
        let class = error.class();
        Self { code: error.code(), message: error.to_string(), remedy: error.remedy().to_owned(), class }
    }
}

impl From<SetError> for Fault {
    fn from(error: SetError) -> Self {
        let class = error.class();
        Self { code: error.code(), message: error.to_string(), remedy: error.remedy().to_owned(), class }
    }
}
