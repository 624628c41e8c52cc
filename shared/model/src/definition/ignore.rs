//! Fields that others may change: rules of an application, and what they say about one object.

use serde::{Deserialize, Serialize};

use crate::ObjectId;

/// What makes an object the one that it is, and ours: no rule leaves it to others.
const IDENTITY: [&str; 5] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/labels/driftless.dev~1application",
];

/// Fields that others may change without it being drift: used when an object is created, and left out of every
/// later apply, comparison and difference.
///
/// The same words as Argo CD's `ignoreDifferences`, and always respected while syncing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IgnoreRule {
    /// API group; `None`: any.
    #[serde(default)]
    pub group: Option<String>,
    /// Kind; `None`: any.
    #[serde(default)]
    pub kind: Option<String>,
    /// Name; `None`: any.
    #[serde(default)]
    pub name: Option<String>,
    /// JSON pointers (RFC 6901) into the manifest. A list item is named by its place in the manifest, and its
    /// list has to be one whose items have keys: of other lists only the whole can be left to others.
    #[serde(default)]
    pub pointers: Vec<String>,
    /// Field managers whose fields are left alone, whatever they are.
    #[serde(default)]
    pub managers: Vec<String>,
}

impl IgnoreRule {
    /// Whether it speaks of that object.
    pub fn matches(&self, id: &ObjectId) -> bool {
        let any = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|text| text == found);
        any(&self.group, &id.group) && any(&self.kind, &id.kind) && any(&self.name, &id.name)
    }

    /// Why it cannot be a rule, in a few words; `None` if it can.
    pub fn problem(&self) -> Option<String> {
        if self.pointers.is_empty() && self.managers.is_empty() {
            return Some("it names neither pointers nor managers".to_owned());
        }
        self.pointers.iter().find_map(|pointer| {
            if !is_pointer(pointer) {
                Some(format!("{pointer:?} is not a JSON pointer such as /spec/replicas"))
            } else if is_identity(pointer) {
                Some(format!("{pointer:?} would leave the object's identity or mark to others"))
            } else {
                None
            }
        })
    }
}

/// What of one object is left to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// JSON pointers into its manifest, sorted.
    pub pointers: Vec<String>,
    /// Field managers whose fields are left alone, sorted.
    pub managers: Vec<String>,
}

impl Ignored {
    /// What the rules say about that object.
    pub fn of(rules: &[IgnoreRule], id: &ObjectId) -> Self {
        let mut ignored = Self::default();
        for rule in rules.iter().filter(|rule| rule.matches(id)) {
            ignored.pointers.extend(rule.pointers.iter().filter(|pointer| !is_identity(pointer)).cloned());
            ignored.managers.extend_from_slice(&rule.managers);
        }
        for texts in [&mut ignored.pointers, &mut ignored.managers] {
            texts.sort_unstable();
            texts.dedup();
        }
        ignored
    }

    /// What this and the other leave to others, together.
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.pointers.extend_from_slice(&other.pointers);
        both.managers.extend_from_slice(&other.managers);
        both
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.pointers.is_empty() && self.managers.is_empty()
    }
}

/// Whether a JSON pointer names what makes an object the one that it is, and ours, or something around it.
pub fn is_identity(pointer: &str) -> bool {
    let around = |inner: &&str| inner.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'));
    IDENTITY.iter().any(|part| *part == pointer || around(part))
}

/// Source: RFC 6901, section 3.
fn is_pointer(text: &str) -> bool {
    let escaped = |part: &str| part.starts_with(['0', '1']);
    text.starts_with('/') && text.split('~').skip(1).all(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(group: &str, kind: &str, name: &str) -> ObjectId {
        ObjectId { group: group.into(), kind: kind.into(), namespace: None, name: name.into() }
    }

    fn rule(pointers: &[&str], managers: &[&str]) -> IgnoreRule {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        IgnoreRule { pointers: texts(pointers), managers: texts(managers), ..IgnoreRule::default() }
    }

    #[test]
    fn what_a_rule_does_not_name_is_any() {
        let some = |text: &str| Some(text.to_owned());
        let web = id("apps", "Deployment", "web");
        for (group, kind, name, matches) in [
            (None, None, None, true),
            (some("apps"), some("Deployment"), some("web"), true),
            (None, some("Deployment"), None, true),
            (some(""), some("Deployment"), None, false),
            (None, some("StatefulSet"), None, false),
            (None, None, some("api"), false),
        ] {
            let rule = IgnoreRule { group, kind, name, ..IgnoreRule::default() };
            assert_eq!(rule.matches(&web), matches, "{rule:?}");
        }
    }

    #[test]
    fn rules_of_one_object_add_up() {
        let other = IgnoreRule { kind: Some("Service".into()), ..rule(&["/spec/type"], &[]) };
        let rules = [rule(&["/spec/b", "/spec/a", "/metadata"], &["hpa"]), rule(&["/spec/a"], &[]), other];
        let ignored = Ignored::of(&rules, &id("apps", "Deployment", "web"));
        assert_eq!(ignored.pointers, ["/spec/a", "/spec/b"]);
        assert_eq!(ignored.managers, ["hpa"]);
        assert!(Ignored::of(&rules[2..], &id("apps", "Deployment", "web")).is_empty());
    }

    #[test]
    fn impossible_rules_are_named() {
        for (rule, problem) in [
            (rule(&["/spec/replicas", "/metadata/annotations/a~1b"], &[]), None),
            (rule(&[], &["hpa"]), None),
            (rule(&[], &[]), Some("neither")),
            (rule(&["spec.replicas"], &[]), Some("not a JSON pointer")),
            (rule(&["/a~2b"], &[]), Some("not a JSON pointer")),
            (rule(&[""], &[]), Some("not a JSON pointer")),
            (rule(&["/metadata"], &[]), Some("identity")),
            (rule(&["/metadata/labels"], &[]), Some("identity")),
            (rule(&["/metadata/name"], &[]), Some("identity")),
        ] {
            let found = rule.problem();
            assert_eq!(found.is_some(), problem.is_some(), "{rule:?}");
            assert!(found.unwrap_or_default().contains(problem.unwrap_or_default()), "{rule:?}");
        }
    }
}
