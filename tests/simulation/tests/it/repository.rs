//! What is in Git: the fleet, and the manifests of its applications.

use std::collections::BTreeMap;

use model::{ClusterName, Digest};
use serde_json::{Value, json};

/// The namespace that all applications share, so that objects can move between them.
pub const NAMESPACE: &str = "shop";

/// Both repositories.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    /// Commits so far.
    pub commits: u64,
    pub clusters: Vec<ClusterName>,
    pub applications: BTreeMap<String, Application>,
    /// Every tree that ever was, by its digest.
    trees: BTreeMap<Digest, Vec<Value>>,
}

/// An application and its manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    pub deletion: Deletion,
    /// Data by the name of the ConfigMap.
    pub maps: BTreeMap<String, BTreeMap<String, String>>,
    pub health: Health,
}

/// What becomes of its objects when it leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Deletion {
    #[default]
    Orphan,
    Delete,
}

/// Whether its manifests can be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Health {
    #[default]
    Good,
    Broken,
}

impl Repository {
    /// Of a fleet of these clusters, with nothing on them.
    pub fn of(clusters: Vec<ClusterName>) -> Self {
        Self { clusters, ..Self::default() }
    }

    /// The documents at a path of a source, and the digest of them; remembered for whoever renders them later.
    pub fn read(&mut self, source: &str, path: &str) -> Digest {
        let documents = match source {
            "driftless-fleet" => self.fleet(),
            _ => self.manifests(path),
        };
        let text: Vec<String> = documents.iter().map(ToString::to_string).collect();
        let digest = Digest::of(text.join("\n").as_bytes());
        self.trees.insert(digest, documents);
        digest
    }

    /// The documents of a tree that was read before.
    pub fn tree(&self, digest: &Digest) -> &[Value] {
        self.trees.get(digest).map(Vec::as_slice).unwrap_or_default()
    }

    fn fleet(&self) -> Vec<Value> {
        let document = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "driftless.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
        let mut all =
            vec![document("Source", "repo", json!({"git": {"url": "https://git.example/repo.git"}}))];
        for name in &self.clusters {
            all.push(document("Cluster", name.as_str(), json!({"kubeconfig": {"file": name.as_str()}})));
        }
        for (name, application) in &self.applications {
            let deletion = match application.deletion {
                Deletion::Orphan => "orphan",
                Deletion::Delete => "delete",
            };
            let spec = json!({"source": {"name": "repo", "path": name}, "targets": {}, "namespace": NAMESPACE,
                "deletion": deletion, "guard": {"maxPrunePercent": 60}});
            all.push(document("Application", name, spec));
        }
        all
    }

    fn manifests(&self, path: &str) -> Vec<Value> {
        let Some(application) = self.applications.get(path) else { return vec![] };
        if application.health == Health::Broken {
            return vec![json!("no manifest"), json!(self.commits)];
        }
        let map = |(name, data): (&String, &BTreeMap<String, String>)| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
        application.maps.iter().map(map).collect()
    }
}
