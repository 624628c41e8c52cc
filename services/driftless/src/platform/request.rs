//! `driftless sync APPLICATION`, `pause`, `resume` and `confirm`: asks, and waits for the answers.

use std::{collections::BTreeMap, time::Duration};

use gateway::wire::{Accepted, Answered, Asked, AskedKind, Sync, TargetDetail, TargetList, TargetStatus};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    client::Client,
    table,
    watched::{Told, Watched},
};
use crate::{
    cli::{Output, RequestOptions},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Time between two looks at what is not answered yet: a change wakes earlier.
const LOOK: Duration = Duration::from_secs(5);

/// A target by cluster and application.
type Target = (String, String);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    pub kind: AskedKind,
    /// Digest of the plan that is approved.
    pub plan: Option<String>,
}

impl From<AskedKind> for Wish {
    fn from(kind: AskedKind) -> Self {
        Self { kind, plan: None }
    }
}

/// What was asked, and what was answered so far.
#[derive(Debug, Default)]
struct Round {
    /// Requests without an answer, by target.
    open: BTreeMap<Target, String>,
    answers: BTreeMap<Target, Answered>,
}

/// Asks for something of each target that is named, and tells how each went.
pub async fn request(wish: impl Into<Wish>, options: RequestOptions) -> Result<Exit, Problem> {
    let mut round = Round::default();
    let ended = carry_out(wish.into(), &options, &mut round).await;
    if options.answer.output == Output::Json {
        terminal::line(&round.document(ended.as_ref().err()).to_string());
    }
    ended.map(|()| round.exit())
}

async fn carry_out(wish: Wish, options: &RequestOptions, round: &mut Round) -> Result<(), Problem> {
    let Wish { kind, plan } = wish;
    let client = Client::new(&options.answer.api)?;
    let deadline = Instant::now() + options.answer.timeout;
    let targets = targets(&client, &options.target, kind).await?;
    // Before anything is asked: no answer may be missed.
    let mut watched = Watched::open(&client).await?;
    let mut look = Instant::now() + LOOK;
    // One id for all: their source is looked at once.
    let id = format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
    for (cluster, application) in targets {
        let path = format!("targets/{cluster}/{application}/requests");
        let asked = Asked { id: Some(id.clone()), kind, plan: plan.clone() };
        let accepted: Accepted = client.post(&path, &asked).await?;
        round.open.insert((cluster, application), accepted.request);
    }
    let mut concerned: Vec<Target> = round.open.keys().cloned().collect();
    loop {
        for target in concerned.drain(..) {
            let Some(request) = round.open.get(&target) else { continue };
            if let Some(answer) = answer(&client, &target, request).await? {
                round.open.remove(&target);
                tell(&target, &answer, options.answer.output);
                round.answers.insert(target, answer);
            }
        }
        if round.open.is_empty() {
            return Ok(());
        }
        let next = timeout_at(deadline, async {
            tokio::select! {
                told = watched.next() => told.map(concern),
                () = sleep_until(look) => Ok(None),
            }
        });
        match next.await.map_err(|_| too_late(&round.open, options.answer.timeout))?? {
            Some(target) => concerned.push(target),
            None => {
                concerned.extend(round.open.keys().cloned());
                look = Instant::now() + LOOK;
            }
        }
    }
}

/// The one target that something is told of; `None`: look at all.
fn concern(told: Told) -> Option<Target> {
    match told {
        Told::Status(target) => Some((target.cluster, target.application)),
        Told::Gone(gone) => Some((gone.cluster, gone.application)),
        Told::Anew | Told::Listed => None,
    }
}

impl Round {
    /// The one document of a run, also of one that failed.
    fn document(&self, failure: Option<&Problem>) -> Value {
        let answered = self.answers.iter().map(|((cluster, application), answer)| {
            json!({"cluster": cluster, "application": application, "outcome": answer.outcome, "problem": answer.problem})
        });
        let open = self.open.keys().map(|(cluster, application)| {
            json!({"cluster": cluster, "application": application, "outcome": "Unanswered", "problem": null})
        });
        let targets: Vec<Value> = answered.chain(open).collect();
        json!({"version": gateway::wire::VERSION, "targets": targets, "failure": failure.map(Problem::failure)})
    }

    fn exit(&self) -> Exit {
        let any = |outcome: &str| self.answers.values().any(|answer| answer.outcome == outcome);
        match (any("Failed"), any("Refused")) {
            (true, _) => Exit::Failed,
            (false, true) => Exit::Refused,
            (false, false) => Exit::Success,
        }
    }
}

async fn targets(client: &Client, named: &str, kind: AskedKind) -> Result<Vec<Target>, Problem> {
    let (cluster, application) = match named.split_once('/') {
        Some((cluster, application)) => (Some(cluster), application),
        None => (None, named),
    };
    let list: TargetList =
        client.get("targets", &[("application", Some(application)), ("cluster", cluster)]).await?;
    // What leaves has nothing to be synced to.
    let asked = |target: &TargetStatus| kind != AskedKind::Sync || target.sync != Sync::Leaving;
    let found = list.targets.into_iter().filter(asked);
    let found: Vec<Target> = found.map(|target| (target.cluster, target.application)).collect();
    if found.is_empty() {
        let message = format!("there is no target {named}");
        return Err(Problem::new("API-NOT-FOUND", message, "`driftless status` lists what there is"));
    }
    Ok(found)
}

async fn answer(client: &Client, target: &Target, request: &str) -> Result<Option<Answered>, Problem> {
    let (cluster, application) = target;
    let detail: TargetDetail = client.get(&format!("targets/{cluster}/{application}"), &[]).await?;
    Ok(detail.answered.into_iter().find(|answered| answered.request == request))
}

fn tell((cluster, application): &Target, answer: &Answered, output: Output) {
    if output == Output::Json {
        return;
    }
    let word = match answer.outcome.as_str() {
        "InSync" => "in sync",
        "Noted" | "Confirmed" => "done",
        "Refused" => "refused",
        _ => "failed",
    };
    terminal::line(&format!("{cluster}/{application}: {word}"));
    if let Some(problem) = &answer.problem {
        terminal::line(&format!("  {}: {}", problem.code, table::clean(&problem.message)));
        terminal::line(&format!("  help: {}", problem.remedy));
    }
}

fn too_late(open: &BTreeMap<Target, String>, bound: Duration) -> Problem {
    let names: Vec<String> =
        open.keys().map(|(cluster, application)| format!("{cluster}/{application}")).collect();
    let message = format!("no answer within {} s: {}", bound.as_secs(), names.join(", "));
    Problem::new("TIMEOUT", message, "the request stands: `driftless status` tells what it waits for")
        .ending(Exit::Failed)
}
