//! Live objects, redacted as they are parsed.

use std::{collections::BTreeMap, sync::Arc};

use manifest::{InstallKey, Redacted, redact, sensitive_pointers};
use model::{ApiVersion, ObjectId};
use serde_json::Value;

use crate::{ClusterError, Resource, status::About};

/// An object as the API server returned it, without its secret values.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// Its identity.
    pub id: ObjectId,
    /// The version at which it was read.
    pub api_version: ApiVersion,
    /// `metadata.uid`; never empty.
    pub uid: String,
    /// `metadata.resourceVersion`; empty only in the result of a dry-run that creates.
    pub resource_version: String,
    /// The whole object, `apiVersion` and `kind` included, redacted.
    pub value: Redacted,
}

/// JSON pointers of the sensitive values of objects, as their manifests list them
/// ([`manifest::sensitive_pointers`]): on the cluster that list may have been edited.
pub type Sensitive = BTreeMap<ObjectId, Vec<String>>;

/// What objects are redacted by.
#[derive(Clone)]
pub(crate) struct Redaction {
    pub(crate) key: InstallKey,
    pub(crate) sensitive: Arc<Sensitive>,
}

impl Redaction {
    /// The sensitive places of an object, as far as the client was told.
    pub(crate) fn places(&self, id: &ObjectId) -> &[String] {
        self.sensitive.get(id).map_or(&[], Vec::as_slice)
    }
}

impl Live {
    /// Takes in an object of `resource`. Its kind is what was asked for, whatever it says itself: list items
    /// do not say it, and redaction depends on it.
    pub(crate) fn parse(
        resource: &Resource,
        mut value: Value,
        redaction: &Redaction,
        about: &About,
    ) -> Result<Self, ClusterError> {
        let gvk = &resource.gvk;
        let Some(object) = value.as_object_mut() else { return Err(about.bad("no object")) };
        object.insert("apiVersion".into(), gvk.api_version.to_string().into());
        object.insert("kind".into(), gvk.kind.clone().into());
        let id = resource.id_of(&value).ok_or_else(|| about.bad("an object without a name"))?;
        let text = |key: &str| value["metadata"][key].as_str().unwrap_or_default().to_owned();
        let (uid, resource_version) = (text("uid"), text("resourceVersion"));
        if uid.is_empty() {
            return Err(about.bad("an object without a uid"));
        }
        let mut pointers = sensitive_pointers(&value);
        pointers.extend_from_slice(redaction.places(&id));
        pointers.extend_from_slice(&about.sensitive);
        let (value, _) = redact(value, &redaction.key, &pointers);
        Ok(Self { id, api_version: gvk.api_version.clone(), uid, resource_version, value })
    }

    /// Whether the object is marked for deletion.
    pub fn is_terminating(&self) -> bool {
        !self.value.value()["metadata"]["deletionTimestamp"].is_null()
    }

    /// The texts of `metadata.finalizers`, and of a Namespace's `spec.finalizers`.
    pub fn finalizers(&self) -> Vec<String> {
        let value = self.value.value();
        let lists = [&value["metadata"]["finalizers"], &value["spec"]["finalizers"]];
        let count = if self.id.kind == "Namespace" && self.id.group.is_empty() { 2 } else { 1 };
        let texts = lists.into_iter().take(count).filter_map(Value::as_array).flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
