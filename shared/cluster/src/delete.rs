//! Deleting one object, never another one of the same name.

use http::Method;
use model::ObjectId;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    ClusterClient, ClusterError, Missing, Resource, path,
    send::{CALL_DEADLINE, Call, JSON, OBJECT_BYTES_MAX},
    status::About,
};

/// One deletion.
#[derive(Debug, Clone, Copy)]
pub struct Delete<'a> {
    /// The kind.
    pub resource: &'a Resource,
    /// The object.
    pub id: &'a ObjectId,
    /// Only the object with this uid is deleted.
    pub uid: &'a str,
    /// If given, only in exactly this version.
    pub resource_version: Option<&'a str>,
    /// What becomes of the objects that it owns.
    pub propagation: Propagation,
    /// It is not sent later than that.
    pub start_by: Option<Instant>,
}

/// What becomes of owned objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay.
    Orphan,
}

/// What a deletion found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// The object is no more.
    Gone,
    /// It is marked for deletion and waits for these finalizers, or (none named) for its processes to end.
    Terminating {
        /// Who has to let go.
        finalizers: Vec<String>,
    },
    /// There was none; nothing was done.
    NotFound,
    /// The name belongs to another object; nothing was done.
    UidMismatch {
        /// That object's uid.
        found: String,
    },
    /// The object has changed meanwhile; nothing was done.
    VersionMismatch {
        /// Its version now.
        found: String,
    },
}

impl ClusterClient {
    /// Deletes one object.
    ///
    /// # Errors
    /// Forbidden: permanent. Unreachable, Timeout (it may have been done), Throttled, Server: transient.
    /// NotFound (the kind is not served), Moved (it changes too fast), Late: stale.
    pub async fn delete(&self, request: &Delete<'_>) -> Result<Deleted, ClusterError> {
        let Delete { resource, id, .. } = *request;
        let about = self.about("delete", resource, id);
        let call = request.call(&about)?;
        let slot = self.room(request.start_by, &about).await?;
        let answer = match self.counted(&slot, call).await {
            Ok(answer) => answer,
            Err(ClusterError::NotFound { missing: Missing::Object, .. }) => return Ok(Deleted::NotFound),
            Err(moved @ ClusterError::Moved { .. }) => {
                drop(slot);
                return self.mismatch(request, moved).await;
            }
            Err(error) => return Err(error),
        };
        let value: Value = serde_json::from_slice(&answer.body).map_err(|_| about.bad("not JSON"))?;
        if value["kind"] == "Status" && value["apiVersion"] == "v1" {
            return Ok(Deleted::Gone);
        }
        let live = self.parse(resource, id, &answer.body, &about)?;
        // Some kinds answer with the object as it last was.
        if live.is_terminating() {
            return Ok(Deleted::Terminating { finalizers: live.finalizers() });
        }
        Ok(Deleted::Gone)
    }

    /// Which precondition failed: only the sentence of the answer says it, so the object is looked at.
    async fn mismatch(&self, request: &Delete<'_>, moved: ClusterError) -> Result<Deleted, ClusterError> {
        Ok(match self.get(request.resource, request.id).await? {
            None => Deleted::NotFound,
            Some(live) if live.uid != request.uid => Deleted::UidMismatch { found: live.uid },
            Some(live) if request.resource_version.is_some_and(|wanted| wanted != live.resource_version) => {
                Deleted::VersionMismatch { found: live.resource_version }
            }
            Some(_) => return Err(moved),
        })
    }
}

impl Delete<'_> {
    fn call(&self, about: &About) -> Result<Call, ClusterError> {
        let mut preconditions = json!({"uid": self.uid});
        if let Some(version) = self.resource_version {
            preconditions["resourceVersion"] = version.into();
        }
        let propagation = match self.propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        };
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "preconditions": preconditions, "propagationPolicy": propagation,
        });
        Ok(Call {
            method: Method::DELETE,
            path: path::object(self.resource, self.id)?,
            accept: JSON,
            body: Some((JSON, options.to_string().into_bytes().into())),
            deadline: CALL_DEADLINE,
            bytes_max: OBJECT_BYTES_MAX,
            about: about.clone(),
        })
    }
}
