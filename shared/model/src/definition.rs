//! Definitions: what people write in the fleet repository, and the complete set that everyone reads.

mod application;
mod cluster;
mod set;
mod source;

pub use application::{
    Application, Deletion, FirstContact, Guard, Helm, IgnoreRule, Plain, Rendering, Selector, SourcePath,
    SyncPolicy,
};
pub use cluster::{Cluster, Kubeconfig};
pub use set::{DefinitionSet, SetError};
pub use source::{Git, GitAuth, Reference, SecretRef, Source};
