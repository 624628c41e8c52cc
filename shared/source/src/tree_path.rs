//! Paths inside a repository: relative, without `..`, and nothing that Git itself would not store.

use manifest::artifact::PATH_BYTES_MAX;

use crate::SourceError;

/// Parses a path from a definition: `.`, empty parts and a leading `/` are dropped, `..` is refused.
/// The result has no leading or trailing slash; the root is empty.
///
/// # Errors
/// `GIT-PATH` (permanent).
pub(crate) fn parse(path: &str) -> Result<String, SourceError> {
    let refuse = |reason| Err(SourceError::BadPath { path: path.chars().take(200).collect(), reason });
    if path.len() > PATH_BYTES_MAX {
        return refuse("it is too long");
    }
    if path.contains(|c: char| c.is_control()) {
        return refuse("it holds control characters");
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return refuse("it leads upwards");
    }
    Ok(parts.join("/"))
}

/// Joins a relative reference to a folder and resolves `..`; `None` when it leads above the root, is absolute
/// or holds control characters.
pub(crate) fn join(folder: &str, reference: &str) -> Option<String> {
    if reference.starts_with('/') || reference.contains(|c: char| c.is_control() || c == '\\') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    let joined = parts.join("/");
    (joined.len() <= PATH_BYTES_MAX).then_some(joined)
}

/// Whether `path` is `folder` or lies in it.
pub(crate) fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Says why a name in a tree must not be written to a disk, if so.
/// Source: git's fsck (`hasDot`, `hasDotdot`, `hasDotgit`, `fullPathname`, `emptyName`).
pub(crate) fn hostile_name(name: &str) -> Option<&'static str> {
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        return Some("its name leads elsewhere");
    }
    if name.eq_ignore_ascii_case(".git") {
        return Some("its name is reserved for git");
    }
    name.contains(|c: char| c.is_control()).then_some("its name holds control characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_definitions_stay_inside() {
        for (path, expected) in [
            ("", Some("")),
            (".", Some("")),
            ("/", Some("")),
            ("./a//b/", Some("a/b")),
            ("/a", Some("a")),
            ("..", None),
            ("a/../b", None),
            ("a/..", None),
            ("a\0b", None),
            ("a\nb", None),
        ] {
            assert_eq!(parse(path).ok().as_deref(), expected, "{path:?}");
        }
        assert!(parse(&"a/".repeat(3000)).is_err());
    }

    #[test]
    fn references_resolve_but_never_above_the_root() {
        for (folder, reference, expected) in [
            ("a/b", "../c", Some("a/c")),
            ("a/b", "../..", Some("")),
            ("a/b", "../../..", None),
            ("", "..", None),
            ("a", "./x.yaml", Some("a/x.yaml")),
            ("a", "/etc/passwd", None),
            ("a", "b\\c", None),
        ] {
            assert_eq!(join(folder, reference).as_deref(), expected, "{folder} {reference}");
        }
        assert!(is_within("a/b", "a") && is_within("a", "a") && is_within("a", "") && !is_within("ab", "a"));
    }
}
