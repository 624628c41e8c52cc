//! What came out, in numbers, and what a person needs to make a unit test of a failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::kinds::Kind;

/// Sums over objects.
#[derive(Default)]
pub struct Counts {
    pub cases: usize,
    /// Both say in sync.
    pub in_sync: usize,
    /// Both say drift.
    pub drift: usize,
    /// The dry-run was refused.
    pub blocked: usize,
    /// Writes of others that the server took, and that it refused.
    pub edits: [usize; 2],
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
        self.edits[0] += other.edits[0];
        self.edits[1] += other.edits[1];
        self.false_drift.extend(other.false_drift);
        self.unsettled.extend(other.unsettled);
        self.false_sync.extend(other.false_sync);
        self.unsettled_alarm.extend(other.unsettled_alarm);
        for (kind, cases) in other.per_kind {
            *self.per_kind.entry(kind).or_default() += cases;
        }
    }

    /// Takes in the writes of one case.
    pub fn edited(&mut self, log: &[String]) {
        let taken = log.iter().filter(|line| line.starts_with('2')).count();
        self.edits[0] += taken;
        self.edits[1] += log.len() - taken;
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
            "{} edits, {} more refused; {} manifests refused, never settled: {:?}",
            self.edits[0], self.edits[1], self.refused, self.unsettled
        )?;
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
