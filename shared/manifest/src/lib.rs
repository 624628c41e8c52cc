//! Kubernetes manifests as values: read strictly, normalised, redacted, put in order, digested, sealed.
//!
//! The way of a manifest: files of an [`Artifact`] → [`parse_file`] → [`Manifest`] → [`normalise`] →
//! [`redact`] → [`DesiredSet`]. Everything after `redact` works on values that hold no secret; the secret
//! values travel apart, as [`SecretValues`], and only inside [`seal`]ed blobs.
//!
//! This crate knows no file system, no clock, no cluster and no schema: whether a kind is namespaced, or a
//! list has keys, is for others to find out. It draws no random numbers: keys are handed in.

#![warn(missing_docs)]

pub mod artifact;
pub mod canonical;
pub mod key;
pub mod normalise;
pub mod object;
pub mod parse;
mod places;
pub mod recreate;
mod redact;
pub mod seal;
pub mod set;
pub mod set_aside;
mod strict;
mod text_maps;

pub use artifact::{Artifact, ArtifactError, File, FileMode};
pub use canonical::{canonical_digest, canonical_json};
pub use key::{InstallKey, InstallKeyError};
pub use normalise::normalise;
pub use object::{Manifest, ManifestError, Origin, Problem};
pub use parse::{Document, ParseError, parse_file};
pub use places::Places;
pub use recreate::{RECREATE_ANNOTATION, may_recreate};
pub use redact::{
    Redacted, RestoreError, SENSITIVE_ANNOTATION, SecretValues, holds_secrets, is_marker, redact,
    redacted_under, restore, sensitive_pointers,
};
pub use seal::{OpenError, open, seal};
pub use set::{Built, DesiredObject, DesiredSecrets, DesiredSet, SetError, SetOptions};
pub use set_aside::{SetAside, SetAsideNote};
