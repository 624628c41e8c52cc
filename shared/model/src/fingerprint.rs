//! What a live object looked like at the fields that we own, in about a hundred bytes.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The fingerprint of a live object. The crate `diff` takes and compares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Over version, owned set, values, order, and the empty containers that are present.
    pub hash: Digest,
    /// Containers wanted empty; mostly none.
    pub empties: Vec<Empty>,
}

/// A container that the manifest wants empty, so that what is in it is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {
    /// Where it is: the steps of the path as `fieldsV1` writes them.
    pub path: Vec<String>,
    /// Whether the server kept it when the fingerprint was taken. If it did, it has to stay; if not, it may
    /// come and go.
    pub present: bool,
}
