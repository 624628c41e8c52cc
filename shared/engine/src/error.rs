//! Why something cannot be rendered, with a stable code, a remedy and what trying again would achieve.

use std::{fmt, io};

use model::RetryClass;

/// Where a failure lies, as far as the tool said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path inside the artifact, or as the tool named it.
    pub file: String,
    /// Line, from 1, if known.
    pub line: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// Says why nothing was rendered. Texts of tools are bounded and hold no path of this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A program is not installed.
    #[error("the program {program} is missing: {reason}")]
    Missing {
        /// Its name.
        program: &'static str,
        /// Where it was looked for.
        reason: String,
    },
    /// A program cannot be started.
    #[error("the program {program} cannot be started")]
    Start {
        /// Its name.
        program: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder for temporary files cannot be used.
    #[error("could not {act} temporary files")]
    Scratch {
        /// What failed.
        act: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The application's path is not in the artifact.
    #[error("there is no folder {path:?}")]
    Path {
        /// The path.
        path: String,
    },
    /// A symbolic link that leads out of the repository.
    #[error("the link {path:?} points to {target:?}, which is not in the repository")]
    Link {
        /// The link.
        path: String,
        /// Its target, bounded.
        target: String,
    },
    /// A pattern is no glob.
    #[error("{glob:?} is no pattern: {reason}")]
    Glob {
        /// The pattern.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A values file is missing, or leads out of the repository.
    #[error("there is no values file {file:?}")]
    Values {
        /// The file as the application names it.
        file: String,
    },
    /// A chart's dependency is neither in Git nor was it brought.
    #[error("the chart in {chart:?} depends on {dependency:?}, which is not in its folder charts/")]
    Dependency {
        /// The chart's folder.
        chart: String,
        /// The dependency.
        dependency: String,
    },
    /// The tool ran and refused.
    #[error("{program} failed{}: {message}", .place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default())]
    Failed {
        /// The tool.
        program: &'static str,
        /// Where, if the tool said so.
        place: Option<Place>,
        /// The tool's own words, bounded.
        message: String,
    },
    /// Two renders of the same files differ.
    #[error("two renders of the same files differ, first at {place}")]
    Random {
        /// Where they differ: a rendered file and its line.
        place: Place,
    },
    /// The time bound passed.
    #[error("{program} did not end within {seconds} s")]
    Timeout {
        /// The tool.
        program: &'static str,
        /// The bound, in seconds.
        seconds: u64,
    },
    /// The output bound passed.
    #[error("{program} wrote more than {bytes} bytes")]
    Output {
        /// The tool.
        program: &'static str,
        /// The bound, in bytes.
        bytes: u64,
    },
}

impl EngineError {
    /// The stable code, such as `RENDER-FAILED`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "ENGINE-MISSING",
            Self::Start { .. } => "ENGINE-START",
            Self::Scratch { .. } => "ENGINE-SCRATCH",
            Self::Path { .. } => "RENDER-PATH",
            Self::Link { .. } => "RENDER-LINK",
            Self::Glob { .. } => "RENDER-GLOB",
            Self::Values { .. } => "RENDER-VALUES",
            Self::Dependency { .. } => "RENDER-DEPENDENCY",
            Self::Failed { .. } => "RENDER-FAILED",
            Self::Random { .. } => "RENDER-RANDOM",
            Self::Timeout { .. } => "RENDER-TIMEOUT",
            Self::Output { .. } => "RENDER-TOO-LARGE",
        }
    }

    /// What a person can do; empty if nothing can be said.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "install it, or name its folder in DRIFTLESS_TOOLS_BIN",
            Self::Start { .. } => "check that the program can be executed on this machine",
            Self::Scratch { .. } => "check the disk's space and the folder's owner and rights",
            Self::Path { .. } => "correct the application's path",
            Self::Link { .. } => "replace the link by a file, or point it inside the repository",
            Self::Glob { .. } => "correct include or exclude",
            Self::Values { .. } => "commit the file, or correct valuesFiles; paths are relative to the chart",
            Self::Dependency { .. } => {
                "commit it to the charts/ folder, or correct its repository in Chart.yaml"
            }
            Self::Failed { .. } => {
                "correct the file; what lies on other servers is not loaded, and a kustomization reads files \
                 only below its own folder"
            }
            Self::Random { .. } => {
                "give the value in values, or set pinNonDeterministic to keep what the first render gave"
            }
            Self::Timeout { .. } => "look for a template that loops; check the machine's load",
            Self::Output { .. } => "look for a template that loops, or split the application",
        }
    }

    /// What trying again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Start { .. } | Self::Scratch { .. } | Self::Timeout { .. } => RetryClass::Transient,
            Self::Missing { .. }
            | Self::Path { .. }
            | Self::Link { .. }
            | Self::Glob { .. }
            | Self::Values { .. }
            | Self::Dependency { .. }
            | Self::Failed { .. }
            | Self::Random { .. }
            | Self::Output { .. } => RetryClass::Permanent,
        }
    }

    /// Where the failure lies, if known.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Failed { place, .. } => place.as_ref(),
            Self::Random { place } => Some(place),
            Self::Missing { .. }
            | Self::Start { .. }
            | Self::Scratch { .. }
            | Self::Path { .. }
            | Self::Link { .. }
            | Self::Glob { .. }
            | Self::Values { .. }
            | Self::Dependency { .. }
            | Self::Timeout { .. }
            | Self::Output { .. } => None,
        }
    }
}
