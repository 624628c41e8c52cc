//! Whether the log still holds what was published: a blob may be lost, and only Git can bring it back.

use std::collections::BTreeSet;

use events::{Table, state::PathOutcome};
use futures::{StreamExt as _, stream};
use model::Digest;

use super::Performer;
use crate::decide::Look;

/// Questions on their way at once.
const QUESTIONS_MAX: usize = 32;

impl Performer {
    /// The look, to be taken afresh if something that the last one published is gone.
    pub async fn checked(&self, look: Look) -> Look {
        if !look.is_check_due() {
            return look;
        }
        let named = named(&look);
        let asked = named.into_iter().map(|digest| async move { self.log.has_blob(&digest).await });
        let mut answers = stream::iter(asked).buffer_unordered(QUESTIONS_MAX);
        while let Some(answer) = answers.next().await {
            // A log that does not answer says nothing about its blobs.
            if let Ok(false) = answer {
                tracing::warn!(source = %look.source.name, "a blob of this source is lost; all are stored anew");
                drop(answers);
                return look.afresh();
            }
        }
        drop(answers);
        look
    }
}

/// The blobs that the newest event names, directly or in its pages; none if this process has not looked yet.
fn named(look: &Look) -> BTreeSet<Digest> {
    let Some(sight) = look.current_sight() else { return BTreeSet::new() };
    let artifacts = sight.rows.iter().filter_map(|row| match &row.outcome {
        PathOutcome::Found { artifact, .. } => Some(*artifact),
        PathOutcome::Failed(_) => None,
    });
    let revision = look.known.as_ref().and_then(|known| known.state.revision.as_ref());
    let pages = match revision.map(|revision| &revision.paths) {
        Some(Table::Paged { pages, .. }) => pages.as_slice(),
        Some(Table::Inline(_)) | None => &[],
    };
    artifacts.chain(pages.iter().copied()).collect()
}
