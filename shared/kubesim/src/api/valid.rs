//! What the server refuses to store. Far from everything: names, what kinds cannot be without, what may not change, and
//! for custom resources types, `required`, `enum`, `minimum` and `maximum`.

use http::{HeaderValue, header::WARNING};
use serde_json::{Value, json};

use super::{Answer, Call};
use crate::{
    merge::check,
    object::{finalizers, is_deleting, meta},
    refusal::{Problem, Refusal},
    schema::{Field, Kind, Type},
    typed::unknown,
};

const NAME_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                         and must start and end with an alphanumeric character (e.g. 'example.com', regex used for \
                         validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Fields that may not change, by kind.
const IMMUTABLE: &[(&str, &[&str])] = &[
    ("Deployment", &["/spec/selector"]),
    ("ReplicaSet", &["/spec/selector"]),
    ("DaemonSet", &["/spec/selector"]),
    (
        "StatefulSet",
        &["/spec/selector", "/spec/serviceName", "/spec/volumeClaimTemplates", "/spec/podManagementPolicy"],
    ),
    ("Job", &["/spec/selector", "/spec/template", "/spec/completionMode"]),
    ("Secret", &["/type"]),
    ("RoleBinding", &["/roleRef"]),
    ("ClusterRoleBinding", &["/roleRef"]),
    ("StorageClass", &["/provisioner", "/parameters", "/reclaimPolicy"]),
];

/// Checks an object before it is stored; `old` is what it replaces.
pub(super) fn object(kind: &Kind, new: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    let mut problems = Vec::new();
    name(kind, new, &mut problems);
    if kind.is_custom() {
        custom(kind, new, &mut problems);
    } else {
        match kind.built_in() {
            "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => workload(new, &mut problems),
            "Service" => service(new, old, &mut problems),
            "CustomResourceDefinition" => definition(new, &mut problems),
            _ => {}
        }
        pods(kind, new, &mut problems);
    }
    if let Some(old) = old {
        unchanged(kind, old, new, &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(Refusal::invalid(kind, meta(new, "name"), &problems)) }
}

fn name(kind: &Kind, new: &Value, problems: &mut Vec<Problem>) {
    let name = meta(new, "name");
    if name.is_empty() {
        return problems.push(Problem::required("metadata.name", "name or generateName is required"));
    }
    // Names of roles are paths, everything else is part of a host name.
    let path = kind.group == "rbac.authorization.k8s.io";
    let part = |part: &str| {
        let bytes = part.as_bytes();
        let edge =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    };
    if !path && (name.len() > 253 || !name.split('.').all(part)) {
        problems.push(Problem::invalid("metadata.name", &json!(name), NAME_RULE));
    }
}

fn workload(new: &Value, problems: &mut Vec<Problem>) {
    let selector = &new["spec"]["selector"];
    let wanted = selector["matchLabels"].as_object();
    if selector.is_null() {
        problems.push(Problem::required("spec.selector", ""));
    } else if let Some(wanted) = wanted {
        let labels = &new["spec"]["template"]["metadata"]["labels"];
        if wanted.iter().any(|(key, value)| labels.get(key) != Some(value)) {
            let shown = if labels.is_null() { json!(null) } else { labels.clone() };
            let why = "`selector` does not match template `labels`";
            problems.push(Problem::invalid("spec.template.metadata.labels", &shown, why));
        }
    }
    let strategy = &new["spec"]["strategy"];
    if strategy["type"] == "Recreate" && !strategy["rollingUpdate"].is_null() {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        problems.push(Problem::forbidden("spec.strategy.rollingUpdate", why));
    }
}

/// Containers have names, images, and names only once.
fn pods(kind: &Kind, new: &Value, problems: &mut Vec<Problem>) {
    let (at, spec) = match kind.built_in() {
        "Pod" => ("spec", new.pointer("/spec")),
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Job" => {
            ("spec.template.spec", new.pointer("/spec/template/spec"))
        }
        "CronJob" => {
            ("spec.jobTemplate.spec.template.spec", new.pointer("/spec/jobTemplate/spec/template/spec"))
        }
        _ => return,
    };
    let containers = spec.and_then(|spec| spec["containers"].as_array()).cloned().unwrap_or_default();
    if containers.is_empty() {
        return problems.push(Problem::required(&format!("{at}.containers"), ""));
    }
    for (index, container) in containers.iter().enumerate() {
        for field in ["name", "image"] {
            if container[field].as_str().unwrap_or_default().is_empty() {
                problems.push(Problem::required(&format!("{at}.containers[{index}].{field}"), ""));
            }
        }
    }
}

fn service(new: &Value, old: Option<&Value>, problems: &mut Vec<Problem>) {
    let spec = &new["spec"];
    let ports = spec["ports"].as_array().map_or(0, Vec::len);
    if ports == 0 && spec["clusterIP"] != "None" && spec["type"] != "ExternalName" {
        problems.push(Problem::required("spec.ports", ""));
    }
    for (index, port) in spec["ports"].as_array().into_iter().flatten().enumerate() {
        if ports > 1 && port["name"].as_str().unwrap_or_default().is_empty() {
            problems.push(Problem::required(&format!("spec.ports[{index}].name"), ""));
        }
        if !port["port"].as_i64().is_some_and(|port| (1..=65535).contains(&port)) {
            let why = "must be between 1 and 65535, inclusive";
            problems.push(Problem::invalid(&format!("spec.ports[{index}].port"), &port["port"], why));
        }
    }
    if let Some(old) = old {
        let (before, after) = (&old["spec"]["clusterIP"], &spec["clusterIP"]);
        if before.is_string() && after != before && old["spec"]["type"] == spec["type"] {
            let why = "may not change once set";
            problems.push(Problem::invalid("spec.clusterIPs[0]", &json!([after]), why));
        }
    }
}

fn definition(new: &Value, problems: &mut Vec<Problem>) {
    let spec = &new["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let wanted = format!("{}.{}", text(&spec["names"]["plural"]), text(&spec["group"]));
    if meta(new, "name") != wanted {
        let why = "must be spec.names.plural+\".\"+spec.group";
        problems.push(Problem::invalid("metadata.name", &new["metadata"]["name"], why));
    }
    let versions = spec["versions"].as_array().cloned().unwrap_or_default();
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        problems.push(Problem::invalid("spec.versions", &spec["versions"], why));
    }
}

fn unchanged(kind: &Kind, old: &Value, new: &Value, problems: &mut Vec<Problem>) {
    let paths =
        IMMUTABLE.iter().find(|(name, _)| *name == kind.built_in()).map_or(&[][..], |(_, paths)| paths);
    for path in paths.iter().filter(|_| !kind.is_custom()) {
        let (before, after) = (old.pointer(path), new.pointer(path));
        if before != after {
            let field = path.trim_start_matches('/').replace('/', ".");
            let value = after.cloned().unwrap_or(Value::Null);
            problems.push(Problem::invalid(&field, &value, "field is immutable"));
        }
    }
    if is_deleting(old) {
        let before = finalizers(old);
        let added: Vec<_> = finalizers(new).into_iter().filter(|name| !before.contains(name)).collect();
        if !added.is_empty() {
            let added: Vec<_> = added.iter().map(|name| format!("{name:?}")).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            // Twice, as the real server checks metadata twice.
            problems.extend([(); 2].map(|()| Problem::forbidden("metadata.finalizers", &why)));
        }
    }
    if ["ConfigMap", "Secret"].contains(&kind.built_in()) && old["immutable"] == true {
        for field in ["data", "binaryData"] {
            if old.get(field) != new.get(field) {
                problems.push(Problem::forbidden(field, "field is immutable when `immutable` is set"));
            }
        }
        if new["immutable"] != true {
            problems.push(Problem::forbidden("immutable", "field is immutable when `immutable` is set"));
        }
    }
}

fn custom(kind: &Kind, new: &Value, problems: &mut Vec<Problem>) {
    if let Err(found) = check(&kind.of, new) {
        for text in found {
            let (field, why) = text.split_once(": ").unwrap_or((&text, ""));
            let field = field.trim_start_matches('.');
            problems.push(Problem::invalid(field, &Value::Null, why));
        }
    }
    fulfilled(&kind.of, new, "", problems);
}

fn fulfilled(of: &Type, value: &Value, at: &str, problems: &mut Vec<Problem>) {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match (of, value) {
        (Type::Struct(inner), Value::Object(members)) => {
            for name in inner.required.iter().filter(|name| !members.contains_key(*name)) {
                problems.push(Problem::required(&below(name), ""));
            }
            for (name, field) in &inner.fields {
                if let Some(value) = members.get(name) {
                    limits(field, value, &below(name), problems);
                    fulfilled(&field.of, value, &below(name), problems);
                }
            }
        }
        (Type::List(of, _), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                fulfilled(of, item, &format!("{at}[{index}]"), problems);
            }
        }
        (Type::Map(of, _), Value::Object(members)) => {
            for (name, value) in members {
                fulfilled(of, value, &below(name), problems);
            }
        }
        _ => {}
    }
}

fn limits(field: &Field, value: &Value, at: &str, problems: &mut Vec<Problem>) {
    let limits = &field.limits;
    if value.is_null() && !limits.nullable {
        return problems.extend(type_name(&field.of).map(|name| Problem::mistyped(at, name)));
    }
    if !limits.one_of.is_empty() && !limits.one_of.contains(value) {
        problems.push(Problem::unsupported(at, value, &limits.one_of));
    }
    let Some(number) = value.as_f64() else { return };
    if let Some(minimum) = limits.minimum.filter(|minimum| number < *minimum) {
        let why = format!("{at} in body should be greater than or equal to {minimum}");
        problems.push(Problem::invalid(at, value, &why));
    }
    if let Some(maximum) = limits.maximum.filter(|maximum| number > *maximum) {
        let why = format!("{at} in body should be less than or equal to {maximum}");
        problems.push(Problem::invalid(at, value, &why));
    }
}

/// What a schema calls a type.
fn type_name(of: &Type) -> Option<&'static str> {
    match of {
        Type::Text => Some("string"),
        Type::Whole => Some("integer"),
        Type::Number => Some("number"),
        Type::Truth => Some("boolean"),
        Type::List(..) => Some("array"),
        Type::Struct(_) | Type::Map(..) | Type::Any => Some("object"),
        Type::Quantity | Type::Either | Type::Time | Type::Named(_) => None,
    }
}

/// The fields that the kind does not have, as warnings, or as a refusal if the request is strict.
///
/// # Errors
/// 400: strict, and there are some.
pub(super) fn unknown_fields(call: &Call<'_>, sent: &Value) -> Result<Vec<String>, Refusal> {
    let fields = unknown(&call.kind.of, sent).into_iter().map(|field| format!("unknown field {field:?}"));
    let fields: Vec<_> = fields.collect();
    match call.parameters.text("fieldValidation") {
        "Ignore" => Ok(Vec::new()),
        "Strict" if !fields.is_empty() => {
            let (kind, version) = (&call.kind.kind, &call.kind.version);
            let all = fields.join(", ");
            let text = if call.kind.is_custom() {
                format!("strict decoding error: {all}")
            } else {
                format!(
                    "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding error: {all}"
                )
            };
            Err(Refusal::bad_request(text))
        }
        _ => Ok(fields),
    }
}

/// An answer with warnings. Source: RFC 7234 §5.5.
pub(super) fn warned(answer: Answer, warnings: &[String]) -> Answer {
    let Answer::Whole(mut response) = answer else { return answer };
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
    Answer::Whole(response)
}
