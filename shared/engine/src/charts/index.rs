//! What the index of a repository says of a version.

use std::{fs, path::Path};

use serde_json::Value;

use super::Locked;

/// What an index says of a version.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// It is there, with the SHA-256 of its archive; empty if none is given.
    There(String),
    /// It is not there.
    Absent,
    /// The index is beyond what is read here. Helm read it.
    Unread,
}

/// Looks a version up in an index that helm has stored.
pub(super) fn listing(index: &Path, locked: &Locked) -> Listing {
    let parsed = fs::read(index).ok().and_then(|bytes| manifest::parse_file("index.yaml", &bytes).ok());
    let Some(index) = parsed.as_ref().and_then(|documents| documents.first()) else {
        tracing::warn!(repository = %locked.repository, "no archive is checked against this index: it is too large");
        return Listing::Unread;
    };
    let versions = index.value.get("entries").and_then(|entries| entries.get(&locked.name));
    let mut versions = versions.and_then(Value::as_array).into_iter().flatten();
    match versions.find(|entry| field(entry, "version") == locked.version) {
        Some(entry) => {
            let digest = field(entry, "digest");
            Listing::There(digest.strip_prefix("sha256:").unwrap_or(digest).to_lowercase())
        }
        None => Listing::Absent,
    }
}

/// The text of a field of an entry.
fn field<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_exactly_with_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("index.yaml");
        let entries = "entries: {dep: [{version: 1.2.3, digest: 'sha256:AB'}, {version: 1.2.4}]}";
        let of = |text: &str, version: &str| {
            fs::write(&file, text).unwrap();
            let (name, repository) = ("dep".to_owned(), "https://h".to_owned());
            listing(&file, &Locked { name, version: version.to_owned(), repository })
        };
        assert_eq!(of(entries, "1.2.3"), Listing::There("ab".into()));
        assert_eq!(of(entries, "1.2.4"), Listing::There(String::new()));
        assert_eq!(of(entries, "1.2"), Listing::Absent);
        assert_eq!(of("entries: {}", "1.2.3"), Listing::Absent);
        assert_eq!(of("entries: [", "1.2.3"), Listing::Unread);
    }
}
