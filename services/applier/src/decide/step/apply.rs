//! Applying to an object that is ours: give up what is ignored, force only on what we applied last, clear what
//! is in the way, remove what was dropped and stayed behind.

use cluster::{Applied, Cause, CauseKind, ClusterError, FieldConflict, Force, Live, Outcome};
use diff::{Clearing, Refused, clearing, leftovers};
use events::state::{ObjectOutcome, Origin};

use super::{Act, Answer, Machine, Next, Phase, StepResult, Task, Written};
use crate::decide::{
    error::Fault,
    force::may_force,
    returning::{LetGo, NOBODY, of_plan},
};

/// Times that fields of others are cleared out of the way, or left-overs are removed, of one object.
const REMOVALS_MAX: u32 = 3;

/// An apply under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Applying {
    uid: String,
    force: Force,
    conflicts: OnConflict,
    origin: Origin,
    made: Made,
    removals: u32,
    /// JSON pointers, in order of removal, of what of the manifest is left to others.
    without: Vec<String>,
    stage: Stage,
}

/// What a conflict means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OnConflict {
    /// Force is permitted on fields that we applied last.
    Ours,
    /// Force is permitted on fields that we applied last, and on those of this manager, who hands them over.
    From(String),
    /// The policy is to take the object over.
    TakeOver,
}

/// Whether this step made the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Here,
    Before,
}

/// What comes after fields were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Apply,
    /// The object was just created: the rest of it is as desired.
    Finish,
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    /// Some of its fields are left to others: which of them are ours so far?
    Prepare,
    /// Takes out the records that they are ours.
    GiveUp {
        records: Clearing,
        version: String,
        then: Then,
    },
    Apply,
    /// The object changed under the apply: is it still the same one?
    Reread,
    /// What we applied last is not known: does our own entry say that we applied these fields?
    Claim {
        conflicts: Vec<FieldConflict>,
    },
    /// The server refused it: what of others is in the way?
    Examine {
        refusal: ClusterError,
    },
    /// Clears what is in the way.
    Clear {
        refusal: ClusterError,
        clearing: Clearing,
        version: String,
    },
    /// Nothing is in the way: is it the change or the manifest?
    Probe {
        refusal: ClusterError,
        fields: Vec<String>,
    },
    /// Removes what stayed behind.
    Trim {
        trimming: Clearing,
        version: String,
    },
    /// The object changed under the removal.
    TrimAgain,
}

impl Applying {
    pub(super) fn to(uid: &str, origin: Origin) -> Self {
        Self {
            uid: uid.to_owned(),
            force: Force::No,
            conflicts: OnConflict::Ours,
            origin,
            made: Made::Before,
            removals: 0,
            without: Vec::new(),
            stage: Stage::Apply,
        }
    }

    pub(super) fn created(uid: &str) -> Self {
        Self { made: Made::Here, ..Self::to(uid, Origin::Created) }
    }

    pub(super) fn taking_over(uid: &str) -> Self {
        Self { conflicts: OnConflict::TakeOver, ..Self::to(uid, Origin::Adopted) }
    }

    /// Looks first whether fields are to be given up, if there are any that could be.
    pub(super) fn preparing(self, task: &Task) -> Self {
        if task.ignored.is_empty() { self } else { Self { stage: Stage::Prepare, ..self } }
    }

    /// From one of our other targets, whose manager is named.
    pub(super) fn receiving(uid: &str, from: &str, origin: plan::Origin) -> Self {
        Self { conflicts: OnConflict::From(from.to_owned()), ..Self::to(uid, of_plan(origin)) }
    }

    /// To what we let go of. Nobody has to give it back but who took it meanwhile.
    pub(super) fn returning(gone: &LetGo) -> Self {
        Self { conflicts: OnConflict::From(NOBODY.to_owned()), ..Self::to(&gone.uid, gone.origin) }
    }

    pub(super) fn act(&self) -> Act {
        match &self.stage {
            Stage::Apply => {
                Act::Apply { uid: self.uid.clone(), force: self.force, without: self.without.clone() }
            }
            Stage::Prepare
            | Stage::Reread
            | Stage::Claim { .. }
            | Stage::Examine { .. }
            | Stage::TrimAgain => Act::Look,
            Stage::GiveUp { records: clearing, version, .. }
            | Stage::Clear { clearing, version, .. }
            | Stage::Trim { trimming: clearing, version } => {
                Act::Patch { clearing: clearing.clone(), version: version.clone() }
            }
            Stage::Probe { .. } => Act::Probe,
        }
    }

    fn at(self, stage: Stage) -> Phase {
        Phase::Applying(Self { stage, ..self })
    }
}

impl Machine<'_> {
    pub(super) fn applied(&mut self, applying: Applying, answer: Answer) -> Next {
        match (applying.stage.clone(), answer) {
            (Stage::Apply, Answer::Applied(Applied { outcome, object, .. })) => {
                let made = if outcome == Outcome::Created { Made::Here } else { applying.made };
                self.written(Applying { made, ..applying }, &object)
            }
            (Stage::Probe { refusal, fields }, Answer::Probed(creatable)) => {
                self.probed(&applying.uid, (refusal, fields), creatable)
            }
            (Stage::GiveUp { then, .. }, Answer::Patched(live)) => self.prepared(applying, &live, then),
            (Stage::Clear { .. }, Answer::Patched(_)) => self.enter(applying.at(Stage::Apply)),
            (Stage::Trim { .. }, Answer::Patched(live)) => self.done(applying, &live),
            (stage, Answer::Seen(Some(live))) if live.uid == applying.uid => {
                self.reread(applying, stage, &live)
            }
            (
                Stage::Prepare
                | Stage::Reread
                | Stage::Claim { .. }
                | Stage::Examine { .. }
                | Stage::TrimAgain,
                Answer::Seen(_),
            ) => self.replaced(),
            _ => self.unexpected(),
        }
    }

    fn reread(&mut self, applying: Applying, stage: Stage, live: &Live) -> Next {
        match stage {
            Stage::Prepare => self.prepared(applying, live, Then::Apply),
            Stage::Reread => self.enter(applying.at(Stage::Apply)),
            Stage::TrimAgain => self.written(applying, live),
            Stage::Claim { conflicts } => self.claimed(applying, conflicts, live),
            Stage::Examine { refusal } => self.examined(applying, refusal, live),
            Stage::Apply
            | Stage::GiveUp { .. }
            | Stage::Clear { .. }
            | Stage::Probe { .. }
            | Stage::Trim { .. } => self.unexpected(),
        }
    }

    /// The object was created whole, with what is ignored from now on.
    pub(super) fn handed_over(&mut self, applying: Applying, live: &Live) -> Next {
        self.prepared(applying, live, Then::Finish)
    }

    /// Gives up what is ours and is ignored; when nothing is, what is left out of the apply is known.
    fn prepared(&mut self, applying: Applying, live: &Live, then: Then) -> Next {
        let (object, desired, ignored) = (live.value.value(), self.task.desired(), &self.task.ignored);
        let ours = self.task.manager();
        let given_up = diff::given_up(object, &ours, desired, ignored);
        let removals = diff::records(object, &ours, &given_up);
        if !removals.is_empty() {
            let records = Clearing { removals, settings: Vec::new() };
            let version = live.resource_version.clone();
            return self.enter(applying.at(Stage::GiveUp { records, version, then }));
        }
        let applying = Applying { without: diff::left_out(desired, ignored, Some(object)), ..applying };
        match then {
            Then::Apply => self.enter(applying.at(Stage::Apply)),
            Then::Finish => self.written(applying, live),
        }
    }

    /// The log forgot what we applied, or never knew it. Fields in our own entry are ours; of others, which
    /// somebody took from us or had first, nobody can tell.
    fn claimed(&mut self, applying: Applying, conflicts: Vec<FieldConflict>, live: &Live) -> Next {
        let entry = diff::apply_entry(live.value.value(), &self.task.manager());
        let ours = |conflict: &FieldConflict| {
            entry.as_ref().is_some_and(|entry| diff::claims(entry.fields, &conflict.field))
        };
        if self.task.takes_over() || conflicts.iter().all(ours) {
            return self.enter(Applying { force: Force::Yes, ..applying }.at(Stage::Apply));
        }
        self.fail(Fault::Conflict { id: self.task.step.id.clone(), conflicts })
    }

    pub(super) fn apply_failed(&mut self, applying: Applying, error: ClusterError) -> Next {
        match (applying.stage.clone(), error) {
            (Stage::Apply, ClusterError::Conflict { conflicts, .. }) => {
                let last = self.task.last.as_ref();
                let permitted = match &applying.conflicts {
                    OnConflict::TakeOver => true,
                    OnConflict::Ours => may_force(&conflicts, last, None),
                    OnConflict::From(manager) => may_force(&conflicts, last, Some(manager)),
                };
                if permitted && applying.force == Force::No {
                    return self.enter(Phase::Applying(Applying { force: Force::Yes, ..applying }));
                }
                // Force is tried once: who takes the fields meanwhile is told.
                let unknown = last.is_none() && applying.conflicts == OnConflict::Ours;
                if unknown && applying.force == Force::No {
                    return self.enter(applying.at(Stage::Claim { conflicts }));
                }
                self.fail(Fault::Conflict { id: self.task.step.id.clone(), conflicts })
            }
            // Also the answer to a uid of which there is no object.
            (Stage::Apply, ClusterError::Moved { .. }) => self.enter(applying.at(Stage::Reread)),
            (Stage::Apply, ClusterError::Invalid { request, causes, message }) => {
                self.invalid(applying, causes.clone(), ClusterError::Invalid { request, causes, message })
            }
            // A failed test of the version is Invalid, too.
            (Stage::Clear { refusal, .. }, ClusterError::Moved { .. } | ClusterError::Invalid { .. }) => {
                self.enter(applying.at(Stage::Examine { refusal }))
            }
            (Stage::Probe { refusal, .. }, _) => self.fail(Fault::Cluster(refusal)),
            // An object that was just created goes through an apply then, which changes nothing.
            (Stage::GiveUp { .. }, ClusterError::Moved { .. } | ClusterError::Invalid { .. }) => {
                self.enter(applying.at(Stage::Prepare))
            }
            (Stage::Trim { .. }, ClusterError::Moved { .. } | ClusterError::Invalid { .. })
                if applying.removals < REMOVALS_MAX =>
            {
                self.enter(applying.at(Stage::TrimAgain))
            }
            (_, error) => self.fail(Fault::Cluster(error)),
        }
    }

    /// The server refused the object: another uid, an immutable field, a field of others, or a bad manifest.
    fn invalid(&mut self, applying: Applying, causes: Vec<Cause>, refusal: ClusterError) -> Next {
        let immutable = causes.into_iter().filter(|cause| cause.kind == CauseKind::Immutable);
        let mut fields: Vec<String> = immutable.map(|cause| cause.field).collect();
        fields.dedup();
        if fields.iter().any(|field| field == "metadata.uid") {
            return self.replaced();
        }
        if !fields.is_empty() && self.task.may_recreate() {
            return self.enter(applying.at(Stage::Probe { refusal, fields }));
        }
        if !fields.is_empty() {
            return self.fail(Fault::Immutable { id: self.task.step.id.clone(), fields });
        }
        self.enter(applying.at(Stage::Examine { refusal }))
    }

    fn examined(&mut self, applying: Applying, refusal: ClusterError, live: &Live) -> Next {
        let causes =
            if let ClusterError::Invalid { causes, .. } = &refusal { causes.as_slice() } else { &[] };
        let fields: Vec<String> = causes.iter().map(|cause| cause.field.clone()).collect();
        let mut clearing = clearing(&Refused {
            live: live.value.value(),
            desired: self.task.desired(),
            last: self.task.last.as_ref(),
            fields: &fields,
            ours: &self.task.manager(),
        });
        clearing.settings.retain(|setting| !applying.without.contains(&setting.from));
        if clearing.removals.is_empty() || applying.removals >= REMOVALS_MAX {
            let fields = Vec::new();
            if refusal.is_about_shape() {
                return self.fail(Fault::Cluster(refusal));
            }
            return self.enter(applying.at(Stage::Probe { refusal, fields }));
        }
        let removals = applying.removals + 1;
        let version = live.resource_version.clone();
        self.enter(Applying { removals, ..applying }.at(Stage::Clear { refusal, clearing, version }))
    }

    /// The apply is done; what it dropped may have stayed behind.
    pub(super) fn written(&mut self, applying: Applying, live: &Live) -> Next {
        let left = match &self.task.last {
            Some(last) if applying.removals < REMOVALS_MAX => {
                leftovers(live.value.value(), &self.task.ours_of(last, live), self.task.desired())
            }
            Some(_) | None => Vec::new(),
        };
        if left.is_empty() {
            return self.done(applying, live);
        }
        let removals = applying.removals + 1;
        let version = live.resource_version.clone();
        let trimming = Clearing { removals: left, settings: Vec::new() };
        self.enter(Applying { removals, ..applying }.at(Stage::Trim { trimming, version }))
    }

    fn done(&mut self, applying: Applying, live: &Live) -> Next {
        let same = self.task.version.as_ref() == Some(&live.resource_version);
        let outcome = match applying.made {
            Made::Here => ObjectOutcome::Created,
            Made::Before if same => ObjectOutcome::Unchanged,
            Made::Before => ObjectOutcome::Configured,
        };
        let desired = diff::without(self.task.desired(), &applying.without);
        self.finish(StepResult::Written(Box::new(Written {
            uid: live.uid.clone(),
            resource_version: live.resource_version.clone(),
            fingerprint: diff::record(live.value.value(), &desired, &self.task.manager()),
            origin: applying.origin,
            outcome,
        })))
    }

    fn replaced(&mut self) -> Next {
        self.fail(Fault::Replaced { id: self.task.step.id.clone() })
    }
}
