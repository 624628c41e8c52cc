//! The core decides; it does nothing. Without IO, async, clock and unseeded randomness its every answer can be
//! tested with values, and replayed.

use crate::package::Kind;
use crate::{Tree, Violation};

const RULE: &str = "pure-core";
const FIX: &str = "take the value as an argument (a time, a seed, the content); the shell crates do the rest";

/// The core and the border.
const PURE: &[&str] = &["model", "manifest", "diff", "health", "plan", "fleet", "events"];

/// Runtimes, clients, and what makes sense only with them.
const FOREIGN: &[&str] = &[
    "async-nats",
    "async-trait",
    "axum",
    "clap",
    "futures",
    "gix",
    "hyper",
    "k8s-openapi",
    "kube",
    "opentelemetry",
    "redb",
    "reqwest",
    "rustls",
    "tempfile",
    "tokio",
    "tokio-util",
];

/// Modules that reach out of the program.
const OUTSIDE: &[&str] = &["async", "std::env", "std::fs", "std::net", "std::process", "std::thread"];

/// Clocks and unseeded randomness, however much of the path was imported.
const UNREPEATABLE: &[&str] = &[
    "Instant::now",
    "OsRng",
    "SysRng",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "from_entropy",
    "from_os_rng",
    "rand::random",
    "rand::rng",
    "thread_rng",
];

pub fn purity(tree: &Tree) -> Vec<Violation> {
    PURE.iter().flat_map(|name| [dependencies(tree, name), code(tree, name)]).flatten().collect()
}

fn dependencies(tree: &Tree, name: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in tree.packages.iter().filter(|package| package.name == name) {
        for dependency in &package.dependencies {
            if dependency.kind != Kind::Dev && FOREIGN.contains(&dependency.name.as_str()) {
                found.push(violation(name, &package.manifest, dependency.line, &dependency.name));
            }
        }
    }
    found
}

fn code(tree: &Tree, name: &str) -> Vec<Violation> {
    let folder = format!("shared/{name}/");
    let mut found = Vec::new();
    for source in tree.sources.iter().filter(|source| source.path.starts_with(&folder)) {
        for mention in source.mentions.iter().filter(|mention| !mention.in_test) {
            let impure = OUTSIDE.iter().any(|module| mention.starts_in(module))
                || UNREPEATABLE.iter().any(|call| mention.ends_in(call));
            if impure {
                found.push(violation(name, &source.path, mention.line, &mention.path));
            }
        }
    }
    found
}

fn violation(name: &str, path: &str, line: usize, what: &str) -> Violation {
    let problem = format!("{name} is pure, but names `{what}`");
    Violation { rule: RULE, path: path.to_owned(), line, item: "-".to_owned(), problem, fix: FIX }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let found = purity(&Tree::of(&[("shared/plan/src/order.rs", text)]));
        found.into_iter().map(|violation| violation.problem).collect()
    }

    #[test]
    fn whatever_reaches_outside_is_found() {
        for (text, what) in [
            ("use std::{fmt, fs};", "std::fs"),
            ("fn f() { std::env::var(\"HOME\"); }", "std::env::var"),
            ("use std::time::Instant; fn f() { Instant::now(); }", "Instant::now"),
            ("fn f() { jiff::Timestamp::now(); }", "jiff::Timestamp::now"),
            ("fn f() { let mut dice = rand::rng(); }", "rand::rng"),
            ("fn f() { assert!(std::process::id() > 1); }", "std::process::id"),
            ("async fn f() {}", "async"),
        ] {
            assert_eq!(found(text), [format!("plan is pure, but names `{what}`")], "{text}");
        }
    }

    #[test]
    fn a_runtime_is_found() {
        let manifest = "[package]\nname = \"diff\"\n[dependencies]\ntokio.workspace = true\n";
        let found = purity(&Tree::of(&[("shared/diff/Cargo.toml", manifest)]));
        assert_eq!((found.len(), found[0].line), (1, 4));
    }

    #[test]
    fn pure_code_and_tests_pass() {
        assert_eq!(
            found("use std::time::Duration; fn f(now: Duration) { rand::rngs::StdRng::seed(1); }"),
            [""; 0]
        );
        assert_eq!(found("#[cfg(test)] mod tests { use std::fs; }"), [""; 0]);
    }
}
