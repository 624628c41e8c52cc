//! The lints of the workspace hold everywhere: a crate that does not inherit them has none.

use crate::{Tree, Violation};

pub fn lints(tree: &Tree) -> Vec<Violation> {
    let missing = tree.packages.iter().filter(|package| !package.inherits_lints);
    let violation = |path: &str, problem: String| Violation {
        rule: "workspace-lints",
        path: path.to_owned(),
        line: 1,
        item: "-".to_owned(),
        problem,
        fix: "add the two lines `[lints]` and `workspace = true`",
    };
    missing.map(|package| violation(&package.manifest, format!("{} has no lints", package.name))).collect()
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
}
