//! JSON patches: the surgical changes that server-side apply cannot express.

use http::Method;
use model::ObjectId;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    ClusterClient, ClusterError, Live, Resource, path,
    send::{CALL_DEADLINE, Call, JSON, OBJECT_BYTES_MAX},
};

impl ClusterClient {
    /// Applies the operations of RFC 6902 to one object. Put a `test` of `/metadata/resourceVersion` first,
    /// or the patch may meet another object than the one it was made for. It is not sent after `start_by`.
    ///
    /// # Errors
    /// Moved (the object is newer than the version it is set to), NotFound, Late: stale. Invalid (an operation fits
    /// no more, a failed `test` included: read again before giving up), Forbidden: permanent. Unreachable,
    /// Timeout, Throttled, Server: transient.
    pub async fn json_patch(
        &self,
        resource: &Resource,
        id: &ObjectId,
        operations: &Value,
        (manager, start_by): (&str, Option<Instant>),
    ) -> Result<Live, ClusterError> {
        let about = self.about("patch", resource, id);
        let query = [("fieldManager", manager), ("fieldValidation", "Strict")];
        let call = Call {
            method: Method::PATCH,
            path: path::with_query(&path::object(resource, id)?, &query),
            accept: JSON,
            body: Some(("application/json-patch+json", operations.to_string().into_bytes().into())),
            deadline: CALL_DEADLINE,
            bytes_max: OBJECT_BYTES_MAX,
            about: about.clone(),
        };
        let slot = self.room(start_by, &about).await?;
        let answer = self.counted(&slot, call).await?;
        self.parse(resource, id, &answer.body, &about)
    }
}
