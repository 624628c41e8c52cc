//! Reads the manifests of a desired state, and its secret values.

use events::state::DesiredState;
use manifest::{DesiredSecrets, DesiredSet, InstallKey, OpenError};
use model::{Failure, Timestamp};

use crate::{Error, intake::Intake};

/// A desired state, read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The redacted manifests.
    pub set: DesiredSet,
    /// The secret values.
    pub secrets: DesiredSecrets,
}

/// Reads a desired state.
///
/// # Errors
/// If a blob is missing, sealed under another key, or not what it should be.
pub async fn load(intake: &Intake, desired: &DesiredState, key: &InstallKey) -> Result<Loaded, Error> {
    let content = |what| move |reason: String| Error::Content { what, reason };
    let bytes = intake.content(&desired.manifests).await?;
    let set = DesiredSet::decode(&bytes).map_err(|error| content("the manifests")(error.to_string()))?;
    let secrets = match &desired.secrets {
        None => DesiredSecrets::default(),
        Some(digest) => {
            let sealed = intake.blob(digest).await?;
            let opened = manifest::open(key, "secrets", &sealed)
                .map_err(|source| Error::Sealed { what: "the secret values", source })?;
            DesiredSecrets::decode(&opened)
                .map_err(|error| content("the secret values")(error.to_string()))?
        }
    };
    Ok(Loaded { set, secrets })
}

/// Turns what keeps a desired state from being read into a failure that people see.
///
/// # Errors
/// The error itself, if it is not about what was rendered.
pub fn unreadable(error: Error, now: Timestamp) -> Result<Failure, Error> {
    let class = error.class();
    let (code, remedy) = match &error {
        Error::Sealed { source, .. } => return Ok(sealed(source, now)),
        Error::BlobMissing { .. } => {
            ("BLOB-MISSING", "it is rendered anew within some minutes; check the disk of the log")
        }
        Error::Content { .. } => ("LOG-CONTENT", "a newer version may have written it: update this one"),
        Error::Read(_)
        | Error::Append { .. }
        | Error::Blob(_)
        | Error::OtherFleet { .. }
        | Error::Restarted { .. }
        | Error::WatchEnded
        | Error::DefinitionsLost { .. }
        | Error::TaskEnded(_) => return Err(error),
    };
    let (code, message, remedy) = (code.to_owned(), error.to_string(), remedy.to_owned());
    Ok(Failure { code, message, remedy, class, at: now, attempts: 1 })
}

/// Turns what cannot be opened into a failure that people see.
pub fn sealed(error: &OpenError, now: Timestamp) -> Failure {
    Failure {
        code: error.code().into(),
        message: error.to_string(),
        remedy: error.remedy().into(),
        class: error.class(),
        at: now,
        attempts: 1,
    }
}
