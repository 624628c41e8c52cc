//! Services and network policies.

use serde_json::{Value, json};

use super::{inner, items, unset, unset_text};

pub(super) fn service(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    unset_text(spec, "sessionAffinity", "None");
    if spec["sessionAffinity"] == "ClientIP" {
        unset(spec, "sessionAffinityConfig", json!({"clientIP": {"timeoutSeconds": 10800}}));
    }
    unset_text(spec, "type", "ClusterIP");
    for port in items(spec, "ports") {
        unset_text(port, "protocol", "TCP");
        let target = port["port"].clone();
        let none =
            matches!(&port["targetPort"], Value::Null) || port["targetPort"] == 0 || port["targetPort"] == "";
        if none {
            port["targetPort"] = target;
        }
    }
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    if kind == "NodePort" || kind == "LoadBalancer" {
        unset_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind != "ExternalName" {
        unset(spec, "internalTrafficPolicy", json!("Cluster"));
    }
    if kind == "LoadBalancer" {
        unset(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
}

pub(super) fn policy(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    for (list, _) in [("ingress", "from"), ("egress", "to")] {
        for rule in items(spec, list) {
            for port in items(rule, "ports") {
                unset(port, "protocol", json!("TCP"));
            }
        }
    }
    if spec["policyTypes"].as_array().is_none_or(Vec::is_empty) {
        let egress = spec["egress"].as_array().is_some_and(|rules| !rules.is_empty());
        spec["policyTypes"] = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
}
