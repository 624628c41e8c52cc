//! Identities of Kubernetes objects.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A group and version, written `apps/v1` or, in the core group, `v1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiVersion {
    /// Empty for the core group.
    pub group: String,
    /// `v1`, `v1beta1`, …
    pub version: String,
}

/// Says that a text is not an apiVersion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an apiVersion: `v1` or `group/v1` is expected")]
pub struct ApiVersionError(String);

impl FromStr for ApiVersion {
    type Err = ApiVersionError;
    fn from_str(text: &str) -> Result<Self, ApiVersionError> {
        let (group, version) = text.split_once('/').unwrap_or(("", text));
        let plain = |part: &str| {
            part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        };
        let plain = |part: &str| plain(part) && !part.contains("..");
        let named = text.contains('/') != group.is_empty();
        if version.is_empty() || !named || text.len() > 253 || !plain(group) || !plain(version) {
            return Err(ApiVersionError(text.chars().take(80).collect()));
        }
        Ok(Self { group: group.to_owned(), version: version.to_owned() })
    }
}

impl TryFrom<String> for ApiVersion {
    type Error = ApiVersionError;
    fn try_from(text: String) -> Result<Self, ApiVersionError> {
        text.parse()
    }
}

impl From<ApiVersion> for String {
    fn from(version: ApiVersion) -> String {
        version.to_string()
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.version)
        } else {
            write!(f, "{}/{}", self.group, self.version)
        }
    }
}

/// A kind at a version: what a manifest states in `apiVersion` and `kind`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gvk {
    /// Group and version.
    pub api_version: ApiVersion,
    /// `Deployment`, `ConfigMap`, …
    pub kind: String,
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version, self.kind)
    }
}

/// The identity of an object on one cluster. The version is not part of it: the same object can be read
/// at several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    /// Empty for the core group.
    pub group: String,
    /// `Deployment`, `ConfigMap`, …
    pub kind: String,
    /// `None` for cluster-scoped objects.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl fmt::Display for ObjectId {
    /// `Deployment.apps shop/web`, `Namespace shop`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " {namespace}/{}", self.name),
            None => write!(f, " {}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_parse_strictly() {
        for (text, good) in [
            ("v1", true),
            ("apps/v1", true),
            ("batch.example.io/v1beta1", true),
            ("", false),
            ("/v1", false),
            ("apps/", false),
            ("a/b/c", false),
            ("../v1", true),
            ("a?b/v1", false),
        ] {
            let parsed = text.parse::<ApiVersion>();
            // `..` is refused too: these texts become parts of request paths.
            let good = good && !text.contains("..");
            assert_eq!(parsed.is_ok(), good, "{text:?}");
            if let Ok(version) = parsed {
                assert_eq!(version.to_string(), text);
            }
        }
    }
}
