//! Looks in a target's own history for an object.

use std::collections::BTreeSet;

use bus::HISTORY_MAX;
use events::{
    Table,
    state::{AppliedObject, Origin, SyncState, decode},
};
use model::{Aggregate, ObjectId, TargetId};
use plan::Provenance;

use crate::{Error, intake::Intake};

/// Whether a sync of the target ever recorded that object with that uid, as far back as the log goes. A page
/// that is gone says nothing.
///
/// # Errors
/// If the log cannot be read.
pub async fn provenance(
    intake: &Intake,
    target: &TargetId,
    id: &ObjectId,
    uid: &str,
) -> Result<Provenance, Error> {
    let named = |row: &AppliedObject| row.id == *id && row.uid.as_deref() == Some(uid);
    let mut read = BTreeSet::new();
    for event in intake.history(&Aggregate::Sync(target.clone()), HISTORY_MAX).await? {
        let Ok(state) = decode::<SyncState>(event.draft.format, &event.draft.payload) else { continue };
        let mut found = match &state.objects {
            Table::Inline(rows) => rows.iter().find(|row| named(row)).map(|row| row.origin),
            Table::Paged { .. } => None,
        };
        for page in state.objects.pages().iter().filter(|page| read.insert(**page)) {
            let rows = match intake.blob(page).await {
                Ok(bytes) => Table::<AppliedObject>::read_page(&bytes).unwrap_or_default(),
                Err(Error::BlobMissing { .. }) => continue,
                Err(error) => return Err(error),
            };
            found = found.or(rows.iter().find(|row| named(row)).map(|row| row.origin));
        }
        if let Some(origin) = found {
            return Ok(Provenance::Own(match origin {
                Origin::Created => plan::Origin::Created,
                Origin::Adopted => plan::Origin::Adopted,
                Origin::Rebuilt => plan::Origin::Rebuilt,
            }));
        }
    }
    Ok(Provenance::Unknown)
}
