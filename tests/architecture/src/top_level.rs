//! What stands at the root, so that a newcomer finds everything in one look.

use std::collections::BTreeSet;

use crate::{Tree, Violation};

const FOLDERS: &[&str] = &["deploy", "docs", "loadtest", "services", "shared", "tests"];

const FILES: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "rust-toolchain.toml",
];

/// Whatever else stands at the root; dotfiles may.
pub fn top_level(tree: &Tree) -> Vec<Violation> {
    let stranger = |path: &String| match path.split_once('/') {
        Some((folder, _)) => (!FOLDERS.contains(&folder)).then(|| folder.to_owned()),
        None => (!path.starts_with('.') && !FILES.contains(&path.as_str())).then(|| path.clone()),
    };
    let strangers: BTreeSet<String> = tree.paths.iter().filter_map(stranger).collect();
    let violation = |path: String| Violation {
        rule: "top-level",
        problem: format!("{path} stands at the root"),
        path,
        line: 1,
        item: "-".to_owned(),
        fix: "put it where it belongs, or add it to the rule",
    };
    strangers.into_iter().map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_stands_at_the_root() {
        let tree = Tree::of(&[
            ("README.md", ""),
            (".gitignore", ""),
            ("shared/plan/Cargo.toml", ""),
            ("scripts/a", ""),
            ("scripts/b", ""),
            ("notes.txt", ""),
        ]);
        let found: Vec<_> = top_level(&tree).into_iter().map(|violation| violation.path).collect();
        assert_eq!(found, ["notes.txt", "scripts"]);
    }
}
