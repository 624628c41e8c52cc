//! Asks the API server: does it exist, and what would an apply change?

use std::{collections::BTreeSet, sync::Arc};

use cluster::{
    Applied, Apply, ClusterClient, ClusterError, Discovery, FieldConflict, Force, Live, Lookup, Missing,
    Mode, Resource, Sensitive,
};
use diff::{Entry, Refused, clearing};
use manifest::{DesiredObject, DesiredSecrets, may_recreate, restore, sensitive_pointers};
use model::{
    ApiVersion, ApplicationName, Failure, Gvk, ObjectId, Timestamp,
    definition::{FirstContact, Ignored},
};
use serde_json::Value;

use super::{
    last_applied::{Known, LastApplied},
    refusal,
};

use crate::{
    LABEL,
    answers::{DryRun, DryRunKey, Found, Recreation},
    desired::Desired,
    field_manager,
    live::Mark,
};

/// Fields told of one drifted object: as many as a person reads.
const FIELDS_TOLD: usize = 20;

/// Asks one API server.
#[derive(Clone)]
pub struct Asker {
    /// Its client.
    pub client: ClusterClient,
    /// What it serves.
    pub discovery: Arc<Discovery>,
    /// The instant that failures carry.
    pub now: Timestamp,
}

/// Turns a failed call into a failure that people see.
pub fn failure(error: &ClusterError, now: Timestamp) -> Failure {
    Failure {
        code: error.code().into(),
        message: error.to_string(),
        remedy: error.remedy().into(),
        class: error.class(),
        at: now,
        attempts: 1,
    }
}

fn gvk(id: &ObjectId, api_version: &ApiVersion) -> Gvk {
    Gvk { api_version: api_version.clone(), kind: id.kind.clone() }
}

fn known(lookup: Lookup<'_>) -> Option<&Resource> {
    match lookup {
        Lookup::Known(resource) => Some(resource),
        Lookup::UnknownKind | Lookup::GroupUnavailable => None,
    }
}

impl Asker {
    /// Where an object is read that was written at that version.
    fn found(&self, id: &ObjectId, api_version: &ApiVersion) -> Option<&Resource> {
        known(self.discovery.found(&gvk(id, api_version)))
    }

    /// Where an object is written at that version, and at no other.
    fn exact(&self, id: &ObjectId, api_version: &ApiVersion) -> Option<&Resource> {
        known(self.discovery.lookup(&gvk(id, api_version)))
    }

    fn unserved(&self, id: &ObjectId) -> Failure {
        Failure {
            code: "CLUSTER-KIND".into(),
            message: format!("the kind of {id} is not served now"),
            remedy: "install its CustomResourceDefinition, or wait until its API service answers".into(),
            class: model::RetryClass::Transient,
            at: self.now,
            attempts: 1,
        }
    }

    /// Reads one object.
    pub async fn existence(&self, id: &ObjectId, api_version: &ApiVersion) -> Found {
        let Some(resource) = self.found(id, api_version) else {
            return Found::Unknown(self.unserved(id));
        };
        match self.client.get(resource, id).await {
            Ok(None) => Found::Absent,
            Ok(Some(live)) => Found::Object {
                uid: live.uid.clone(),
                resource_version: live.resource_version.clone(),
                mark: mark(live.value.value()).map(|(_, mark)| mark),
                value: Arc::new(live.value.into_value()),
            },
            Err(error) => Found::Unknown(failure(&error, self.now)),
        }
    }

    /// Applies the desired manifest as a dry-run, forced where the applier's apply would be, and compares.
    pub async fn dry_run(&self, attempt: &Attempt<'_>) -> DryRun {
        let key = attempt.key;
        let Some(wanted) = attempt.desired.manifest(&key.id) else {
            return DryRun::Unknown(self.unserved(&key.id));
        };
        let Some(resource) = self.exact(&key.id, &wanted.api_version) else {
            return DryRun::Unknown(self.unserved(&key.id));
        };
        let values = attempt.secrets.get(&wanted.id).cloned().unwrap_or_default();
        let Ok(mut body) = restore(&wanted.value, &values) else {
            return DryRun::Unknown(self.unserved(&key.id));
        };
        if let Some(namespace) = &key.id.namespace {
            body["metadata"]["namespace"] = namespace.clone().into();
        }
        let asker = &Self { client: self.minding(attempt, wanted).await, ..self.clone() };
        let before = match asker.client.get(resource, &key.id).await {
            Ok(before) => before,
            Err(error) => return DryRun::Unknown(failure(&error, self.now)),
        };
        let manager = field_manager(attempt.application);
        let ignored = attempt.desired.ignored(&key.id);
        // What is created is created whole.
        let whole = |live: &Live| diff::left_out(wanted.value.value(), &ignored, Some(live.value.value()));
        let without = before.as_ref().map(whole).unwrap_or_default();
        let body = diff::without(&body, &without);
        let request = Apply {
            resource,
            id: &key.id,
            body: &body,
            manager: &manager,
            // A heal takes back what is ours; what is not ours is never forced.
            force: if key.live.is_some() && attempt.repeats() { Force::Yes } else { Force::No },
            mode: Mode::DryRun,
            start_by: None,
        };
        match asker.try_apply(&request, attempt, before.as_ref()).await {
            Ok(applied) => {
                let (before, after) = handed_over(before, applied.object, &ignored, (wanted, &manager));
                compare(before, after, &diff::without(wanted.value.value(), &without), &manager)
            }
            // Its namespace is not there yet: nothing is there to compare with.
            Err(Refusal::Cluster(ClusterError::NotFound { missing, .. }))
                if before.is_none() && (missing != Missing::Namespace || attempt.brings_namespace()) =>
            {
                // The redacted manifest, not the body that was sent: this is stored and shown.
                let after = Arc::new(wanted.value.value().clone());
                DryRun::Changes { fields: vec![], managers: vec![], after, before: None }
            }
            // Nothing of ours makes it: an apply fails like this try.
            Err(Refusal::Cluster(error @ ClusterError::NotFound { .. })) if before.is_none() => {
                DryRun::Refused(failure(&error, self.now))
            }
            Err(Refusal::Cluster(error)) => asker.refused(error, &request, (attempt, before, wanted)).await,
            Err(Refusal::Conflict(failure)) => DryRun::Refused(failure),
        }
    }

    /// The client which takes out the object's sensitive values by the word of Git, now and when it was applied last:
    /// on the cluster somebody may have unmarked them.
    async fn minding(&self, attempt: &Attempt<'_>, wanted: &DesiredObject) -> ClusterClient {
        let id = &attempt.key.id;
        let mut sensitive = match attempt.repeats() {
            true => Sensitive::default(),
            false => attempt.last.manifests.sensitive(&[id]).await,
        };
        sensitive.entry(id.clone()).or_default().extend(sensitive_pointers(wanted.value.value()));
        self.client.minding(sensitive)
    }

    /// Tries without force, then with force where the applier may.
    async fn try_apply(
        &self,
        request: &Apply<'_>,
        attempt: &Attempt<'_>,
        before: Option<&Live>,
    ) -> Result<Applied, Refusal> {
        let answer = self.client.apply(request).await;
        let Err(ClusterError::Conflict { request: words, conflicts }) = answer else {
            return answer.map_err(Refusal::Cluster);
        };
        if attempt.key.live.is_none() {
            return Err(Refusal::Cluster(ClusterError::Conflict { request: words, conflicts }));
        }
        let may = match attempt.last.read(request.id).await {
            Known::Manifest(last) => refusal::may_force(&conflicts, Some(&last)),
            Known::Nothing => match attempt.first_contact {
                FirstContact::TakeOver => true,
                FirstContact::Refuse => {
                    refusal::may_force(&conflicts, None) || claims_all(before, request.manager, &conflicts)
                }
            },
            Known::Unsaid => true,
        };
        if !may {
            return Err(Refusal::Conflict(refusal::conflict(request.id, &conflicts, self.now)));
        }
        self.client.apply(&Apply { force: Force::Yes, ..*request }).await.map_err(Refusal::Cluster)
    }

    /// What a refusal means: something in the way that the applier clears, a field that never changes, or a bad
    /// manifest.
    async fn refused(
        &self,
        error: ClusterError,
        request: &Apply<'_>,
        (attempt, before, wanted): (&Attempt<'_>, Option<Live>, &DesiredObject),
    ) -> DryRun {
        if error.class() != model::RetryClass::Permanent {
            return DryRun::Unknown(failure(&error, self.now));
        }
        let (ClusterError::Invalid { causes, .. }, Some(live), true) =
            (&error, before, attempt.key.live.is_some())
        else {
            return DryRun::Refused(failure(&error, self.now));
        };
        let immutable = refusal::immutable_fields(causes);
        let fields: Vec<String> = causes.iter().map(|cause| cause.field.clone()).collect();
        let last = match attempt.last.read(request.id).await {
            _ if attempt.repeats() => Some(wanted.value.value().clone()),
            Known::Manifest(last) => Some(last),
            Known::Nothing | Known::Unsaid => None,
        };
        let (object, desired) = (live.value.value(), wanted.value.value());
        let (last, ours) = (last.as_ref(), request.manager);
        let clearing = clearing(&Refused { live: object, desired, last, fields: &fields, ours });
        if immutable.is_empty() && !clearing.removals.is_empty() {
            let after = diff::cleared(object, &clearing, desired);
            return compare(Some(object.clone()), after, desired, ours);
        }
        if immutable.is_empty() && error.is_about_shape() {
            return DryRun::Refused(failure(&error, self.now));
        }
        let creatable = self.client.creatable(request).await.unwrap_or(false);
        if immutable.is_empty() && !creatable {
            return DryRun::Refused(failure(&error, self.now));
        }
        DryRun::Immutable {
            failure: refusal::immutable(request.id, &immutable, self.now),
            recreation: if creatable && may_recreate(desired) {
                Recreation::Allowed
            } else {
                Recreation::Refused
            },
            after: Arc::new(desired.clone()),
        }
    }
}

/// A dry-run to be made.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// Whose.
    pub application: &'a ApplicationName,
    /// Of which object, as it is known.
    pub key: &'a DryRunKey,
    /// The desired state.
    pub desired: &'a Desired,
    /// Its secret values.
    pub secrets: &'a DesiredSecrets,
    /// What was applied last.
    pub last: &'a LastApplied,
    /// What happens to fields of others where it is not known what we applied.
    pub first_contact: FirstContact,
    /// The application's namespace, which is created if it is missing.
    pub namespace: Option<&'a str>,
}

impl Attempt<'_> {
    /// Whether it applies what was applied last.
    fn repeats(&self) -> bool {
        self.last.is(self.desired.object(&self.key.id))
    }

    /// Whether the namespace of the object comes with the application.
    fn brings_namespace(&self) -> bool {
        let wanted = self.key.id.namespace.as_deref();
        let is_it =
            |id: &ObjectId| id.group.is_empty() && id.kind == "Namespace" && Some(id.name.as_str()) == wanted;
        wanted == self.namespace || self.desired.objects.iter().any(|object| is_it(&object.id))
    }
}

/// Whether our own entry on the object says that we applied every one of these fields.
fn claims_all(before: Option<&Live>, manager: &str, conflicts: &[FieldConflict]) -> bool {
    let entry = before.and_then(|live| diff::apply_entry(live.value.value(), manager));
    entry.is_some_and(|entry| conflicts.iter().all(|conflict| diff::claims(entry.fields, &conflict.field)))
}

/// Why a dry-run came to nothing.
enum Refusal {
    /// Others own fields that we never applied.
    Conflict(Failure),
    /// Something else.
    Cluster(ClusterError),
}

/// Both objects as they would be if what is ignored had been handed over before: the applier does that first.
fn handed_over(
    before: Option<Live>,
    after: Live,
    ignored: &Ignored,
    (wanted, manager): (&DesiredObject, &str),
) -> (Option<Value>, Value) {
    let after = after.value.into_value();
    let Some(before) = before.map(|live| live.value.into_value()) else { return (None, after) };
    let paths = diff::given_up(&before, manager, wanted.value.value(), ignored);
    if paths.is_empty() {
        return (Some(before), after);
    }
    let values = |object: &Value| {
        diff::in_order_of_removal(paths.iter().flat_map(|path| path.pointers(object)).collect())
    };
    let records = diff::records(&before, manager, &paths);
    let after = diff::without(&after, &values(&after));
    (Some(diff::without(&diff::without(&before, &values(&before)), &records)), after)
}

/// Compares a live object with what an apply would make of it.
fn compare(before: Option<Value>, after: Value, desired: &Value, manager: &str) -> DryRun {
    let after = Arc::new(after);
    let Some(before) = before else {
        return DryRun::Changes { fields: vec![], managers: vec![], after, before: None };
    };
    let before = Arc::new(before);
    match diff::judge(&before, &after, manager) {
        diff::Verdict::InSync => match diff::record(&before, desired, manager) {
            Some(fingerprint) => DryRun::Same(fingerprint),
            None => lost(&before, &after, manager),
        },
        diff::Verdict::OwnershipDrift => lost(&before, &after, manager),
        diff::Verdict::Drift(changes) => {
            let mut fields: Vec<String> = changes.into_iter().map(|change| change.path).collect();
            let managers = culprits(&before, manager, &fields);
            fields.truncate(FIELDS_TOLD);
            DryRun::Changes { fields, managers, after, before: Some(before) }
        }
    }
}

/// The fields that an apply would make ours again, and who owns them now.
fn lost(before: &Value, after: &Value, manager: &str) -> DryRun {
    let ours = |object: &Value| -> BTreeSet<String> {
        let entry = diff::apply_entry(object, manager);
        entry.iter().flat_map(diff::owned_paths).map(|path| path.to_string()).collect()
    };
    let mut fields: Vec<String> = ours(after).difference(&ours(before)).cloned().collect();
    let managers = culprits(before, manager, &fields);
    fields.truncate(FIELDS_TOLD);
    DryRun::OwnershipLost { fields, managers }
}

/// The other field managers that own something at these fields; all others, if none does (who removes a
/// field owns nothing there).
fn culprits(live: &Value, manager: &str, fields: &[String]) -> Vec<String> {
    let entries = diff::entries(live);
    let others: Vec<_> =
        entries.iter().filter(|entry| entry.manager != manager && entry.subresource.is_none()).collect();
    let owns_one = |entry: &&&Entry<'_>| {
        let paths = diff::owned_paths(entry);
        let mut paths = paths.iter().map(ToString::to_string);
        paths.any(|path| fields.iter().any(|field| within(&path, field) || within(field, &path)))
    };
    let names = |entry: &&Entry<'_>| entry.manager.to_owned();
    let guilty: BTreeSet<String> = others.iter().filter(owns_one).map(names).collect();
    let all = || others.iter().map(names).collect();
    (if guilty.is_empty() { all() } else { guilty }).into_iter().collect()
}

/// Whether a readable path is at or below another one.
fn within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The application that an object's label names, and whether the object is ours.
pub fn mark(live: &Value) -> Option<(ApplicationName, Mark)> {
    let label = live.get("metadata")?.get("labels")?.get(LABEL)?.as_str()?;
    let application: ApplicationName = label.parse().ok()?;
    let ours = diff::apply_entry(live, &field_manager(&application)).is_some();
    Some((application, if ours { Mark::Ours } else { Mark::LabelOnly }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_took_a_field_without_changing_it_is_named() {
        let entry = |manager: &str, operation: &str, fields: Value| {
            json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:data": fields}})
        };
        let object =
            |entries: Value| json!({"data": {"k": "v", "l": "v"}, "metadata": {"managedFields": entries}});
        let bystander = entry("other", "Update", json!({"f:l": {}}));
        let taker = entry("kubectl-edit", "Update", json!({"f:k": {}}));
        let before = object(json!([entry("us", "Apply", json!({"f:l": {}})), taker, bystander]));
        let after = object(json!([entry("us", "Apply", json!({"f:k": {}, "f:l": {}})), taker, bystander]));
        let expected =
            DryRun::OwnershipLost { fields: vec!["data.k".into()], managers: vec!["kubectl-edit".into()] };
        assert_eq!(compare(Some(before), after, &json!({}), "us"), expected);
    }
}
