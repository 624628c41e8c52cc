//! What came out, in numbers, and what a person needs to make a unit test of a failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{edits::Edit, kinds::Kind};

/// Sums over objects.
#[derive(Default)]
pub struct Counts {
    pub cases: usize,
    /// Both say in sync.
    pub in_sync: usize,
    /// Both say drift.
    pub drift: usize,
    /// The dry-run was refused for good: drift.
    pub blocked: usize,
    /// Fingerprint: in sync; the dry-run was refused, but only over empty containers that the server does not keep.
    pub refused_over_nothing: Vec<String>,
    /// The dry-run had no answer: no verdict.
    pub unknown: Vec<String>,
    /// Edits of others that the server took, and that it refused.
    pub edits: BTreeMap<Edit, [usize; 2]>,
    /// Applies that the server refused; the manifest was drawn anew.
    pub refused: usize,
    /// Fingerprint: drift; dry-run: in sync. What was done, and to which kind.
    pub false_drift: Vec<String>,
    /// Kinds of manifests that change at each apply.
    pub unsettled: Vec<&'static str>,
    /// Fingerprint: in sync; dry-run: drift.
    pub false_sync: Vec<Failure>,
    /// A false alarm that recording did not end.
    pub unsettled_alarm: Vec<Failure>,
    per_kind: BTreeMap<(&'static str, &'static str), usize>,
}

/// A case that went wrong.
pub struct Failure {
    pub seed: u64,
    pub what: String,
    pub desired: String,
    pub before: String,
    pub edits: Vec<String>,
    pub live: String,
}

impl Counts {
    pub fn case(&mut self, kind: &Kind) {
        self.cases += 1;
        *self.per_kind.entry((kind.api_version, kind.kind)).or_default() += 1;
    }

    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.in_sync += other.in_sync;
        self.drift += other.drift;
        self.blocked += other.blocked;
        self.refused += other.refused;
        self.refused_over_nothing.extend(other.refused_over_nothing);
        self.unknown.extend(other.unknown);
        for (edit, [taken, refused]) in other.edits {
            let sum = self.edits.entry(edit).or_default();
            *sum = [sum[0] + taken, sum[1] + refused];
        }
        self.false_drift.extend(other.false_drift);
        self.unsettled.extend(other.unsettled);
        self.false_sync.extend(other.false_sync);
        self.unsettled_alarm.extend(other.unsettled_alarm);
        for (kind, cases) in other.per_kind {
            *self.per_kind.entry(kind).or_default() += cases;
        }
    }

    /// Takes in one edit.
    pub fn edited(&mut self, edit: Edit, taken: bool) {
        self.edits.entry(edit).or_default()[usize::from(!taken)] += 1;
    }

    /// Kinds that took part, whatever their version.
    pub fn kinds(&self) -> usize {
        self.per_kind.keys().map(|(_, kind)| kind).collect::<BTreeSet<_>>().len()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} cases, {} kinds: {} in sync, {} drift ({} of all refused by the dry-run), {} false in sync, {} false drift",
            self.cases,
            self.kinds(),
            self.in_sync,
            self.drift,
            self.blocked,
            self.false_sync.len(),
            self.false_drift.len(),
        )?;
        writeln!(
            f,
            "{} manifests refused, never settled: {:?}; no answer: {:?}",
            self.refused, self.unsettled, self.unknown
        )?;
        writeln!(f, "in sync, but refused over nothing: {:?}", self.refused_over_nothing)?;
        let [taken, refused] =
            self.edits.values().fold([0, 0], |sum, edit| [sum[0] + edit[0], sum[1] + edit[1]]);
        writeln!(f, "{taken} edits by others, {refused} more refused: {:?}", self.edits)?;
        writeln!(f, "{:?}", self.per_kind)?;
        self.false_drift.iter().take(5).try_for_each(|text| writeln!(f, "false drift: {text}"))?;
        self.false_sync
            .iter()
            .chain(&self.unsettled_alarm)
            .take(5)
            .try_for_each(|failure| write!(f, "{failure}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "== {} (again: DRIFT_SEED={} DRIFT_CASES=1)", self.what, self.seed)?;
        writeln!(f, "desired {}\nbefore  {}", self.desired, self.before)?;
        self.edits.iter().try_for_each(|edit| writeln!(f, "edit    {edit}"))?;
        writeln!(f, "live    {}", self.live)
    }
}
