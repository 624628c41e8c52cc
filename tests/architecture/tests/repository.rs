//! Holds the rules over the repository itself.

use std::fs;
use std::path::Path;

use architecture::{Exceptions, Tree, violations};

#[test]
fn the_repository_keeps_its_rules() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = Tree::read(&here.join("../..")).expect("the repository can be read");
    assert!(tree.packages.len() > 1 && tree.sources.len() > 1, "nothing was read");

    let list = fs::read_to_string(here.join("exceptions.txt")).expect("the list of exceptions can be read");
    let exceptions = Exceptions::parse(&list).unwrap_or_else(|error| panic!("{error}"));

    let left: Vec<_> = exceptions.apply(violations(&tree)).iter().map(ToString::to_string).collect();
    assert!(left.is_empty(), "{} violations\n\n{}\n", left.len(), left.join("\n\n"));
}
