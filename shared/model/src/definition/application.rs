//! `Application`: a path of a source, how it is rendered, where it goes and under which policy.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ApplicationName, Cluster, SourceName,
    definition::{IgnoreRule, Override},
};

/// A path of a source, how it is rendered, where it goes and under which policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Its name; `driftless:<name>` is its field manager.
    pub name: ApplicationName,
    /// What is rendered.
    pub source: SourcePath,
    /// How it is rendered.
    #[serde(default)]
    pub rendering: Rendering,
    /// Which clusters it goes to.
    #[serde(default)]
    pub targets: Selector,
    /// What is different for some of them; later ones win.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Namespace of namespaced objects that name none, created if missing; `None`: `default`.
    #[serde(default)]
    pub namespace: Option<String>,
    /// What happens by itself.
    #[serde(default)]
    pub sync: SyncPolicy,
    /// What becomes of the objects when the application leaves the set or the cluster.
    #[serde(default)]
    pub deletion: Deletion,
    /// Limits on prunes.
    #[serde(default)]
    pub guard: Guard,
    /// Fields that others may change.
    #[serde(default)]
    pub ignore: Vec<IgnoreRule>,
    /// What to do with objects that exist but are not ours.
    #[serde(default)]
    pub first_contact: FirstContact,
}

/// A folder of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourcePath {
    /// The source.
    pub name: SourceName,
    /// The folder, relative to the repository's root; empty or `.`: the root.
    #[serde(default)]
    pub path: String,
}

/// How manifests are made from files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rendering {
    /// `Chart.yaml` means Helm, `kustomization.yaml` (or `.yml`, `Kustomization`) Kustomize, else plain files.
    #[default]
    Detect,
    /// Plain YAML and JSON files.
    Plain(Plain),
    /// Kustomize.
    Kustomize,
    /// A Helm chart.
    Helm(Helm),
}

/// Which plain files are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Plain {
    /// Globs over paths relative to the folder; empty: every `.yaml`, `.yml` and `.json`, recursively.
    pub include: Vec<String>,
    /// Globs of files to leave out, applied after `include`.
    pub exclude: Vec<String>,
}

/// How a chart is rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Helm {
    /// Release name; `None`: the application's name.
    pub release_name: Option<String>,
    /// Values files, relative to the chart's folder; later ones win.
    pub values_files: Vec<String>,
    /// Inline values as a JSON or YAML document; they win over files. Empty: none.
    pub values: String,
    /// Further inline values, in the same form; later ones win.
    pub values_overlays: Vec<String>,
    /// Whether templates that answer differently each time are accepted as they came out first.
    pub pin_non_deterministic: bool,
}

/// Selects clusters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Selector {
    /// Labels that a cluster must carry, all of them; empty selects every cluster.
    pub match_labels: BTreeMap<String, String>,
}

impl Selector {
    /// Whether the cluster carries every label.
    pub fn selects(&self, cluster: &Cluster) -> bool {
        self.match_labels.iter().all(|(key, value)| cluster.labels.get(key) == Some(value))
    }
}

/// What happens without a person asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SyncPolicy {
    /// Whether a new desired state is applied.
    pub auto: bool,
    /// Whether orphans are deleted, under the guard.
    pub prune: bool,
    /// Whether drift is reverted; otherwise it is reported only.
    pub self_heal: bool,
}

impl Default for SyncPolicy {
    fn default() -> Self {
        Self { auto: true, prune: true, self_heal: true }
    }
}

/// What becomes of an application's objects when it leaves the set or the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Deletion {
    /// They stay, without our mark.
    #[default]
    Orphan,
    /// They are deleted, under the guard.
    Delete,
}

/// Limits on what a plan may delete without a person's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Guard {
    /// Largest share of the inventory that one plan may prune, 0 to 99 percent; counts from four objects up.
    pub max_prune_percent: u8,
    /// Kinds that are pruned like any other, although data or other people's objects go with them.
    pub prune_kinds: BTreeSet<GuardedKind>,
    /// Whether objects are pruned that existed before they were taken over.
    pub prune_adopted: bool,
}

/// A kind whose deletion takes data or other people's objects along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GuardedKind {
    /// With everything in it.
    Namespace,
    /// With what is stored on it.
    PersistentVolume,
    /// With the volume, mostly.
    PersistentVolumeClaim,
    /// With every object of that kind.
    CustomResourceDefinition,
}

impl GuardedKind {
    /// The guarded kind of that group and name, if it is one.
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        match (group, kind) {
            ("", "Namespace") => Some(Self::Namespace),
            ("", "PersistentVolume") => Some(Self::PersistentVolume),
            ("", "PersistentVolumeClaim") => Some(Self::PersistentVolumeClaim),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => Some(Self::CustomResourceDefinition),
            _ => None,
        }
    }
}

impl Default for Guard {
    fn default() -> Self {
        // A rename or a removed feature stays below it; a lost folder does not.
        Self { max_prune_percent: 30, prune_kinds: BTreeSet::new(), prune_adopted: false }
    }
}

/// What to do with objects that exist but are not ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FirstContact {
    /// Refuse them, naming the other managers.
    #[default]
    Refuse,
    /// Take them over; they are not pruned without consent.
    TakeOver,
}
