//! Aggregates: the things that have a state of their own in the log, each written by exactly one role.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApplicationName, ClusterName, Digest, SourceName};

/// Number of partitions; part of the wire format, never changed.
pub const PARTITIONS: u16 = 256;

/// One of the 256 parts that aggregates are spread over; what roles own, watch and hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(pub u8);

impl Partition {
    /// All partitions, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    fn of(id: &str) -> Self {
        Self(Digest::of_parts("partition", [id.as_bytes()]).as_bytes()[0])
    }

    /// The partition of a cluster: of its `cluster`, `target`, `sync` and `command` aggregates alike.
    pub fn of_cluster(cluster: &ClusterName) -> Self {
        Self::of(cluster.as_str())
    }
}

/// One application on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetId {
    /// Where it runs.
    pub cluster: ClusterName,
    /// What runs.
    pub application: ApplicationName,
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.application)
    }
}

/// What a command is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CommandScope {
    /// One application on one cluster.
    Target(TargetId),
    /// A source.
    Source(SourceName),
    /// A cluster.
    Cluster(ClusterName),
    /// Everything.
    Fleet,
}

/// The kinds of aggregate, one per writing role and purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AggregateKind {
    /// Written by the fetcher: the newest revision of a source.
    Source,
    /// Written by the differ that owns it: the complete set of definitions.
    Definitions,
    /// Written by the renderer: the desired state of an application under one set of parameters.
    Render,
    /// Written by the differ: whether a cluster is reachable.
    Cluster,
    /// Written by the differ: plan, drift and health of a target.
    Target,
    /// Written by the applier: what was done to a target.
    Sync,
    /// Written by the gateway: what people asked for.
    Command,
}

impl AggregateKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Source,
        Self::Definitions,
        Self::Render,
        Self::Cluster,
        Self::Target,
        Self::Sync,
        Self::Command,
    ];

    /// The word that stands for the kind in subjects, keys and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Definitions => "definitions",
            Self::Render => "render",
            Self::Cluster => "cluster",
            Self::Target => "target",
            Self::Sync => "sync",
            Self::Command => "command",
        }
    }
}

/// One aggregate: the unit of version, ownership and history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Aggregate {
    /// `source/<name>`
    Source(SourceName),
    /// `definitions`
    Definitions,
    /// `render/<application>/<parameters digest>`
    Render {
        /// The application.
        application: ApplicationName,
        /// Digest of all parameters of the render; targets with equal parameters share one.
        parameters: Digest,
    },
    /// `cluster/<name>`
    Cluster(ClusterName),
    /// `target/<cluster>/<application>`
    Target(TargetId),
    /// `sync/<cluster>/<application>`
    Sync(TargetId),
    /// `command/…`
    Command(CommandScope),
}

/// Says that a path names no aggregate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no aggregate")]
pub struct AggregateError(String);

impl Aggregate {
    /// The kind.
    pub const fn kind(&self) -> AggregateKind {
        match self {
            Self::Source(_) => AggregateKind::Source,
            Self::Definitions => AggregateKind::Definitions,
            Self::Render { .. } => AggregateKind::Render,
            Self::Cluster(_) => AggregateKind::Cluster,
            Self::Target(_) => AggregateKind::Target,
            Self::Sync(_) => AggregateKind::Sync,
            Self::Command(_) => AggregateKind::Command,
        }
    }

    /// The partition: of the cluster where there is one, else of the aggregate's own id.
    pub fn partition(&self) -> Partition {
        match self {
            Self::Cluster(cluster) | Self::Command(CommandScope::Cluster(cluster)) => {
                Partition::of_cluster(cluster)
            }
            Self::Target(target) | Self::Sync(target) | Self::Command(CommandScope::Target(target)) => {
                Partition::of_cluster(&target.cluster)
            }
            Self::Source(_)
            | Self::Definitions
            | Self::Render { .. }
            | Self::Command(CommandScope::Source(_) | CommandScope::Fleet) => Partition::of(&self.path()),
        }
    }

    /// The words of the path, the kind first: safe as tokens of a subject and as parts of a key.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![self.kind().word().to_owned()];
        match self {
            Self::Source(name) => words.push(name.to_string()),
            Self::Definitions => {}
            Self::Render { application, parameters } => {
                words.extend([application.to_string(), parameters.to_string()]);
            }
            Self::Cluster(name) => words.push(name.to_string()),
            Self::Target(target) | Self::Sync(target) => {
                words.extend([target.cluster.to_string(), target.application.to_string()]);
            }
            Self::Command(scope) => words.extend(scope_words(scope)),
        }
        words
    }

    /// The path, as people and indexes know it: `sync/eu-1/shop`.
    pub fn path(&self) -> String {
        self.words().join("/")
    }

    /// Reads the words that [`words`](Self::words) wrote.
    ///
    /// # Errors
    /// If they name no aggregate (permanent).
    pub fn from_words(words: &[&str]) -> Result<Self, AggregateError> {
        let fail = || AggregateError(words.join("/"));
        let target = |cluster: &str, application: &str| -> Result<TargetId, AggregateError> {
            Ok(TargetId {
                cluster: cluster.parse().map_err(|_| fail())?,
                application: application.parse().map_err(|_| fail())?,
            })
        };
        Ok(match words {
            ["source", name] => Self::Source(name.parse().map_err(|_| fail())?),
            ["definitions"] => Self::Definitions,
            ["render", application, parameters] => Self::Render {
                application: application.parse().map_err(|_| fail())?,
                parameters: parameters.parse().map_err(|_| fail())?,
            },
            ["cluster", name] => Self::Cluster(name.parse().map_err(|_| fail())?),
            ["target", cluster, application] => Self::Target(target(cluster, application)?),
            ["sync", cluster, application] => Self::Sync(target(cluster, application)?),
            ["command", "target", cluster, application] => {
                Self::Command(CommandScope::Target(target(cluster, application)?))
            }
            ["command", "source", name] => {
                Self::Command(CommandScope::Source(name.parse().map_err(|_| fail())?))
            }
            ["command", "cluster", name] => {
                Self::Command(CommandScope::Cluster(name.parse().map_err(|_| fail())?))
            }
            ["command", "fleet"] => Self::Command(CommandScope::Fleet),
            _ => return Err(fail()),
        })
    }
}

fn scope_words(scope: &CommandScope) -> Vec<String> {
    match scope {
        CommandScope::Target(target) => {
            vec!["target".into(), target.cluster.to_string(), target.application.to_string()]
        }
        CommandScope::Source(name) => vec!["source".into(), name.to_string()],
        CommandScope::Cluster(name) => vec!["cluster".into(), name.to_string()],
        CommandScope::Fleet => vec!["fleet".into()],
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Aggregate> {
        let target = TargetId { cluster: "eu-1".parse().unwrap(), application: "shop".parse().unwrap() };
        vec![
            Aggregate::Source("shop".parse().unwrap()),
            Aggregate::Definitions,
            Aggregate::Render { application: "shop".parse().unwrap(), parameters: Digest::of(b"p") },
            Aggregate::Cluster("eu-1".parse().unwrap()),
            Aggregate::Target(target.clone()),
            Aggregate::Sync(target.clone()),
            Aggregate::Command(CommandScope::Target(target)),
            Aggregate::Command(CommandScope::Source("shop".parse().unwrap())),
            Aggregate::Command(CommandScope::Cluster("eu-1".parse().unwrap())),
            Aggregate::Command(CommandScope::Fleet),
        ]
    }

    #[test]
    fn words_round_trip() {
        for aggregate in one_of_each() {
            let words = aggregate.words();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            assert_eq!(Aggregate::from_words(&words), Ok(aggregate));
        }
        assert!(Aggregate::from_words(&["sync", "eu-1", "*"]).is_err());
        assert!(Aggregate::from_words(&["sync", "eu-1"]).is_err());
    }

    #[test]
    fn everything_of_a_cluster_shares_its_partition() {
        let cluster = "eu-1".parse().unwrap();
        for aggregate in one_of_each() {
            if aggregate.path().contains("/eu-1") {
                assert_eq!(aggregate.partition(), Partition::of_cluster(&cluster), "{aggregate}");
            }
        }
        // Written into stored subjects: a change would strand every log.
        assert_eq!(Partition::of_cluster(&cluster), Partition(PINNED));
    }

    const PINNED: u8 = 160;
}
