//! Labels, as Kubernetes has them.

use std::collections::BTreeMap;

use crate::fault::{Faults, below};

/// Longest name and value, in bytes. Source: Kubernetes "Labels and Selectors", syntax and character set.
const PART_BYTES_MAX: usize = 63;
/// Longest prefix of a key, in bytes. Source: the same.
const PREFIX_BYTES_MAX: usize = 253;

/// Notes every label that is none.
pub(crate) fn check(labels: &BTreeMap<String, String>, pointer: &str, faults: &mut Faults) {
    for (key, value) in labels {
        let pointer = below(pointer, key);
        if !is_key(key) {
            let remedy =
                "use at most 63 letters, digits, '-', '_' and '.', after an optional `prefix.example/`";
            faults.value(&pointer, "this is not the key of a label", remedy);
        }
        if !(value.is_empty() || is_part(value)) {
            let remedy = "use at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";
            faults.value(&pointer, "its value is not that of a label", remedy);
        }
    }
}

fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_prefix(prefix) && is_part(name),
        None => is_part(key),
    }
}

fn is_part(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= PART_BYTES_MAX
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(inner)
}

/// A DNS subdomain.
fn is_prefix(text: &str) -> bool {
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= PREFIX_BYTES_MAX && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_kubernetes_takes_is_a_label() {
        let long = "a".repeat(64);
        for (key, value, good) in [
            ("env", "prod", true),
            ("driftless.dev/ring", "", true),
            ("Env_1.x", "A-b_c.9", true),
            ("", "x", false),
            ("/env", "x", false),
            ("a/b/c", "x", false),
            ("-env", "x", false),
            ("Upper.example/env", "x", false),
            ("a..b/env", "x", false),
            ("env", "pro d", false),
            ("env", "-prod", false),
            ("env", long.as_str(), false),
            (long.as_str(), "x", false),
        ] {
            let mut faults = Faults::default();
            check(&BTreeMap::from([(key.to_owned(), value.to_owned())]), "/metadata/labels", &mut faults);
            assert_eq!(faults.0.is_empty(), good, "{key:?}: {value:?}");
        }
    }
}
