//! A problem, as it is told on the terminal: what failed, its stable code, and what to do.

use std::io::Write;

use model::Failure;

use crate::exit::Exit;

/// Codes of services that tell of a mistake in what the command was given.
const CONFIGURATION: [&str; 4] = ["CLUSTER-KUBECONFIG", "ENGINE-MISSING", "GIT-ADDRESS", "GIT-SECRET"];

/// Codes of services that tell of a refusal: it is safe, and up to a person, to ask again.
const REFUSALS: [&str; 2] = ["CUSTODY-HELD", "CUSTODY-PLATFORM"];

/// Why a command did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: String,
    message: String,
    remedy: String,
    exit: Exit,
    document: Document,
}

/// Version of the documents: raised when a field is renamed or removed.
pub const DOCUMENT_VERSION: u32 = 1;

/// Whether a run that answers in JSON has written its one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// Not yet: the problem is all there is to tell.
    Due,
    /// Yes, with the problem in it.
    Written,
}

impl Problem {
    /// A problem of usage or configuration.
    pub fn new(code: &str, message: impl Into<String>, remedy: &str) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            remedy: remedy.into(),
            exit: Exit::Usage,
            document: Document::Due,
        }
    }

    /// A problem that ends with that exit code.
    pub fn ending(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// A failure that a service recorded.
    pub fn of(failure: &Failure, exit: Exit) -> Self {
        let exit = if REFUSALS.contains(&failure.code.as_str()) { Exit::Refused } else { exit };
        let configuration = CONFIGURATION.contains(&failure.code.as_str());
        Self {
            code: failure.code.clone(),
            message: failure.message.clone(),
            remedy: failure.remedy.clone(),
            exit: if configuration { Exit::Usage } else { exit },
            document: Document::Due,
        }
    }

    /// The problem of a run whose document is written.
    pub fn documented(mut self) -> Self {
        self.document = Document::Written;
        self
    }

    /// The problem as the one document of a run, if none is written yet.
    pub fn document(&self) -> Option<serde_json::Value> {
        let outcome = if self.exit == Exit::Refused { "Refused" } else { "Failed" };
        match self.document {
            Document::Due => Some(serde_json::json!({
                "version": DOCUMENT_VERSION, "outcome": outcome, "failure": self.failure(),
            })),
            Document::Written => None,
        }
    }

    /// Whether this is what it tells.
    pub fn tells(&self, message: &str) -> bool {
        self.message == message
    }

    /// The problem as a part of a document.
    pub fn failure(&self) -> serde_json::Value {
        serde_json::json!({"code": self.code, "message": self.message, "remedy": self.remedy})
    }

    /// Tells it on standard error.
    pub fn tell(&self) -> Exit {
        let mut err = std::io::stderr().lock();
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(err, "error[{}]: {}", self.code, self.message);
        if !self.remedy.is_empty() {
            let _ = writeln!(err, "  help: {}", self.remedy);
        }
        self.exit
    }
}
