//! Answers without what differs between any two clusters.

use serde_json::{Value, json};

use crate::{
    sides::Answered,
    step::{Expect, Step, Strict},
};

/// What one side has shown so far: its uids and versions, in the order in which they were seen.
#[derive(Debug)]
pub struct Normal {
    namespace: String,
    uids: Vec<String>,
    versions: Vec<String>,
}

impl Normal {
    pub fn new(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), uids: Vec::new(), versions: Vec::new() }
    }

    /// A text with its placeholders filled in.
    pub fn filled(&self, text: &str, namespace: &str) -> String {
        let mut text = text.replace("{ns}", namespace);
        for (at, uid) in self.uids.iter().enumerate() {
            text = text.replace(&format!("{{uid:{at}}}"), uid);
        }
        for (at, version) in self.versions.iter().enumerate() {
            text = text.replace(&format!("{{rv:{at}}}"), version);
        }
        text
    }

    pub fn answer(&mut self, step: &Step, answered: &Answered) -> Value {
        if matches!(step.expect, Expect::Quietly(_)) {
            return Value::Null;
        }
        let bodies: Vec<Value> = if step.is_watch() {
            answered.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        } else {
            vec![serde_json::from_str(&answered.text).unwrap_or_else(|_| json!(answered.text))]
        };
        let bodies: Vec<_> = bodies.into_iter().map(|body| self.normal(step, body)).collect();
        // Others are advice about single kinds.
        let warnings = answered.warnings.iter().filter(|text| text.contains("unknown field"));
        let warnings: Vec<_> = warnings.map(|text| text.replace(&self.namespace, "NS")).collect();
        json!({"code": answered.code, "warnings": warnings, "body": bodies})
    }

    fn normal(&mut self, step: &Step, mut body: Value) -> Value {
        if body["items"].is_array() {
            body["metadata"]["resourceVersion"] = json!("LIST");
        }
        if body["kind"] == "Status" && body["status"] == "Failure" && step.strict == Strict::Reason {
            return json!({"code": body["code"], "reason": body["reason"]});
        }
        self.learn(&body);
        self.walk(&mut body, "");
        body
    }

    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                let list = members.contains_key("items");
                let members = members.iter().filter(|(name, _)| !(list && *name == "metadata"));
                for (name, value) in members {
                    if let Some(text) = value.as_str() {
                        let known = match name.as_str() {
                            "uid" => &mut self.uids,
                            "resourceVersion" => &mut self.versions,
                            _ => continue,
                        };
                        if !text.is_empty() && !known.iter().any(|other| other == text) {
                            known.push(text.to_owned());
                        }
                    } else {
                        self.learn(value);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn walk(&self, value: &mut Value, name: &str) {
        match value {
            Value::String(text) => {
                if ["resourceVersion"].contains(&name) {
                    // That of a list is the cluster's, to which others write as well.
                    let at = self.versions.iter().position(|version| version == text);
                    *text = format!("version {}", at.map_or("new".into(), |at| at.to_string()));
                } else if ["time", "creationTimestamp", "deletionTimestamp", "lastTransitionTime"]
                    .contains(&name)
                {
                    "TIME".clone_into(text);
                } else if name == "continue" && !text.is_empty() {
                    "CONTINUE".clone_into(text);
                } else {
                    *text = self.text(text);
                }
            }
            Value::Array(items) => {
                if name == "managedFields" {
                    // They are sorted by whole seconds, and the two sides do not run in the same ones.
                    items.sort_by_key(|entry| {
                        let word = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
                        (word("operation"), word("manager"), word("apiVersion"), word("subresource"))
                    });
                }
                if name == "causes" {
                    // The real server tells conflicts in the order of a Go map.
                    items.sort_by_key(ToString::to_string);
                }
                if ["clusterIPs"].contains(&name) {
                    items.iter_mut().filter(|item| *item != "None").for_each(|item| *item = json!("ADDRESS"));
                }
                items.iter_mut().for_each(|item| self.walk(item, ""));
            }
            Value::Object(members) => {
                for (name, value) in members.iter_mut() {
                    match (name.as_str(), &*value) {
                        ("clusterIP", Value::String(address)) if address != "None" => {
                            *value = json!("ADDRESS")
                        }
                        ("nodePort", Value::Number(_)) => *value = json!("PORT"),
                        _ => self.walk(value, name),
                    }
                }
                let keys: Vec<_> =
                    members.keys().filter(|key| key.contains(&self.namespace)).cloned().collect();
                for key in keys {
                    let value = members.shift_remove(&key).unwrap();
                    members.insert(key.replace(&self.namespace, "NS"), value);
                }
                members.sort_keys();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Texts quote uids, versions, times and the namespace.
    fn text(&self, text: &str) -> String {
        let mut text = text.replace(&self.namespace, "NS");
        for (at, uid) in self.uids.iter().enumerate() {
            text = text.replace(uid.as_str(), &format!("UID{at}"));
        }
        for (at, version) in self.versions.iter().enumerate() {
            text = text.replace(&format!("({version})"), &format!("(VERSION{at})"));
        }
        // `2026-01-01T00:00:00Z`
        while let Some(at) = text.find('Z').filter(|at| *at >= 19 && text.as_bytes()[at - 9] == b'T') {
            text.replace_range(at - 19..=at, "TIME");
        }
        text
    }
}

/// The lines in which two answers differ.
pub fn difference(theirs: &Value, ours: &Value) -> String {
    let [theirs, ours] = [theirs, ours].map(|value| serde_json::to_string_pretty(value).unwrap());
    let mut out = String::from("- the real server, + the simulator\n");
    let (theirs, ours): (Vec<_>, Vec<_>) = (theirs.lines().collect(), ours.lines().collect());
    // Longest common subsequence: answers are short.
    let mut table = vec![vec![0_u32; ours.len() + 1]; theirs.len() + 1];
    for (i, a) in theirs.iter().enumerate().rev() {
        for (j, b) in ours.iter().enumerate().rev() {
            table[i][j] = if a == b { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < theirs.len() || j < ours.len() {
        if i < theirs.len() && j < ours.len() && theirs[i] == ours[j] {
            out.push_str(&format!("  {}\n", ours[j]));
            (i, j) = (i + 1, j + 1);
        } else if j == ours.len() || (i < theirs.len() && table[i + 1][j] >= table[i][j + 1]) {
            out.push_str(&format!("- {}\n", theirs[i]));
            i += 1;
        } else {
            out.push_str(&format!("+ {}\n", ours[j]));
            j += 1;
        }
    }
    out
}
