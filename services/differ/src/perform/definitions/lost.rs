//! The blob of the definitions in force is lost: they are made again from what was rendered of the fleet repository.

use bus::HISTORY_MAX;
use events::{
    Event,
    state::{DefinitionsState, RenderState},
};
use model::{DefinitionSet, definition::Fleet};
use plan::fleet_render;

use super::{Appended, append, bad, documents, store};
use crate::{Error, worker::Shared};

/// Makes the set of that event again, and tells it anew. Only the very same one: what else the repository holds by now
/// could not be weighed against what is lost, and a set that is not known must never be taken for an empty one.
///
/// # Errors
/// DefinitionsLost: it is not among what was rendered.
pub(super) async fn rebuild(shared: &Shared, fleet: &Fleet, event: &Event) -> Result<Appended, Error> {
    let state: DefinitionsState = events::decode(event.draft.format, &event.draft.payload).map_err(bad)?;
    let here = DefinitionSet::default().read_from(fleet.clone());
    let Some((aggregate, _)) = fleet_render(&here) else { return Err(lost(&state)) };
    for rendered in shared.intake.history(&aggregate, HISTORY_MAX).await? {
        let Ok(render) = events::decode::<RenderState>(rendered.draft.format, &rendered.draft.payload) else {
            continue;
        };
        let Some(desired) = &render.desired else { continue };
        let reading = match documents(shared, &render, desired).await {
            Ok(reading) => reading,
            Err(Error::BlobMissing { .. } | Error::Content { .. } | Error::Sealed { .. }) => continue,
            Err(error) => return Err(error),
        };
        let Some(set) = reading.set else { continue };
        let set = set.read_from(fleet.clone());
        if DefinitionSet::digest(&DefinitionsState::encode_set(&set).map_err(bad)?) == state.digest {
            let (_, content) = store(shared, &set).await?;
            tracing::warn!(n = event.n(), "the definitions were lost, and are made again from Git");
            let again = DefinitionsState { set: content, ..state };
            return append(shared, Some(event), &again, Some(rendered.id)).await;
        }
    }
    Err(lost(&state))
}

fn lost(state: &DefinitionsState) -> Error {
    let commit = state.commit.as_ref().map(ToString::to_string).unwrap_or_default();
    Error::DefinitionsLost { commit }
}
