//! The complete, validated set of definitions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Application, Cluster, Digest, Source, definition::IgnoreRule};

/// Most applications, clusters or sources in one set: bounds what one hostile commit can cost.
pub const DEFINITIONS_MAX: usize = 100_000;

/// What the fleet repository itself is called, as a source and as the application that is rendered from it; nobody else
/// may be called so.
pub const FLEET: &str = "driftless-fleet";

/// The complete, validated set of definitions; everyone reads only whole sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionSet {
    sources: Vec<Source>,
    clusters: Vec<Cluster>,
    applications: Vec<Application>,
}

/// Says why a collection of definitions is not a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// Two definitions of one kind share a name.
    #[error("two definitions of kind {kind} are called {name}")]
    Duplicate {
        /// `Source`, `Cluster` or `Application`.
        kind: &'static str,
        /// The shared name.
        name: String,
    },
    /// A source or an application is called as the fleet repository is.
    #[error("{FLEET} is what the fleet repository itself is called")]
    Reserved,
    /// An application names a source that is not in the set.
    #[error("application {application} names source {name}, which is not defined")]
    UnknownSource {
        /// The application.
        application: String,
        /// The missing source.
        name: String,
    },
    /// A source's address or proxy shows a secret value.
    #[error("the address or proxy of source {name} shows a password or token: definitions are kept in clear")]
    SecretShown {
        /// The source.
        name: String,
    },
    /// A rule about fields of others that cannot be one.
    #[error("application {application} has an ignore rule that cannot be one: {problem}")]
    IgnoreRule {
        /// The application.
        application: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Too many definitions.
    #[error("{count} definitions of kind {kind}: {DEFINITIONS_MAX} are the most")]
    TooMany {
        /// `Source`, `Cluster` or `Application`.
        kind: &'static str,
        /// How many there are.
        count: usize,
    },
}

impl DefinitionSet {
    /// Makes a set: sorted by name, names unique, references resolved.
    ///
    /// # Errors
    /// By the first rule broken (permanent: the definitions must change).
    pub fn new(
        mut sources: Vec<Source>,
        mut clusters: Vec<Cluster>,
        mut applications: Vec<Application>,
    ) -> Result<Self, SetError> {
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        clusters.sort_by(|a, b| a.name.cmp(&b.name));
        applications.sort_by(|a, b| a.name.cmp(&b.name));
        unique("Source", sources.iter().map(|source| source.name.as_str()))?;
        unique("Cluster", clusters.iter().map(|cluster| cluster.name.as_str()))?;
        unique("Application", applications.iter().map(|application| application.name.as_str()))?;
        let mut names = sources.iter().map(|source| source.name.as_str());
        if names.any(|name| name == FLEET)
            || applications.iter().any(|application| application.name.as_str() == FLEET)
        {
            return Err(SetError::Reserved);
        }
        if let Some(shown) = sources.iter().find(|source| source.git.shows_secret()) {
            return Err(SetError::SecretShown { name: shown.name.to_string() });
        }
        let known: BTreeSet<_> = sources.iter().map(|source| &source.name).collect();
        if let Some(lost) = applications.iter().find(|application| !known.contains(&application.source.name))
        {
            return Err(SetError::UnknownSource {
                application: lost.name.to_string(),
                name: lost.source.name.to_string(),
            });
        }
        for application in &applications {
            if let Some(problem) = application.ignore.iter().find_map(IgnoreRule::problem) {
                return Err(SetError::IgnoreRule { application: application.name.to_string(), problem });
            }
        }
        Ok(Self { sources, clusters, applications })
    }

    /// All sources, by name.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// All clusters, by name.
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// All applications, by name.
    pub fn applications(&self) -> &[Application] {
        &self.applications
    }

    /// The application of that name.
    pub fn application(&self, name: &crate::ApplicationName) -> Option<&Application> {
        let found = self.applications.binary_search_by(|application| application.name.cmp(name));
        found.ok().and_then(|index| self.applications.get(index))
    }

    /// The cluster of that name.
    pub fn cluster(&self, name: &crate::ClusterName) -> Option<&Cluster> {
        let found = self.clusters.binary_search_by(|cluster| cluster.name.cmp(name));
        found.ok().and_then(|index| self.clusters.get(index))
    }

    /// The source of that name.
    pub fn source(&self, name: &crate::SourceName) -> Option<&Source> {
        let found = self.sources.binary_search_by(|source| source.name.cmp(name));
        found.ok().and_then(|index| self.sources.get(index))
    }

    /// Digest of an encoded set.
    pub fn digest(encoded: &[u8]) -> Digest {
        Digest::of_parts("definitions", [encoded])
    }
}

fn unique<'a>(kind: &'static str, names: impl ExactSizeIterator<Item = &'a str>) -> Result<(), SetError> {
    let count = names.len();
    if count > DEFINITIONS_MAX {
        return Err(SetError::TooMany { kind, count });
    }
    let mut last = None;
    for name in names {
        if last == Some(name) {
            return Err(SetError::Duplicate { kind, name: name.to_owned() });
        }
        last = Some(name);
    }
    Ok(())
}
