//! What a cluster serves.

use std::collections::{BTreeMap, BTreeSet};

use model::{ApiVersion, Gvk};

use crate::Resource;

/// What a cluster serves, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovery {
    resources: BTreeMap<Gvk, Resource>,
    /// Per group: its versions, the preferred one first.
    versions: BTreeMap<String, Vec<String>>,
    /// Group versions that could not be asked; what they serve is unknown.
    unavailable: BTreeSet<ApiVersion>,
}

/// The answer to "is this kind served?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// It is.
    Known(&'a Resource),
    /// It is not: surely.
    UnknownKind,
    /// The part of the API that would serve it did not answer: unknown, never missing.
    GroupUnavailable,
}

impl Discovery {
    /// Records that `version` answered and serves `resources`. Of several resources of one kind the first
    /// counts.
    pub(crate) fn add(&mut self, version: &ApiVersion, resources: impl IntoIterator<Item = Resource>) {
        self.add_version(version);
        for resource in resources {
            self.resources.entry(resource.gvk.clone()).or_insert(resource);
        }
    }

    /// Records that `version` exists and did not answer.
    pub(crate) fn add_unavailable(&mut self, version: ApiVersion) {
        self.add_version(&version);
        self.unavailable.insert(version);
    }

    /// Records that a kind answers as one that is not served does: whether it is, the next discovery tells.
    pub fn doubt(&mut self, group: &str, kind: &str) {
        let of = |gvk: &Gvk| gvk.api_version.group == group && gvk.kind == kind;
        let doubted = self.resources.extract_if(.., |gvk, _| of(gvk));
        self.unavailable.extend(doubted.map(|(gvk, _)| gvk.api_version));
    }

    fn add_version(&mut self, version: &ApiVersion) {
        let versions = self.versions.entry(version.group.clone()).or_default();
        if !versions.contains(&version.version) {
            versions.push(version.version.clone());
        }
    }

    /// Whether exactly this kind at this version is served.
    pub fn lookup(&self, gvk: &Gvk) -> Lookup<'_> {
        match self.resources.get(gvk) {
            Some(resource) => Lookup::Known(resource),
            None if self.unavailable.contains(&gvk.api_version) => Lookup::GroupUnavailable,
            None => Lookup::UnknownKind,
        }
    }

    /// Where objects of a kind are to be found: at this version, or, if that one is served no more, at the one that the
    /// server prefers. They outlive the version that they were written at.
    pub fn found(&self, gvk: &Gvk) -> Lookup<'_> {
        match self.lookup(gvk) {
            Lookup::UnknownKind => self.preferred(&gvk.api_version.group, &gvk.kind),
            known @ (Lookup::Known(_) | Lookup::GroupUnavailable) => known,
        }
    }

    /// The kind at the version that the server prefers among those that serve it.
    pub fn preferred(&self, group: &str, kind: &str) -> Lookup<'_> {
        let versions = self.versions.get(group).map(Vec::as_slice).unwrap_or_default();
        let mut unavailable = false;
        for version in versions {
            let api_version = ApiVersion { group: group.to_owned(), version: version.clone() };
            match self.lookup(&Gvk { api_version, kind: kind.to_owned() }) {
                Lookup::Known(resource) => return Lookup::Known(resource),
                Lookup::GroupUnavailable => unavailable = true,
                Lookup::UnknownKind => {}
            }
        }
        if unavailable { Lookup::GroupUnavailable } else { Lookup::UnknownKind }
    }

    /// Everything that is served, at every version, in the order of group, version and kind.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// The group versions that did not answer; empty for a complete discovery.
    pub fn unavailable(&self) -> &BTreeSet<ApiVersion> {
        &self.unavailable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    fn gvk(version: &str, kind: &str) -> Gvk {
        Gvk { api_version: version.parse().unwrap(), kind: kind.into() }
    }

    fn resource(version: &str, kind: &str) -> Resource {
        let plural = format!("{}s", kind.to_lowercase());
        Resource { gvk: gvk(version, kind), plural, scope: Scope::Namespaced, verbs: vec![] }
    }

    #[test]
    fn what_did_not_answer_is_never_missing() {
        let mut discovery = Discovery::default();
        discovery.add_unavailable("metrics/v1beta1".parse().unwrap());
        discovery.add(&"shop/v1".parse().unwrap(), [resource("shop/v1", "Cart")]);
        discovery.add_unavailable("shop/v1alpha1".parse().unwrap());
        assert_eq!(discovery.lookup(&gvk("metrics/v1beta1", "Node")), Lookup::GroupUnavailable);
        assert_eq!(discovery.preferred("metrics", "Node"), Lookup::GroupUnavailable);
        assert_eq!(discovery.lookup(&gvk("shop/v1", "Cart")), Lookup::Known(&resource("shop/v1", "Cart")));
        assert_eq!(discovery.lookup(&gvk("shop/v1", "Other")), Lookup::UnknownKind);
        // v1alpha1 might serve it.
        assert_eq!(discovery.preferred("shop", "Other"), Lookup::GroupUnavailable);
        assert_eq!(discovery.preferred("none", "Other"), Lookup::UnknownKind);
        // Served no more at the version that it was written at.
        let cart = resource("shop/v1", "Cart");
        assert_eq!(discovery.found(&gvk("shop/v1beta1", "Cart")), Lookup::Known(&cart));
        assert_eq!(discovery.found(&gvk("shop/v1beta1", "Other")), Lookup::GroupUnavailable);
        assert_eq!(discovery.found(&gvk("none/v1", "Other")), Lookup::UnknownKind);
    }

    #[test]
    fn what_is_doubted_is_neither_served_nor_missing() {
        let mut discovery = Discovery::default();
        discovery
            .add(&"shop/v1".parse().unwrap(), [resource("shop/v1", "Cart"), resource("shop/v1", "Shop")]);
        discovery.doubt("shop", "Cart");
        discovery.doubt("none", "Cart");
        assert_eq!(discovery.found(&gvk("shop/v1", "Cart")), Lookup::GroupUnavailable);
        assert_eq!(discovery.found(&gvk("none/v1", "Cart")), Lookup::UnknownKind);
        assert!(
            matches!(discovery.found(&gvk("shop/v1", "Shop")), Lookup::Known(_)),
            "others of its version"
        );
    }

    #[test]
    fn the_servers_order_of_versions_is_kept() {
        let mut discovery = Discovery::default();
        for version in ["autoscaling/v2", "autoscaling/v1"] {
            discovery.add(&version.parse().unwrap(), [resource(version, "Scaler")]);
        }
        let expected = resource("autoscaling/v2", "Scaler");
        assert_eq!(discovery.preferred("autoscaling", "Scaler"), Lookup::Known(&expected));
    }
}
