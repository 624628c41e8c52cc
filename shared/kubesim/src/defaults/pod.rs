//! Pods and their templates.

use serde_json::{Value, json};

use super::{inner, items, unset, unset_number, unset_text};

pub(super) fn pod(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests_from_limits(container);
        }
    }
    pod_spec(spec);
    unset(spec, "enableServiceLinks", json!(true));
}

/// Source: `SetDefaults_Pod`: what is limited and not requested is requested in full.
fn requests_from_limits(container: &mut Value) {
    let Some(limits) = container.pointer("/resources/limits").and_then(Value::as_object).cloned() else {
        return;
    };
    let Some(resources) = inner(container, "resources") else { return };
    unset(resources, "requests", json!({}));
    for (name, amount) in limits {
        unset(&mut resources["requests"], &name, amount);
    }
}

pub(super) fn template(template: &mut Value) {
    if let Some(spec) = inner(template, "spec") {
        pod_spec(spec);
    }
}

fn pod_spec(spec: &mut Value) {
    unset_text(spec, "dnsPolicy", "ClusterFirst");
    unset_text(spec, "restartPolicy", "Always");
    unset_text(spec, "schedulerName", "default-scheduler");
    unset(spec, "securityContext", json!({}));
    unset(spec, "terminationGracePeriodSeconds", json!(30));
    // The old name of the field goes along with the new one.
    let account = spec["serviceAccountName"]
        .as_str()
        .or(spec["serviceAccount"].as_str())
        .unwrap_or_default()
        .to_owned();
    if !account.is_empty() {
        spec["serviceAccountName"] = json!(account);
        spec["serviceAccount"] = json!(account);
    }
    let on_host = spec["hostNetwork"] == true;
    for list in ["initContainers", "containers"] {
        for container in items(spec, list) {
            self::container(container);
            for port in items(container, "ports").filter(|_| on_host) {
                let number = port["containerPort"].as_i64().unwrap_or_default();
                unset_number(port, "hostPort", number);
            }
        }
    }
    items(spec, "volumes").for_each(volume);
}

fn container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let latest = tag == Some("latest") || (tag.is_none() && !image.contains('@'));
    unset_text(container, "imagePullPolicy", if latest { "Always" } else { "IfNotPresent" });
    unset_text(container, "terminationMessagePath", "/dev/termination-log");
    unset_text(container, "terminationMessagePolicy", "File");
    for port in items(container, "ports") {
        unset_text(port, "protocol", "TCP");
    }
    for variable in items(container, "env") {
        let field = inner(variable, "valueFrom").and_then(|from| inner(from, "fieldRef"));
        if let Some(field) = field {
            unset_text(field, "apiVersion", "v1");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = inner(container, name) {
            self::probe(probe);
        }
    }
    for name in ["postStart", "preStop"] {
        let handler = inner(container, "lifecycle").and_then(|lifecycle| inner(lifecycle, name));
        if let Some(get) = handler.and_then(|handler| inner(handler, "httpGet")) {
            http_get(get);
        }
    }
}

fn probe(probe: &mut Value) {
    unset_number(probe, "timeoutSeconds", 1);
    unset_number(probe, "periodSeconds", 10);
    unset_number(probe, "successThreshold", 1);
    unset_number(probe, "failureThreshold", 3);
    if let Some(get) = inner(probe, "httpGet") {
        http_get(get);
    }
    if let Some(grpc) = inner(probe, "grpc") {
        unset(grpc, "service", json!(""));
    }
}

fn http_get(get: &mut Value) {
    unset_text(get, "path", "/");
    unset_text(get, "scheme", "HTTP");
}

fn volume(volume: &mut Value) {
    if volume.as_object().is_some_and(|members| members.len() < 2) {
        unset(volume, "emptyDir", json!({}));
    }
    for name in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = inner(volume, name) {
            unset(source, "defaultMode", json!(0o644));
            fields(source);
            for part in items(source, "sources") {
                if let Some(token) = inner(part, "serviceAccountToken") {
                    unset(token, "expirationSeconds", json!(3600));
                }
                if let Some(api) = inner(part, "downwardAPI") {
                    fields(api);
                }
            }
        }
    }
    if let Some(path) = inner(volume, "hostPath") {
        unset(path, "type", json!(""));
    }
    if let Some(template) = inner(volume, "ephemeral").and_then(|of| inner(of, "volumeClaimTemplate"))
        && let Some(spec) = inner(template, "spec")
    {
        unset(spec, "volumeMode", json!("Filesystem"));
    }
}

fn fields(of: &mut Value) {
    for item in items(of, "items") {
        if let Some(field) = inner(item, "fieldRef") {
            unset_text(field, "apiVersion", "v1");
        }
    }
}
