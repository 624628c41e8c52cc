//! Sources, clusters and applications.

use std::sync::Arc;

use axum::{Json, extract::State};
use model::{Aggregate, Application, Cluster, Source};

use crate::{
    decide,
    run::Gateway,
    wire::{self, ApplicationList, ClusterList, Counts, Evaluated, SourceList},
};

/// Every source.
#[utoipa::path(get, path = "/api/v1/sources", responses((status = 200, body = SourceList)))]
pub async fn sources(State(gateway): State<Arc<Gateway>>) -> Json<SourceList> {
    let picture = gateway.picture();
    let status = |source: &Source| picture.source(source, gateway.looked_at(source));
    let sources = picture.set().sources().iter().map(status).collect();
    Json(SourceList {
        version: wire::VERSION,
        unread: picture.missed(&Aggregate::Definitions).map(Into::into),
        sources,
    })
}

/// Every cluster.
#[utoipa::path(get, path = "/api/v1/clusters", responses((status = 200, body = ClusterList)))]
pub async fn clusters(State(gateway): State<Arc<Gateway>>) -> Json<ClusterList> {
    let counts = Counts::by(&gateway.statuses(), |target| &target.cluster);
    let set = gateway.picture().set().clone();
    let status = |cluster: &Cluster| {
        let targets = counts.get(cluster.name.as_str()).copied().unwrap_or_default();
        let evaluated = gateway.evaluated(&cluster.name);
        gateway.picture().cluster(cluster, targets, evaluated)
    };
    let clusters = set.clusters().iter().map(status).collect();
    Json(ClusterList { version: wire::VERSION, unread: gateway.unread(), clusters })
}

/// Every application.
#[utoipa::path(get, path = "/api/v1/applications", responses((status = 200, body = ApplicationList)))]
pub async fn applications(State(gateway): State<Arc<Gateway>>) -> Json<ApplicationList> {
    let statuses = gateway.statuses();
    let counts = Counts::by(&statuses, |target| &target.application);
    let oldest = Evaluated::oldest(&statuses, |target| &target.application);
    let set = gateway.picture().set().clone();
    let status = |application: &Application| {
        let targets = counts.get(application.name.as_str()).copied().unwrap_or_default();
        let evaluated = oldest.get(application.name.as_str()).cloned().unwrap_or_default();
        decide::application(application, (targets, evaluated))
    };
    let applications = set.applications().iter().map(status).collect();
    Json(ApplicationList { version: wire::VERSION, unread: gateway.unread(), applications })
}
