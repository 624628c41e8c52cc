//! Whether the ledger has everything: each aggregate is one chain of events, and the log counts without a gap.

use std::{collections::HashMap, fmt};

use events::{EventId, EventType, Leaf};

use super::is_later_life;

/// The newest event of an aggregate, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The incarnation of its log, and the life of that.
    pub incarnation: String,
    /// Its version.
    pub n: u64,
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: String,
}

/// Something that is missing, with what stands on both sides of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// Events of an aggregate.
    Versions {
        /// Its path.
        aggregate: String,
        /// The last one before, if any.
        before: Option<(u64, EventId)>,
        /// The next one.
        after: (u64, EventId),
    },
    /// Entries of the log.
    Sequences {
        /// The log's incarnation.
        incarnation: String,
        /// The last place before; 0: none.
        before: u64,
        /// The next place.
        after: u64,
    },
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Versions { aggregate, before: Some((n, id)), after: (next, after) } => {
                write!(f, "{aggregate}: version {next} ({after}) does not follow version {n} ({id})")
            }
            Self::Versions { aggregate, before: None, after: (next, after) } => {
                write!(f, "{aggregate}: it begins with version {next} ({after})")
            }
            Self::Sequences { incarnation, before, after } => {
                write!(f, "log {incarnation}: entry {after} does not follow entry {before}")
            }
        }
    }
}

/// Follows the entries of a ledger in order, and finds what is missing between them.
#[derive(Debug, Clone, Default)]
pub struct Continuity {
    newest: HashMap<String, Standing>,
    /// The log's incarnation and the last place in it.
    last: Option<(String, u64)>,
}

impl Continuity {
    /// Goes on behind an entry that was at that place of a log.
    pub fn after(incarnation: String, sequence: u64) -> Self {
        Self { newest: HashMap::new(), last: Some((incarnation, sequence)) }
    }

    /// Whether nothing is known of an aggregate: what the ledger has of it should be told first.
    pub fn lacks(&self, aggregate: &str) -> bool {
        !self.newest.contains_key(aggregate)
    }

    /// Notes what the ledger has as the newest event of an aggregate.
    pub fn know(&mut self, aggregate: String, standing: Standing) {
        self.newest.insert(aggregate, standing);
    }

    /// Takes the next entry; answers what is missing before it.
    pub fn take(&mut self, leaf: &Leaf) -> Vec<Gap> {
        match leaf {
            Leaf::Unreadable(entry) => self.follow(&entry.incarnation, entry.sequence).into_iter().collect(),
            Leaf::Event(record) => {
                let mut gaps: Vec<Gap> =
                    self.follow(&record.incarnation, record.sequence).into_iter().collect();
                let standing = Standing {
                    incarnation: record.incarnation.clone(),
                    n: record.n,
                    id: record.id,
                    kind: record.kind.clone(),
                };
                let before = self.newest.get(&record.aggregate);
                if !follows(before, &standing, record.previous) {
                    gaps.push(Gap::Versions {
                        aggregate: record.aggregate.clone(),
                        before: before.map(|before| (before.n, before.id)),
                        after: (record.n, record.id),
                    });
                }
                self.newest.insert(record.aggregate.clone(), standing);
                gaps
            }
        }
    }

    /// Whether the log counts on: a new one begins at 1.
    fn follow(&mut self, incarnation: &str, sequence: u64) -> Option<Gap> {
        let before = match &self.last {
            Some((last, sequence)) if last == incarnation => *sequence,
            // What it has in common with an earlier life is there already.
            Some(_) | None if is_later_life(incarnation) => sequence.saturating_sub(1),
            Some(_) | None => 0,
        };
        self.last = Some((incarnation.to_owned(), sequence));
        let gap = || Gap::Sequences { incarnation: incarnation.to_owned(), before, after: sequence };
        (sequence != before + 1).then(gap)
    }
}

/// An aggregate begins at 1: in a new log, and again some time after it was retired.
fn follows(before: Option<&Standing>, next: &Standing, previous: Option<EventId>) -> bool {
    let begins = next.n == 1 && previous.is_none();
    match before {
        None => begins,
        // It goes on from wherever the earlier life was when it was copied.
        Some(before) if before.incarnation != next.incarnation => begins || is_later_life(&next.incarnation),
        Some(before) if before.n + 1 == next.n => previous == Some(before.id),
        Some(before) => begins && before.kind.parse().is_ok_and(EventType::retires),
    }
}

#[cfg(test)]
mod tests {
    use events::{Record, Unreadable};
    use model::{Digest, Timestamp};

    use super::*;

    fn id(of: &str) -> EventId {
        Digest::of(of.as_bytes()).to_string().parse().unwrap()
    }

    /// `log sequence aggregate n kind`; ids follow from aggregate and n, and each names the one before.
    fn leaf(text: &str) -> Leaf {
        let words: Vec<&str> = text.split(' ').collect();
        let [incarnation, sequence, aggregate, n, kind] = words[..] else { panic!("{text}") };
        let (sequence, n): (u64, u64) = (sequence.parse().unwrap(), n.parse().unwrap());
        Leaf::Event(Record {
            incarnation: incarnation.into(),
            sequence,
            id: id(&format!("{aggregate} {n}")),
            aggregate: aggregate.into(),
            n,
            previous: (n > 1).then(|| id(&format!("{aggregate} {}", n - 1))),
            kind: kind.into(),
            format: 1,
            time: Timestamp::from_millis(1),
            cause: None,
            correlation: None,
            actor: None,
            traceparent: None,
            payload: vec![],
        })
    }

    #[test]
    fn what_is_missing_is_told_with_what_stands_on_both_sides() {
        let short = |gap: Gap| match gap {
            Gap::Versions { aggregate, before, after } => {
                format!("{aggregate} {:?} {}", before.map(|before| before.0), after.0)
            }
            Gap::Sequences { before, after, .. } => format!("{before} {after}"),
        };
        let cases: [(&str, &[&str], &[&str]); 12] = [
            ("whole", &["a 1 x 1 SyncPlanned", "a 2 y 1 SyncPlanned", "a 3 x 2 HealthChanged"], &[]),
            ("an entry of the log", &["a 1 x 1 SyncPlanned", "a 3 y 1 SyncPlanned"], &["1 3"]),
            ("a version", &["a 1 x 1 SyncPlanned", "a 2 x 3 SyncPlanned"], &["x Some(1) 3"]),
            ("the beginning", &["a 7 x 5 SyncPlanned"], &["0 7", "x None 5"]),
            ("a version twice", &["a 1 x 1 SyncPlanned", "a 2 x 1 SyncPlanned"], &["x Some(1) 1"]),
            ("another log", &["a 1 x 1 SyncPlanned", "a 2 x 2 SyncPlanned", "b 1 x 1 SyncPlanned"], &[]),
            (
                "another log from the middle",
                &["a 1 x 1 SyncPlanned", "b 4 x 2 SyncPlanned"],
                &["0 4", "x Some(1) 2"],
            ),
            (
                "an older copy",
                &["a 1 x 1 SyncPlanned", "a 2 x 2 SyncPlanned", "a.1 2 x 2 HealthChanged"],
                &[],
            ),
            (
                "in which one is missing",
                &["a 1 x 1 SyncPlanned", "a.1 2 x 2 SyncPlanned", "a.1 4 x 3 SyncPlanned"],
                &["2 4"],
            ),
            ("a second life", &["a 1 x 1 TargetRetired", "a 2 x 1 SyncPlanned"], &[]),
            ("one that goes on", &["a 1 x 1 TargetRetired", "a 2 x 2 SyncPlanned"], &[]),
            ("a second life too early", &["a 1 x 1 SyncPlanned", "a 2 x 1 SyncPlanned"], &["x Some(1) 1"]),
        ];
        for (name, leaves, expected) in cases {
            let mut continuity = Continuity::default();
            let found: Vec<String> =
                leaves.iter().flat_map(|text| continuity.take(&leaf(text))).map(short).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn two_events_of_one_version_are_no_chain() {
        let mut continuity = Continuity::default();
        let [first, second] = ["a 1 x 1 SyncPlanned", "a 2 x 2 SyncPlanned"].map(leaf);
        let Leaf::Event(record) = leaf("a 3 x 3 SyncPlanned") else { unreachable!() };
        let other = Leaf::Event(Record { previous: Some(id("another")), ..record });
        assert_eq!(continuity.take(&first), []);
        assert_eq!(continuity.take(&second), []);
        assert_eq!(continuity.take(&other).len(), 1);
    }

    #[test]
    fn what_cannot_be_read_leaves_no_gap_in_the_log() {
        let mut continuity = Continuity::after("a".into(), 4);
        let unreadable = Leaf::Unreadable(Unreadable {
            incarnation: "a".into(),
            sequence: 5,
            aggregate: "x".into(),
            reason: "newer".into(),
            time: Timestamp::from_millis(1),
        });
        assert_eq!(continuity.take(&unreadable), []);
        let standing = Standing { incarnation: "a".into(), n: 1, id: id("x 1"), kind: "SyncPlanned".into() };
        assert!(continuity.lacks("x"));
        continuity.know("x".into(), standing);
        assert_eq!(continuity.take(&leaf("a 6 x 2 SyncPlanned")), []);
    }
}
