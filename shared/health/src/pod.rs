//! Pod.

use serde_json::Value;

use crate::{Health, object::Object};

/// Source: Argo CD `health_pod.go`. It overlooks containers that wait in pods which are not restarted, and
/// `InvalidImageName`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    match object.text("/status/phase") {
        Some("Succeeded") => Health::healthy(),
        Some("Failed") => Health::degraded(failure(object)),
        Some("Pending" | "Running") | None => starting_or_running(object),
        Some(other) => Health::unknown(format!("phase {other}")),
    }
}

fn starting_or_running(object: Object<'_>) -> Health {
    if let Some(words) = containers(object).find_map(stuck) {
        return Health::degraded(words);
    }
    let restarts = object.text("/spec/restartPolicy").is_none_or(|policy| policy == "Always");
    let ready = object.condition("Ready");
    if object.text("/status/phase") == Some("Running") && restarts {
        if ready.is_some_and(|it| it.is_true()) {
            return Health::healthy();
        }
        if let Some(words) = containers(object).find_map(crashed) {
            return Health::degraded(words);
        }
    }
    let unscheduled = object.condition("PodScheduled").filter(|it| it.is_false());
    let waiting = unscheduled.or(ready.filter(|it| it.is_false()));
    Health::progressing(waiting.map(|it| it.words()).unwrap_or_default())
}

fn failure(object: Object<'_>) -> String {
    let said = ["/status/message", "/status/reason"].iter().find_map(|pointer| object.text(pointer));
    let exit = || containers(object).find_map(crashed);
    said.map(str::to_owned).or_else(exit).unwrap_or_else(|| "failed".to_owned())
}

fn containers(object: Object<'_>) -> impl Iterator<Item = &Value> {
    object.items("/status/initContainerStatuses").chain(object.items("/status/containerStatuses"))
}

/// A container that waits for what will not come by itself.
fn stuck(container: &Value) -> Option<String> {
    let waiting = Object(container.pointer("/state/waiting")?);
    let reason = waiting.text("/reason")?;
    let hopeless = reason.starts_with("Err") || reason == "InvalidImageName";
    let failing = reason.ends_with("Error") || reason.ends_with("BackOff");
    let message = waiting.text("/message").unwrap_or_default();
    (hopeless || failing).then(|| format!("container {}: {reason}: {message}", name(container)))
}

/// A container that has ended, now or before its last restart, though not well.
fn crashed(container: &Value) -> Option<String> {
    if container.get("ready").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let ends = ["/state/terminated", "/lastState/terminated"];
    let ended = Object(ends.iter().find_map(|pointer| container.pointer(pointer))?);
    let code = ended.number("/exitCode").filter(|code| *code != 0)?;
    let reason = ended.text("/reason").unwrap_or("ended");
    Some(format!("container {}: {reason}, exit code {code}", name(container)))
}

fn name(container: &Value) -> &str {
    container.get("name").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        HealthStatus::{Degraded, Healthy, Progressing, Unknown},
        check,
    };

    fn pod(policy: &str, phase: &str, rest: Value) -> Value {
        let mut status = json!({"phase": phase});
        status.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"restartPolicy": policy}, "status": status})
    }

    #[test]
    fn phases() {
        let ready = |status: &str| json!({"conditions": [{"type": "Ready", "status": status, "reason": "ContainersNotReady"}]});
        let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]});
        for (policy, phase, rest, expected, words) in [
            ("Always", "Running", ready("True"), Healthy, ""),
            ("Always", "Running", ready("False"), Progressing, "ContainersNotReady"),
            ("Never", "Running", ready("True"), Progressing, ""),
            ("OnFailure", "Running", ready("True"), Progressing, ""),
            ("Always", "Pending", json!({}), Progressing, ""),
            ("Always", "Pending", unscheduled, Progressing, "0/3 nodes"),
            ("Never", "Succeeded", json!({}), Healthy, ""),
            (
                "Never",
                "Failed",
                json!({"reason": "Evicted", "message": "low on memory"}),
                Degraded,
                "low on memory",
            ),
            ("Never", "Failed", json!({}), Degraded, "failed"),
            ("Always", "Unknown", json!({}), Unknown, "phase Unknown"),
        ] {
            check(pod(policy, phase, rest), expected, words);
        }
        check(json!({"apiVersion": "v1", "kind": "Pod"}), Progressing, "");
    }

    #[test]
    fn containers_that_get_nowhere() {
        let waiting =
            |reason: &str| json!({"name": "web", "state": {"waiting": {"reason": reason, "message": "m"}}});
        for (reason, stuck) in [
            ("ContainerCreating", false),
            ("PodInitializing", false),
            ("ErrImagePull", true),
            ("ImagePullBackOff", true),
            ("CrashLoopBackOff", true),
            ("CreateContainerConfigError", true),
            ("InvalidImageName", true),
        ] {
            let expected = if stuck { Degraded } else { Progressing };
            for list in ["containerStatuses", "initContainerStatuses"] {
                for policy in ["Always", "Never"] {
                    let words = if stuck { format!("container web: {reason}: m") } else { String::new() };
                    check(pod(policy, "Pending", json!({list: [waiting(reason)]})), expected, &words);
                }
            }
        }
    }

    #[test]
    fn containers_that_crashed() {
        let container = |ready: bool, code: i32| json!({"containerStatuses": [{"name": "web", "ready": ready, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": code}}}]});
        check(pod("Always", "Running", container(false, 137)), Degraded, "web: OOMKilled, exit code 137");
        check(pod("Always", "Running", container(true, 137)), Progressing, "");
        check(pod("Always", "Running", container(false, 0)), Progressing, "");
        check(pod("Never", "Failed", container(false, 1)), Degraded, "exit code 1");
    }
}
