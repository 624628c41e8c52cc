//! What is wrong with a fleet, as people and events are told it.

use std::fmt;

use model::RetryClass;

use crate::fault::{Fault, Rule};

/// Whether a set can be in force in spite of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No: the last good set stays.
    Error,
    /// Yes: somebody should look at it.
    Warning,
}

/// Something that is wrong, and where. It repeats no value of a file but names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the artifact names it; empty: unknown.
    pub file: String,
    /// Line, from 1; 0: the whole file.
    pub line: u32,
    /// Column, from 1; 0: the whole line.
    pub column: u32,
    /// Stable code, `DEFINITION-…` or `MANIFEST-…`.
    pub code: &'static str,
    /// Whether the set can be in force all the same.
    pub severity: Severity,
    /// One sentence: which definition, which field, what.
    pub message: String,
    /// What a person can do about it.
    pub remedy: String,
    /// JSON pointer of the field.
    pub(crate) pointer: String,
}

impl Problem {
    /// Always [`RetryClass::Permanent`]: only a commit helps.
    pub fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }

    /// `file:line:column: `, as compilers tell it; what is unknown is left out.
    pub fn place(&self) -> String {
        if self.file.is_empty() {
            return String::new();
        }
        let known = [self.line, self.column].into_iter().take_while(|number| *number > 0);
        let numbers: String = known.map(|number| format!(":{number}")).collect();
        format!("{}{numbers}: ", self.file)
    }

    /// A fault of a document at a place; `subject` says which definition it is.
    pub(crate) fn of(fault: Fault, subject: &str, (file, line): (&str, u32)) -> Self {
        let Fault { rule, pointer, message, remedy } = fault;
        let message = if subject.is_empty() { message } else { format!("{subject}: {message}") };
        let (code, severity) = told(rule);
        Self { file: file.to_owned(), line, column: 0, code, severity, message, remedy, pointer }
    }
}

fn told(rule: Rule) -> (&'static str, Severity) {
    match rule {
        Rule::Kind => ("DEFINITION-KIND", Severity::Error),
        Rule::Field => ("DEFINITION-FIELD", Severity::Error),
        Rule::Value => ("DEFINITION-VALUE", Severity::Error),
        Rule::Duplicate => ("DEFINITION-DUPLICATE", Severity::Error),
        Rule::Reference => ("DEFINITION-REFERENCE", Severity::Error),
        Rule::Targets => ("DEFINITION-TARGETS", Severity::Warning),
        Rule::Empty => ("DEFINITION-EMPTY", Severity::Error),
    }
}

impl From<manifest::ParseError> for Problem {
    fn from(error: manifest::ParseError) -> Self {
        Self {
            code: error.code(),
            remedy: error.remedy().to_owned(),
            severity: Severity::Error,
            file: error.file,
            line: error.line,
            column: error.column,
            message: error.message,
            pointer: String::new(),
        }
    }
}

impl From<manifest::SetError> for Problem {
    fn from(error: manifest::SetError) -> Self {
        let origin = match &error {
            manifest::SetError::Manifest(error) => error.origin.clone(),
            manifest::SetError::Duplicate { second, .. } => Some(second.clone()),
            manifest::SetError::TooMany | manifest::SetError::Undecodable(_) => None,
        };
        let (file, line) = origin.map(|origin| (origin.file, origin.line)).unwrap_or_default();
        Self {
            code: error.code(),
            remedy: error.remedy().to_owned(),
            severity: Severity::Error,
            file,
            line,
            column: 0,
            message: error.to_string(),
            pointer: String::new(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place(), self.message)
    }
}
