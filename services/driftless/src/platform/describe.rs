//! `driftless describe`

use gateway::wire::{Freshness, TargetDetail};
use model::{ApplicationName, ClusterName};
use serde_json::json;

use super::{
    client::Client,
    table::{self, Cell, Colours, Paint, painted, plain},
};
use crate::{
    cli::{DescribeOptions, Output},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Tells all about one target.
pub async fn describe(options: DescribeOptions) -> Result<Exit, Problem> {
    let named = options.target.split_once('/').and_then(|(cluster, application)| {
        Some((cluster.parse::<ClusterName>().ok()?, application.parse::<ApplicationName>().ok()?))
    });
    let Some((cluster, application)) = named else {
        let message = format!("{:?} names no target: CLUSTER/APPLICATION is expected", options.target);
        return Err(Problem::new("USAGE", message, "`driftless status` lists the targets"));
    };
    let client = Client::new(&options.api)?;
    let detail: TargetDetail = client.get(&format!("targets/{cluster}/{application}"), &[]).await?;
    match options.output {
        Output::Json => terminal::line(&json!(detail).to_string()),
        Output::Text => lines(&detail, Colours::wanted()).iter().for_each(|line| terminal::line(line)),
    }
    Ok(Exit::Success)
}

fn lines(detail: &TargetDetail, colours: Colours) -> Vec<String> {
    let mut lines = table::lines(&facts(detail), colours);
    if let Some(problem) = &detail.status.problem {
        lines.push(
            Paint::Bad
                .on(&format!("problem      {}: {}", problem.code, table::clean(&problem.message)), colours),
        );
        lines.push(format!("  help       {}", problem.remedy));
    }
    let part = |name: &str, rows: Vec<Vec<Cell>>| {
        let indented = table::lines(&rows, colours).into_iter().map(|line| format!("  {line}"));
        let title = (!rows.is_empty()).then(|| name.to_owned());
        title.into_iter().chain(indented).collect::<Vec<_>>()
    };
    lines.extend(part(
        "changed by others",
        detail
            .drift
            .iter()
            .map(|drifted| {
                vec![
                    plain(&drifted.object),
                    plain(drifted.fields.join(", ")),
                    plain(drifted.managers.join(", ")),
                ]
            })
            .collect(),
    ));
    let waits =
        detail.waits.iter().map(|wait| vec![plain(&wait.text), plain(format!("since {}", wait.since))]);
    lines.extend(part("waiting", waits.collect()));
    lines.extend(part(
        "not healthy",
        detail
            .unhealthy
            .iter()
            .map(|object| vec![plain(&object.object), plain(&object.health), plain(&object.reason)])
            .collect(),
    ));
    lines.extend(part(
        "objects",
        detail
            .objects
            .iter()
            .map(|object| {
                let why =
                    object.problem.as_ref().map(|problem| format!("{}: {}", problem.code, problem.message));
                let paint = if why.is_some() { Paint::Bad } else { Paint::Plain };
                let outcome = painted(object.outcome.clone(), paint);
                vec![plain(&object.object), outcome, plain(why.unwrap_or_default())]
            })
            .collect(),
    ));
    lines.extend(part("notes", detail.notes.iter().map(|note| vec![plain(note)]).collect()));
    lines
}

fn facts(detail: &TargetDetail) -> Vec<Vec<Cell>> {
    let status = &detail.status;
    let fact = |name: &str, value: String| vec![painted(name, Paint::Faint), plain(value)];
    let by = status.evaluated.by.as_deref().unwrap_or("nobody");
    let looked = match (status.evaluated.state, status.evaluated.seconds.map(table::age)) {
        (Freshness::Fresh, Some(age)) => format!("{age} ago by {by}"),
        (Freshness::Stale, Some(age)) => format!("stale: {age} ago by {by}"),
        (Freshness::Unknown, _) | (_, None) => format!("never; it is for {by} to do"),
    };
    let mut facts = vec![
        fact("cluster", status.cluster.clone()),
        fact("application", status.application.clone()),
        fact(
            "sync",
            match &status.paused {
                Some(since) => format!("{}, paused since {since}", status.sync.word()),
                None => status.sync.word().to_owned(),
            },
        ),
        fact("health", status.health.clone()),
        fact("revision", status.revision.clone().unwrap_or_else(|| "none yet".to_owned())),
    ];
    if status.desired != status.revision {
        facts.push(fact("desired", status.desired.clone().unwrap_or_else(|| "none yet".to_owned())));
    }
    if let Some(source) = &detail.source {
        let at = source.reference.as_ref().map(|reference| format!(" {reference}")).unwrap_or_default();
        facts.push(fact("source", format!("{}: {} {}{at}", source.name, source.repository, source.path)));
    }
    facts.push(fact("evaluated", looked));
    facts
}
