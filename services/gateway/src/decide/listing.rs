//! Sources, clusters and applications as they are defined, and how they are.

use events::state::Reachability;
use model::{Application, Cluster, Source};

use super::picture::Picture;
use crate::wire::{self, ApplicationStatus, ClusterStatus, Counts, Evaluated, Problem, SourceStatus};

impl Picture {
    /// How a source is.
    pub fn source(&self, source: &Source, evaluated: Evaluated) -> SourceStatus {
        let facts = self.sources.get(&source.name);
        let reads = |application: &&Application| application.source.name == source.name;
        SourceStatus {
            name: source.name.to_string(),
            repository: source.git.url.clone(),
            reference: facts.and_then(|facts| facts.reference.clone()),
            revision: facts.and_then(|facts| facts.commit.clone()),
            applications: self.set().applications().iter().filter(reads).count() as u64,
            problem: facts.and_then(|facts| facts.failure.as_ref()).map(Problem::from),
            evaluated,
        }
    }

    /// How a cluster is.
    pub fn cluster(&self, cluster: &Cluster, targets: Counts, evaluated: Evaluated) -> ClusterStatus {
        let (server, unreachable, problem) = match self.clusters.get(&cluster.name) {
            Some(Reachability::Connected { version }) => (Some(version.clone()), None, None),
            Some(Reachability::Unreachable { since, failure }) => {
                (None, Some(wire::instant(*since)), Some(Problem::from(failure)))
            }
            None => (None, None, None),
        };
        ClusterStatus {
            name: cluster.name.to_string(),
            labels: cluster.labels.clone(),
            server,
            unreachable,
            targets,
            problem,
            evaluated,
        }
    }
}

/// How an application is. Without targets there is nothing to look at.
pub fn application(
    application: &Application,
    (targets, evaluated): (Counts, Evaluated),
) -> ApplicationStatus {
    ApplicationStatus {
        name: application.name.to_string(),
        source: application.source.name.to_string(),
        path: application.source.path.clone(),
        namespace: application.namespace.clone(),
        targets,
        evaluated,
    }
}
