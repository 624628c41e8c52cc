//! What we applied last to an object: only fields of it may be forced.

use cluster::Sensitive;
use events::{
    Content,
    state::{AppliedObject, ObjectOutcome},
};
use manifest::{DesiredSet, sensitive_pointers};
use model::ObjectId;
use plan::DesiredObject;
use serde_json::Value;

use crate::{Error, intake::Intake};

/// Where it is found.
#[derive(Clone)]
pub struct LastApplied {
    /// Reads it.
    pub intake: Intake,
    /// The object's row; `None`: the log knows of no apply.
    pub row: Option<AppliedObject>,
    /// The manifests that were applied in full last.
    pub manifests: Option<Content>,
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// This manifest.
    Manifest(Value),
    /// Nothing was applied.
    Nothing,
    /// It was applied in part, or cannot be read: the applier finds out.
    Unsaid,
}

impl LastApplied {
    /// Whether it was that very manifest: to apply it again is a heal.
    pub fn is(&self, wanted: Option<&DesiredObject>) -> bool {
        let row = self.row.as_ref().filter(|row| was_applied(row));
        row.zip(wanted).is_some_and(|(row, wanted)| wanted.is(row.manifest))
    }

    /// Reads it.
    pub async fn read(&self, id: &ObjectId) -> Known {
        let Some(row) = &self.row else { return Known::Nothing };
        let Ok(set) = self.manifests().await else { return Known::Unsaid };
        let Some(manifest) = set.as_ref().and_then(|set| find(set, id)) else {
            return if was_applied(row) { Known::Unsaid } else { Known::Nothing };
        };
        let same = row.manifest == Some(diff::applied_digest(manifest, &row.ignored));
        if was_applied(row) && !same { Known::Unsaid } else { Known::Manifest(manifest.clone()) }
    }

    /// Where the manifests that were applied last had sensitive values: on the cluster that list may have been edited.
    pub async fn sensitive(&self, ids: impl IntoIterator<Item = &ObjectId>) -> Sensitive {
        let Ok(Some(set)) = self.manifests().await else { return Sensitive::default() };
        let listed = |id: &ObjectId| Some((id.clone(), sensitive_pointers(find(&set, id)?)));
        ids.into_iter().filter_map(listed).filter(|(_, pointers)| !pointers.is_empty()).collect()
    }

    async fn manifests(&self) -> Result<Option<DesiredSet>, Error> {
        let Some(manifests) = &self.manifests else { return Ok(None) };
        let bytes = self.intake.content(manifests).await?;
        let set = DesiredSet::decode(&bytes);
        set.map(Some).map_err(|error| Error::Content { what: "the manifests", reason: error.to_string() })
    }
}

/// A failed or interrupted attempt records the manifest that it tried, not one that the server took.
fn was_applied(row: &AppliedObject) -> bool {
    match row.outcome {
        ObjectOutcome::Pending | ObjectOutcome::Failed(_) => false,
        ObjectOutcome::Created
        | ObjectOutcome::Configured
        | ObjectOutcome::Unchanged
        | ObjectOutcome::Untouched
        | ObjectOutcome::Terminating => true,
    }
}

/// The object of a resolved id: manifests may name no namespace where one is meant, or one where none is.
fn find<'s>(set: &'s DesiredSet, id: &ObjectId) -> Option<&'s Value> {
    let fits = |other: &ObjectId| {
        let named = other.namespace.is_none() || id.namespace.is_none() || other.namespace == id.namespace;
        named && other.group == id.group && other.kind == id.kind && other.name == id.name
    };
    set.objects().iter().find(|object| fits(&object.id)).map(|object| object.value.value())
}
