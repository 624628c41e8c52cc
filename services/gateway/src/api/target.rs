//! Statuses, one target in full, and what happened to an application.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use events::state::{
    AppliedObject, ObjectOutcome, PathOutcome, RenderState, RequestOutcome, SourceState, SyncState,
    TargetState,
};
use model::{Aggregate, ApplicationName, TargetId};
use serde::Deserialize;

use super::refusal::Refusal;
use crate::{
    decide,
    perform::{history, rows, state},
    run::Gateway,
    wire::{
        self, Answered, DriftDetail, HealthDetail, History, ObjectDetail, Problem, SourceDetail,
        TargetDetail, TargetList, TargetStatus, WaitDetail,
    },
};

/// Entries of a history unless more or fewer are asked for.
const ENTRIES: usize = 50;

/// Which targets are wanted; all that fit.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only of this cluster.
    cluster: Option<String>,
    /// Only of this application.
    application: Option<String>,
}

impl Wanted {
    /// Whether a target fits.
    pub fn fits(&self, target: &TargetStatus) -> bool {
        let fits = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
        fits(&self.cluster, &target.cluster) && fits(&self.application, &target.application)
    }
}

/// The status of every target.
#[utoipa::path(get, path = "/api/v1/targets", params(Wanted), responses((status = 200, body = TargetList)))]
pub async fn list(State(gateway): State<Arc<Gateway>>, Query(wanted): Query<Wanted>) -> Json<TargetList> {
    let mut targets = gateway.statuses();
    targets.retain(|target| wanted.fits(target));
    let rejected = gateway.picture().definitions().rejected.as_ref().map(Problem::from);
    Json(TargetList { version: wire::VERSION, rejected, unread: gateway.unread(), targets })
}

/// A target as a path names it.
pub fn target(cluster: &str, application: &str) -> Result<TargetId, Refusal> {
    let unknown = || Refusal::not_found(format!("there is no target {cluster}/{application}"));
    Ok(TargetId {
        cluster: cluster.parse().map_err(|_| unknown())?,
        application: application.parse().map_err(|_| unknown())?,
    })
}

/// One target in full.
#[utoipa::path(get, path = "/api/v1/targets/{cluster}/{application}",
    params(("cluster" = String, Path), ("application" = String, Path)),
    responses((status = 200, body = TargetDetail), (status = 404, body = super::refusal::Refused)))]
pub async fn detail(
    State(gateway): State<Arc<Gateway>>,
    Path((cluster, application)): Path<(String, String)>,
) -> Result<Json<TargetDetail>, Refusal> {
    let id = target(&cluster, &application)?;
    let status = gateway.status(&id);
    let status = status.ok_or_else(|| gateway.unknown(format!("there is no target {id}")))?;
    let log = &gateway.log;
    let own: Option<TargetState> = state(log, &Aggregate::Target(id.clone())).await?;
    let sync: Option<SyncState> = state(log, &Aggregate::Sync(id.clone())).await?;
    let objects = match &sync {
        Some(sync) => rows(log, &sync.objects).await?,
        None => vec![],
    };
    let drift = match &own {
        Some(own) => rows(log, &own.drift).await?,
        None => vec![],
    };
    let drift = drift.into_iter().map(|drifted| DriftDetail {
        object: drifted.id.to_string(),
        since: wire::instant(drifted.since),
        fields: drifted.fields,
        managers: drifted.managers,
    });
    let waits = own.iter().flat_map(|own| &own.waits).map(|wait| WaitDetail {
        object: wait.id.to_string(),
        whom: wait.whom.clone(),
        since: wire::instant(wait.since),
        text: wait.to_string(),
    });
    let unhealthy = own.iter().flat_map(|own| &own.health.objects).map(|object| HealthDetail {
        object: object.id.to_string(),
        health: object.status.word().to_owned(),
        reason: object.reason.clone(),
    });
    let answered = own.iter().flat_map(|own| &own.handled);
    let (source, notes) = origin(&gateway, &id).await?;
    Ok(Json(TargetDetail {
        version: wire::VERSION,
        status,
        source,
        objects: objects.iter().map(object).collect(),
        drift: drift.collect(),
        waits: waits.collect(),
        unhealthy: unhealthy.collect(),
        notes,
        answered: answered.map(|done| answer(done.id.to_string(), &done.outcome)).collect(),
    }))
}

fn object(row: &AppliedObject) -> ObjectDetail {
    let (outcome, problem) = match &row.outcome {
        ObjectOutcome::Pending => ("Pending", None),
        ObjectOutcome::Created => ("Created", None),
        ObjectOutcome::Configured => ("Configured", None),
        ObjectOutcome::Unchanged => ("Unchanged", None),
        ObjectOutcome::Untouched => ("Untouched", None),
        ObjectOutcome::Terminating => ("Terminating", None),
        ObjectOutcome::Failed(failure) => ("Failed", Some(failure.into())),
    };
    ObjectDetail { object: row.id.to_string(), outcome: outcome.to_owned(), problem }
}

fn answer(request: String, outcome: &RequestOutcome) -> Answered {
    let (outcome, problem) = match outcome {
        RequestOutcome::InSync => ("InSync", None),
        RequestOutcome::Failed(failure) => ("Failed", Some(failure.into())),
        RequestOutcome::Refused(failure) => ("Refused", Some(failure.into())),
        RequestOutcome::Confirmed => ("Confirmed", None),
        RequestOutcome::Noted => ("Noted", None),
        RequestOutcome::Previewed(_) => ("Previewed", None),
    };
    Answered { request, outcome: outcome.to_owned(), problem }
}

/// Where the manifests come from, and what a person should know of them.
async fn origin(gateway: &Gateway, id: &TargetId) -> Result<(Option<SourceDetail>, Vec<String>), Refusal> {
    let (origin, render) = {
        let picture = gateway.picture();
        (picture.origin_of(id), picture.render_of(id).cloned())
    };
    let (Some((name, repository, path)), Some(render)) = (origin, render) else { return Ok((None, vec![])) };
    let source: Option<SourceState> = state(&gateway.log, &Aggregate::Source(name.clone())).await?;
    let revision = source.and_then(|source| source.revision);
    let mut notes = vec![];
    if let Some(revision) = &revision {
        let observed = rows(&gateway.log, &revision.paths).await?;
        if let Some(PathOutcome::Found { notes: found, .. }) =
            observed.into_iter().find(|row| row.path == path).map(|row| row.outcome)
        {
            notes.extend(found);
        }
    }
    let rendered: Option<RenderState> = state(&gateway.log, &render).await?;
    notes.extend(rendered.and_then(|rendered| rendered.desired).map(|it| it.notes).unwrap_or_default());
    let reference = revision.map(|revision| revision.reference);
    let source = SourceDetail { name: name.to_string(), repository, path, reference };
    Ok((Some(source), notes.into_iter().map(|note| note.message).collect()))
}

/// How much of a history is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// Only of this cluster.
    cluster: Option<String>,
    /// The newest so many entries, at most 1000; 50 if nothing is said.
    limit: Option<usize>,
}

/// What happened to an application, oldest first.
#[utoipa::path(get, path = "/api/v1/applications/{application}/log",
    params(("application" = String, Path), Span),
    responses((status = 200, body = History), (status = 404, body = super::refusal::Refused)))]
pub async fn log(
    State(gateway): State<Arc<Gateway>>,
    Path(application): Path<String>,
    Query(span): Query<Span>,
) -> Result<Json<History>, Refusal> {
    let unknown = || gateway.unknown(format!("there is no application {application}"));
    let name: ApplicationName = application.parse().map_err(|_| unknown())?;
    let wanted = |id: &TargetId| {
        id.application == name && span.cluster.as_ref().is_none_or(|cluster| *cluster == id.cluster.as_str())
    };
    let aggregates = gateway.picture().aggregates(wanted);
    if aggregates.is_empty() {
        return Err(unknown());
    }
    let limit = span.limit.unwrap_or(ENTRIES).clamp(1, 1000);
    let events = history(&gateway.log, &aggregates, limit).await?;
    Ok(Json(History { version: wire::VERSION, entries: events.iter().map(decide::describe).collect() }))
}
