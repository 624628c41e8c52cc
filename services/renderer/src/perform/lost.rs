//! Whether the log still holds what was rendered: a blob may be lost, and only another render brings it back.

use futures::{StreamExt as _, stream};

use super::Performer;
use crate::decide::Check;

/// Questions on their way at once.
const QUESTIONS_MAX: usize = 32;

impl Performer {
    /// Those of the renders that lack a blob.
    pub async fn lost(&self, checks: Vec<Check>) -> Vec<Check> {
        let asked = checks.into_iter().map(|check| async move { self.lacks(&check).await.then_some(check) });
        stream::iter(asked).buffer_unordered(QUESTIONS_MAX).filter_map(async |lost| lost).collect().await
    }

    async fn lacks(&self, check: &Check) -> bool {
        for digest in &check.blobs {
            // A log that does not answer says nothing about its blobs.
            if let Ok(false) = self.log.has_blob(digest).await {
                tracing::warn!(render = %check.render, %digest, "a blob of this render is lost; it is rendered anew");
                return true;
            }
        }
        false
    }
}
