//! What of a cluster driftless sees and changes.

use serde::{Deserialize, Serialize};

use crate::ObjectId;

/// Most namespaces that one cluster is restricted to. Each kind is watched in each of them: with the seven kinds of an
/// ordinary application that is 448 of the 512 watches that one connection to a cluster carries.
pub const NAMESPACES_MAX: usize = 64;

/// What of a cluster driftless sees and changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reach {
    /// All of it.
    #[default]
    Whole,
    /// All of it; but of a kind that may not be listed on the whole cluster, what is in this namespace.
    WholeElse {
        /// The namespace.
        namespace: String,
    },
    /// What is in these namespaces, and nothing that needs rights on the whole cluster unless it is allowed.
    #[serde(rename_all = "camelCase")]
    Only {
        /// The namespaces; at least one.
        namespaces: Vec<String>,
        /// Whether what lives in no namespace belongs to it too.
        #[serde(default)]
        cluster_resources: ClusterResources,
    },
}

/// Whether objects that live in no namespace are within reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClusterResources {
    /// They are not: none is watched, none is written.
    #[default]
    Refused,
    /// They are.
    Allowed,
}

impl Reach {
    /// Whether an object, its namespace resolved, is within reach.
    pub fn holds(&self, id: &ObjectId) -> bool {
        match (self, &id.namespace) {
            (Self::Whole | Self::WholeElse { .. }, _) => true,
            (Self::Only { namespaces, .. }, Some(namespace)) => namespaces.contains(namespace),
            (Self::Only { .. }, None) => self.holds_cluster_resources(),
        }
    }

    /// Whether objects that live in no namespace are within reach; Namespaces are such objects.
    pub fn holds_cluster_resources(&self) -> bool {
        match self {
            Self::Whole | Self::WholeElse { .. } => true,
            Self::Only { cluster_resources, .. } => *cluster_resources == ClusterResources::Allowed,
        }
    }

    /// The namespaces that a kind is looked for in, one by one; `None`: in all of them at once.
    pub fn namespaces(&self) -> Option<&[String]> {
        match self {
            Self::Whole | Self::WholeElse { .. } => None,
            Self::Only { namespaces, .. } => Some(namespaces),
        }
    }

    /// What is wrong with it, where the platform keeps its Lease in `own`.
    pub fn problem(&self, own: &str) -> Option<String> {
        let Self::Only { namespaces, .. } = self else { return None };
        let twice = namespaces.iter().enumerate().find(|(at, name)| namespaces[..*at].contains(name));
        if namespaces.is_empty() {
            Some("a cluster that is restricted to namespaces needs at least one".to_owned())
        } else if namespaces.len() > NAMESPACES_MAX {
            Some(format!("{} namespaces: {NAMESPACES_MAX} are the most", namespaces.len()))
        } else if let Some((_, name)) = twice {
            Some(format!("namespace {name} stands here twice"))
        } else if !namespaces.iter().any(|name| name == own) {
            Some(format!("namespace {own}, in which the Lease is kept, is not among them"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(namespaces: &[&str]) -> Reach {
        let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
        Reach::Only { namespaces, cluster_resources: ClusterResources::Refused }
    }

    fn id(namespace: Option<&str>) -> ObjectId {
        let (group, kind) = (String::new(), "ConfigMap".to_owned());
        ObjectId { group, kind, namespace: namespace.map(str::to_owned), name: "a".into() }
    }

    #[test]
    fn what_is_in_no_namespace_is_within_reach_only_if_that_is_said() {
        let mut reach = only(&["a", "b"]);
        let held = |reach: &Reach| [Some("a"), Some("c"), None].map(|name| reach.holds(&id(name)));
        assert_eq!(held(&reach), [true, false, false]);
        assert_eq!(held(&Reach::Whole), [true, true, true]);
        if let Reach::Only { cluster_resources, .. } = &mut reach {
            *cluster_resources = ClusterResources::Allowed;
        }
        assert_eq!(held(&reach), [true, false, true]);
    }

    #[test]
    fn a_reach_that_cannot_be_is_told() {
        let many: Vec<String> = (0..=NAMESPACES_MAX).map(|at| format!("n{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (namespaces, words) in [
            (&[][..], "at least one"),
            (&["a", "b", "a"], "namespace a stands here twice"),
            (&["b"], "namespace a, in which the Lease is kept"),
            (&many, "64 are the most"),
        ] {
            let problem = only(namespaces).problem("a").unwrap();
            assert!(problem.contains(words), "{problem}");
        }
        assert_eq!(only(&["a", "b"]).problem("a"), None);
        assert_eq!(Reach::Whole.problem("anywhere"), None);
    }

    #[test]
    fn it_is_written_as_people_read_it() {
        let text = r#"{"only":{"namespaces":["a"],"clusterResources":"refused"}}"#;
        assert_eq!(serde_json::to_string(&only(&["a"])).unwrap(), text);
        assert_eq!(serde_json::from_str::<Reach>(text).unwrap(), only(&["a"]));
        assert_eq!(serde_json::from_str::<Reach>(r#""whole""#).unwrap(), Reach::Whole);
    }
}
