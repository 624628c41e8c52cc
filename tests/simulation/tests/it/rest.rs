//! What has to be so once everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use events::state::{AppliedObject, ObjectOutcome, SyncStatus, TargetState};
use model::{Aggregate, ApplicationName, Failure, TargetId};
use serde_json::Value;
use testkit::MemoryLog;

use crate::{
    picture,
    repository::{Application, Repository},
    site::Site,
};

/// The path of all ConfigMaps that there may be.
pub const MAPS: &str = "/api/v1/namespaces/shop/configmaps";

/// What is not as it has to be on a cluster.
pub fn unmet(memory: &MemoryLog, repository: &Repository, site: &Site) -> Vec<String> {
    let look = Look::at(memory, repository, site);
    let all = [look.desired(), look.marked(), look.recorded(), look.left()];
    all.into_iter().flatten().map(|what| format!("{}: {what}", site.name)).collect()
}

/// Whose mark an object carries: label and an entry of that application's manager.
pub fn mark(map: &Value) -> Option<String> {
    let application = map["metadata"]["labels"]["driftless.dev/application"].as_str()?;
    let manager = format!("driftless:{application}");
    let entries = map["metadata"]["managedFields"].as_array()?;
    let ours = |entry: &Value| entry["manager"] == manager.as_str() && entry["operation"] == "Apply";
    entries.iter().any(ours).then(|| application.to_owned())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One cluster, with all that is said about it.
struct Look<'a> {
    repository: &'a Repository,
    site: &'a Site,
    /// By name.
    live: BTreeMap<String, Value>,
    inventories: Vec<(TargetId, AppliedObject)>,
    /// By application.
    targets: BTreeMap<String, TargetState>,
    /// Objects over which a target is in conflict with somebody else: a person has to settle that.
    disputed: BTreeSet<String>,
}

impl<'a> Look<'a> {
    fn at(memory: &MemoryLog, repository: &'a Repository, site: &'a Site) -> Self {
        let live: BTreeMap<String, Value> =
            site.list(MAPS).into_iter().map(|map| (text(&map["metadata"]["name"]).to_owned(), map)).collect();
        let mut targets = BTreeMap::new();
        for event in memory.heads() {
            if let Aggregate::Target(id) | Aggregate::Sync(id) = event.aggregate()
                && id.cluster == site.name
                && let Some((_, state)) = picture::newest(memory, &Aggregate::Target(id.clone()))
            {
                targets.insert(id.application.to_string(), state);
            }
        }
        let inventories = picture::inventories(memory, &site.name);
        let rows = inventories.iter().filter_map(|(_, row)| match &row.outcome {
            ObjectOutcome::Failed(failure) => Some(failure),
            ObjectOutcome::Pending
            | ObjectOutcome::Created
            | ObjectOutcome::Configured
            | ObjectOutcome::Unchanged
            | ObjectOutcome::Untouched
            | ObjectOutcome::Terminating => None,
        });
        let refused = targets.values().filter_map(|target: &TargetState| target.refused.as_ref());
        let failures: Vec<&Failure> = rows.chain(refused).collect();
        let is_disputed = |map: &&String| failures.iter().any(|failure| disputes(failure, map));
        let disputed = live.keys().filter(is_disputed).cloned().collect();
        Self { repository, site, live, inventories, targets, disputed }
    }

    /// Whether a person is asked before more is done, about it or about one that it waits for.
    fn asks(&self, application: &str) -> bool {
        let waits = self.targets.get(application).into_iter().flat_map(|state| &state.waits);
        self.asks_itself(application) || waits.flat_map(|wait| &wait.whom).any(|whom| self.asks_itself(whom))
    }

    fn asks_itself(&self, application: &str) -> bool {
        let target = self.targets.get(application);
        let refused = target.and_then(|state| state.refused.as_ref());
        // Nothing of a plan is done while a part of it would be refused.
        let in_conflict =
            refused.is_some_and(|failure| self.disputed.iter().any(|map| disputes(failure, map)));
        let theirs = self.inventories.iter().filter(|(target, _)| target.application.as_str() == application);
        in_conflict
            || self.is_obstructed(application)
            || refused.is_some_and(|failure| failure.code.starts_with("GUARD"))
            || theirs.into_iter().any(|(_, row)| self.disputed.contains(&row.id.name))
    }

    /// Whether an object of somebody else has the name of one that the application wants.
    fn is_obstructed(&self, application: &str) -> bool {
        let wanted = self.repository.applications.get(application).into_iter().flat_map(|it| it.maps.keys());
        let foreign = |map: &Value| self.site.is_foreign(text(&map["metadata"]["uid"]));
        wanted.filter_map(|name| self.live.get(name)).any(foreign)
    }

    /// What applications want is there as it is wanted, and is told so; what is in the way is told, too.
    fn desired(&self) -> Vec<String> {
        let mut unmet = vec![];
        for (name, application) in &self.repository.applications {
            let status = self.targets.get(name).map(|state| state.status);
            if self.is_obstructed(name) && status == Some(SyncStatus::InSync) {
                unmet.push(format!("{name} is told to be in sync, and something is in its way"));
            }
            if !self.asks(name) {
                unmet.extend(self.desired_by((name, application)));
            }
        }
        unmet
    }

    fn desired_by(&self, (name, application): (&String, &Application)) -> Vec<String> {
        let mut unmet = vec![];
        for (map, data) in &application.maps {
            let Some(found) = self.live.get(map) else {
                unmet.push(format!("{map} of {name} is not there"));
                continue;
            };
            if mark(found).as_ref() != Some(name) {
                unmet.push(format!("{map} does not carry the mark of {name}"));
            }
            for (key, value) in data.iter().filter(|(key, value)| found["data"][key] != value.as_str()) {
                unmet.push(format!("{map} of {name}: {key} is {} instead of {value}", found["data"][key]));
            }
        }
        let state = self.targets.get(name);
        let status = state.map(|state| state.status);
        if status != Some(SyncStatus::InSync) {
            let refused = state.and_then(|state| state.refused.as_ref());
            unmet.push(format!("{name} is {status:?}: {refused:?}"));
        }
        unmet
    }

    /// What carries our mark is in an inventory, and wanted.
    fn marked(&self) -> Vec<String> {
        let mut unmet = vec![];
        for (name, map) in self.live.iter().filter(|(name, _)| !self.disputed.contains(*name)) {
            let Some(application) = mark(map) else { continue };
            let wanted = self.repository.applications.get(&application);
            if wanted.is_none() && self.site.was_restored() {
                // It came back with a backup that was made before its application left: nobody looks for it there.
                continue;
            }
            let uid = text(&map["metadata"]["uid"]);
            let told = self
                .targets
                .get(&application)
                .is_some_and(|state| state.strays.iter().any(|stray| stray.uid == uid));
            // What is wanted enters the inventory with the next plan, which may wait for a person.
            let comes = self.asks(&application) && wanted.is_some_and(|it| it.maps.contains_key(name));
            if !told && !comes && !self.inventories.iter().any(|(_, row)| row.uid.as_deref() == Some(uid)) {
                unmet.push(format!("{name} carries the mark of {application} and is in no inventory"));
            }
            if !told && !self.asks(&application) && !wanted.is_some_and(|it| it.maps.contains_key(name)) {
                unmet.push(format!("{name} of {application} is not wanted and still there"));
            }
        }
        unmet
    }

    /// What is in an inventory is there.
    fn recorded(&self) -> Vec<String> {
        let uids: BTreeSet<&str> = self.live.values().map(|map| text(&map["metadata"]["uid"])).collect();
        let gone = |(target, row): &&(TargetId, AppliedObject)| {
            let there = row.uid.as_deref().is_none_or(|uid| uids.contains(uid));
            !there && !self.asks(target.application.as_str())
        };
        let told = |(target, row): &(TargetId, AppliedObject)| {
            format!("the inventory of {target} has {} ({:?}), which is not there", row.id.name, row.uid)
        };
        self.inventories.iter().filter(gone).map(told).collect()
    }

    /// What left the definitions is let go, and has nothing any more.
    fn left(&self) -> Vec<String> {
        let mut unmet = vec![];
        for (name, state) in &self.targets {
            if self.repository.applications.contains_key(name) || self.asks(name) {
                continue;
            }
            if state.released.is_none() {
                unmet.push(format!("{name} left and is not released: {:?}", state.refused));
            }
            let application: Option<ApplicationName> = name.parse().ok();
            if self.inventories.iter().any(|(target, _)| Some(&target.application) == application.as_ref()) {
                unmet.push(format!("{name} left and has an inventory"));
            }
        }
        unmet
    }
}

/// Whether it is a conflict with hands over an object. Its application has not applied it yet, so it does not
/// force what others set; that is so when an object moves to it before an edit was healed where it was.
fn disputes(failure: &Failure, map: &str) -> bool {
    failure.code == "APPLY-CONFLICT"
        && failure.message.contains("belongs to hands")
        && failure.message.contains(&format!("/{map}:"))
}
