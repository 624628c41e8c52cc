//! `driftless log` and `driftless at` with `--state DIR`

use std::path::Path;

use gateway::{
    PastError, Question, QuestionError,
    wire::{History, TargetList},
};
use model::Timestamp;

use super::opened::{Opened, unreadable};
use crate::problem::Problem;

/// What the ledger in a state folder has of it.
pub fn recorded(state: &Path, question: &Question) -> Result<History, Problem> {
    let opened = Opened::of(Some(state.to_owned()))?;
    gateway::recorded(&opened.view()?, question).map_err(|error| match error {
        QuestionError::Time(_) => Problem::new("USAGE", error.to_string(), "write it as RFC 3339"),
        QuestionError::Read(error) => unreadable(&error),
    })
}

/// How every target was at an instant.
pub fn at(state: &Path, time: Timestamp) -> Result<TargetList, Problem> {
    let opened = Opened::of(Some(state.to_owned()))?;
    gateway::at(&opened.view()?, time).map_err(|error| match error {
        PastError::Undefined(_) | PastError::Definitions(_) => {
            Problem::new("AUDIT-PAST", error.to_string(), PastError::REMEDY)
        }
        PastError::Read(error) => unreadable(&error),
    })
}
