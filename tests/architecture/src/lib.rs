//! The rules of this repository, as tests.
//!
//! A rule is a pure function from the [`Tree`] (every file of the repository, in memory) to the [`Violation`]s
//! it finds, one rule per file. Beside each stands a test that plants a violation and sees it found;
//! `tests/repository.rs` holds all of them over the real repository.
//!
//! What the compiler or clippy can check is not repeated here.

mod calls;
mod clients;
mod edges;
mod error_codes;
mod exceptions;
mod lints;
mod names;
mod package;
mod pages;
mod purity;
mod sizes;
mod source;
mod top_level;
mod tree;
mod violation;

pub use exceptions::Exceptions;
pub use tree::Tree;
pub use violation::Violation;

/// Everything in the repository that breaks a rule, in the order of the rules.
pub fn violations(tree: &Tree) -> Vec<Violation> {
    let rules = [
        edges::edges,
        clients::clients,
        lints::lints,
        purity::purity,
        sizes::sizes,
        calls::calls,
        names::names,
        error_codes::error_codes,
        pages::pages,
        top_level::top_level,
    ];
    rules.iter().flat_map(|rule| rule(tree)).collect()
}
