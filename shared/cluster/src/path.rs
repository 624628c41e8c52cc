//! Request paths. Names come from manifests and definitions, and are hostile.

use model::ObjectId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{ClusterError, Resource, Scope};

/// Everything but what RFC 3986 leaves unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Longest name, in bytes. Source: Kubernetes, DNS subdomain.
const NAME_BYTES_MAX: usize = 253;

/// `/api/v1/namespaces/shop/configmaps/web`.
pub(crate) fn object(resource: &Resource, id: &ObjectId) -> Result<String, ClusterError> {
    let gvk = &resource.gvk;
    if id.kind != gvk.kind || id.group != gvk.api_version.group {
        return Err(ClusterError::WrongResource { id: Box::new(id.clone()), gvk: Box::new(gvk.clone()) });
    }
    let bad = |problem: &str| ClusterError::BadName { id: Box::new(id.clone()), problem: problem.to_owned() };
    let scope = match (resource.scope, &id.namespace) {
        (Scope::Namespaced, Some(namespace)) => Some(namespace.as_str()),
        (Scope::Namespaced, None) => return Err(bad("a namespace is needed")),
        (Scope::Cluster, None) => None,
        (Scope::Cluster, Some(_)) => return Err(bad("the kind has no namespaces")),
    };
    for name in [Some(id.name.as_str()), scope].into_iter().flatten() {
        check(name).map_err(&bad)?;
    }
    Ok(format!("{}/{}", collection(resource, scope), encode(&id.name)))
}

/// `/apis/apps/v1/deployments`, or of one namespace.
pub(crate) fn collection(resource: &Resource, namespace: Option<&str>) -> String {
    let version = &resource.gvk.api_version;
    let mut path = match version.group.as_str() {
        "" => format!("/api/{}", encode(&version.version)),
        group => format!("/apis/{}/{}", encode(group), encode(&version.version)),
    };
    if let Some(namespace) = namespace {
        path.push_str("/namespaces/");
        path.push_str(&encode(namespace));
    }
    path.push('/');
    path.push_str(&encode(&resource.plural));
    path
}

/// Appends `?key=value&…`.
pub(crate) fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let mut path = path.to_owned();
    for (index, (key, value)) in query.iter().enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        path.push_str(key);
        path.push('=');
        path.push_str(&encode(value));
    }
    path
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Source: Kubernetes "Object Names and IDs", path segment names.
fn check(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("a name may not be empty"),
        "." | ".." => Err("a name may not be '.' or '..'"),
        _ if name.len() > NAME_BYTES_MAX => Err("a name has at most 253 bytes"),
        _ if name.contains(['/', '%']) => Err("a name may not hold '/' or '%'"),
        _ if name.chars().any(char::is_control) => Err("a name may not hold control characters"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use model::Gvk;
    use proptest::prelude::*;

    use super::*;

    fn resource(scope: Scope) -> Resource {
        let gvk = Gvk { api_version: "apps/v1".parse().unwrap(), kind: "Deployment".into() };
        Resource { gvk, plural: "deployments".into(), scope, verbs: vec![] }
    }

    fn id(namespace: Option<&str>, name: &str) -> ObjectId {
        let namespace = namespace.map(str::to_owned);
        ObjectId { group: "apps".into(), kind: "Deployment".into(), namespace, name: name.into() }
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let path = object(&resource(Scope::Namespaced), &id(Some("shop"), "web"));
        assert_eq!(path.unwrap(), "/apis/apps/v1/namespaces/shop/deployments/web");
        let path = object(&resource(Scope::Cluster), &id(None, "system:node"));
        assert_eq!(path.unwrap(), "/apis/apps/v1/deployments/system%3Anode");
        assert_eq!(with_query("/x", &[("a", "b=c"), ("d", "e&f")]), "/x?a=b%3Dc&d=e%26f");
    }

    #[test]
    fn scope_and_kind_must_fit() {
        assert!(object(&resource(Scope::Namespaced), &id(None, "web")).is_err());
        assert!(object(&resource(Scope::Cluster), &id(Some("shop"), "web")).is_err());
        let other = ObjectId { kind: "Secret".into(), ..id(Some("shop"), "web") };
        let error = object(&resource(Scope::Namespaced), &other).unwrap_err();
        assert!(matches!(error, ClusterError::WrongResource { .. }));
    }

    proptest! {
        #[test]
        fn a_name_never_leaves_its_segment(
            name in ".{0,12}|\\.{1,3}|[a-z/%?#]{1,6}",
            namespace in "[.a-z/]{1,6}",
        ) {
            if let Ok(path) = object(&resource(Scope::Namespaced), &id(Some(&namespace), &name)) {
                let segments: Vec<&str> = path.split('/').collect();
                prop_assert_eq!(segments.len(), 8);
                prop_assert!(!segments.iter().any(|segment| matches!(*segment, "." | "..")));
                prop_assert!(!path.contains(['?', '#', ' ', '\n']) && path.is_ascii());
            }
        }
    }
}
