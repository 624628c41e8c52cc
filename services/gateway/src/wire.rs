//! The documents of the API, version 1. Within a version fields may be added, none is renamed or removed.

use std::collections::BTreeMap;

use model::{Failure, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The version of these documents.
pub const VERSION: u32 = 1;

/// The status of many targets, by cluster, then application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetList {
    /// Version of the document.
    pub version: u32,
    /// Why the newest definitions are not in force; null if they are.
    pub rejected: Option<Problem>,
    /// Why the newest definitions cannot be read; null if they are: what is shown follows from older ones.
    #[serde(default)]
    pub unread: Option<Unread>,
    /// The targets.
    pub targets: Vec<TargetStatus>,
}

/// The status of one application on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetStatus {
    /// The cluster.
    pub cluster: String,
    /// The application.
    pub application: String,
    /// Whether live state is what Git describes.
    pub sync: Sync,
    /// `Healthy`, `Suspended`, `Progressing`, `Missing`, `Degraded` or `Unknown`: the worst of its objects.
    pub health: String,
    /// The commit that is applied in full; null before the first.
    pub revision: Option<String>,
    /// The commit that was rendered last.
    pub desired: Option<String>,
    /// Objects that are ours on the cluster.
    pub objects: u64,
    /// Objects that live changes moved away from what was applied.
    pub drifted: u64,
    /// Since when somebody wants nothing to be done by itself (RFC 3339); null: nobody does.
    #[serde(default)]
    pub paused: Option<String>,
    /// What has waited longest for somebody else, in words; null: nothing waits.
    #[serde(default)]
    pub waiting: Option<String>,
    /// What keeps it from being in sync, or from being known.
    pub problem: Option<Problem>,
    /// When the log last said something about it (RFC 3339); null: never.
    pub changed: Option<String>,
    /// Who looked last, and how long ago.
    pub evaluated: Evaluated,
}

/// Whether live state is what Git describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Sync {
    /// It is.
    InSync,
    /// A sync is under way.
    Syncing,
    /// Git moved, and it is not applied in full.
    OutOfSync,
    /// Somebody changed the cluster.
    Drifted,
    /// Somebody keeps undoing heals; they have stopped.
    Contested,
    /// It waits for an applier that is silent for too long, or for somebody else who takes too long.
    Stalled,
    /// It leaves: its application or cluster is not in the definitions any more.
    Leaving,
    /// Not enough is known.
    Unknown,
}

impl Sync {
    /// The word that people see.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InSync => "InSync",
            Self::Syncing => "Syncing",
            Self::OutOfSync => "OutOfSync",
            Self::Drifted => "Drifted",
            Self::Contested => "Contested",
            Self::Stalled => "Stalled",
            Self::Leaving => "Leaving",
            Self::Unknown => "Unknown",
        }
    }
}

/// How far a status can be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evaluated {
    /// Whether it counts.
    pub state: Freshness,
    /// Who looked last; null: nobody.
    pub by: Option<String>,
    /// How many seconds ago; null: never.
    pub seconds: Option<u64>,
}

impl Default for Evaluated {
    /// Nobody has looked, and nobody will.
    fn default() -> Self {
        Self { state: Freshness::Unknown, by: None, seconds: None }
    }
}

impl Evaluated {
    /// Of the targets by something that they name, the one that can be believed least.
    pub fn oldest(targets: &[TargetStatus], name: fn(&TargetStatus) -> &str) -> BTreeMap<String, Self> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        for target in targets {
            let oldest = all.entry(name(target).to_owned()).or_insert_with(|| target.evaluated.clone());
            let age = |it: &Self| (it.state, it.seconds);
            if age(&target.evaluated) > age(oldest) {
                oldest.clone_from(&target.evaluated);
            }
        }
        all
    }
}

/// Whether a status counts; the last one can be believed least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Freshness {
    /// It is looked at regularly.
    Fresh,
    /// Nobody has looked for too long: it may be otherwise by now.
    Stale,
    /// Nobody who is there has looked.
    Unknown,
}

/// The sources, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceList {
    /// Version of the document.
    pub version: u32,
    /// Why the newest definitions cannot be read; null if they are: what is shown follows from older ones.
    #[serde(default)]
    pub unread: Option<Unread>,
    /// The sources.
    pub sources: Vec<SourceStatus>,
}

/// A repository, and how far it was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Address of the repository.
    pub repository: String,
    /// What is followed, such as `refs/heads/main`; null before the first look.
    pub reference: Option<String>,
    /// The last good commit; null before the first.
    pub revision: Option<String>,
    /// Applications that read it.
    pub applications: u64,
    /// Why the newest look failed.
    pub problem: Option<Problem>,
    /// Who looked last, and how long ago.
    pub evaluated: Evaluated,
}

/// The clusters, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterList {
    /// Version of the document.
    pub version: u32,
    /// Why the newest definitions cannot be read; null if they are: what is shown follows from older ones.
    #[serde(default)]
    pub unread: Option<Unread>,
    /// The clusters.
    pub clusters: Vec<ClusterStatus>,
}

/// An API server, and whether it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterStatus {
    /// Its name.
    pub name: String,
    /// What applications select it by.
    pub labels: BTreeMap<String, String>,
    /// Version of the API server, such as `v1.36.3`; null while it does not answer.
    pub server: Option<String>,
    /// Since when it does not answer (RFC 3339); null while it does.
    pub unreachable: Option<String>,
    /// How its targets are.
    pub targets: Counts,
    /// Why it does not answer.
    pub problem: Option<Problem>,
    /// Who looked last, and how long ago.
    pub evaluated: Evaluated,
}

/// The applications, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplicationList {
    /// Version of the document.
    pub version: u32,
    /// Why the newest definitions cannot be read; null if they are: what is shown follows from older ones.
    #[serde(default)]
    pub unread: Option<Unread>,
    /// The applications.
    pub applications: Vec<ApplicationStatus>,
}

/// An application, and how it is on its clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplicationStatus {
    /// Its name.
    pub name: String,
    /// Its source.
    pub source: String,
    /// Its folder there.
    pub path: String,
    /// Namespace of objects that name none.
    pub namespace: Option<String>,
    /// How its targets are.
    pub targets: Counts,
    /// Who looked last, and how long ago, at the target of which that is longest ago.
    pub evaluated: Evaluated,
}

/// How many targets are how. A status that nobody has looked at for too long says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// All.
    pub all: u64,
    /// Of them, those that are surely in sync.
    pub in_sync: u64,
    /// Of them, those that are surely healthy or suspended.
    pub healthy: u64,
    /// Of them, those whose status is stale, or was never evaluated.
    #[serde(default)]
    pub stale: u64,
    /// Of them, those that something stands in the way of.
    pub problems: u64,
}

impl Counts {
    /// Counts targets by something that they name.
    pub fn by(targets: &[TargetStatus], name: fn(&TargetStatus) -> &str) -> BTreeMap<String, Self> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        for target in targets {
            let counts = all.entry(name(target).to_owned()).or_default();
            counts.all += 1;
            let is_fresh = target.evaluated.state == Freshness::Fresh;
            let is_well = ["Healthy", "Suspended"].contains(&target.health.as_str());
            counts.in_sync += u64::from(is_fresh && target.sync == Sync::InSync);
            counts.healthy += u64::from(is_fresh && is_well);
            counts.stale += u64::from(!is_fresh);
            counts.problems += u64::from(target.problem.is_some());
        }
        all
    }
}

/// Something that failed, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Stable code, such as `GIT-AUTH`.
    pub code: String,
    /// What failed, in one sentence.
    pub message: String,
    /// What to do about it; may be empty.
    pub remedy: String,
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        let Failure { code, message, remedy, .. } = failure.clone();
        Self { code, message, remedy }
    }
}

/// The newest definitions, which cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unread {
    /// Why.
    pub problem: Problem,
    /// Since when (RFC 3339).
    pub since: String,
}

impl From<&Failure> for Unread {
    fn from(failure: &Failure) -> Self {
        Self { problem: failure.into(), since: instant(failure.at) }
    }
}

/// All that is known about one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetDetail {
    /// Version of the document.
    pub version: u32,
    /// Its status.
    pub status: TargetStatus,
    /// Where its manifests come from; null when it has left the definitions.
    pub source: Option<SourceDetail>,
    /// What is ours on the cluster, and what became of each object.
    pub objects: Vec<ObjectDetail>,
    /// Objects that somebody changed.
    pub drift: Vec<DriftDetail>,
    /// Objects that are left alone until somebody else has done something, longest first, at most 20.
    #[serde(default)]
    pub waits: Vec<WaitDetail>,
    /// Objects that are not healthy, worst first, at most 20.
    pub unhealthy: Vec<HealthDetail>,
    /// What a person should know of the files and their render.
    pub notes: Vec<String>,
    /// Requests that were answered, newest last.
    pub answered: Vec<Answered>,
}

/// Where manifests come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceDetail {
    /// Name of the source.
    pub name: String,
    /// Address of the repository.
    pub repository: String,
    /// Folder in it.
    pub path: String,
    /// What is followed, such as `refs/heads/main`; null before the first look.
    pub reference: Option<String>,
}

/// One object of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectDetail {
    /// `Kind.group namespace/name`
    pub object: String,
    /// `Created`, `Configured`, `Unchanged`, `Untouched`, `Terminating`, `Pending` or `Failed`.
    pub outcome: String,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// An object that somebody changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DriftDetail {
    /// `Kind.group namespace/name`
    pub object: String,
    /// Since when it is known (RFC 3339).
    pub since: String,
    /// The fields, at most 20.
    pub fields: Vec<String>,
    /// Who owns one of them now.
    pub managers: Vec<String>,
}

/// An object that waits for somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitDetail {
    /// `Kind.group namespace/name`
    pub object: String,
    /// Finalizers, or applications, at most 5.
    pub whom: Vec<String>,
    /// Since when (RFC 3339).
    pub since: String,
    /// All of it in words.
    pub text: String,
}

/// An object that is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthDetail {
    /// `Kind.group namespace/name`
    pub object: String,
    /// How it does.
    pub health: String,
    /// Why.
    pub reason: String,
}

/// What happened to an application, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// Version of the document.
    pub version: u32,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// One event, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// When it was decided (RFC 3339).
    pub time: String,
    /// Its type, such as `SyncFinished`.
    pub event: String,
    /// What it is about, such as `sync/eu-1/shop`.
    pub about: String,
    /// Its version there.
    pub n: u64,
    /// Its id.
    pub id: String,
    /// What it says, in a few words.
    pub text: String,
    /// Opaque id of who wanted it; null: nobody in person.
    pub actor: Option<String>,
}

/// What is asked for, of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// 8 to 64 letters, digits and dashes; asked again with the same id, it is the same request. A new one if none
    /// is given.
    pub id: Option<String>,
    /// What.
    pub kind: AskedKind,
    /// Of `Approve`: digest of the plan, as the target's `problem` names it.
    pub plan: Option<String>,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AskedKind {
    /// Look at the repository now, and bring the cluster into the state that it describes.
    Sync,
    /// The inventory, which was rebuilt from the cluster, is right: what is no longer in Git may be deleted.
    ConfirmInventory,
    /// Do nothing by itself from now on, and show what would be done.
    Pause,
    /// Go on.
    Resume,
    /// Carry out the plan with that digest although the guard refused it.
    Approve,
}

/// Which definitions are in force, and why newer ones are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Definitions {
    /// Version of the document.
    pub version: u32,
    /// The commit of the fleet repository that those in force were made from; null: they were handed over.
    pub commit: Option<String>,
    /// Why the newest ones are not in force; null if they are.
    pub rejected: Option<Problem>,
    /// Digest of the newest ones, if they wait for an approval because they let go of too much.
    pub held: Option<String>,
    /// Approvals that were answered, newest last.
    pub answered: Vec<String>,
}

/// Consent to definitions that let go of more than the guard allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// 8 to 64 letters, digits and dashes, as of every request.
    pub id: Option<String>,
    /// Digest of the definitions that are held back.
    pub digest: String,
}

/// A request that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// Version of the document.
    pub version: u32,
    /// Its id, by which a target's `answered` tells how it went.
    pub request: String,
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answered {
    /// Its id.
    pub request: String,
    /// `InSync`, `Failed`, `Refused`, `Confirmed`, `Noted` (paused, or no longer; approved) or `Previewed`.
    pub outcome: String,
    /// Why it failed or was refused.
    pub problem: Option<Problem>,
}

/// What a webhook set off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Noticed {
    /// Version of the document.
    pub version: u32,
    /// The sources that are looked at now.
    pub sources: Vec<String>,
    /// Sources of the repository that are not, until they are due anyway.
    #[serde(default)]
    pub missed: Vec<Missed>,
}

/// A source that a webhook did not reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Missed {
    /// The source.
    pub source: String,
    /// Why.
    pub problem: Problem,
}

/// An instant as it is written in a document.
pub fn instant(at: Timestamp) -> String {
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(sync: Sync, health: &str, state: Freshness) -> TargetStatus {
        TargetStatus {
            cluster: "eu-1".into(),
            application: "shop".into(),
            sync,
            health: health.into(),
            revision: None,
            desired: None,
            objects: 1,
            drifted: 0,
            paused: None,
            waiting: None,
            problem: None,
            changed: None,
            evaluated: Evaluated { state, by: None, seconds: None },
        }
    }

    #[test]
    fn only_what_is_looked_at_counts_as_well() {
        let targets = [
            target(Sync::InSync, "Healthy", Freshness::Fresh),
            target(Sync::OutOfSync, "Suspended", Freshness::Fresh),
            target(Sync::InSync, "Healthy", Freshness::Stale),
            target(Sync::InSync, "Healthy", Freshness::Unknown),
        ];
        let counts = Counts::by(&targets, |target| &target.cluster);
        assert_eq!(counts["eu-1"], Counts { all: 4, in_sync: 1, healthy: 2, stale: 2, problems: 0 });
    }

    #[test]
    fn of_many_targets_the_one_counts_that_was_looked_at_longest_ago() {
        let aged = |state, seconds| {
            let target = target(Sync::InSync, "Healthy", state);
            TargetStatus { evaluated: Evaluated { seconds, ..target.evaluated }, ..target }
        };
        let (young, old) = (aged(Freshness::Fresh, Some(3)), aged(Freshness::Fresh, Some(9)));
        let (stale, never) = (aged(Freshness::Stale, Some(200)), aged(Freshness::Unknown, None));
        for (targets, oldest) in [
            (vec![young.clone(), old.clone()], &old),
            (vec![stale.clone(), old.clone()], &stale),
            (vec![young, never.clone(), stale.clone(), old.clone()], &never),
        ] {
            let all = Evaluated::oldest(&targets, |target| &target.application);
            assert_eq!(all["shop"], oldest.evaluated);
        }
    }
}
