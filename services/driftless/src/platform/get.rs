//! `driftless get`

use gateway::wire::{
    ApplicationList, ApplicationStatus, ClusterList, ClusterStatus, Counts, Problem as WireProblem,
    SourceList, SourceStatus, Unread,
};
use serde::Serialize;
use serde_json::json;

use super::{
    client::Client,
    status::evaluated,
    table::{self, Cell, Colours, Paint, painted, plain},
};
use crate::{
    cli::{GetOptions, Kind, Output},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Lists what is defined, and how it is.
pub async fn get(options: GetOptions) -> Result<Exit, Problem> {
    let client = Client::new(&options.api)?;
    match options.kind {
        Kind::Sources => {
            let list: SourceList = client.get("sources", &[]).await?;
            tell(&list, (list.unread.as_ref(), sources(&list)), options.output);
        }
        Kind::Clusters => {
            let list: ClusterList = client.get("clusters", &[]).await?;
            tell(&list, (list.unread.as_ref(), clusters(&list)), options.output);
        }
        Kind::Applications => {
            let list: ApplicationList = client.get("applications", &[]).await?;
            tell(&list, (list.unread.as_ref(), applications(&list)), options.output);
        }
    }
    Ok(Exit::Success)
}

fn tell(list: &impl Serialize, (unread, rows): (Option<&Unread>, Vec<Vec<Cell>>), output: Output) {
    match output {
        Output::Json => terminal::line(&json!(list).to_string()),
        Output::Text => {
            let outdated = unread.map(|unread| table::outdated(unread, Colours::wanted()));
            outdated.iter().flatten().for_each(|line| terminal::line(line));
            table::lines(&rows, Colours::wanted()).iter().for_each(|line| terminal::line(line));
        }
    }
}

fn head(names: &[&str]) -> Vec<Cell> {
    names.iter().map(|name| painted(name, Paint::Faint)).collect()
}

/// Whatever stands in the way, in red at the end of its line.
fn problem(problem: Option<&WireProblem>) -> Cell {
    let text = problem.map(|problem| format!("{}: {}", problem.code, problem.message));
    painted(text.unwrap_or_default(), Paint::Bad)
}

fn sources(list: &SourceList) -> Vec<Vec<Cell>> {
    let row = |source: &SourceStatus| {
        let revision = source.revision.as_deref().map_or("-", |commit| commit.get(..8).unwrap_or(commit));
        vec![
            plain(&source.name),
            plain(source.reference.as_deref().unwrap_or("-")),
            plain(revision),
            evaluated(&source.evaluated),
            plain(source.applications.to_string()),
            plain(&source.repository),
            problem(source.problem.as_ref()),
        ]
    };
    let names = head(&["NAME", "REFERENCE", "REVISION", "AGE", "APPLICATIONS", "REPOSITORY"]);
    std::iter::once(names).chain(list.sources.iter().map(row)).collect()
}

/// How many of all, red if some are missing.
fn share(part: u64, all: u64) -> Cell {
    Cell { text: format!("{part}/{all}"), paint: if part == all { Paint::Good } else { Paint::Bad } }
}

fn counts(counts: Counts) -> [Cell; 3] {
    let stale = match counts.stale {
        0 => plain("-"),
        stale => painted(stale.to_string(), Paint::Bad),
    };
    [share(counts.in_sync, counts.all), share(counts.healthy, counts.all), stale]
}

fn clusters(list: &ClusterList) -> Vec<Vec<Cell>> {
    let row = |cluster: &ClusterStatus| {
        let labels: Vec<String> =
            cluster.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mut row = vec![plain(&cluster.name), plain(cluster.server.as_deref().unwrap_or("-"))];
        row.extend(counts(cluster.targets));
        row.extend([
            evaluated(&cluster.evaluated),
            plain(labels.join(",")),
            problem(cluster.problem.as_ref()),
        ]);
        row
    };
    let names = head(&["NAME", "SERVER", "IN SYNC", "HEALTHY", "STALE", "AGE", "LABELS"]);
    std::iter::once(names).chain(list.clusters.iter().map(row)).collect()
}

fn applications(list: &ApplicationList) -> Vec<Vec<Cell>> {
    let row = |application: &ApplicationStatus| {
        let mut row = vec![plain(&application.name)];
        row.extend(counts(application.targets));
        row.extend([
            evaluated(&application.evaluated),
            plain(application.namespace.as_deref().unwrap_or("-")),
            plain(format!("{}:{}", application.source, application.path)),
        ]);
        row
    };
    let names = head(&["NAME", "IN SYNC", "HEALTHY", "STALE", "AGE", "NAMESPACE", "SOURCE"]);
    std::iter::once(names).chain(list.applications.iter().map(row)).collect()
}
