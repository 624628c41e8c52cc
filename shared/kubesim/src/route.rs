//! What a request is about, read from its method, path and parameters.

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::refusal::{Problem, Refusal};

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/version`, `/apis`, `/openapi/v3`: a document.
    Document(String),
    /// Objects.
    Objects(Target),
}

/// Objects that a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

/// The parameters of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Route {
    pub(crate) fn parse(path: &str) -> Self {
        let decoded: Vec<_> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let parts: Vec<_> = decoded.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return Self::Document(path.to_owned()),
        };
        // `namespaces/NAME` is a namespace, `namespaces/NAME/RESOURCE` what is in it; `status` and `finalize` are parts
        // of the namespace itself.
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !matches!(rest, [] | ["status" | "finalize"]) => {
                (Some((*namespace).to_owned()), rest)
            }
            rest => (None, rest),
        };
        let at = |index: usize| rest.get(index).map(|part| (*part).to_owned());
        Self::Objects(Target {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: at(0).unwrap_or_default(),
            namespace,
            name: at(1),
            subresource: at(2),
        })
    }
}

fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

impl Parameters {
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(pairs.map(|(name, value)| (decode(name), decode(&value.replace('+', " ")))).collect())
    }

    /// A parameter; empty if it is not given.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a parameter says yes.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !["0", "false", "False"].contains(&value.as_str()))
    }

    /// A parameter that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    /// Whether the request is only tried.
    ///
    /// # Errors
    /// 422: another stage than `All` is asked for.
    pub(crate) fn trial(&self, method: &Method) -> Result<Trial, Refusal> {
        let options = match *method {
            Method::POST => "CreateOptions",
            Method::PUT => "UpdateOptions",
            Method::PATCH => "PatchOptions",
            _ => "DeleteOptions",
        };
        match self.text("dryRun") {
            "" => Ok(Trial::No),
            "All" => Ok(Trial::Yes),
            other => {
                let all = [serde_json::json!("All")];
                let problem = Problem::unsupported("dryRun", &serde_json::json!([other]), &all);
                Err(Refusal::invalid_options(options, &problem))
            }
        }
    }
}

/// Whether a request is only tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trial {
    /// Nothing is written.
    Yes,
    /// It is carried out.
    No,
}

/// The manager of a request that names none: the user agent, to the first slash.
/// Source: k8s.io/apiserver, `managerOrUserAgent`.
pub(crate) fn manager(parameters: &Parameters, user_agent: &str) -> String {
    let given = parameters.text("fieldManager");
    if !given.is_empty() {
        return given.to_owned();
    }
    let agent = user_agent.split('/').next().unwrap_or_default();
    let agent: String = agent.chars().filter(|c| !c.is_control()).take(MANAGER_LENGTH_MAX).collect();
    if agent.is_empty() { "unknown".to_owned() } else { agent }
}

/// Source: k8s.io/apimachinery, `FieldManagerMaxLength`.
const MANAGER_LENGTH_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_objects() {
        let target = |path: &str| match Route::parse(path) {
            Route::Objects(target) => {
                let part = |part: Option<String>| part.unwrap_or("-".into());
                let (namespace, name) = (part(target.namespace), part(target.name));
                format!("{} {} {namespace} {name} {}", target.group, target.plural, part(target.subresource))
            }
            Route::Document(path) => path,
        };
        for (path, expected) in [
            ("/api/v1/namespaces", " namespaces - - -"),
            ("/api/v1/namespaces/a", " namespaces - a -"),
            ("/api/v1/namespaces/a/status", " namespaces - a status"),
            ("/api/v1/namespaces/a/pods", " pods a - -"),
            ("/apis/apps/v1/namespaces/a/deployments/b/scale", "apps deployments a b scale"),
            ("/apis/apps/v1/deployments", "apps deployments - - -"),
            ("/apis/apps/v1", "/apis/apps/v1"),
            ("/api/v1/namespaces/a/configmaps/b%20c", " configmaps a b c -"),
        ] {
            assert_eq!(target(path), expected, "{path}");
        }
    }
}
