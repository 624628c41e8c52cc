//! `driftless at TIME status`

use gateway::wire::{TargetList, TargetStatus};
use serde_json::json;

use super::{client::Client, status::tell_past};
use crate::{
    audit,
    cli::{AtOptions, Output, PastStatusOptions, PastView},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Tells how everything was.
pub async fn at(options: AtOptions) -> Result<Exit, Problem> {
    let PastView::Status(PastStatusOptions { application, cluster, state, output, api }) = options.view;
    let mut list: TargetList = match &state {
        Some(state) => audit::at(state, options.time)?,
        None => Client::new(&api)?.get(&format!("at/{}/targets", options.time), &[]).await?,
    };
    let fits = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let wanted =
        |target: &TargetStatus| fits(&application, &target.application) && fits(&cluster, &target.cluster);
    list.targets.retain(wanted);
    match output {
        Output::Json => terminal::line(&json!(list).to_string()),
        Output::Text => tell_past(&list),
    }
    Ok(Exit::Success)
}
