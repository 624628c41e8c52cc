//! `sync` and `diff`: the services in one process, on an embedded log, for one application and one cluster.

mod custody;
mod definitions;
mod identity;
mod report;
mod request;
mod services;
mod story;

use std::{sync::Arc, time::Duration};

use applier::Custody;
use bus::now;
use events::state::{RequestKind, RequestOutcome};
use model::Digest;
use tokio::time::{Instant, timeout_at};

use crate::{
    cli::{DiffOptions, Output, Subject, SyncOptions},
    exit::Exit,
    problem::Problem,
    state_folder::{self, chain},
};
use definitions::Wanted;
use story::{Ending, Story, Telling};

/// Whether the services may change the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Apply,
    Preview,
}

/// `driftless sync`.
pub async fn sync(options: SyncOptions) -> Result<Exit, Problem> {
    let output = options.subject.output;
    let done = if options.dry_run {
        // A dry-run that worked is a success, whatever it found.
        let exit = preview(&options.subject).await;
        exit.map(|exit| if exit == Exit::Failed { Exit::Success } else { exit })
    } else {
        apply(options).await
    };
    done.inspect_err(|problem| report::failed(problem, output))
}

async fn apply(options: SyncOptions) -> Result<Exit, Problem> {
    let deadline = Instant::now() + options.subject.timeout;
    let mut session = Session::open(&options.subject, Purpose::Apply, options.approve).await?;
    let ended = timeout_at(deadline, session.answer()).await;
    let outcome = session.in_time(ended, options.subject.timeout)??;
    let healthy = match (&outcome, options.wait) {
        (RequestOutcome::InSync, true) => session.healthy(deadline).await?,
        (_, _) => true,
    };
    session.close().await;
    let ended = match outcome {
        RequestOutcome::InSync if healthy => Ended::InSync,
        RequestOutcome::Previewed(_) | RequestOutcome::Confirmed | RequestOutcome::Noted => Ended::InSync,
        RequestOutcome::InSync => Ended::Unhealthy(session.story.unhealthy()),
        RequestOutcome::Failed(failure) => Ended::Failed(Problem::of(&failure, Exit::Failed)),
        RequestOutcome::Refused(failure) => Ended::Refused(Problem::of(&failure, Exit::Refused)),
    };
    report::synced(&session.story, &ended, options.subject.output);
    match ended {
        Ended::InSync => Ok(Exit::Success),
        Ended::Unhealthy(problem) | Ended::Failed(problem) | Ended::Refused(problem) => {
            Err(problem.documented())
        }
    }
}

/// How a sync ended.
#[derive(Debug)]
enum Ended {
    /// In sync, and healthy if that was waited for.
    InSync,
    /// In sync, and not healthy in time.
    Unhealthy(Problem),
    /// Something failed.
    Failed(Problem),
    /// A guard refused it.
    Refused(Problem),
}

/// `driftless diff`.
pub async fn diff(options: DiffOptions) -> Result<Exit, Problem> {
    let done = preview(&options.subject).await;
    let done = done.inspect_err(|problem| report::failed(problem, options.subject.output));
    done.map_err(|problem| problem.ending(Exit::Usage))
}

async fn preview(subject: &Subject) -> Result<Exit, Problem> {
    let deadline = Instant::now() + subject.timeout;
    let mut session = Session::open(subject, Purpose::Preview, None).await?;
    let ended = timeout_at(deadline, session.answer()).await;
    let outcome = session.in_time(ended, subject.timeout)??;
    let mut preview = match outcome {
        RequestOutcome::Previewed(content) => session.preview(&content).await?,
        RequestOutcome::InSync | RequestOutcome::Confirmed | RequestOutcome::Noted => {
            plan::Preview::default()
        }
        RequestOutcome::Failed(failure) => return Err(Problem::of(&failure, Exit::Failed)),
        RequestOutcome::Refused(failure) => return Err(Problem::of(&failure, Exit::Refused)),
    };
    session.close().await;
    preview.notes.extend(session.story.notes());
    Ok(report::previewed(&preview, subject.output))
}

/// Services at work for one request.
struct Session {
    services: services::Services,
    story: Story,
    request: request::Asked,
    custody: Arc<Custody>,
    output: Output,
}

impl Session {
    async fn open(subject: &Subject, purpose: Purpose, approved: Option<Digest>) -> Result<Self, Problem> {
        let wanted = Wanted::of(subject)?;
        let folder = state_folder::open(&wanted.state).await?;
        request::check_owner(&folder.log, &wanted).await?;
        let custody = custody::of(&wanted, &folder);
        if purpose == Purpose::Apply {
            custody::take(&custody, &wanted, &folder, subject).await?;
        }
        let services = services::Services::start(&folder, &wanted, (purpose, &custody)).await?;
        let kind = match purpose {
            Purpose::Apply => |after| RequestKind::Sync { after },
            Purpose::Preview => |after| RequestKind::Preview { after },
        };
        let request = request::ask(&folder.log, &wanted, kind, approved).await?;
        let telling = match (subject.output, purpose) {
            (Output::Json, _) => Telling::Nothing,
            (Output::Text, Purpose::Preview) => Telling::Waits,
            (Output::Text, Purpose::Apply) => Telling::Steps,
        };
        let story = Story::new(&folder.log, &wanted, request.id.clone(), telling).await?;
        Ok(Self { services, story, request, custody, output: subject.output })
    }

    /// Waits for the answer to the request, or for the end of a service.
    async fn answer(&mut self) -> Result<RequestOutcome, Problem> {
        tokio::select! {
            ended = self.services.ended() => Err(ended),
            outcome = self.story.answer() => outcome,
        }
    }

    fn in_time<T>(
        &self,
        ended: Result<T, tokio::time::error::Elapsed>,
        bound: Duration,
    ) -> Result<T, Problem> {
        ended.map_err(|_| {
            let problem = self.story.too_late(bound);
            report::failures(&self.story, &problem, self.output);
            problem
        })
    }

    /// Waits until every object is healthy; false if that does not happen in time.
    async fn healthy(&mut self, deadline: Instant) -> Result<bool, Problem> {
        let waited = tokio::select! {
            ended = self.services.ended() => return Err(ended),
            waited = timeout_at(deadline, self.story.health()) => waited,
        };
        match waited {
            Ok(ending) => Ok(ending? == Ending::Healthy),
            Err(_) => Ok(false),
        }
    }

    async fn preview(&self, content: &events::Content) -> Result<plan::Preview, Problem> {
        let bytes = self.story.content(content).await?;
        rmp_serde::from_slice(&bytes).map_err(|error| Problem::new("LOG-CONTENT", error.to_string(), ""))
    }

    /// Removes what no run needs any more: none lasts long enough to do it by the way.
    async fn collect(&self) {
        let limit = differ::Collecting::default().limit(now());
        if let Err(error) = differ::collect(&**self.story.log(), limit).await {
            tracing::warn!(error = chain(&error), "blobs are collected by the next run");
        }
    }

    /// Drops the answered request and stops the services.
    async fn close(&mut self) {
        self.request.done(self.story.log()).await;
        self.services.stop().await;
        self.custody.give_back().await;
        self.collect().await;
    }
}
