//! A name that says nothing becomes the place where everything goes.

use std::collections::BTreeSet;

use crate::{Tree, Violation};

const BANNED: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc"];

pub fn names(tree: &Tree) -> Vec<Violation> {
    let places = tree.paths.iter().flat_map(|path| folders_and_stem(path)).collect::<BTreeSet<_>>();
    let places = places.into_iter().map(|(path, name)| (path, 1, name));
    let packages = tree.packages.iter().map(|package| (package.manifest.as_str(), 1, package.name.as_str()));
    let modules = tree.sources.iter().flat_map(|source| {
        source.modules.iter().map(|(name, line)| (source.path.as_str(), *line, name.as_str()))
    });
    let all = places.chain(packages).chain(modules);
    all.filter(|(.., name)| BANNED.contains(name))
        .map(|(path, line, name)| violation(path, line, name))
        .collect()
}

/// Each folder of a path and the file itself, as (path so far, name without endings).
fn folders_and_stem(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    ends.map(|end| {
        let name = path[..end].rsplit('/').next().unwrap_or_default();
        (&path[..end], name.split('.').next().unwrap_or_default())
    })
}

fn violation(path: &str, line: usize, name: &str) -> Violation {
    Violation {
        rule: "empty-name",
        path: path.to_owned(),
        line,
        item: "-".to_owned(),
        problem: format!("nothing may be called `{name}`"),
        fix: "name it after the one idea that it holds; if there are several, split it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        names(&Tree::of(&[(path, text)])).into_iter().map(|v| format!("{}:{}", v.path, v.line)).collect()
    }

    #[test]
    fn files_folders_packages_and_modules_are_found() {
        assert_eq!(found("shared/bus/src/utils.rs", ""), ["shared/bus/src/utils.rs:1"]);
        assert_eq!(found("services/ui/common/grid.ts", ""), ["services/ui/common:1"]);
        assert_eq!(found("shared/x/Cargo.toml", "[package]\nname = \"misc\"\n"), ["shared/x/Cargo.toml:1"]);
        assert_eq!(found("shared/bus/src/lib.rs", "\nmod helpers {}"), ["shared/bus/src/lib.rs:2"]);
    }

    #[test]
    fn names_that_say_something_pass() {
        assert_eq!(found("shared/cluster/src/field_manager.rs", "mod common_name {}"), [""; 0]);
    }
}
