//! A file that a page in docs/ names is there.

use crate::{Tree, Violation};

/// Where the paths of this repository start.
const FOLDERS: [&str; 5] = ["shared/", "services/", "tests/", "loadtest/", "deploy/"];

pub fn pages(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (page, text) in &tree.pages {
        for (nr, line) in text.lines().enumerate() {
            let quoted = line.split('`').skip(1).step_by(2);
            for path in quoted.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder))) {
                let below = format!("{}/", path.trim_end_matches('/'));
                if !tree.paths.iter().any(|there| there == path || there.starts_with(&below)) {
                    found.push(Violation {
                        rule: "pages",
                        path: page.clone(),
                        line: nr + 1,
                        item: "-".to_owned(),
                        problem: format!("there is no {path}"),
                        fix: "name the file that does it now",
                    });
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_there_is_found() {
        let page = "`shared/a/src/b.rs`, `shared/a`,\n`shared/a/src/c.rs` and `name/of.thing`\n";
        let tree = Tree::of(&[("shared/a/src/b.rs", ""), ("docs/architecture.md", page)]);
        let found: Vec<_> = pages(&tree).into_iter().map(|found| (found.line, found.problem)).collect();
        assert_eq!(found, [(2, "there is no shared/a/src/c.rs".to_owned())]);
    }
}
