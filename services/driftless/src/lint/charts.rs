//! The charts that a chart of definitions is locked to, as the fetcher would bring them.

use std::{path::Path, sync::Arc};

use engine::{
    ChartError, Charts,
    charts::{Access, locked},
};
use manifest::{File, FileMode};

use super::place::Place;
use crate::{exit::Exit, problem::Problem, state_folder::chain};

/// Puts them beside the files. The network is asked only if there are any.
pub async fn bring(place: &mut Place, scratch: &Path) -> Result<(), Problem> {
    if place.kind() == engine::Kind::Plain {
        return Ok(());
    }
    let missing = locked(&place.artifact, &place.path).map_err(|error| refused(&error))?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut round = Arc::new(Charts::new(&scratch.join("charts"), &scratch.join("scratch"), None)).round();
    for (at, locked) in missing {
        let bytes = round.bring(&locked, &Access::default()).await.map_err(|error| refused(&error))?;
        let added = place.artifact.insert(at, File { mode: FileMode::Regular, bytes });
        added.map_err(|error| {
            let message = format!("with the charts it depends on: {error}");
            Problem::new("GIT-TOO-LARGE", message, "depend on fewer charts").ending(Exit::Failed)
        })?;
    }
    Ok(())
}

fn refused(error: &ChartError) -> Problem {
    let problem = Problem::new(error.code(), chain(error), error.remedy());
    if error.code() == "ENGINE-MISSING" { problem } else { problem.ending(Exit::Failed) }
}
