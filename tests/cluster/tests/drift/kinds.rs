//! The kinds under test, with a template for each.

use serde_json::{Value, json};

use crate::{pods, templates as t};

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the namespace of the test.
    Namespace,
    /// In a namespace where no pods are, which they would limit.
    Apart,
    /// On the cluster.
    Cluster,
}

/// One kind at one version.
pub struct Kind {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub place: Place,
    /// Everything below the root but `apiVersion`, `kind` and the name.
    pub template: Value,
    /// Whether it has the scale subresource.
    pub scales: bool,
}

fn kind(id: (&'static str, &'static str, &'static str), place: Place, template: Value) -> Kind {
    let (api_version, kind, plural) = id;
    let scales =
        ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Widget"].contains(&kind);
    Kind { api_version, kind, plural, place, template, scales }
}

/// All kinds.
pub fn kinds() -> Vec<Kind> {
    use Place::{Apart, Cluster, Namespace};
    let rbac = "rbac.authorization.k8s.io/v1";
    vec![
        kind(("v1", "ConfigMap", "configmaps"), Namespace, t::config_map()),
        kind(("v1", "Secret", "secrets"), Namespace, t::secret()),
        kind(("v1", "Service", "services"), Namespace, t::service()),
        kind(("v1", "ServiceAccount", "serviceaccounts"), Namespace, t::service_account()),
        kind(("v1", "Pod", "pods"), Namespace, pods::pod()),
        kind(
            ("v1", "ReplicationController", "replicationcontrollers"),
            Namespace,
            pods::replication_controller(),
        ),
        kind(("v1", "PersistentVolumeClaim", "persistentvolumeclaims"), Namespace, t::claim()),
        kind(("v1", "PersistentVolume", "persistentvolumes"), Cluster, t::volume()),
        kind(("v1", "ResourceQuota", "resourcequotas"), Apart, t::quota()),
        kind(("v1", "LimitRange", "limitranges"), Apart, t::limits()),
        kind(("apps/v1", "Deployment", "deployments"), Namespace, pods::deployment()),
        kind(("apps/v1", "StatefulSet", "statefulsets"), Namespace, pods::stateful_set()),
        kind(("apps/v1", "DaemonSet", "daemonsets"), Namespace, pods::daemon_set()),
        kind(("apps/v1", "ReplicaSet", "replicasets"), Namespace, pods::replica_set()),
        kind(("batch/v1", "Job", "jobs"), Namespace, pods::job()),
        kind(("batch/v1", "CronJob", "cronjobs"), Namespace, pods::cron_job()),
        kind((rbac, "Role", "roles"), Namespace, t::role()),
        kind((rbac, "ClusterRole", "clusterroles"), Cluster, t::cluster_role()),
        kind((rbac, "RoleBinding", "rolebindings"), Namespace, t::binding()),
        kind((rbac, "ClusterRoleBinding", "clusterrolebindings"), Cluster, t::binding()),
        kind(("networking.k8s.io/v1", "Ingress", "ingresses"), Namespace, t::ingress()),
        kind(("networking.k8s.io/v1", "IngressClass", "ingressclasses"), Cluster, t::ingress_class()),
        kind(("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"), Namespace, t::network_policy()),
        kind(
            ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
            Namespace,
            t::autoscaler(),
        ),
        kind(
            ("autoscaling/v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
            Namespace,
            t::autoscaler_v1(),
        ),
        kind(("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"), Namespace, t::disruption_budget()),
        kind(("storage.k8s.io/v1", "StorageClass", "storageclasses"), Cluster, t::storage_class()),
        kind(("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses"), Cluster, t::priority_class()),
        kind(("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"), Namespace, t::endpoint_slice()),
        kind(("coordination.k8s.io/v1", "Lease", "leases"), Namespace, t::lease()),
        kind(
            (
                "admissionregistration.k8s.io/v1",
                "ValidatingWebhookConfiguration",
                "validatingwebhookconfigurations",
            ),
            Cluster,
            t::webhooks(),
        ),
        kind(("oracle.driftless.dev/v1", "Widget", "widgets"), Namespace, t::custom()),
        kind(("oracle.driftless.dev/v2", "Widget", "widgets"), Namespace, t::custom()),
        kind(("oracle.driftless.dev/v1", "Gadget", "gadgets"), Cluster, t::custom_with_status()),
    ]
}

/// The kinds of [`definitions`].
pub const CUSTOM: [&str; 2] = ["Widget", "Gadget"];

/// The two custom kinds: `Widget` has two versions, scale and status; `Gadget` keeps `status` as a plain field.
pub fn definitions() -> [Value; 2] {
    let version = |name: &str, storage: bool, subresources: Value| json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": schema()}, "subresources": subresources});
    let scale = json!({"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}});
    let definition = |kind: &str, plural: &str, scope: &str, versions: Value| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.oracle.driftless.dev")},
            "spec": {"group": "oracle.driftless.dev", "scope": scope, "versions": versions,
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()}}})
    };
    [
        definition(
            "Widget",
            "widgets",
            "Namespaced",
            json!([version("v1", true, scale.clone()), version("v2", false, scale)]),
        ),
        definition("Gadget", "gadgets", "Cluster", json!([version("v1", true, json!({}))])),
    ]
}

fn schema() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": text});
    let mut item = json!({"type": "object", "required": ["name"], "properties": {"name": text, "value": text, "tags": texts,
        "port": {"type": "integer", "default": 80}, "mode": {"type": "string", "default": "on"}}});
    let keyed = json!({"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "port"]});
    item["required"] = json!([]);
    let loose = json!({"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"]});
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "items": keyed, "loose": loose, "granular": texts, "replicas": {"type": "integer"},
            "set": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
            "numbers": {"type": "array", "items": {"type": "number"}, "x-kubernetes-list-type": "set"},
            "atomicList": {"type": "array", "items": item, "x-kubernetes-list-type": "atomic"},
            "atomicMap": {"type": "object", "additionalProperties": text, "x-kubernetes-map-type": "atomic"},
            "nested": {"type": "object", "default": {}, "properties": {"a": {"type": "string", "default": "d"}, "b": {"type": "number"}}},
            "either": {"x-kubernetes-int-or-string": true},
            "maybe": {"type": "string", "nullable": true, "default": "x"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}}},
        "status": {"type": "object", "properties": {"phase": text, "replicas": {"type": "integer"}, "conditions": texts}}}})
}
