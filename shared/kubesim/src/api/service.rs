//! The addresses and ports of Services.

use serde_json::{Value, json};

use super::Cluster;

/// Gives a Service its address, from the range of the test control planes.
pub(super) fn create(cluster: &mut Cluster, object: &mut Value) {
    let number = cluster.next_number();
    let spec = &mut object["spec"];
    if spec["type"] == "ExternalName" {
        return;
    }
    let given = spec["clusterIP"].as_str().filter(|address| !address.is_empty()).map(str::to_owned);
    let address = given.unwrap_or_else(|| format!("10.96.{}.{}", (number >> 8) % 255 + 1, number % 254 + 1));
    spec["clusterIPs"] = json!([address]);
    spec["clusterIP"] = json!(address);
    // A name without addresses of its own and without pods of its own may get any.
    let any = spec["clusterIP"] == "None" && spec["selector"].is_null();
    if spec["ipFamilies"].is_null() {
        spec["ipFamilies"] = if any { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) };
    }
    if spec["ipFamilyPolicy"].is_null() {
        spec["ipFamilyPolicy"] = if any { json!("RequireDualStack") } else { json!("SingleStack") };
    }
    node_ports(cluster, object);
}

fn node_ports(cluster: &mut Cluster, object: &mut Value) {
    let exposed = object["spec"]["type"] == "NodePort"
        || (object["spec"]["type"] == "LoadBalancer"
            && object["spec"]["allocateLoadBalancerNodePorts"] != false);
    for port in object["spec"].get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if exposed && port["nodePort"].as_u64().unwrap_or(0) == 0 {
            port["nodePort"] = json!(30000 + cluster.next_number() % 2768);
        }
    }
}

/// What belongs to an address, and goes with it.
const ADDRESS: &[&str] = &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];

/// An update that names no address keeps the one that there is; a name for something outside has none.
/// Source: `patchAllocatedValues` and `dropTypeDependentFields`.
pub(super) fn update(cluster: &mut Cluster, old: &Value, new: &mut Value) {
    unexpose(old, new);
    if new["spec"]["type"] == "ExternalName" {
        let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
        for name in ADDRESS.iter().chain(&["internalTrafficPolicy"]) {
            if spec.get(*name) == old["spec"].get(*name) {
                spec.shift_remove(*name);
            }
        }
        return;
    }
    for name in ADDRESS {
        let absent = new["spec"][*name].is_null() || new["spec"][*name] == "";
        if let Some(value) = old["spec"].get(*name).filter(|_| absent) {
            new["spec"][*name] = value.clone();
        }
    }
    if old["spec"]["type"] == "ExternalName" {
        create(cluster, new);
    }
    keep_ports(old, new);
    node_ports(cluster, new);
}

/// A Service that is no longer reached from outside loses what that needed, unless it is changed at the same time.
fn unexpose(old: &Value, new: &mut Value) {
    let exposed =
        |object: &Value| ["NodePort", "LoadBalancer"].iter().any(|kind| object["spec"]["type"] == *kind);
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if spec["type"] != "LoadBalancer"
        && spec.get("allocateLoadBalancerNodePorts") == old["spec"].get("allocateLoadBalancerNodePorts")
    {
        spec.shift_remove("allocateLoadBalancerNodePorts");
    }
    if !exposed(old) || exposed(new) {
        return;
    }
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if spec.get("externalTrafficPolicy") == old["spec"].get("externalTrafficPolicy") {
        spec.shift_remove("externalTrafficPolicy");
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            port.shift_remove("nodePort");
        }
    }
}

/// Ports keep their numbers on the nodes.
fn keep_ports(old: &Value, new: &mut Value) {
    if !["NodePort", "LoadBalancer"].iter().any(|kind| new["spec"]["type"] == *kind) {
        return;
    }
    let old_ports = old["spec"]["ports"].as_array().cloned().unwrap_or_default();
    for port in new["spec"].get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let before =
            old_ports.iter().find(|old| old["port"] == port["port"] && old["protocol"] == port["protocol"]);
        if let Some(number) =
            before.and_then(|before| before.get("nodePort")).filter(|_| port["nodePort"].is_null())
        {
            port["nodePort"] = number.clone();
        }
    }
}
