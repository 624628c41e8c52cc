//! Compares live objects with what was applied: in sync by fingerprint, else by the answer of a dry-run.

use std::{cmp::Ordering, collections::BTreeMap, time::Duration};

use events::state::{AppliedObject, Refreshed, SyncStage};
use model::{Digest, Failure, Fingerprint, Gvk, ObjectId, Timestamp};
use plan::{Deletion, DesiredObject, Existence, InventoryObject, LiveObject, Verdict};

use super::{Facts, Next, Step, reach, requests};
use crate::{
    answers::{DryRun, DryRunKey, Found, Question},
    desired::Desired,
    live::{Body, KindView, Mark, Seen, Versions, group_kind},
};

/// The live side of a situation, and what was learnt on the way.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// What the planner is told.
    pub live: BTreeMap<ObjectId, Existence>,
    /// Drift: readable fields and managers.
    pub drift: BTreeMap<ObjectId, Drifted>,
    /// Fields that are ours no more, though no value differs: no drift, and told only when it is contested.
    pub lost: BTreeMap<ObjectId, Drifted>,
    /// Fingerprints that a dry-run confirmed and that are to be recorded.
    pub refreshed: Vec<Refreshed>,
    /// Why the API server did not say what became of an object: of those, what is asked again first.
    pub unanswered: Option<Failure>,
    /// Why a kind cannot be seen until somebody grants it. Nothing is asked again: the watch tells when it can.
    pub refused: Option<Failure>,
}

impl Judged {
    /// Notes a question without an answer; whether it is to be asked again now.
    fn is_due(&mut self, failure: &Failure, now: Timestamp) -> bool {
        let at = |failure: &Failure| requests::retry_at(failure.at, failure);
        if now >= at(failure) {
            return true;
        }
        if self.unanswered.as_ref().is_none_or(|known| at(failure) < at(known)) {
            self.unanswered = Some(failure.clone());
        }
        false
    }

    /// How an object differs, in value or only in who owns its fields.
    pub fn difference(&self, id: &ObjectId) -> Option<&Drifted> {
        self.drift.get(id).or_else(|| self.lost.get(id))
    }

    /// When a question without an answer is asked again, if there is one.
    pub fn wake(&self) -> Option<Timestamp> {
        self.unanswered.as_ref().map(|failure| requests::retry_at(failure.at, failure))
    }
}

/// How an object differs from what was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drifted {
    /// Fields, readable.
    pub fields: Vec<String>,
    /// Field managers that own one of them now.
    pub managers: Vec<String>,
}

/// Goes on only if every kind that matters is watched and listed.
pub(super) fn kinds_listed(facts: &Facts<'_>, desired: &Desired) -> Step<()> {
    let wanted = desired.objects.iter().map(|object| (&object.id, &object.api_version));
    let rows = facts.snapshot.sync.iter().flat_map(|sync| sync.objects.values());
    let applied = rows.map(|row| (&row.id, &row.api_version));
    // Of an inventory that is found, what is not seen yet would be left out of the record, and stray from then on.
    let found = facts.live.of_application(&facts.target.application);
    let found = found.filter(|(_, seen)| facts.snapshot.sync.is_none() && seen.mark == Mark::Ours);
    let found = found.map(|(id, seen)| (id, &seen.api_version));
    let mut missing = BTreeMap::new();
    let mut pending = false;
    for (id, api_version) in wanted.chain(applied).chain(found) {
        match facts.live.view(id) {
            None => {
                let gvk = Gvk { api_version: api_version.clone(), kind: id.kind.clone() };
                missing.entry(group_kind(id)).or_insert(gvk);
            }
            Some(KindView::Pending) => pending = true,
            Some(
                KindView::Listed
                | KindView::Unavailable
                | KindView::Undiscovered
                | KindView::NotServed
                | KindView::Refused(_)
                | KindView::OutOfReach,
            ) => {}
        }
    }
    for row in facts.snapshot.sync.iter().flat_map(|sync| sync.objects.values()) {
        if is_served_since(facts, row) {
            let gvk = Gvk { api_version: row.api_version.clone(), kind: row.id.kind.clone() };
            missing.entry(group_kind(&row.id)).or_insert(gvk);
        }
    }
    match (missing.is_empty(), pending) {
        (false, _) => Err(Next::Observe(missing.into_values().collect())),
        (true, true) => Err(super::REST),
        (true, false) => Ok(()),
    }
}

/// Whether an object of a kind that was not served has been written since that was looked at: its definition came
/// with the same sync. Looked at once for each sync, because definitions also go.
fn is_served_since(facts: &Facts<'_>, row: &AppliedObject) -> bool {
    let looked = facts.answers.looked_for(&group_kind(&row.id));
    facts.live.view(&row.id) == Some(&KindView::NotServed)
        && row.resource_version.is_some()
        && looked != facts.snapshot.sync.as_ref().map(|sync| sync.n)
}

/// How long a watch may take to tell of a write before what it does not show is asked for. One that works takes
/// milliseconds; one that is stuck must not hide that an object is gone.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Goes on only if the watches have told of what the newest sync wrote: until then its objects are not missing,
/// only not shown.
pub(super) fn watches_told(facts: &Facts<'_>, now: Timestamp) -> Step<()> {
    let Some(sync) = &facts.snapshot.sync else { return Ok(()) };
    let SyncStage::Finished { at, .. } = sync.state.stage else { return Ok(()) };
    // Either way, because another machine's clock wrote it.
    let fresh = now.since(at) < TOLD_WITHIN && at.since(now) < TOLD_WITHIN;
    let behind = |row: &AppliedObject| {
        let written = row.resource_version.as_ref();
        written.is_some_and(|version| facts.live.is_behind(&row.id, version))
    };
    if fresh && facts.live.versions() == Versions::Comparable && sync.objects.values().any(behind) {
        return Err(Next::Rest { wake: Some(at.plus(TOLD_WITHIN)) });
    }
    Ok(())
}

/// Judges every object of the inventory and of the desired state; asks what it cannot tell.
pub(super) fn judge(
    facts: &Facts<'_>,
    desired: &Desired,
    inventory: &[InventoryObject],
    now: Timestamp,
) -> Step<Judged> {
    let mut judged = Judged::default();
    let mut open = Vec::new();
    let rows = facts.snapshot.sync.as_ref().map(|sync| &sync.objects);
    for object in inventory {
        let row = rows.and_then(|rows| rows.get(&object.id));
        let wanted = desired.object(&object.id);
        match existence((facts, now), &object.id, row, wanted, &mut judged) {
            Ok(existence) => {
                judged.live.insert(object.id.clone(), existence);
            }
            Err(question) => open.push(*question),
        }
    }
    for object in &desired.objects {
        if let Some(KindView::Refused(failure)) = facts.live.view(&object.id) {
            // What cannot be seen is not created either: nobody could say afterwards whether it is as it should be.
            judged.refused.get_or_insert_with(|| failure.clone());
            judged.live.insert(object.id.clone(), Existence::Unknown);
        } else if let Some(seen) = facts.live.get(&object.id) {
            let live = || Existence::Ours(live_object(seen, Verdict::InSync));
            let not_ours = || Existence::NotOurs { uid: seen.uid.clone() };
            let existence = match seen.mark {
                Mark::Ours if seen.application == facts.target.application => live(),
                Mark::Ours => {
                    Existence::Theirs { uid: seen.uid.clone(), application: seen.application.clone() }
                }
                Mark::LabelOnly => not_ours(),
            };
            judged.live.entry(object.id.clone()).or_insert(existence);
        }
    }
    if open.is_empty() { Ok(judged) } else { Err(Next::Ask(open)) }
}

fn live_object(seen: &Seen, verdict: Verdict) -> LiveObject {
    LiveObject { uid: seen.uid.clone(), deletion: seen.deletion, verdict }
}

/// Whether and how an object of the inventory exists; `Err`: a question to ask first.
fn existence(
    (facts, now): (&Facts<'_>, Timestamp),
    id: &ObjectId,
    row: Option<&AppliedObject>,
    wanted: Option<&DesiredObject>,
    judged: &mut Judged,
) -> Result<Existence, Box<Question>> {
    match facts.live.view(id) {
        // The definition of its kind is gone, and its objects with it.
        Some(KindView::NotServed) => return Ok(Existence::Absent),
        None | Some(KindView::Pending | KindView::Unavailable | KindView::Undiscovered) => {
            return Ok(Existence::Unknown);
        }
        Some(KindView::Refused(failure)) => {
            judged.refused.get_or_insert_with(|| failure.clone());
            return Ok(Existence::Unknown);
        }
        // It was applied when more was within reach.
        Some(KindView::OutOfReach) => {
            judged.refused.get_or_insert_with(|| reach::left_behind(facts, id, now));
            return Ok(Existence::Unknown);
        }
        Some(KindView::Listed) => {}
    }
    let Some(seen) = facts.live.get(id) else {
        return asked_existence((facts, now), id, judged);
    };
    if seen.mark == Mark::LabelOnly {
        judged
            .drift
            .insert(id.clone(), Drifted { fields: vec!["metadata.managedFields".into()], managers: vec![] });
        return Ok(Existence::NotOurs { uid: seen.uid.clone() });
    }
    if seen.application != facts.target.application {
        let fields = vec!["metadata.labels[driftless.dev/application]".into()];
        let managers = vec![crate::field_manager(&seen.application)];
        judged.drift.insert(id.clone(), Drifted { fields, managers });
        let (uid, application) = (seen.uid.clone(), seen.application.clone());
        return Ok(Existence::Theirs { uid, application });
    }
    let Some(row) = row else {
        return Ok(Existence::Ours(live_object(seen, Verdict::InSync)));
    };
    let same_manifest = wanted.is_some_and(|wanted| wanted.is(row.manifest));
    match compare(facts, row, seen) {
        // The watch has not caught up with our own write yet.
        Comparison::Older => Ok(Existence::Unknown),
        Comparison::Same => Ok(Existence::Ours(live_object(seen, Verdict::InSync))),
        // It is deleted, or applied anew, or waits to be gone: nothing hangs on how it differs.
        Comparison::Different if !same_manifest || seen.deletion == Deletion::Requested => {
            Ok(Existence::Ours(live_object(seen, Verdict::Drifted)))
        }
        Comparison::Different => {
            asked_drift((facts, now), id, (seen, wanted.map(|wanted| wanted.manifest)), judged)
        }
    }
}

fn asked_existence(
    (facts, now): (&Facts<'_>, Timestamp),
    id: &ObjectId,
    judged: &mut Judged,
) -> Result<Existence, Box<Question>> {
    match facts.answers.existence(id) {
        None => Err(Box::new(Question::Existence(id.clone()))),
        Some(Found::Absent) => {
            let gone = Drifted { fields: vec!["(the object is gone)".into()], managers: vec![] };
            judged.drift.insert(id.clone(), gone);
            Ok(Existence::Absent)
        }
        Some(Found::Unknown(failure)) if judged.is_due(failure, now) => {
            Err(Box::new(Question::Existence(id.clone())))
        }
        Some(Found::Unknown(_)) => Ok(Existence::Unknown),
        Some(Found::Object { mark: Some(Mark::Ours), .. }) => Ok(Existence::Unknown),
        Some(Found::Object { uid, .. }) => {
            let fields = vec!["metadata.labels[driftless.dev/application]".into()];
            judged.drift.insert(id.clone(), Drifted { fields, managers: vec![] });
            Ok(Existence::NotOurs { uid: uid.clone() })
        }
    }
}

fn asked_drift(
    (facts, now): (&Facts<'_>, Timestamp),
    id: &ObjectId,
    (seen, manifest): (&Seen, Option<Digest>),
    judged: &mut Judged,
) -> Result<Existence, Box<Question>> {
    let Some(manifest) = manifest else {
        return Ok(Existence::Ours(live_object(seen, Verdict::InSync)));
    };
    let key =
        DryRunKey { id: id.clone(), live: Some((seen.uid.clone(), seen.resource_version.clone())), manifest };
    let verdict = match facts.answers.dry_run(&key) {
        None => return Err(Box::new(Question::DryRun(key))),
        Some(DryRun::Unknown(failure)) if judged.is_due(failure, now) => {
            return Err(Box::new(Question::DryRun(key)));
        }
        Some(DryRun::Unknown(_)) => return Ok(Existence::Unknown),
        Some(DryRun::Same(fingerprint)) => {
            if let Some(sync) = &facts.snapshot.sync {
                judged.refreshed.push(Refreshed {
                    id: id.clone(),
                    uid: seen.uid.clone(),
                    sync_n: sync.n,
                    fingerprint: fingerprint.clone(),
                });
            }
            Verdict::InSync
        }
        Some(DryRun::OwnershipLost { fields, managers }) => {
            judged.lost.insert(id.clone(), Drifted { fields: fields.clone(), managers: managers.clone() });
            Verdict::OwnershipLost
        }
        Some(DryRun::Changes { fields, managers, .. }) => {
            judged.drift.insert(id.clone(), Drifted { fields: fields.clone(), managers: managers.clone() });
            Verdict::Drifted
        }
        Some(DryRun::Refused(failure) | DryRun::Immutable { failure, .. }) => {
            let fields = vec![failure.message.clone()];
            judged.drift.insert(id.clone(), Drifted { fields, managers: vec![] });
            Verdict::Drifted
        }
    };
    Ok(Existence::Ours(live_object(seen, verdict)))
}

/// How a live object compares with its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// It is what we recorded.
    Same,
    /// It is an earlier state than the one we recorded.
    Older,
    /// It may differ.
    Different,
}

/// Compares a live object with the newest fingerprint recorded for it.
pub(super) fn compare(facts: &Facts<'_>, row: &AppliedObject, seen: &Seen) -> Comparison {
    if row.uid.as_ref() != Some(&seen.uid) {
        return Comparison::Different;
    }
    if facts.live.versions() == Versions::Comparable
        && let Some(version) = &row.resource_version
    {
        match cluster::order(&seen.resource_version, version) {
            Some(Ordering::Equal) => return Comparison::Same,
            Some(Ordering::Less) => return Comparison::Older,
            Some(Ordering::Greater) | None => {}
        }
    }
    match newest_fingerprint(facts, row) {
        Some(fingerprint) if matches(fingerprint, seen, facts) => Comparison::Same,
        Some(_) | None => Comparison::Different,
    }
}

/// The fingerprint that counts for a row: the one that we recorded again for that very sync, else the applier's.
pub(super) fn newest_fingerprint<'a>(facts: &Facts<'a>, row: &'a AppliedObject) -> Option<&'a Fingerprint> {
    let sync_n = facts.snapshot.sync.as_ref()?.n;
    let again = facts.snapshot.own.as_ref().and_then(|own| {
        let mut refreshed = own.state.refreshed.iter();
        refreshed.find(|refreshed| {
            refreshed.id == row.id && Some(&refreshed.uid) == row.uid.as_ref() && refreshed.sync_n == sync_n
        })
    });
    again.map(|refreshed| &refreshed.fingerprint).or(row.fingerprint.as_ref())
}

fn matches(fingerprint: &Fingerprint, seen: &Seen, facts: &Facts<'_>) -> bool {
    match &seen.body {
        Body::Judged(hash) => *hash == fingerprint.hash,
        Body::Held(value) => {
            diff::matches(fingerprint, value, &crate::field_manager(&facts.target.application))
        }
    }
}

/// Live objects whose contents need not be kept: id, uid, resource version, and the fingerprint that they match.
pub fn judged_bodies(facts: &Facts<'_>) -> Vec<(ObjectId, String, String, Digest)> {
    let rows = facts.snapshot.sync.iter().flat_map(|sync| sync.objects.values());
    rows.filter_map(|row| {
        let seen = facts.live.get(&row.id)?;
        let fingerprint = newest_fingerprint(facts, row)?;
        let held = matches!(seen.body, Body::Held(_)) && compare(facts, row, seen) == Comparison::Same;
        held.then(|| (row.id.clone(), seen.uid.clone(), seen.resource_version.clone(), fingerprint.hash))
    })
    .collect()
}
