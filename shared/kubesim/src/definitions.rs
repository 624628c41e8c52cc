//! Custom resources: what a definition makes of the kinds that are served.
//!
//! Conversion webhooks are not simulated: all versions of a resource have the same content.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    api::{Cluster, key, seconds},
    managed::{self, Act, Tracked},
    object::meta,
    schema::{Kind, Type, structural, table},
};

/// Serves what a definition defines, and writes into its status that it is served.
pub(crate) fn serve(cluster: &mut Cluster, definition: &Value, now: Timestamp) {
    let kinds = kinds(definition);
    cluster.custom.insert(meta(definition, "name").to_owned(), kinds);
    let established = definition["status"]["conditions"].as_array().is_some_and(|all| {
        all.iter().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
    });
    let Some(kind) = table().kinds.iter().find(|kind| kind.kind == "CustomResourceDefinition") else {
        return;
    };
    if established {
        return;
    }
    let mut object = definition.clone();
    let condition = |name: &str, reason: &str, message: &str| json!({"type": name, "status": "True", "lastTransitionTime": seconds(now), "reason": reason, "message": message});
    object["status"]["conditions"] = json!([
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]);
    object["status"]["acceptedNames"] = definition["spec"]["names"].clone();
    let act = Act {
        manager: "kube-apiserver",
        api_version: "apiextensions.k8s.io/v1",
        subresource: "status",
        time: &seconds(now),
        of: &kind.of,
        tracked: Tracked::Status,
    };
    let entries = managed::update(definition, &object, managed::live(definition), &act);
    managed::set(&mut object, entries);
    cluster.store.put(key(kind, "", meta(definition, "name")), &mut object);
}

/// No longer serves what a definition defined.
pub(crate) fn stop(cluster: &mut Cluster, name: &str) {
    cluster.custom.remove(name);
}

fn kinds(definition: &Value) -> Vec<Arc<Kind>> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let names = &spec["names"];
    let versions =
        spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true);
    let kinds = versions.map(|version| {
        let schema = &version["schema"]["openAPIV3Schema"];
        let parts = version["subresources"].as_object().into_iter().flatten();
        Arc::new(Kind {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            kind: text(&names["kind"]),
            plural: text(&names["plural"]),
            singular: text(&names["singular"]),
            namespaced: spec["scope"] == "Namespaced",
            of: if schema.is_object() { structural(schema) } else { Type::Any },
            verbs: VERBS.iter().map(|verb| (*verb).to_owned()).collect(),
            short_names: list(&names["shortNames"]),
            categories: list(&names["categories"]),
            subresources: parts.map(|(name, _)| name.clone()).collect(),
        })
    });
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(rank(&kind.version)));
    kinds
}

const VERBS: &[&str] = &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// Stable versions before beta before alpha, newer before older.
/// Source: k8s.io/apimachinery/pkg/version, `CompareKubeAwareVersionStrings`.
pub(crate) fn rank(version: &str) -> (u8, u32, u32) {
    let number = |text: &str| text.parse::<u32>().ok();
    let Some(rest) = version.strip_prefix('v') else { return (0, 0, 0) };
    for (word, rank) in [("alpha", 1), ("beta", 2)] {
        if let Some((major, minor)) = rest.split_once(word) {
            return (rank, number(major).unwrap_or(0), number(minor).unwrap_or(0));
        }
    }
    number(rest).map_or((0, 0, 0), |major| (3, major, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_rank_as_kubernetes_ranks_them() {
        let mut versions = ["foo", "v1alpha1", "v2", "v1beta2", "v1", "v2alpha1", "v1beta10"];
        versions.sort_by_key(|version| std::cmp::Reverse(rank(version)));
        assert_eq!(versions, ["v2", "v1", "v1beta10", "v1beta2", "v2alpha1", "v1alpha1", "foo"]);
    }
}
