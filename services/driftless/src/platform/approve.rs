//! `driftless approve`: consents to what the guard holds back, and waits until that was heard.

use std::time::Duration;

use gateway::wire::{Accepted, Approval, AskedKind, Definitions};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    client::Client,
    request::{Wish, request},
    table,
};
use crate::{
    cli::{AnswerOptions, ApproveOptions, Output, RequestOptions},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Time between two looks: a set is put in force within a second, and no stream tells of it.
const LOOK: Duration = Duration::from_millis(500);

/// Approves a plan, or definitions, and tells what became of it.
pub async fn approve(options: ApproveOptions) -> Result<Exit, Problem> {
    let ApproveOptions { digest, target, answer } = options;
    match target {
        Some(target) => {
            let wish = Wish { kind: AskedKind::Approve, plan: Some(digest) };
            request(wish, RequestOptions { target, answer }).await
        }
        None => definitions(digest, answer).await,
    }
}

async fn definitions(digest: String, options: AnswerOptions) -> Result<Exit, Problem> {
    let client = Client::new(&options.api)?;
    let deadline = Instant::now() + options.timeout;
    let asked = Approval { id: None, digest };
    let accepted: Accepted = client.post("definitions/approvals", &asked).await?;
    let answered = loop {
        let definitions: Definitions = client.get("definitions", &[]).await?;
        if definitions.answered.contains(&accepted.request) {
            break definitions;
        }
        if Instant::now() + LOOK > deadline {
            let message = format!("no answer within {} s", options.timeout.as_secs());
            let remedy = "the request stands: see whether a differ runs";
            return Err(Problem::new("TIMEOUT", message, remedy).ending(Exit::Failed));
        }
        sleep(LOOK).await;
    };
    if options.output == Output::Json {
        terminal::line(&json!(answered).to_string());
    } else {
        tell(&answered);
    }
    Ok(if answered.rejected.is_some() { Exit::Refused } else { Exit::Success })
}

fn tell(definitions: &Definitions) {
    match &definitions.rejected {
        None => {
            let at = definitions.commit.as_deref().map(|commit| format!(" at {}", table::clean(commit)));
            terminal::line(&format!("in force{}", at.unwrap_or_default()));
        }
        Some(problem) => {
            terminal::line(&format!("refused: {}: {}", problem.code, table::clean(&problem.message)));
            terminal::line(&format!("  help: {}", table::clean(&problem.remedy)));
        }
    }
}
