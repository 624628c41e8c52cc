//! The complete, validated set of definitions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    Application, ApplicationName, Cluster, Digest, Source, SourceName,
    definition::{Fleet, IgnoreRule, SourcePath},
    name::FLEET,
};

/// Most applications, clusters or sources in one set: bounds what one hostile commit can cost.
pub const DEFINITIONS_MAX: usize = 100_000;

/// The complete, validated set of definitions; everyone reads only whole sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionSet {
    sources: Vec<Source>,
    clusters: Vec<Cluster>,
    applications: Vec<Application>,
    /// The folder of the fleet repository that the set is read from; its source is among the others.
    #[serde(default)]
    fleet: Option<SourcePath>,
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
    /// Something that cannot be different for some clusters.
    #[error("application {application} has an override that cannot be one: {problem}")]
    Override {
        /// The application.
        application: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A cluster is restricted to namespaces that cannot be.
    #[error("the reach of cluster {cluster} cannot be: {problem}")]
    Reach {
        /// The cluster.
        cluster: String,
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
        let reserved = sources.iter().any(|source| source.name == SourceName::fleet());
        if reserved || applications.iter().any(|application| application.name == ApplicationName::fleet()) {
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
        for cluster in &clusters {
            if let Some(problem) = cluster.reach.problem(&cluster.namespace) {
                return Err(SetError::Reach { cluster: cluster.name.to_string(), problem });
            }
        }
        for application in &applications {
            if let Some(problem) = application.ignore.iter().find_map(IgnoreRule::problem) {
                return Err(SetError::IgnoreRule { application: application.name.to_string(), problem });
            }
            let mut problems = application.overrides.iter().map(|one| one.problem(&application.rendering));
            if let Some(problem) = problems.find_map(|problem| problem) {
                return Err(SetError::Override { application: application.name.to_string(), problem });
            }
        }
        Ok(Self { sources, clusters, applications, fleet: None })
    }

    /// The same definitions, read from that fleet repository: its source joins the others.
    pub fn read_from(mut self, fleet: Fleet) -> Self {
        let name = SourceName::fleet();
        self.sources.retain(|source| source.name != name);
        let at = self.sources.partition_point(|source| source.name < name);
        self.sources.insert(at, Source { name: name.clone(), git: fleet.git, poll_ms: fleet.poll_ms });
        self.fleet = Some(SourcePath { name, path: fleet.path });
        self
    }

    /// The same definitions, handed over by somebody.
    pub fn handed_over(mut self) -> Self {
        self.sources.retain(|source| source.name != SourceName::fleet());
        self.fleet = None;
        self
    }

    /// The fleet repository that the set is read from; `None`: it was handed over.
    pub fn fleet(&self) -> Option<Fleet> {
        let (folder, source) = (self.fleet.as_ref()?, self.source(&SourceName::fleet())?);
        Some(Fleet { git: source.git.clone(), path: folder.path.clone(), poll_ms: source.poll_ms })
    }

    /// Its folder, as applications name theirs.
    pub fn fleet_folder(&self) -> Option<&SourcePath> {
        self.fleet.as_ref()
    }

    /// All sources, by name, the fleet repository too.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Git, GitAuth, Reference};

    fn git(url: &str) -> Git {
        Git {
            url: url.into(),
            reference: Reference::Default,
            auth: GitAuth::None,
            ca_file: None,
            verify: None,
            proxy: None,
        }
    }

    fn source(name: &str) -> Source {
        Source { name: name.parse().unwrap(), git: git("a"), poll_ms: 1 }
    }

    fn fleet(url: &str) -> Fleet {
        Fleet { git: git(url), path: "fleet".into(), poll_ms: 7 }
    }

    #[test]
    fn the_fleet_repository_joins_the_sources_once() {
        let set = DefinitionSet::new(vec![source("z"), source("a")], vec![], vec![]).unwrap();
        let read = set.clone().read_from(fleet("old")).read_from(fleet("new"));
        assert_eq!(read.fleet(), Some(fleet("new")));
        let names: Vec<&str> = read.sources().iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["a", FLEET, "z"]);
        assert_eq!(read.source(&SourceName::fleet()).unwrap().git.url, "new");
        assert_eq!((read.handed_over(), set.fleet()), (set, None));
    }

    #[test]
    fn nothing_may_be_called_as_the_fleet_repository_is() {
        let refused = DefinitionSet::new(vec![source(FLEET)], vec![], vec![]);
        assert_eq!(refused, Err(SetError::Reserved));
    }

    #[test]
    fn a_set_that_was_stored_before_there_were_fleets_is_read() {
        #[derive(Serialize)]
        struct Old {
            sources: Vec<Source>,
            clusters: Vec<Cluster>,
            applications: Vec<Application>,
        }
        let old = Old { sources: vec![source("a")], clusters: vec![], applications: vec![] };
        let read: DefinitionSet = rmp_serde::from_slice(&rmp_serde::to_vec_named(&old).unwrap()).unwrap();
        assert_eq!(read, DefinitionSet::new(vec![source("a")], vec![], vec![]).unwrap());
    }
}
