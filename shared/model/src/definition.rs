//! Definitions: what people write in the fleet repository, and the complete set that everyone reads.

mod application;
mod cluster;
mod fleet;
mod ignore;
mod overrides;
mod reach;
mod set;
mod source;

pub use application::{
    Application, Deletion, FirstContact, Guard, GuardedKind, Helm, Plain, Rendering, Selector, SourcePath,
    SyncPolicy,
};
pub use cluster::{Cluster, KUBECONFIG_KEY, Kubeconfig, OWN_NAMESPACE, SecretKey};
pub use fleet::Fleet;
pub use ignore::{IgnoreRule, Ignored, is_identity};
pub use overrides::Override;
pub use reach::{ClusterResources, NAMESPACES_MAX, Reach};
pub use set::{DefinitionSet, SetError};
pub use source::{Git, GitAuth, Reference, SecretRef, Signers, Source};
