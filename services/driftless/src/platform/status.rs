//! `driftless status`

use gateway::wire::{
    Evaluated, Freshness, Problem as WireProblem, SourceList, Sync, TargetList, TargetStatus,
};
use serde_json::json;

use super::{
    client::Client,
    follow,
    table::{self, Cell, Colours, Paint, painted, plain},
};
use crate::{
    cli::{StatusOptions, StatusOutput},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Tells the statuses; with `--watch`, each change from then on.
pub async fn status(options: StatusOptions) -> Result<Exit, Problem> {
    let client = Client::new(&options.api)?;
    if options.watch {
        return follow::follow(&client, &options).await;
    }
    let query = [("application", options.application.as_deref()), ("cluster", options.cluster.as_deref())];
    let list: TargetList = client.get("targets", &query).await?;
    match options.output {
        StatusOutput::Json => terminal::line(&json!(list).to_string()),
        StatusOutput::Text | StatusOutput::Wide => tell(&list, options.output, Colours::wanted()),
    }
    if list.targets.is_empty() && options.output != StatusOutput::Json {
        tell_sources(&client.get("sources", &[]).await?, Colours::wanted());
    }
    Ok(Exit::Success)
}

/// Where there are no targets, why: what is defined may lie in a repository that cannot be read.
fn tell_sources(list: &SourceList, colours: Colours) {
    for source in &list.sources {
        if let Some(problem) = &source.problem {
            tell_problem(&format!("source {}", source.name), problem, colours);
        }
    }
}

fn tell_problem(about: &str, problem: &WireProblem, colours: Colours) {
    let text = format!("{about}: {}: {}", problem.code, problem.message);
    terminal::line(&Paint::Bad.on(&table::clean(&text), colours));
    if !problem.remedy.is_empty() {
        terminal::line(&format!("  help: {}", table::clean(&problem.remedy)));
    }
}

fn tell(list: &TargetList, output: StatusOutput, colours: Colours) {
    if let Some(rejected) = &list.rejected {
        tell_problem("definitions rejected", rejected, colours);
    }
    if let Some(unread) = &list.unread {
        table::outdated(unread, colours).iter().for_each(|line| terminal::line(line));
    }
    if list.targets.is_empty() {
        return terminal::line("no targets");
    }
    let mut rows = vec![head(output)];
    rows.extend(list.targets.iter().map(|target| row(target, output)));
    table::lines(&rows, colours).iter().for_each(|line| terminal::line(line));
    for target in &list.targets {
        if let Some(problem) = &target.problem {
            tell_problem(&format!("{}/{}", target.cluster, target.application), problem, colours);
        } else if let Some(waiting) = &target.waiting {
            let text = format!("{}/{}: {waiting}", target.cluster, target.application);
            terminal::line(&Paint::Waiting.on(&table::clean(&text), colours));
        }
    }
}

/// The same of a time that is past: when it was looked at is recorded nowhere, so that the age is left out.
pub fn tell_past(list: &TargetList) {
    let told = |mut row: Vec<Cell>| {
        row.pop();
        row
    };
    let all = list.targets.iter().map(|target| told(row(target, StatusOutput::Text)));
    let rows: Vec<Vec<Cell>> = std::iter::once(told(head(StatusOutput::Text))).chain(all).collect();
    table::lines(&rows, Colours::wanted()).iter().for_each(|line| terminal::line(line));
    for target in &list.targets {
        if let Some(problem) = &target.problem {
            tell_problem(&format!("{}/{}", target.cluster, target.application), problem, Colours::wanted());
        }
    }
}

fn head(output: StatusOutput) -> Vec<Cell> {
    let mut names = vec!["CLUSTER", "APPLICATION", "SYNC", "HEALTH", "REVISION", "OBJECTS", "AGE"];
    if output == StatusOutput::Wide {
        names.extend(["DESIRED", "DRIFTED", "CHANGED", "EVALUATED BY"]);
    }
    names.into_iter().map(|name| painted(name, Paint::Faint)).collect()
}

/// A status as cells.
pub fn row(target: &TargetStatus, output: StatusOutput) -> Vec<Cell> {
    let short = |commit: &Option<String>| {
        plain(commit.as_deref().map_or("-", |commit| commit.get(..8).unwrap_or(commit)))
    };
    let mut row = vec![
        plain(&target.cluster),
        plain(&target.application),
        sync(target),
        painted(target.health.clone(), health_paint(&target.health)),
        short(&target.revision),
        plain(target.objects.to_string()),
        evaluated(&target.evaluated),
    ];
    if output == StatusOutput::Wide {
        row.extend([
            short(&target.desired),
            plain(target.drifted.to_string()),
            plain(target.changed.as_deref().unwrap_or("-")),
            plain(target.evaluated.by.as_deref().unwrap_or("-")),
        ]);
    }
    row
}

/// How old a status is: what is stale counts for nothing, whatever it says.
pub fn evaluated(told: &Evaluated) -> Cell {
    match (told.state, told.seconds.map(table::age)) {
        (Freshness::Fresh, Some(age)) => plain(age),
        (Freshness::Stale, Some(age)) => painted(format!("stale: {age}"), Paint::Bad),
        (Freshness::Unknown, _) | (_, None) => painted("never", Paint::Waiting),
    }
}

/// What is paused says so: else one would wait for what never comes.
fn sync(target: &TargetStatus) -> Cell {
    let word = target.sync.word();
    let text = if target.paused.is_some() { format!("{word} (paused)") } else { word.to_owned() };
    painted(text, sync_paint(target.sync))
}

fn sync_paint(sync: Sync) -> Paint {
    match sync {
        Sync::InSync => Paint::Good,
        Sync::Syncing | Sync::OutOfSync | Sync::Leaving | Sync::Unknown => Paint::Waiting,
        Sync::Drifted | Sync::Contested | Sync::Stalled => Paint::Bad,
    }
}

fn health_paint(health: &str) -> Paint {
    match health {
        "Healthy" => Paint::Good,
        "Degraded" | "Missing" => Paint::Bad,
        _ => Paint::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> TargetStatus {
        TargetStatus {
            cluster: "eu-1".into(),
            application: "shop".into(),
            sync: Sync::Drifted,
            health: "Healthy".into(),
            revision: Some("1c7cb7001234".into()),
            desired: Some("1c7cb7001234".into()),
            objects: 4,
            drifted: 1,
            paused: None,
            waiting: None,
            problem: None,
            changed: Some("2026-11-27T02:00:00.000Z".into()),
            evaluated: Evaluated { state: Freshness::Fresh, by: Some("a".into()), seconds: Some(3) },
        }
    }

    #[test]
    fn a_line_tells_a_status_and_its_age() {
        let stale = Evaluated { state: Freshness::Stale, by: Some("a".into()), seconds: Some(600) };
        let never = Evaluated { state: Freshness::Unknown, by: None, seconds: None };
        let with = |evaluated| TargetStatus { evaluated, revision: None, ..example() };
        let rows = [example(), with(stale), with(never)].map(|it| row(&it, StatusOutput::Text));
        assert_eq!(
            table::lines(&rows, Colours::Without),
            [
                "eu-1  shop  Drifted  Healthy  1c7cb700  4  3s",
                "eu-1  shop  Drifted  Healthy  -         4  stale: 10m",
                "eu-1  shop  Drifted  Healthy  -         4  never",
            ]
        );
        assert_eq!(row(&example(), StatusOutput::Wide).len(), head(StatusOutput::Wide).len());
    }
}
