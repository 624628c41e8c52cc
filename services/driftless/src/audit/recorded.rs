//! `driftless log --state DIR`

use std::path::Path;

use gateway::{Question, QuestionError, wire::History};

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
