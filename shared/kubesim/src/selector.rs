//! Which objects a list or a watch is about.
//!
//! Source: k8s.io/apimachinery/pkg/labels and fields.

use serde_json::Value;

use crate::{object::meta, refusal::Refusal, schema::Kind};

/// Which objects a list or a watch is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    labels: Vec<Label>,
    fields: Vec<(String, Wanted, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Equal,
    Other,
}

#[derive(Debug, Clone)]
enum Label {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Selector {
    /// From the parameters of a request.
    ///
    /// # Errors
    /// 400: a selector cannot be read, or names a field that cannot be selected by.
    pub(crate) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, Refusal> {
        let labels = split(labels).into_iter().map(label).collect::<Result<_, _>>()?;
        let parts = fields.split(',').filter(|part| !part.is_empty());
        let fields = parts.map(|part| field(kind, part)).collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let value = |key: &str| labels[key].as_str();
        let labels = self.labels.iter().all(|label| match label {
            Label::In(key, values) => {
                value(key).is_some_and(|value| values.iter().any(|wanted| wanted == value))
            }
            Label::NotIn(key, values) => {
                value(key).is_none_or(|value| values.iter().all(|other| other != value))
            }
            Label::Exists(key) => value(key).is_some(),
            Label::Absent(key) => value(key).is_none(),
        });
        labels
            && self.fields.iter().all(|(path, wanted, value)| {
                let found = match path.strip_prefix("metadata.") {
                    Some(name) => meta(object, name),
                    None => path.split('.').fold(object, |at, step| &at[step]).as_str().unwrap_or_default(),
                };
                (found == value) == (*wanted == Wanted::Equal)
            })
    }

    /// Whether it selects all.
    pub(crate) fn is_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }
}

/// At commas, but not at those in parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn label(part: &str) -> Result<Label, Refusal> {
    let refuse = || Refusal::bad_request(format!("unable to parse requirement: {part}"));
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Label::Absent(key.trim().to_owned()));
    }
    for (sign, equal) in [("!=", Wanted::Other), ("==", Wanted::Equal), ("=", Wanted::Equal)] {
        if let Some((key, value)) = part.split_once(sign) {
            let (key, values) = (key.trim().to_owned(), vec![value.trim().to_owned()]);
            return Ok(match equal {
                Wanted::Equal => Label::In(key, values),
                Wanted::Other => Label::NotIn(key, values),
            });
        }
    }
    let words: Vec<_> = part.splitn(2, char::is_whitespace).map(str::trim).collect();
    match words[..] {
        [key] => Ok(Label::Exists(key.to_owned())),
        [key, rest] => {
            let (word, list) = rest.split_once('(').ok_or_else(refuse)?;
            let list = list.strip_suffix(')').ok_or_else(refuse)?;
            let values = list.split(',').map(|value| value.trim().to_owned()).collect();
            match word.trim() {
                "in" => Ok(Label::In(key.to_owned(), values)),
                "notin" => Ok(Label::NotIn(key.to_owned(), values)),
                _ => Err(refuse()),
            }
        }
        _ => Err(refuse()),
    }
}

/// What can be selected by besides the name and the namespace.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "Pod",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
        ],
    ),
    ("Secret", &["type"]),
    ("Namespace", &["status.phase"]),
    ("Service", &["spec.clusterIP", "spec.type"]),
    ("Job", &["status.successful"]),
    (
        "Event",
        &[
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.uid",
            "reason",
            "type",
        ],
    ),
];

fn field(kind: &Kind, part: &str) -> Result<(String, Wanted, String), Refusal> {
    let (path, wanted, value) = match (part.split_once("!="), part.split_once('=')) {
        (Some((path, value)), _) => (path, Wanted::Other, value),
        (None, Some((path, value))) => (path, Wanted::Equal, value.trim_start_matches('=')),
        (None, None) => {
            return Err(Refusal::bad_request(format!(
                "invalid selector: '{part}'; can't understand '{part}'"
            )));
        }
    };
    let more = FIELDS.iter().find(|(name, _)| *name == kind.built_in()).map_or(&[][..], |(_, fields)| fields);
    if !["metadata.name", "metadata.namespace"].contains(&path) && !more.contains(&path) {
        return Err(Refusal::bad_request(format!(
            "{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )));
    }
    Ok((path.to_owned(), wanted, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::table;
    use serde_json::json;

    #[test]
    fn labels_and_fields_select() {
        let table = table();
        let kind = table.kinds.iter().find(|kind| kind.kind == "Pod").unwrap();
        let pod = json!({"metadata": {"name": "a", "labels": {"app": "web", "tier": "x"}}, "status": {"phase": "Running"}});
        for (labels, fields, selected) in [
            ("", "", true),
            ("app=web,tier in (x, y)", "metadata.name=a", true),
            ("app==web,!other", "status.phase!=Pending", true),
            ("app!=web", "", false),
            ("app notin (web)", "", false),
            ("other", "", false),
            ("app", "metadata.name=b", false),
            ("other notin (web)", "", true),
        ] {
            let selector = Selector::parse(kind, labels, fields).unwrap();
            assert_eq!(selector.matches(&pod), selected, "{labels} {fields}");
        }
        assert!(Selector::parse(kind, "a b c", "").is_err());
        assert!(Selector::parse(kind, "", "spec.foo=1").is_err());
    }
}
