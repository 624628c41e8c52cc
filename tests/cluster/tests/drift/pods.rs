//! Templates of the kinds that run pods.

use serde_json::{Value, json};

/// A pod's spec. `restart` is a template.
pub fn pod_spec(restart: Value) -> Value {
    json!({
        "containers": {"$pick": [[container("web")], [container("web"), container("side")], [container("side"), container("web")]]},
        "?initContainers": {"$some": [container("i1"), container("i2")]},
        "volumes": [{"name": "tmp", "emptyDir": {"$pick": [{}, {"sizeLimit": {"$pick": ["1Gi", "1024Mi"]}}]}},
            {"name": "cfg", "configMap": {"name": {"$pick": ["a", "b"]}, "?defaultMode": 420,
                "?items": {"$some": [{"key": "a", "path": "a"}, {"key": "b", "path": "b", "?mode": 256}]}}}],
        "?imagePullSecrets": {"$some": [{"name": "a"}, {"name": "b"}, {}]},
        "?tolerations": {"$some": [{"key": "a", "operator": "Exists"}, {"key": "b", "value": "c", "?effect": "NoSchedule"}]},
        "?nodeSelector": {"$pick": [{}, {"disk": "ssd"}, {"disk": "hdd", "zone": "a"}]},
        "?securityContext": {"$pick": [{}, {"fsGroup": {"$pick": [1000, 2000]}}, {"sysctls": {"$some": [{"name": "kernel.shm_rmid_forced", "value": "0"}]}}]},
        "?affinity": {"$pick": [{}, {"nodeAffinity": {}}, {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
            [{"weight": {"$pick": [1, 50]}, "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {}}}]}}]},
        "?topologySpreadConstraints": {"$some": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "a"}}},
            {"maxSkew": {"$pick": [1, 2]}, "topologyKey": "host", "whenUnsatisfiable": "ScheduleAnyway"}]},
        "?hostAliases": {"$some": [{"ip": "10.0.0.1", "hostnames": {"$some": ["a", "b", "c"]}}, {"ip": "10.0.0.2", "hostnames": ["x"]}]},
        "?dnsConfig": {"$pick": [{}, {"?nameservers": {"$some": ["1.1.1.1", "8.8.8.8"]}, "?options": {"$some": [{"name": "ndots", "value": "2"}, {"name": "debug"}]}}]},
        "?terminationGracePeriodSeconds": {"$pick": [0, 30, 60]},
        "?serviceAccountName": {"$pick": ["default", "x"]},
        "restartPolicy": restart,
    })
}

fn container(name: &str) -> Value {
    json!({
        "name": name, "image": {"$pick": ["nginx", "nginx:1.27", "busybox:latest"]},
        "?env": {"$some": [{"name": "A", "value": {"$pick": ["1", "2"]}}, {"name": "B", "?value": {"$pick": ["", "x"]}},
            {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "D", "value": null}, {"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "?optional": true}}}]},
        "?envFrom": {"$some": [{"configMapRef": {"name": "a"}}, {"prefix": "P_", "secretRef": {"name": "b"}}]},
        "?ports": {"$some": [{"containerPort": 80, "?name": "web", "protocol": null}, {"containerPort": 53, "protocol": "UDP"},
            {"containerPort": 53, "protocol": "TCP"}, {"containerPort": 8080, "?hostIP": ""}]},
        "?args": {"$some": ["a", "b", "c", "d"]},
        "?command": {"$pick": [[], ["sh", "-c", "true"]]},
        "?resources": {"$pick": [{}, {"?limits": {"?cpu": {"$pick": ["1000m", "1", 1, "0.5"]}, "?memory": {"$pick": ["1024Mi", "1Gi"]}},
            "?requests": {"?cpu": {"$pick": ["100m", "0.1"]}}}]},
        "?volumeMounts": {"$some": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "cfg", "mountPath": "/etc/a", "?readOnly": true},
            {"name": "cfg", "mountPath": "/etc/b", "subPath": {"$pick": ["a", "b"]}}]},
        "?securityContext": {"$pick": [{}, {"runAsNonRoot": true}, {"capabilities": {"?add": {"$some": ["NET_ADMIN", "SYS_TIME"]}, "?drop": ["ALL"]}}]},
        "?lifecycle": {"$pick": [{}, {"preStop": {"exec": {"command": {"$some": ["a", "b", "c"]}}}}]},
    })
}

fn labelled(spec: Value) -> Value {
    json!({"metadata": {"labels": {"app": "a", "?tier": {"$pick": ["x", "y"]}}, "?annotations": {"$pick": [{}, {"a": "1"}]}}, "spec": spec})
}

fn selector() -> Value {
    json!({"matchLabels": {"app": "a"}})
}

fn forever() -> Value {
    labelled(pod_spec(json!("Always")))
}

pub fn pod() -> Value {
    json!({"spec": pod_spec(json!({"$pick": ["Always", "Never"]}))})
}

pub fn deployment() -> Value {
    json!({"spec": {"?replicas": {"$pick": [0, 1, 3]}, "selector": selector(), "template": forever(),
        "?strategy": {"$pick": [{}, {"type": "Recreate"}, {"type": "RollingUpdate", "?rollingUpdate": {"$pick": [{}, {"maxSurge": {"$pick": [1, "25%"]}}, {"maxUnavailable": 0}]}}]},
        "?minReadySeconds": {"$pick": [0, 5]}, "?paused": {"$pick": [true, false]}, "?revisionHistoryLimit": 3}})
}

pub fn stateful_set() -> Value {
    json!({"spec": {"?replicas": {"$pick": [0, 2]}, "selector": selector(), "serviceName": "a", "template": forever(),
        "?podManagementPolicy": "Parallel", "?updateStrategy": {"$pick": [{}, {"type": "OnDelete"}, {"rollingUpdate": {"?partition": {"$pick": [0, 1]}}}]},
        "?persistentVolumeClaimRetentionPolicy": {"$pick": [{}, {"whenDeleted": "Delete"}]},
        "?volumeClaimTemplates": [{"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": {"$pick": ["1Gi", "1024Mi"]}}}}}]}})
}

pub fn daemon_set() -> Value {
    json!({"spec": {"selector": selector(), "template": forever(), "?minReadySeconds": 1,
        "?updateStrategy": {"$pick": [{}, {"type": "OnDelete"}, {"type": "RollingUpdate", "rollingUpdate": {"?maxUnavailable": {"$pick": [1, "10%"]}}}]}}})
}

pub fn replica_set() -> Value {
    json!({"spec": {"?replicas": {"$pick": [0, 1, 3]}, "selector": selector(), "template": forever(), "?minReadySeconds": 2}})
}

pub fn replication_controller() -> Value {
    json!({"spec": {"?replicas": {"$pick": [0, 1, 3]}, "selector": {"app": "a"}, "template": forever()}})
}

fn job_spec() -> Value {
    json!({"template": labelled(pod_spec(json!({"$pick": ["Never", "OnFailure"]}))), "?parallelism": {"$pick": [0, 1, 2]},
        "?completions": 2, "?backoffLimit": {"$pick": [0, 6]}, "?suspend": {"$pick": [true, false]}, "?ttlSecondsAfterFinished": {"$pick": [0, 60]}})
}

pub fn job() -> Value {
    json!({"spec": job_spec()})
}

pub fn cron_job() -> Value {
    json!({"spec": {"schedule": {"$pick": ["* * * * *", "@hourly"]}, "?suspend": true, "?concurrencyPolicy": {"$pick": ["Allow", "Forbid"]},
        "?timeZone": "Etc/UTC", "?successfulJobsHistoryLimit": {"$pick": [0, 3]}, "jobTemplate": {"?metadata": {"labels": {"a": "b"}}, "spec": job_spec()}}})
}
