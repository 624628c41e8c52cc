//! `Application`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A folder of a source, how it is rendered, where it goes and under which policy. At most one of `plain`, `kustomize`
/// and `helm`; none: `Chart.yaml` means Helm, `kustomization.yaml` Kustomize, anything else plain files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ApplicationSpec {
    /// What is rendered.
    pub source: SourcePath,
    /// Plain files of YAML and JSON.
    pub plain: Option<Plain>,
    /// A kustomization.
    pub kustomize: Option<Kustomize>,
    /// A Helm chart.
    pub helm: Option<Helm>,
    /// Which clusters it goes to; `{}`: all of them.
    pub targets: Selector,
    /// What is different for some of these clusters; all that select a cluster count, later ones win. Clusters for which
    /// the same comes out share a render.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Namespace of objects that name none, created if it is missing; none: `default`.
    pub namespace: Option<String>,
    /// What happens without a person asking.
    #[serde(default)]
    pub sync: Sync,
    /// What becomes of the objects when the application leaves the definitions, or a cluster.
    #[serde(default)]
    pub deletion: Deletion,
    /// Limits on what a sync may delete.
    #[serde(default)]
    pub guard: Guard,
    /// Fields that others may change without it being drift: used when an object is created, left alone from then on.
    /// Each rule has to name `pointers` or `managers`; the words are those of Argo CD's `ignoreDifferences`.
    #[serde(default)]
    pub ignore: Vec<Ignore>,
    /// What to do with objects that exist and are not ours.
    #[serde(default)]
    pub first_contact: FirstContact,
}

/// A folder of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SourcePath {
    /// Name of a `Source`.
    pub name: String,
    /// The folder, relative to the root of the repository.
    #[serde(default = "root")]
    pub path: String,
}

fn root() -> String {
    ".".to_owned()
}

/// Which plain files are read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Plain {
    /// Globs over paths relative to the folder; none: every `.yaml`, `.yml` and `.json`, recursively.
    pub include: Vec<String>,
    /// Globs of files to leave out, applied after `include`.
    pub exclude: Vec<String>,
}

/// A kustomization; it says everything itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kustomize {}

/// How a chart is rendered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Helm {
    /// Release name; none: the application's name.
    pub release_name: Option<String>,
    /// Values files, relative to the folder of the chart; later ones win.
    pub values_files: Vec<String>,
    /// Values; they win over files. No null and no secret value in it.
    pub values: Map<String, Value>,
    /// Accept templates that answer differently each time, as they came out first.
    pub pin_non_deterministic: bool,
}

/// Selects clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Selector {
    /// Labels that a cluster must carry, all of them; none: every cluster.
    #[serde(default)]
    pub match_labels: BTreeMap<String, String>,
}

/// What is different for some clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Override {
    /// Which clusters, among those that the application goes to; `{}`: all of them.
    pub targets: Selector,
    /// Another folder of the source, such as an overlay.
    pub path: Option<String>,
    /// Values files of a chart, after those of the application.
    #[serde(default)]
    pub values_files: Vec<String>,
    /// Values of a chart; they win over those of the application, key by key. No null and no secret value in it.
    #[serde(default)]
    pub values: Map<String, Value>,
}

/// What happens without a person asking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Sync {
    /// Whether a new desired state is applied.
    pub auto: bool,
    /// Whether what is no longer in Git is deleted, within the guard.
    pub prune: bool,
    /// Whether drift is reverted; otherwise it is reported only.
    pub self_heal: bool,
}

impl Default for Sync {
    fn default() -> Self {
        Self { auto: true, prune: true, self_heal: true }
    }
}

/// What becomes of the objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Deletion {
    /// They stay, without our mark.
    #[default]
    Orphan,
    /// They are deleted, within the guard.
    Delete,
}

/// Limits on what a sync may delete without a person's consent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Guard {
    /// Largest share of the objects that one sync may delete, in percent; counts from four objects up.
    #[schemars(range(max = 99))]
    pub max_prune_percent: u8,
    /// Kinds that are deleted like any other, although data or other people's objects go with them.
    pub prune_kinds: Vec<GuardedKind>,
    /// Delete also what existed before it was taken over.
    pub prune_adopted: bool,
}

impl Default for Guard {
    fn default() -> Self {
        let max_prune_percent = model::definition::Guard::default().max_prune_percent;
        Self { max_prune_percent, prune_kinds: Vec::new(), prune_adopted: false }
    }
}

/// Kinds that are kept unless they are named.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum GuardedKind {
    Namespace,
    PersistentVolume,
    PersistentVolumeClaim,
    CustomResourceDefinition,
}

/// Fields that others may change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Ignore {
    /// API group; none: any.
    pub group: Option<String>,
    /// Kind; none: any.
    pub kind: Option<String>,
    /// Name; none: any.
    pub name: Option<String>,
    /// JSON pointers into the manifest, such as `/spec/replicas`.
    pub pointers: Vec<String>,
    /// Field managers whose fields are left alone, whatever they are.
    pub managers: Vec<String>,
}

/// What to do with objects that exist and are not ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FirstContact {
    /// Refuse them, naming the other managers.
    #[default]
    Refuse,
    /// Take them over; they are not deleted without consent.
    TakeOver,
}
