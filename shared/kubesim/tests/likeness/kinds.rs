//! A manifest of every kind that fleets use: what comes back, by create and by apply, with all defaults.

use serde_json::{Value, json};

use crate::{alike, step::Step};

/// Creates it, deletes it, applies it.
fn once(version: &str, plural: &str, mut body: Value) -> Vec<Step> {
    body["apiVersion"] = json!(version);
    body["metadata"] = json!({"name": "a"});
    let list = format!("{version}:{plural}");
    let one = format!("{list}/a");
    vec![
        Step::post(&list, body.clone()),
        Step::get(&one),
        Step::delete(&one, json!({})).quietly(200),
        Step::merge(&one, json!({"metadata": {"finalizers": null}})).loosely(),
        Step::apply(&one, "alice", body),
        Step::get(&list),
    ]
}

/// As [`once`], and applies it again.
fn both(version: &str, plural: &str, body: Value) {
    let mut steps = once(version, plural, body);
    steps.push(steps[4].clone());
    steps.push(steps[5].clone());
    alike(&steps);
}

fn pod() -> Value {
    json!({"containers": [{"name": "web", "image": "r.example/web:1", "ports": [{"containerPort": 80, "name": "http"}],
        "resources": {"limits": {"cpu": "500m", "memory": "0.5Gi"}, "requests": {"cpu": "0.1"}},
        "livenessProbe": {"httpGet": {"port": "http"}}, "readinessProbe": {"tcpSocket": {"port": 80}},
        "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "envFrom": [{"configMapRef": {"name": "c"}}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}], "securityContext": {"runAsNonRoot": true}}],
        "volumes": [{"name": "data"}, {"name": "c", "configMap": {"name": "c"}}, {"name": "s", "secret": {"secretName": "s"}},
            {"name": "h", "hostPath": {"path": "/x"}}, {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {"name": "d", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}}],
        "serviceAccountName": "sa", "nodeSelector": {"a": "b"}, "imagePullSecrets": [{"name": "x"}]})
}

fn template() -> Value {
    json!({"metadata": {"labels": {"app": "a"}, "annotations": {"checksum": "1"}}, "spec": pod()})
}

fn workload(kind: &str, more: Value) -> Value {
    let mut spec = json!({"selector": {"matchLabels": {"app": "a"}}, "template": template()});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kind": kind, "spec": spec})
}

#[test]
fn pods() {
    both("v1", "pods", json!({"kind": "Pod", "spec": pod()}));
}

#[test]
fn deployments() {
    both("apps/v1", "deployments", workload("Deployment", json!({})));
}

#[test]
fn deployments_with_more() {
    both(
        "apps/v1",
        "deployments",
        workload(
            "Deployment",
            json!({"replicas": 0, "minReadySeconds": 0, "paused": false,
        "strategy": {"rollingUpdate": {"maxSurge": 1}}}),
        ),
    );
}

#[test]
fn stateful_sets() {
    both(
        "apps/v1",
        "statefulsets",
        workload(
            "StatefulSet",
            json!({"serviceName": "a", "volumeClaimTemplates": [
        {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}}]}),
        ),
    );
}

#[test]
fn daemon_sets() {
    both("apps/v1", "daemonsets", workload("DaemonSet", json!({})));
}

#[test]
fn replica_sets() {
    both("apps/v1", "replicasets", workload("ReplicaSet", json!({})));
}

#[test]
fn jobs() {
    let mut pod = pod();
    pod["restartPolicy"] = json!("Never");
    // The real server writes it once more when it is applied again, though nothing differs.
    alike(&once("batch/v1", "jobs", json!({"kind": "Job", "spec": {"template": {"spec": pod}}})));
}

#[test]
fn cron_jobs() {
    let mut pod = pod();
    pod["restartPolicy"] = json!("OnFailure");
    both(
        "batch/v1",
        "cronjobs",
        json!({"kind": "CronJob", "spec": {"schedule": "* * * * *",
        "jobTemplate": {"spec": {"template": {"spec": pod}}}}}),
    );
}

#[test]
fn services() {
    both(
        "v1",
        "services",
        json!({"kind": "Service", "spec": {"selector": {"app": "a"}, "ports": [
        {"port": 80, "name": "http", "targetPort": "http"}, {"port": 53, "name": "dns", "protocol": "UDP"}]}}),
    );
    both(
        "v1",
        "services",
        json!({"kind": "Service", "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}),
    );
    both(
        "v1",
        "services",
        json!({"kind": "Service", "spec": {"type": "ExternalName", "externalName": "a.example"}}),
    );
    both(
        "v1",
        "services",
        json!({"kind": "Service", "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "sessionAffinity": "ClientIP"}}),
    );
}

#[test]
fn configuration() {
    both("v1", "secrets", json!({"kind": "Secret", "data": {"a": "YQ=="}, "stringData": {"b": "b"}}));
    both(
        "v1",
        "configmaps",
        json!({"kind": "ConfigMap", "data": {"a": "1"}, "binaryData": {"b": "YQ=="}, "immutable": true}),
    );
    both(
        "v1",
        "serviceaccounts",
        json!({"kind": "ServiceAccount", "imagePullSecrets": [{"name": "x"}], "automountServiceAccountToken": false}),
    );
    // As for Jobs.
    alike(&once(
        "v1",
        "persistentvolumeclaims",
        json!({"kind": "PersistentVolumeClaim", "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "x"}}),
    ));
    both(
        "v1",
        "resourcequotas",
        json!({"kind": "ResourceQuota", "spec": {"hard": {"pods": "10", "requests.cpu": "1000m"}}}),
    );
    both(
        "v1",
        "limitranges",
        json!({"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}),
    );
}

#[test]
fn networking() {
    both(
        "networking.k8s.io/v1",
        "ingresses",
        json!({"kind": "Ingress", "spec": {"ingressClassName": "x", "tls": [{"hosts": ["a.example"], "secretName": "t"}],
        "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}}),
    );
    both(
        "networking.k8s.io/v1",
        "networkpolicies",
        json!({"kind": "NetworkPolicy", "spec": {"podSelector": {"matchLabels": {"a": "b"}},
        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]}}),
    );
    both(
        "networking.k8s.io/v1",
        "networkpolicies",
        json!({"kind": "NetworkPolicy", "spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}}),
    );
}

#[test]
fn rights() {
    both(
        "rbac.authorization.k8s.io/v1",
        "roles",
        json!({"kind": "Role", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
    );
    both(
        "rbac.authorization.k8s.io/v1",
        "rolebindings",
        json!({"kind": "RoleBinding", "roleRef": {"kind": "Role", "name": "a"},
        "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]}),
    );
}

#[test]
fn scaling() {
    let target = json!({"kind": "Deployment", "name": "a", "apiVersion": "apps/v1"});
    both(
        "autoscaling/v2",
        "horizontalpodautoscalers",
        json!({"kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 3, "scaleTargetRef": target}}),
    );
    both(
        "autoscaling/v2",
        "horizontalpodautoscalers",
        json!({"kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 3, "scaleTargetRef": target,
        "metrics": [{"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1024Mi"}}}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}}),
    );
    both(
        "policy/v1",
        "poddisruptionbudgets",
        json!({"kind": "PodDisruptionBudget", "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}),
    );
    both(
        "coordination.k8s.io/v1",
        "leases",
        json!({"kind": "Lease", "spec": {"holderIdentity": "a", "leaseDurationSeconds": 60, "renewTime": "2026-01-01T00:00:00.000000Z"}}),
    );
}
