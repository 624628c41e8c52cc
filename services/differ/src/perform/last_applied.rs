//! What we applied last to an object: only fields of it may be forced.

use std::sync::Arc;

use cluster::Sensitive;
use events::{
    Content,
    state::{AppliedObject, ObjectOutcome},
};
use manifest::{DesiredSet, sensitive_pointers};
use model::ObjectId;
use plan::DesiredObject;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::{Error, intake::Intake};

/// The manifests of a target that were applied in full last, read when one of them is asked for.
pub struct AppliedSet {
    intake: Intake,
    content: Option<Content>,
    read: OnceCell<Option<DesiredSet>>,
}

/// Where it is found.
pub struct LastApplied {
    /// The object's row; `None`: the log knows of no apply.
    pub row: Option<AppliedObject>,
    /// All manifests of its target.
    pub manifests: Arc<AppliedSet>,
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

impl AppliedSet {
    /// The set that lies there; `None`: nothing was applied in full.
    pub fn new(intake: Intake, content: Option<Content>) -> Self {
        Self { intake, content, read: OnceCell::new() }
    }

    /// Where the manifests had sensitive values: on the cluster that list may have been edited.
    pub async fn sensitive(&self, ids: &[&ObjectId]) -> Sensitive {
        if ids.is_empty() {
            return Sensitive::default();
        }
        let Ok(Some(set)) = self.get().await else { return Sensitive::default() };
        let listed =
            |id: &&ObjectId| Some(((*id).clone(), sensitive_pointers(set.resolved(id)?.value.value())));
        ids.iter().filter_map(listed).filter(|(_, pointers)| !pointers.is_empty()).collect()
    }

    /// Reads it once for all who ask; what cannot be read now may be later.
    async fn get(&self) -> Result<Option<&DesiredSet>, Error> {
        let Some(content) = &self.content else { return Ok(None) };
        let read = async || {
            let bytes = self.intake.content(content).await?;
            let set = DesiredSet::decode(&bytes);
            set.map(Some).map_err(|error| Error::Content { what: "the manifests", reason: error.to_string() })
        };
        Ok(self.read.get_or_try_init(read).await?.as_ref())
    }
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
        let Ok(set) = self.manifests.get().await else { return Known::Unsaid };
        let Some(manifest) = set.and_then(|set| set.resolved(id)).map(|object| object.value.value()) else {
            return if was_applied(row) { Known::Unsaid } else { Known::Nothing };
        };
        let same = row.manifest == Some(diff::applied_digest(manifest, &row.ignored));
        if was_applied(row) && !same { Known::Unsaid } else { Known::Manifest(manifest.clone()) }
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

#[cfg(test)]
mod tests {
    use manifest::{InstallKey, SetOptions, parse_file};
    use testkit::StuckLog;

    use super::*;

    /// A plan that changes a thousand objects asks a thousand times: all of them are read for the first one only.
    #[tokio::test]
    async fn the_set_is_read_once_for_all_who_ask() {
        let text = "apiVersion: x/v1\nkind: Db\nmetadata: {name: a, annotations: {driftless.dev/sensitive: /spec/pin}}\nspec: {pin: one}\n";
        let options = SetOptions { key: &InstallKey::from_bytes([7; 32]), default_namespace: "shop" };
        let built = DesiredSet::build(parse_file("a", text.as_bytes()).unwrap(), options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let log = bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap();
        let stuck = Arc::new(StuckLog::new(log));
        let intake = Intake::new(stuck.clone());
        let digest = bus::Log::put_blob(&*stuck, built.set.encode().into()).await.unwrap();
        let manifests = AppliedSet::new(intake, Some(Content::Blob(digest)));
        let id = ObjectId { namespace: Some("shop".into()), ..built.set.objects()[0].id.clone() };
        stuck.lose_blobs();
        assert!(manifests.sensitive(&[&id]).await.is_empty(), "what cannot be read says nothing");
        stuck.go_on();
        for _ in 0..2 {
            assert!(manifests.sensitive(&[&id]).await.contains_key(&id));
            stuck.lose_blobs();
        }
    }
}
