//! The order of objects: a pure, total function.

use model::ObjectId;

use crate::Stage;

/// The stage in which an object is applied.
pub fn stage(id: &ObjectId) -> Stage {
    match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace")
        | ("apiextensions.k8s.io", "CustomResourceDefinition")
        | ("rbac.authorization.k8s.io", "ClusterRole") => Stage::Foundation,
        (_, kind) if kind.ends_with("Class") => Stage::Foundation,
        (
            "",
            "ServiceAccount"
            | "ConfigMap"
            | "Secret"
            | "PersistentVolume"
            | "PersistentVolumeClaim"
            | "ResourceQuota"
            | "LimitRange",
        )
        | ("rbac.authorization.k8s.io", "Role" | "RoleBinding" | "ClusterRoleBinding")
        | ("networking.k8s.io", "NetworkPolicy")
        | ("policy", "PodDisruptionBudget") => Stage::Configuration,
        ("apiregistration.k8s.io", "APIService") | ("admissionregistration.k8s.io", _) => Stage::Admission,
        _ => Stage::Workload,
    }
}

/// The stage in which an object is pruned: the reverse of the one in which it is applied.
pub fn prune_stage(id: &ObjectId) -> Stage {
    match stage(id) {
        Stage::Admission | Stage::PruneAdmission => Stage::PruneAdmission,
        Stage::Workload | Stage::PruneWorkload | Stage::Forget => Stage::PruneWorkload,
        Stage::Configuration | Stage::PruneConfiguration => Stage::PruneConfiguration,
        Stage::Foundation | Stage::PruneFoundation => Stage::PruneFoundation,
    }
}

/// Rank of a kind within its stage, for a stable and readable order.
/// Source: Argo CD, gitops-engine `pkg/sync/sync_tasks.go`.
pub fn rank(id: &ObjectId) -> usize {
    const ORDER: [&str; 34] = [
        "Namespace",
        "NetworkPolicy",
        "ResourceQuota",
        "LimitRange",
        "PodDisruptionBudget",
        "ServiceAccount",
        "Secret",
        "ConfigMap",
        "StorageClass",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Service",
        "DaemonSet",
        "Pod",
        "ReplicationController",
        "ReplicaSet",
        "Deployment",
        "HorizontalPodAutoscaler",
        "StatefulSet",
        "Job",
        "CronJob",
        "IngressClass",
        "Ingress",
        "APIService",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ];
    ORDER.iter().position(|kind| *kind == id.kind).unwrap_or(ORDER.len())
}

/// Sort key of a step: stage, then kind, then identity. Prunes run the kinds backwards.
pub fn key(stage: Stage, id: &ObjectId) -> (Stage, usize, ObjectId) {
    let rank = match stage {
        Stage::Foundation | Stage::Configuration | Stage::Workload | Stage::Admission | Stage::Forget => {
            rank(id)
        }
        Stage::PruneAdmission | Stage::PruneWorkload | Stage::PruneConfiguration | Stage::PruneFoundation => {
            usize::MAX - rank(id)
        }
    };
    (stage, rank, id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(group: &str, kind: &str) -> ObjectId {
        ObjectId { group: group.into(), kind: kind.into(), namespace: None, name: "a".into() }
    }

    /// What others build on comes first and goes last, stage by stage and within each.
    #[test]
    fn objects_are_deleted_in_the_reverse_order_in_which_they_are_applied() {
        let ordered = [
            ("", "Namespace"),
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
            ("rbac.authorization.k8s.io", "ClusterRole"),
            ("", "Secret"),
            ("", "ConfigMap"),
            ("", "PersistentVolumeClaim"),
            ("", "Service"),
            ("apps", "Deployment"),
            ("batch", "Job"),
            ("networking.k8s.io", "Ingress"),
            ("apiregistration.k8s.io", "APIService"),
            ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ]
        .map(|(group, kind)| id(group, kind));
        let sorted = |stage: fn(&ObjectId) -> Stage| {
            let mut ids = ordered.to_vec();
            ids.sort_by_key(|id| key(stage(id), id));
            ids
        };
        assert_eq!(sorted(stage), ordered);
        let mut reversed = ordered.to_vec();
        reversed.reverse();
        assert_eq!(sorted(prune_stage), reversed);
    }
}
