//! Asks a cluster what it serves: in two requests where it can, else version by version.

use futures::{FutureExt, StreamExt, stream};
use http::header::CONTENT_TYPE;
use model::{ApiVersion, Gvk};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    ClusterClient, ClusterError, Discovery, Resource, Scope, Verb,
    send::{Answer, Call, JSON, LIST_DEADLINE, PAGE_BYTES_MAX},
    status::About,
};

/// Source: Kubernetes "Aggregated discovery" (stable since 1.30), with the plain form for older servers.
const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// Requests in flight when every version is asked by itself.
const REQUESTS: usize = 8;

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    metadata: GroupMetadata,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct GroupMetadata {
    /// Absent for the core group.
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Described>,
    /// `Current` or `Stale`; stale: the server behind it did not answer.
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    resource: String,
    response_kind: Option<ResponseKind>,
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct ResponseKind {
    kind: String,
}

/// `/api`
#[derive(Deserialize)]
struct CoreVersions {
    versions: Vec<String>,
}

/// `/apis`
#[derive(Deserialize)]
struct GroupList {
    groups: Vec<PlainGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainGroup {
    versions: Vec<PlainVersion>,
    preferred_version: Option<PlainVersion>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct PlainVersion {
    group_version: String,
}

/// `/apis/apps/v1`
#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<PlainResource>,
}

#[derive(Deserialize)]
struct PlainResource {
    name: String,
    kind: String,
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

impl ClusterClient {
    /// Asks what the cluster serves. A part of the API that does not answer is recorded as unavailable.
    ///
    /// # Errors
    /// If the server itself does not answer: Unreachable, Timeout, Server: transient; Unauthorized,
    /// Forbidden: permanent.
    pub async fn discover(&self) -> Result<Discovery, ClusterError> {
        let (core, groups) = futures::try_join!(self.ask("/api", AGGREGATED), self.ask("/apis", AGGREGATED))?;
        let mut discovery = Discovery::default();
        for answer in [&core, &groups] {
            if !is_aggregated(answer) {
                return self.discover_plainly().await;
            }
            let groups: Groups = read(&answer.body)?;
            for group in groups.items {
                add_group(&mut discovery, group);
            }
        }
        Ok(discovery)
    }

    async fn discover_plainly(&self) -> Result<Discovery, ClusterError> {
        let (core, groups) = futures::try_join!(self.ask("/api", JSON), self.ask("/apis", JSON))?;
        let core: CoreVersions = read(&core.body)?;
        let groups: GroupList = read(&groups.body)?;
        let mut names = core.versions;
        for group in groups.groups {
            let rest = group
                .versions
                .into_iter()
                .filter(|version| Some(version) != group.preferred_version.as_ref());
            let rest = rest.map(|version| version.group_version).collect::<Vec<_>>();
            names
                .extend(group.preferred_version.map(|version| version.group_version).into_iter().chain(rest));
        }
        let mut asked = Vec::new();
        for version in names.iter().filter_map(|name| name.parse::<ApiVersion>().ok()) {
            let client = self.clone();
            let ask = async move {
                let answer = client.resources_of(&version).await;
                (version, answer)
            };
            // Boxed and borrowing nothing: else the compiler cannot see that callers' futures are Send.
            asked.push(ask.boxed());
        }
        let answers: Vec<(ApiVersion, Result<ResourceList, ClusterError>)> =
            stream::iter(asked).buffered(REQUESTS).collect().await;
        let mut discovery = Discovery::default();
        for (version, answer) in answers {
            match answer {
                Ok(list) => discovery.add(&version, plain_resources(&version, list)),
                Err(_) => discovery.add_unavailable(version),
            }
        }
        Ok(discovery)
    }

    async fn resources_of(&self, version: &ApiVersion) -> Result<ResourceList, ClusterError> {
        let root = if version.group.is_empty() { "/api" } else { "/apis" };
        let answer = self.ask(&format!("{root}/{version}"), JSON).await?;
        read(&answer.body)
    }

    async fn ask(&self, path: &str, accept: &'static str) -> Result<Answer, ClusterError> {
        let mut call = Call::get(path.to_owned(), about());
        (call.accept, call.deadline, call.bytes_max) = (accept, LIST_DEADLINE, PAGE_BYTES_MAX);
        self.inner.transport.send(call).await
    }
}

fn about() -> About {
    About::general("discover")
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClusterError> {
    serde_json::from_slice(body).map_err(|_| about().bad("no discovery document"))
}

fn is_aggregated(answer: &Answer) -> bool {
    let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.contains("g=apidiscovery.k8s.io") && value.contains("v=v2"))
}

fn add_group(discovery: &mut Discovery, group: Group) {
    for version in group.versions {
        let name = &group.metadata.name;
        let text =
            if name.is_empty() { version.version.clone() } else { format!("{name}/{}", version.version) };
        // A name that is none can be in no manifest either.
        let Ok(api_version) = text.parse::<ApiVersion>() else { continue };
        if version.freshness == "Stale" {
            discovery.add_unavailable(api_version);
            continue;
        }
        let described = version.resources.into_iter().filter_map(|described| {
            let kind = described.response_kind?.kind;
            let scope = if described.scope == "Namespaced" { Scope::Namespaced } else { Scope::Cluster };
            Some(resource(&api_version, (described.resource, kind), scope, &described.verbs))
        });
        discovery.add(&api_version, described);
    }
}

fn plain_resources(version: &ApiVersion, list: ResourceList) -> impl Iterator<Item = Resource> {
    // `deployments/status` is a part of another resource.
    let whole = list.resources.into_iter().filter(|resource| !resource.name.contains('/'));
    whole.map(|plain| {
        let scope = if plain.namespaced { Scope::Namespaced } else { Scope::Cluster };
        resource(version, (plain.name, plain.kind), scope, &plain.verbs)
    })
}

fn resource(
    version: &ApiVersion,
    (plural, kind): (String, String),
    scope: Scope,
    verbs: &[String],
) -> Resource {
    let gvk = Gvk { api_version: version.clone(), kind };
    Resource { gvk, plural, scope, verbs: verbs.iter().filter_map(|verb| Verb::parse(verb)).collect() }
}
