//! What lies outside of a cluster's reach: refused before anything is planned, and left alone where it was applied.

use events::state::{Request, RequestOutcome};
use model::{Failure, ObjectId, RetryClass, Timestamp};

use super::{Facts, Step, publish};
use crate::desired::Desired;

/// Objects named in one refusal: as many as a person reads.
const TOLD: usize = 5;

/// Goes on only if everything that is desired lies within reach. Half of an application is not what Git describes.
pub(super) fn within(
    facts: &Facts<'_>,
    desired: &Desired,
    request: Option<&Request>,
    now: Timestamp,
) -> Step<()> {
    let reach = facts.live.reach();
    let outside = || desired.objects.iter().map(|object| &object.id).filter(|id| !reach.holds(id));
    let Some(first) = outside().next() else { return Ok(()) };
    let told: Vec<String> = outside().take(TOLD).map(ToString::to_string).collect();
    let more = outside().count().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("{}{more}: outside of {}", told.join(", "), limits(facts, first));
    let failure = failure(message, remedy(facts, desired, first), now);
    Err(publish::refuse(facts, request, failure, (RequestOutcome::Failed, None)))
}

/// Why nothing is known of an object that was applied when more was within reach.
pub(super) fn left_behind(facts: &Facts<'_>, id: &ObjectId, now: Timestamp) -> Failure {
    let message = format!("{id} was applied, and lies outside of {} now", limits(facts, id));
    let field = field(id);
    let remedy = format!("widen {field} of Cluster {} until it is gone", facts.target.cluster);
    failure(message, remedy, now)
}

fn failure(message: String, remedy: String, at: Timestamp) -> Failure {
    Failure { code: "PLAN-REACH".into(), message, remedy, class: RetryClass::Permanent, at, attempts: 1 }
}

/// The field of the Cluster that leaves an object out.
fn field(id: &ObjectId) -> &'static str {
    if id.namespace.is_some() { "spec.namespaces" } else { "spec.clusterResources" }
}

/// What the Cluster says.
fn limits(facts: &Facts<'_>, id: &ObjectId) -> String {
    let cluster = &facts.target.cluster;
    let namespaces = facts.live.reach().namespaces().unwrap_or_default();
    match &id.namespace {
        Some(_) => format!("spec.namespaces of Cluster {cluster} ({})", namespaces.join(", ")),
        None => format!("Cluster {cluster}, which has namespaces and no spec.clusterResources"),
    }
}

/// What a person can do: the field that says where the object lives, and the one that leaves it out.
fn remedy(facts: &Facts<'_>, desired: &Desired, id: &ObjectId) -> String {
    let cluster = &facts.target.cluster;
    let written = desired.manifest(id).and_then(|manifest| manifest.id.namespace.as_ref());
    match (&id.namespace, written) {
        (None, _) => format!(
            "take it out of the application, or grant its kind on the whole cluster and set spec.clusterResources: \
             true in Cluster {cluster}"
        ),
        (Some(name), Some(_)) => format!(
            "change metadata.namespace in the manifest, or grant the rights in {name} and add it to spec.namespaces \
             of Cluster {cluster}"
        ),
        (Some(name), None) => format!(
            "the manifest names no namespace: set spec.namespace of Application {} (now {name}) to one of these, or \
             grant the rights in {name} and add it to spec.namespaces of Cluster {cluster}",
            facts.target.application
        ),
    }
}
