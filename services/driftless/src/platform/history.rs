//! `driftless log`

use gateway::{
    Question,
    wire::{Entry, History},
};
use model::{ApplicationName, Timestamp};
use serde_json::json;

use super::{
    client::Client,
    table::{self, Cell, Colours, Paint, painted, plain},
};
use crate::{
    audit,
    cli::{LogOptions, LogOutput, RecordedOptions},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Tells what happened, oldest first: to an application as the log has it, or whatever the audit ledger has.
pub async fn log(options: LogOptions) -> Result<Exit, Problem> {
    let history = match (&options.application, &options.recorded.state) {
        (Some(application), None) if options.recorded == RecordedOptions::default() => {
            of_application(application, &options).await?
        }
        (_, Some(state)) => audit::recorded(state, &question(&options))?,
        (_, None) => of_platform(&question(&options), &options).await?,
    };
    match options.output {
        LogOutput::Json => terminal::line(&json!(history).to_string()),
        LogOutput::Jsonl => {
            history.entries.iter().for_each(|entry| terminal::line(&json!(entry).to_string()))
        }
        LogOutput::Text => tell(&history),
    }
    Ok(Exit::Success)
}

async fn of_application(application: &str, options: &LogOptions) -> Result<History, Problem> {
    let client = Client::new(&options.api)?;
    let limit = options.limit.to_string();
    let query = [("cluster", options.cluster.as_deref()), ("limit", Some(limit.as_str()))];
    let application: ApplicationName = application.parse().map_err(|_| {
        let message = format!("{application:?} names no application");
        Problem::new("USAGE", message, "`driftless get applications` lists them")
    })?;
    client.get(&format!("applications/{application}/log"), &query).await
}

fn question(options: &LogOptions) -> Question {
    let RecordedOptions { commit, kind, actor, change, since, until, state: _ } = options.recorded.clone();
    let instant = |at: Option<Timestamp>| at.map(|at| at.to_string());
    Question {
        application: options.application.clone(),
        cluster: options.cluster.clone(),
        actor,
        commit,
        kind,
        change,
        since: instant(since),
        until: instant(until),
        limit: Some(options.limit),
    }
}

async fn of_platform(question: &Question, options: &LogOptions) -> Result<History, Problem> {
    let limit = question.limit.map(|limit| limit.to_string());
    let query = [
        ("application", question.application.as_deref()),
        ("cluster", question.cluster.as_deref()),
        ("actor", question.actor.as_deref()),
        ("commit", question.commit.as_deref()),
        ("kind", question.kind.as_deref()),
        ("change", question.change.as_deref()),
        ("since", question.since.as_deref()),
        ("until", question.until.as_deref()),
        ("limit", limit.as_deref()),
    ];
    Client::new(&options.api)?.get("log", &query).await
}

fn tell(history: &History) {
    let row = |entry: &Entry| {
        let time = painted(entry.time.clone(), Paint::Faint);
        vec![time, plain(&entry.event), plain(shortened(&entry.about)), plain(&entry.text)]
    };
    let rows: Vec<Vec<Cell>> = history.entries.iter().map(row).collect();
    table::lines(&rows, Colours::wanted()).iter().for_each(|line| terminal::line(line));
}

/// `render/shop/1c7cb700` for the whole of the digest: nobody reads 64 digits.
fn shortened(about: &str) -> String {
    let part = |part: &str| match part.len() {
        64 => part.get(..8).unwrap_or(part).to_owned(),
        _ => part.to_owned(),
    };
    about.split('/').map(part).collect::<Vec<_>>().join("/")
}
