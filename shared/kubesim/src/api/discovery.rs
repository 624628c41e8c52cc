//! What is served: versions, groups, resources, and as much of OpenAPI as kubectl asks for.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::{Answer, Cluster, Outcome, api_version, whole};
use crate::{definitions::rank, refusal::Refusal, schema::Kind};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The verbs of a part.
const PART_VERBS: &[&str] = &["get", "patch", "update"];

impl Cluster {
    pub(super) fn document(&mut self, request: &Request<Bytes>, path: &str) -> Outcome {
        if *request.method() != Method::GET {
            return Err(Refusal::method_not_allowed());
        }
        let accept =
            request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let aggregated = accept.contains("apidiscovery.k8s.io") && accept.contains("v=v2;");
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        let document = match parts.as_slice() {
            ["healthz" | "readyz" | "livez", ..] => return Ok(whole(StatusCode::OK, "ok")),
            ["version"] => version(),
            ["api"] if aggregated => return Ok(self.aggregated("api")),
            ["apis"] if aggregated => return Ok(self.aggregated("apis")),
            ["api"] => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
            ["apis"] => {
                let groups: Vec<_> = self.groups().iter().map(|(name, kinds)| group(name, kinds)).collect();
                json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
            }
            ["apis", name] => {
                let groups = self.groups();
                let kinds = groups.get(*name).ok_or_else(Refusal::no_resource)?;
                let mut document = group(name, kinds);
                document["kind"] = json!("APIGroup");
                document["apiVersion"] = json!("v1");
                document
            }
            ["api", version] => self.resources("", version)?,
            ["apis", group, version] => self.resources(group, version)?,
            ["openapi", "v3"] => self.schemas(),
            ["openapi", "v3", "api", version] => self.schema("", version)?,
            ["openapi", "v3", "apis", group, version] => self.schema(group, version)?,
            _ => return Err(Refusal::no_resource()),
        };
        Ok(whole(StatusCode::OK, document.to_string()))
    }

    /// Groups but the core one, with their kinds; the preferred version first.
    fn groups(&self) -> BTreeMap<String, Vec<Arc<Kind>>> {
        let mut groups: BTreeMap<String, Vec<Arc<Kind>>> = BTreeMap::new();
        for kind in self.kinds().filter(|kind| !kind.group.is_empty()) {
            groups.entry(kind.group.clone()).or_default().push(Arc::clone(kind));
        }
        for kinds in groups.values_mut() {
            kinds.sort_by_key(|kind| std::cmp::Reverse(rank(&kind.version)));
        }
        groups
    }

    fn of_version<'a>(&'a self, group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Arc<Kind>> {
        self.kinds().filter(move |kind| kind.group == group && kind.version == version)
    }

    fn resources(&self, group: &str, version: &str) -> Result<Value, Refusal> {
        let mut resources = Vec::new();
        for kind in self.of_version(group, version) {
            resources.push(resource(kind));
            for part in &kind.subresources {
                let mut entry = json!({"name": format!("{}/{part}", kind.plural), "singularName": "",
                    "namespaced": kind.namespaced, "kind": kind.kind, "verbs": PART_VERBS});
                if part == "scale" {
                    entry["group"] = json!("autoscaling");
                    entry["version"] = json!("v1");
                    entry["kind"] = json!("Scale");
                }
                resources.push(entry);
            }
        }
        if resources.is_empty() {
            return Err(Refusal::no_resource());
        }
        let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        Ok(
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}),
        )
    }

    fn aggregated(&self, root: &str) -> Answer {
        let groups = match root {
            "api" => {
                let core = self.kinds().filter(|kind| kind.group.is_empty()).cloned().collect();
                BTreeMap::from([(String::new(), core)])
            }
            _ => self.groups(),
        };
        let items: Vec<_> = groups.iter().map(|(name, kinds)| aggregated_group(name, kinds)).collect();
        let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
            "items": items});
        let answer = whole(StatusCode::OK, list.to_string());
        let Answer::Whole(mut response) = answer else { return answer };
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
        Answer::Whole(response)
    }

    fn schemas(&self) -> Value {
        let mut paths = serde_json::Map::new();
        for kind in self.kinds() {
            let root = if kind.group.is_empty() { "api" } else { "apis" };
            let path = format!("{root}/{}", api_version(kind));
            let url = format!("/openapi/v3/{path}?hash={}", self.custom.len());
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
        json!({ "paths": paths })
    }

    /// The paths of a version, with the parameters by which clients find out what the server can do. Types are not in
    /// it.
    fn schema(&self, group: &str, version: &str) -> Result<Value, Refusal> {
        let mut paths = serde_json::Map::new();
        for kind in self.of_version(group, version) {
            let root = if kind.group.is_empty() { "/api" } else { "/apis" };
            let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
            let path = format!("{root}/{}{scope}/{}/{{name}}", api_version(kind), kind.plural);
            let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
            let parameters: Vec<_> =
                ["dryRun", "fieldManager", "fieldValidation", "force"].into_iter().map(parameter).collect();
            let gvk = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
            let operation = json!({"parameters": parameters, "x-kubernetes-group-version-kind": gvk,
                "x-kubernetes-action": "patch", "responses": {}});
            paths.insert(path, json!({"patch": operation}));
        }
        if paths.is_empty() {
            return Err(Refusal::no_resource());
        }
        let info = json!({"title": "Kubernetes", "version": VERSION});
        Ok(json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}))
    }
}

/// The version that is simulated.
const VERSION: &str = "v1.36.3";

fn version() -> Value {
    json!({"major": "1", "minor": "36", "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "kubesim"})
}

fn versions(kinds: &[Arc<Kind>]) -> Vec<&str> {
    let mut versions: Vec<_> = kinds.iter().map(|kind| kind.version.as_str()).collect();
    versions.dedup();
    versions
}

fn group(name: &str, kinds: &[Arc<Kind>]) -> Value {
    let version = |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<_> = versions(kinds).iter().map(version).collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

fn resource(kind: &Kind) -> Value {
    let mut entry = json!({"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced,
        "kind": kind.kind, "verbs": kind.verbs});
    for (name, list) in [("shortNames", &kind.short_names), ("categories", &kind.categories)] {
        if !list.is_empty() {
            entry[name] = json!(list);
        }
    }
    entry
}

fn aggregated_group(name: &str, kinds: &[Arc<Kind>]) -> Value {
    let versions = versions(kinds).into_iter().map(|version| {
        let kinds = kinds.iter().filter(|kind| kind.version == version);
        let resources: Vec<_> = kinds.map(|kind| aggregated_resource(kind)).collect();
        json!({"version": version, "resources": resources, "freshness": "Current"})
    });
    let versions: Vec<_> = versions.collect();
    json!({"metadata": {"name": name}, "versions": versions})
}

fn aggregated_resource(kind: &Kind) -> Value {
    let gvk = |kind: &Kind| json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let scope = if kind.namespaced { "Namespaced" } else { "Cluster" };
    let mut entry = json!({"resource": kind.plural, "responseKind": gvk(kind), "scope": scope,
        "singularResource": kind.singular, "verbs": kind.verbs});
    for (name, list) in [("shortNames", &kind.short_names), ("categories", &kind.categories)] {
        if !list.is_empty() {
            entry[name] = json!(list);
        }
    }
    let parts = kind.subresources.iter().map(|part| {
        let response = match part.as_str() {
            "scale" => json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}),
            _ => gvk(kind),
        };
        json!({"subresource": part, "responseKind": response, "verbs": PART_VERBS})
    });
    let parts: Vec<_> = parts.collect();
    if !parts.is_empty() {
        entry["subresources"] = json!(parts);
    }
    entry
}
