//! What a rule finds.

use std::fmt;

/// One place that breaks a rule, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name, as the list of exceptions uses it.
    pub rule: &'static str,
    /// Relative to the root of the repository.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// The function that it is about, where it is about one; `-` elsewhere.
    pub item: String,
    /// What is wrong, naming what was found.
    pub problem: String,
    /// What to do about it.
    pub fix: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, path, line, item: _, problem, fix } = self;
        write!(f, "{path}:{line}: [{rule}] {problem}\n    fix: {fix}")
    }
}
