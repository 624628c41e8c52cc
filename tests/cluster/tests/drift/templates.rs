//! Templates of the kinds that run no pods.

use serde_json::{Value, json};

pub fn config_map() -> Value {
    json!({"?data": {"$pick": [{}, {"?a": {"$pick": ["1", "2", ""]}, "?b": "x\ny", "?c.d/e": "z"}]}, "?binaryData": {"$pick": [{}, {"bin": "AAE="}]}, "?immutable": false})
}

pub fn secret() -> Value {
    json!({"?type": "Opaque", "?data": {"$pick": [{}, {"?a": {"$pick": ["eA==", "eQ=="]}, "?b": "", "?c": "eg=="}]},
        "?stringData": {"$pick": [{}, {"?a": "x", "?d": {"$pick": ["", "text"]}}]}})
}

pub fn service() -> Value {
    json!({"spec": {"?selector": {"$pick": [{}, {"app": "a"}, {"app": "b", "tier": "x"}]}, "?type": {"$pick": ["ClusterIP", "NodePort"]},
        "ports": {"$pick": [
            [{"port": 80, "?targetPort": {"$pick": [8080, "web"]}, "?protocol": "TCP"}],
            [{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}, {"name": "c", "port": 53}],
            [{"name": "c", "port": 53, "protocol": "TCP"}, {"name": "b", "port": 53, "protocol": "UDP"}]]},
        "?sessionAffinity": {"$pick": ["None", "ClientIP"]}, "?externalIPs": {"$some": ["10.1.1.1", "10.1.1.2"]},
        "?publishNotReadyAddresses": true, "?ipFamilyPolicy": "SingleStack"}})
}

pub fn service_account() -> Value {
    json!({"?automountServiceAccountToken": {"$pick": [true, false]}, "?imagePullSecrets": {"$some": [{"name": "a"}, {"name": "b"}]},
        "?secrets": {"$some": [{"name": "a"}, {"name": "b"}]}})
}

pub fn claim() -> Value {
    json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": {"$pick": ["1Gi", "1024Mi", "2Gi"]}}},
        "?storageClassName": {"$pick": ["", "fast"]}, "?selector": {"$pick": [{}, {"matchLabels": {"a": "b"}}]}}})
}

pub fn volume() -> Value {
    json!({"spec": {"capacity": {"storage": {"$pick": ["1Gi", "1024Mi", "2Gi"]}}, "accessModes": {"$pick": [["ReadWriteOnce"], ["ReadWriteOnce", "ReadOnlyMany"]]},
        "hostPath": {"path": "/tmp/x", "?type": ""}, "?mountOptions": {"$some": ["hard", "ro", "noatime"]},
        "?persistentVolumeReclaimPolicy": {"$pick": ["Retain", "Delete"]}, "?storageClassName": {"$pick": ["", "fast"]}}})
}

pub fn quota() -> Value {
    json!({"spec": {"?hard": {"$pick": [{}, {"?pods": {"$pick": ["10", 10, "20"]}, "?requests.cpu": {"$pick": ["1000m", "1", 1]}, "?count/configmaps": "5k"}]}}})
}

pub fn limits() -> Value {
    json!({"spec": {"limits": {"$some": [{"type": "Container", "?default": {"cpu": {"$pick": ["500m", "0.5"]}}, "?max": {"cpu": "1000m"}},
        {"type": "Pod", "max": {"memory": {"$pick": ["1Gi", "1024Mi"]}}}]}}})
}

fn rules() -> Value {
    json!({"$some": [{"apiGroups": [""], "resources": {"$pick": [["pods"], ["pods", "services"], ["services", "pods"]]}, "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": {"$some": ["get", "list", "watch", "create"]}, "?resourceNames": {"$some": ["a", "b"]}}]})
}

pub fn role() -> Value {
    json!({"rules": rules()})
}

pub fn cluster_role() -> Value {
    json!({"$pick": [{"rules": rules()}, {"?rules": rules(), "aggregationRule": {"$pick": [
        {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, {"clusterRoleSelectors": {"$some": [{"matchLabels": {"a": "b"}}, {"matchLabels": {"c": "d"}}]}}]}}]})
}

pub fn binding() -> Value {
    json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "?subjects": {"$some": [{"kind": "User", "name": "u", "?apiGroup": "rbac.authorization.k8s.io"}, {"kind": "Group", "name": "g"},
            {"kind": "ServiceAccount", "name": "s", "namespace": "default"}]}})
}

pub fn ingress() -> Value {
    let backend = json!({"service": {"name": {"$pick": ["a", "b"]}, "port": {"$pick": [{"number": 80}, {"name": "web"}]}}});
    let path = json!({"path": {"$pick": ["/", "/a"]}, "pathType": {"$pick": ["Prefix", "Exact"]}, "backend": backend});
    json!({"spec": {"?ingressClassName": {"$pick": ["x", "y"]}, "defaultBackend": backend, "?tls": {"$some": [{"hosts": {"$some": ["a.example.com", "b.example.com"]}, "?secretName": "s"}, {"secretName": "t"}]},
        "?rules": {"$some": [{"host": "a.example.com", "http": {"paths": [path]}}, {"host": "b.example.com", "http": {"paths": [path, path]}}, {"host": "c.example.com"}]}}})
}

pub fn ingress_class() -> Value {
    json!({"spec": {"controller": "example.com/a", "?parameters": {"kind": "A", "name": "b", "?apiGroup": "example.com", "?scope": "Cluster"}}})
}

pub fn network_policy() -> Value {
    let peers = json!({"$pick": [[], {"$some": [{"podSelector": {"$pick": [{}, {"matchLabels": {}}, {"matchLabels": {"a": "b"}}]}},
        {"namespaceSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8", "?except": {"$some": ["10.1.0.0/16", "10.2.0.0/16"]}}}]}]});
    json!({"spec": {"podSelector": {"$pick": [{}, {"matchLabels": {}}, {"matchLabels": {"a": "b"}}, {"matchExpressions": []}]},
        "?ingress": {"$pick": [[], [{}], [{"?from": peers, "?ports": {"$some": [{"port": 80}, {"port": "web", "protocol": "TCP"}]}}]]},
        "?egress": {"$pick": [[], [{"to": peers}]]}, "?policyTypes": {"$pick": [["Ingress"], ["Ingress", "Egress"], ["Egress", "Ingress"]]}}})
}

pub fn autoscaler() -> Value {
    let resource = |name: &str| json!({"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": {"$pick": [50, 80]}}}});
    let pods = json!({"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": {"$pick": ["1000m", "1"]}}}});
    let rules = json!({"$pick": [{}, {"stabilizationWindowSeconds": {"$pick": [0, 60]}}, {"selectPolicy": "Min", "policies": {"$pick": [[{"type": "Pods", "value": 1, "periodSeconds": 60}],
        [{"type": "Pods", "value": 1, "periodSeconds": 60}, {"type": "Percent", "value": 10, "periodSeconds": 60}]]}}]});
    json!({"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}, "maxReplicas": {"$pick": [3, 5]}, "?minReplicas": {"$pick": [1, 2]},
        "?metrics": {"$some": [resource("cpu"), resource("memory"), pods]}, "?behavior": {"$pick": [{}, {"?scaleDown": rules, "?scaleUp": rules}]}}})
}

pub fn autoscaler_v1() -> Value {
    json!({"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}, "maxReplicas": {"$pick": [3, 5]}, "?minReplicas": 1,
        "?targetCPUUtilizationPercentage": {"$pick": [50, 80]}}})
}

pub fn disruption_budget() -> Value {
    json!({"spec": {"$pick": [{"minAvailable": {"$pick": [1, "50%"]}, "selector": {"matchLabels": {"a": "b"}}}, {"maxUnavailable": {"$pick": [1, "50%"]}, "?selector": {}}]}})
}

pub fn storage_class() -> Value {
    json!({"provisioner": "example.com/x", "?parameters": {"$pick": [{}, {"a": "b"}]}, "?mountOptions": {"$some": ["a", "b", "c"]}, "?allowVolumeExpansion": {"$pick": [true, false]},
        "?reclaimPolicy": "Retain", "?allowedTopologies": {"$pick": [[], [{"matchLabelExpressions": [{"key": "zone", "values": {"$pick": [["a"], ["b", "a"]]}}]}]]}})
}

pub fn priority_class() -> Value {
    json!({"value": 1000, "?description": {"$pick": ["", "a", "b"]}, "?globalDefault": false, "?preemptionPolicy": "Never"})
}

pub fn endpoint_slice() -> Value {
    json!({"addressType": "IPv4", "endpoints": {"$some": [{"addresses": ["10.0.0.1"], "?conditions": {"$pick": [{}, {"ready": true}]}}, {"addresses": ["10.0.0.2"], "?hostname": "b"}]},
        "?ports": {"$some": [{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}]}})
}

pub fn lease() -> Value {
    json!({"?spec": {"$pick": [{}, {"?holderIdentity": {"$pick": ["a", "b"]}, "?leaseDurationSeconds": {"$pick": [10, 20]}, "?renewTime": "2026-01-01T00:00:00.000000Z"}]}})
}

pub fn webhooks() -> Value {
    // Nothing is served under this group: the webhooks are never called.
    let hook = |name: &str| {
        json!({"name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": {"$pick": [{"url": "https://127.0.0.1:1/x"}, {"service": {"name": "a", "namespace": "b", "?path": "/x"}}]},
            "failurePolicy": "Ignore", "?timeoutSeconds": {"$pick": [5, 10]}, "?namespaceSelector": {"$pick": [{}, {"matchLabels": {"a": "b"}}]},
            "rules": [{"apiGroups": ["never.example.com"], "apiVersions": ["v1"], "resources": {"$pick": [["a"], ["b", "a"]]}, "operations": {"$pick": [["CREATE"], ["UPDATE", "CREATE"]]}}]})
    };
    json!({"?webhooks": {"$some": [hook("a.example.com"), hook("b.example.com"), hook("c.example.com")]}})
}

pub fn custom() -> Value {
    let item = |name: &str| json!({"name": name, "?port": {"$pick": [80, 81, null]}, "?value": {"$pick": ["1", "2"]}, "?mode": {"$pick": ["on", "off"]}, "?tags": {"$pick": [{}, {"a": "b"}]}});
    json!({"?spec": {
        "?items": {"$some": [item("a"), item("b"), item("c")]}, "?loose": {"$some": [{"port": 1, "?value": "v"}, {"port": 2}, {"?value": "w"}]},
        "?set": {"$some": ["a", "b", "c"]}, "?numbers": {"$some": [1, 2.5, 1e21, 3.0]}, "?granular": {"$pick": [{}, {"a": "1"}, {"b": "2", "c": "3"}]},
        "?atomicList": {"$some": [item("a"), {}]}, "?atomicMap": {"$pick": [{}, {"a": "1"}, {"b": "2"}]}, "?replicas": {"$pick": [0, 1, 2]},
        "?nested": {"$pick": [{}, {"a": "e"}, {"b": {"$pick": [1, 1.0, 1.5]}}]}, "?either": {"$pick": [1, "1", "25%"]}, "?maybe": {"$pick": [null, "y", ""]},
        "?free": {"$pick": [{}, {"a": {"b": {"$some": [1, {"c": []}, "d"]}}, "?e": {}, "?n": null}]},
        "?embedded": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "?labels": {"$pick": [{}, {"a": "b"}]}}, "?data": {"$pick": [{}, {"a": "b"}]}}}})
}

pub fn custom_with_status() -> Value {
    let mut template = custom();
    template["?status"] =
        json!({"$pick": [{}, {"phase": {"$pick": ["a", "b"]}, "?conditions": {"$pick": [{}, {"x": "y"}]}}]});
    template
}
