//! Every code of an error has one row in docs/errors.md, and every row is a code: users search for them.

use std::collections::BTreeMap;

use crate::{Tree, Violation};

const PAGE: &str = "docs/errors.md";

pub fn error_codes(tree: &Tree) -> Vec<Violation> {
    let Some(page) = tree.pages.get(PAGE) else {
        return vec![violation(PAGE, 1, "there is no such page".to_owned())];
    };
    let mut used: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for source in tree.sources.iter().filter(|source| !source.is_test) {
        for (code, line) in &source.error_codes {
            used.entry(code).or_insert((&source.path, *line));
        }
    }
    let mut found = Vec::new();
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for (nr, line) in page.lines().enumerate() {
        let Some(row) = line.strip_prefix("| `") else { continue };
        let code = row.split('`').next().unwrap_or_default();
        if told.insert(code, nr + 1).is_some() {
            found.push(violation(PAGE, nr + 1, format!("{code} has two rows")));
        }
        if !used.contains_key(code) {
            found.push(violation(PAGE, nr + 1, format!("nothing tells {code}")));
        }
        if row.split('|').filter(|cell| !cell.trim().is_empty()).count() != 3 {
            found.push(violation(PAGE, nr + 1, format!("{code} lacks a meaning or a remedy")));
        }
    }
    for (code, (path, line)) in used.into_iter().filter(|(code, _)| !told.contains_key(code)) {
        found.push(violation(path, line, format!("{code} has no row in {PAGE}")));
    }
    found
}

fn violation(path: &str, line: usize, problem: String) -> Violation {
    Violation {
        rule: "error-codes",
        path: path.to_owned(),
        line,
        item: "-".to_owned(),
        problem,
        fix: "give every code one row in docs/errors.md: code, meaning, remedy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str, page: &str) -> Vec<String> {
        let tree = Tree::of(&[("shared/a/src/error.rs", code), (PAGE, page)]);
        error_codes(&tree).into_iter().map(|violation| violation.problem).collect()
    }

    const CODE: &str = "fn code() { match self { A => \"GIT-AUTH\" } }
        fn f() { Problem::new(\"BUG\", \"POST\", \"\") }
        #[cfg(test)] mod tests { fn t() { is(\"GIT-TEST\") } }";

    #[test]
    fn a_page_with_every_code_is_kept() {
        assert_eq!(found(CODE, "| code |\n| `BUG` | a | b |\n| `GIT-AUTH` | a | `b` |\n"), [""; 0]);
    }

    #[test]
    fn a_missing_a_dead_a_doubled_and_an_empty_row_are_found() {
        let page = "| `BUG` | a | b |\n| `BUG` | a | b |\n| `GIT-OLD` | a | |\n";
        let expected = [
            "BUG has two rows",
            "nothing tells GIT-OLD",
            "GIT-OLD lacks a meaning or a remedy",
            "GIT-AUTH has no row in docs/errors.md",
        ];
        assert_eq!(found(CODE, page), expected);
    }

    #[test]
    fn a_missing_page_is_found() {
        assert_eq!(error_codes(&Tree::of(&[])).len(), 1);
    }
}
