//! `Cluster`.

use model::{
    Cluster,
    definition::{ClusterResources, Kubeconfig, OWN_NAMESPACE, Reach, SecretKey},
};

use super::{name, namespace};
use crate::{
    document::{self, Metadata, cluster::ClusterSpec},
    fault::{Faults, below},
    labels,
};

/// The renderer marks every object with it, and definitions are objects to it.
const MARK: &str = "driftless.dev/application";

/// Longest name of an object, in bytes. Source: Kubernetes, DNS subdomain.
const OBJECT_NAME_BYTES_MAX: usize = 253;

pub(crate) fn cluster(metadata: Metadata, spec: ClusterSpec, faults: &mut Faults) -> Option<Cluster> {
    let name = name(&metadata.name, faults);
    labels::check(&metadata.labels, "/metadata/labels", faults);
    let own = spec.namespace.as_ref().or(spec.namespaces.as_ref().and_then(|names| names.first()));
    let own = own.map_or(OWN_NAMESPACE, String::as_str).to_owned();
    namespace(&own, "/spec/namespace", faults);
    let reach = reach(spec.namespaces, spec.cluster_resources, faults);
    if let Some(problem) = reach.problem(&own) {
        faults.value("/spec/namespaces", &problem, "correct the list");
    }
    let mut labels = metadata.labels;
    labels.remove(MARK);
    let kubeconfig = kubeconfig(spec.kubeconfig, faults);
    Some(Cluster { name: name?, labels, kubeconfig, namespace: own, reach })
}

fn kubeconfig(written: document::cluster::Kubeconfig, faults: &mut Faults) -> Kubeconfig {
    if written.file.is_some() && written.secret.is_some() {
        faults.value("/spec/kubeconfig", "file and secret exclude each other", "keep one of them");
    }
    let secret = written.secret.map(|secret| {
        object_name(&secret.name, "/spec/kubeconfig/secret/name", faults);
        if let Some(name) = &secret.namespace {
            namespace(name, "/spec/kubeconfig/secret/namespace", faults);
        }
        SecretKey { name: secret.name, namespace: secret.namespace, key: secret.key }
    });
    Kubeconfig { file: written.file, context: written.context, secret }
}

/// Source: Kubernetes "Object Names and IDs", DNS subdomain.
fn object_name(text: &str, pointer: &str, faults: &mut Faults) {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if text.is_empty() || text.len() > OBJECT_NAME_BYTES_MAX || !text.bytes().all(inner) {
        faults.value(pointer, "this is not the name of an object", "use a-z, 0-9, '-' and '.'");
    }
}

fn reach(namespaces: Option<Vec<String>>, cluster_resources: Option<bool>, faults: &mut Faults) -> Reach {
    let Some(namespaces) = namespaces else {
        if cluster_resources == Some(false) {
            let remedy = "name them, or leave this out";
            faults.value("/spec/clusterResources", "is of use only beside namespaces", remedy);
        }
        return Reach::Whole;
    };
    for (at, name) in namespaces.iter().enumerate() {
        namespace(name, &below("/spec/namespaces", &at.to_string()), faults);
    }
    let cluster_resources = match cluster_resources {
        Some(true) => ClusterResources::Allowed,
        Some(false) | None => ClusterResources::Refused,
    };
    Reach::Only { namespaces, cluster_resources }
}
