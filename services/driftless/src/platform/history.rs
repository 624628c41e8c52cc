//! `driftless log`

use gateway::wire::History;
use model::ApplicationName;
use serde_json::json;

use super::{
    client::Client,
    table::{self, Cell, Colours, Paint, painted, plain},
};
use crate::{
    cli::{LogOptions, Output},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Tells what happened to an application, oldest first.
pub async fn log(options: LogOptions) -> Result<Exit, Problem> {
    let client = Client::new(&options.api)?;
    let limit = options.limit.to_string();
    let query = [("cluster", options.cluster.as_deref()), ("limit", Some(limit.as_str()))];
    let application: ApplicationName = options.application.parse().map_err(|_| {
        let message = format!("{:?} names no application", options.application);
        Problem::new("USAGE", message, "`driftless get applications` lists them")
    })?;
    let path = format!("applications/{application}/log");
    let history: History = client.get(&path, &query).await?;
    if options.output == Output::Json {
        terminal::line(&json!(history).to_string());
        return Ok(Exit::Success);
    }
    let rows: Vec<Vec<Cell>> = history
        .entries
        .iter()
        .map(|entry| {
            let time = painted(entry.time.clone(), Paint::Faint);
            vec![time, plain(&entry.event), plain(shortened(&entry.about)), plain(&entry.text)]
        })
        .collect();
    table::lines(&rows, Colours::wanted()).iter().for_each(|line| terminal::line(line));
    Ok(Exit::Success)
}

/// `render/shop/1c7cb700` for the whole of the digest: nobody reads 64 digits.
fn shortened(about: &str) -> String {
    let part = |part: &str| match part.len() {
        64 => part.get(..8).unwrap_or(part).to_owned(),
        _ => part.to_owned(),
    };
    about.split('/').map(part).collect::<Vec<_>>().join("/")
}
