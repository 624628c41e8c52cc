//! `Cluster`.

use model::{
    Cluster,
    definition::{ClusterResources, Kubeconfig, OWN_NAMESPACE, Reach},
};

use super::{name, namespace};
use crate::{
    document::{Metadata, cluster::ClusterSpec},
    fault::{Faults, below},
    labels,
};

/// The renderer marks every object with it, and definitions are objects to it.
const MARK: &str = "driftless.dev/application";

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
    let kubeconfig = Kubeconfig { file: spec.kubeconfig.file, context: spec.kubeconfig.context };
    Some(Cluster { name: name?, labels, kubeconfig, namespace: own, reach })
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
