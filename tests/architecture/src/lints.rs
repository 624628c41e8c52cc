//! The lints of the workspace hold everywhere: a crate that does not inherit them has none. What everybody shares
//! is documented besides.

use crate::{Tree, Violation};

pub fn lints(tree: &Tree) -> Vec<Violation> {
    let bare = tree.packages.iter().filter(|package| !package.inherits_lints).map(|package| {
        let fix = "add the two lines `[lints]` and `workspace = true`";
        violation(&package.manifest, format!("{} has no lints", package.name), fix)
    });
    let shared = |path: &str| path.starts_with("shared/") && path.ends_with("/src/lib.rs");
    let silent = tree.sources.iter().filter(|source| shared(&source.path) && !source.wants_docs);
    let silent = silent.map(|source| {
        let fix = "add `#![warn(missing_docs)]`";
        violation(&source.path, "its public items may lack documentation".to_owned(), fix)
    });
    bare.chain(silent).collect()
}

fn violation(path: &str, problem: String, fix: &'static str) -> Violation {
    Violation { rule: "workspace-lints", path: path.to_owned(), line: 1, item: "-".to_owned(), problem, fix }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_lints_is_found() {
        let tree = Tree::of(&[
            ("shared/a/Cargo.toml", "[package]\nname = \"a\"\n[lints]\nworkspace = true\n"),
            ("shared/b/Cargo.toml", "[package]\nname = \"b\"\n[lints.clippy]\ntodo = \"warn\"\n"),
        ]);
        let found: Vec<_> = lints(&tree).into_iter().map(|violation| violation.problem).collect();
        assert_eq!(found, ["b has no lints"]);
    }

    #[test]
    fn a_shared_crate_that_does_not_ask_for_documentation_is_found() {
        let tree = Tree::of(&[
            ("shared/a/src/lib.rs", "//! A.\n\n#![warn(missing_docs)]\n"),
            ("shared/b/src/lib.rs", "//! B.\n\n#![warn(unused)]\n"),
            ("shared/b/src/other.rs", ""),
            ("services/c/src/lib.rs", ""),
        ]);
        let found: Vec<_> = lints(&tree).into_iter().map(|violation| violation.path).collect();
        assert_eq!(found, ["shared/b/src/lib.rs"]);
    }
}
