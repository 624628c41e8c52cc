//! `Cluster`.

use model::{Cluster, definition::Kubeconfig};

use super::{name, namespace};
use crate::{
    document::{Metadata, cluster::ClusterSpec},
    fault::Faults,
    labels,
};

/// The renderer marks every object with it, and definitions are objects to it.
const MARK: &str = "driftless.dev/application";

pub(crate) fn cluster(metadata: Metadata, spec: ClusterSpec, faults: &mut Faults) -> Option<Cluster> {
    let name = name(&metadata.name, faults);
    labels::check(&metadata.labels, "/metadata/labels", faults);
    namespace(&spec.namespace, "/spec/namespace", faults);
    let mut labels = metadata.labels;
    labels.remove(MARK);
    let kubeconfig = Kubeconfig { file: spec.kubeconfig.file, context: spec.kubeconfig.context };
    Some(Cluster { name: name?, labels, kubeconfig, namespace: spec.namespace })
}
