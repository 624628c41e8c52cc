//! The documents of a fleet repository as people write them. Their comments are the descriptions of the published
//! schema and of docs/definitions.md.

pub(crate) mod application;
pub(crate) mod cluster;
pub(crate) mod source;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a document is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metadata {
    /// Its name: 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit. Unique within its kind.
    #[schemars(pattern(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// Labels, as Kubernetes has them. Applications select clusters by them.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Notes for people and other tools; they mean nothing here.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}
