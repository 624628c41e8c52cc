//! Clusters that have an aggregate, and that nothing names any more.

use events::state::ClusterState;
use model::ClusterName;

use super::{Arc, Dirty, Known};

impl Known {
    /// Takes what a cluster's newest event says; `None`: it was its last.
    pub(super) fn take_cluster(&mut self, name: ClusterName, state: Option<ClusterState>) -> Dirty {
        // What could not be read is followed by something that can.
        self.unreadable.remove(&name);
        let defined = self.definitions.as_ref().is_some_and(|known| known.set.cluster(&name).is_some());
        match state {
            Some(state) => {
                if !defined {
                    self.undefined.insert(name.clone());
                }
                self.clusters.insert(name, Arc::new(state));
            }
            None => {
                self.undefined.remove(&name);
                self.clusters.remove(&name);
            }
        }
        Dirty::Targets(Vec::new())
    }

    /// Works out anew which clusters the definitions leave out.
    pub(super) fn note_undefined(&mut self) {
        let Some(definitions) = &self.definitions else { return };
        let names = self.clusters.keys().filter(|name| definitions.set.cluster(name).is_none());
        self.undefined = names.cloned().collect();
    }

    /// Clusters to be retired, by the definitions of that version: not defined, with nothing to be released, and
    /// readable with all targets. `None`: no definitions mean unknown, never empty.
    pub fn nameless_clusters(&self) -> Option<(u64, Vec<ClusterName>)> {
        let definitions = self.definitions.as_ref()?;
        let parked = |name: &ClusterName| {
            let mut targets = self.parked.iter().chain(&self.syncs_parked);
            self.unreadable.contains(name) || targets.any(|target| target.cluster == *name)
        };
        let nameless = self.undefined.iter().filter(|name| !self.is_left(name) && !parked(name));
        Some((definitions.n, nameless.cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use events::state::Reachability;
    use model::{Cluster, DefinitionSet, TargetId};

    use super::*;
    use crate::known::{Definitions, News};

    fn cluster(name: &str) -> Cluster {
        Cluster {
            name: name.parse().unwrap(),
            labels: Default::default(),
            kubeconfig: Default::default(),
            namespace: model::definition::OWN_NAMESPACE.into(),
            reach: Default::default(),
        }
    }

    fn state(name: &str) -> ClusterState {
        let reachability = Reachability::Connected { version: "v1.36.3".into() };
        ClusterState { definition: cluster(name), reachability, restored: None, identity: Default::default() }
    }

    fn connected(known: &mut Known, name: &str) {
        known.take(News::Cluster(name.parse().unwrap(), Some(state(name))));
    }

    fn define(known: &mut Known, n: u64, clusters: &[&str]) {
        let clusters = clusters.iter().map(|name| cluster(name)).collect();
        let set = DefinitionSet::new(vec![], clusters, vec![]).unwrap();
        known.take(News::Definitions(Definitions::new(n, set)));
    }

    fn nameless(known: &Known) -> Vec<String> {
        let nameless = known.nameless_clusters().map(|(_, nameless)| nameless).unwrap_or_default();
        nameless.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_the_definitions_leave_out_is_nameless_and_only_until_it_is_retired() {
        let mut known = Known::default();
        connected(&mut known, "eu");
        connected(&mut known, "us");
        assert_eq!(nameless(&known), [""; 0], "no definitions mean unknown");
        define(&mut known, 1, &["eu", "us"]);
        assert_eq!(nameless(&known), [""; 0]);
        define(&mut known, 2, &["eu"]);
        assert_eq!(nameless(&known), ["us"]);
        known.take(News::Cluster("us".parse().unwrap(), None));
        assert_eq!(nameless(&known), [""; 0]);
        // A last word of the worker that watched it.
        connected(&mut known, "us");
        assert_eq!(nameless(&known), ["us"]);
        define(&mut known, 3, &["eu", "us"]);
        assert_eq!(nameless(&known), [""; 0]);
    }

    #[test]
    fn a_cluster_with_something_to_release_keeps_its_name() {
        let mut known = Known::default();
        let target =
            |name: &str| TargetId { cluster: "us".parse().unwrap(), application: name.parse().unwrap() };
        connected(&mut known, "us");
        known.leaving.insert(target("shop"), None);
        define(&mut known, 1, &[]);
        assert_eq!(nameless(&known), [""; 0]);
        known.leaving.clear();
        assert_eq!(nameless(&known), ["us"]);
        known.take(News::Parked(target("unreadable")));
        assert_eq!(nameless(&known), [""; 0], "what it holds is not known");
    }

    #[test]
    fn a_cluster_that_cannot_be_read_is_left_alone_until_it_can() {
        let mut known = Known::default();
        connected(&mut known, "us");
        known.take(News::Unreadable("us".parse().unwrap()));
        define(&mut known, 1, &[]);
        assert_eq!(nameless(&known), [""; 0]);
        connected(&mut known, "us");
        assert_eq!(nameless(&known), ["us"]);
    }
}
