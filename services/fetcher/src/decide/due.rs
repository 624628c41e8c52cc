//! When to look at a source.

use std::{sync::Arc, time::Duration};

use model::{Digest, RetryClass, Source, SourceName, Timestamp, definition::Git};

use super::{Reading, visit::Sight};

/// Shortest polling period, whatever a definition says: one mistyped zero must not burden a host.
const POLL_MIN: Duration = Duration::from_secs(1);
/// First wait after a failure.
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// Longest wait after failures: a host that comes back is noticed within it.
const BACK_OFF_LAST: Duration = Duration::from_secs(300);
/// Share of a period that jitter may take or add, in percent: spreads polls without being noticed.
const JITTER_PERCENT: u64 = 10;

/// What this process remembers of its last look at a source. Nothing after a restart, which then looks at
/// once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// When the look ended.
    pub at: Timestamp,
    /// The address and reference that were looked at.
    pub git: Git,
    /// What was read.
    pub reading: Arc<Reading>,
    /// Looks so far.
    pub rounds: u32,
    /// Class of the failure and failures in a row, if the last look failed.
    pub failing: Option<(RetryClass, u32)>,
    /// What the last good look saw.
    pub sight: Option<Arc<Sight>>,
}

/// What a source needs now. Ordered: the greater need includes the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing before that instant.
    Rest(Timestamp),
    /// Reading the mirror as it is: other paths are wanted.
    Survey,
    /// A fetch.
    Fetch,
}

/// Decides what a source needs; `asked` is whether a fetch request waits for an answer.
pub fn need(
    source: &Source,
    reading: &Reading,
    asked: Asked,
    memory: Option<&Memory>,
    now: Timestamp,
) -> Need {
    let Some(memory) = memory else { return Need::Fetch };
    let due = memory.at.plus(wait(source, memory));
    // A clock that went back behind the last look would otherwise hold the next one up for as long.
    if asked == Asked::Yes || memory.git != source.git || now >= due || now < memory.at {
        Need::Fetch
    } else if *memory.reading != *reading {
        // While the source fails, only a fetch can tell that it no longer does.
        if memory.failing.is_some() { Need::Fetch } else { Need::Survey }
    } else {
        Need::Rest(due)
    }
}

/// Whether a request waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// One does.
    Yes,
    /// None does.
    No,
}

/// The wait after the last look, jittered.
fn wait(source: &Source, memory: &Memory) -> Duration {
    let poll = Duration::from_millis(source.poll_ms).max(POLL_MIN);
    let wait = match memory.failing {
        None => poll,
        Some((RetryClass::Transient | RetryClass::Stale, attempts)) => back_off(attempts),
        // Only a person or a push changes the answer: as soon as a change would be noticed is soon enough.
        Some((RetryClass::Permanent | RetryClass::Bug, attempts)) => back_off(attempts).min(poll),
    };
    jittered(wait, &source.name, memory.rounds)
}

fn back_off(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    (BACK_OFF_FIRST * 2u32.pow(doublings)).min(BACK_OFF_LAST)
}

/// The period plus or minus up to a tenth, by source and round: always the same for the same two.
fn jittered(period: Duration, name: &SourceName, round: u32) -> Duration {
    let hash = Digest::of_parts("jitter", [name.as_str().as_bytes(), &round.to_be_bytes()]);
    let roll = u64::from(u16::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]));
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    let span = millis / 100 * JITTER_PERCENT;
    Duration::from_millis(millis - span + span * 2 * roll / u64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use model::definition::Reference;
    use proptest::prelude::*;

    use super::*;

    fn source(poll_ms: u64) -> Source {
        let git = Git {
            url: "https://git.example/shop".into(),
            reference: Reference::Default,
            auth: Default::default(),
            ca_file: None,
            verify: None,
            proxy: None,
        };
        Source { name: "shop".parse().unwrap(), git, poll_ms }
    }

    fn memory(failing: Option<(RetryClass, u32)>) -> Memory {
        let git = source(0).git;
        Memory { at: at(1_000_000), git, reading: Arc::default(), rounds: 3, failing, sight: None }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn rest_of(source: &Source, failing: Option<(RetryClass, u32)>) -> i64 {
        match need(source, &Reading::default(), Asked::No, Some(&memory(failing)), at(1_000_000)) {
            Need::Rest(until) => until.as_millis() - 1_000_000,
            Need::Survey | Need::Fetch => panic!("it should rest"),
        }
    }

    #[test]
    fn waits_grow_with_failures_and_respect_the_poll() {
        use RetryClass::{Permanent, Transient};
        for (failing, seconds) in [
            (None, 30),
            (Some((Transient, 1)), 1),
            (Some((Transient, 2)), 2),
            (Some((Transient, 6)), 32),
            (Some((Transient, 9)), 256),
            (Some((Transient, 10)), 300),
            (Some((Transient, u32::MAX)), 300),
            (Some((Permanent, 1)), 1),
            (Some((Permanent, 6)), 30),
            (Some((Permanent, 90)), 30),
        ] {
            let rest = rest_of(&source(30_000), failing);
            let (low, high) = (seconds * 900, seconds * 1_100);
            assert!((low..=high).contains(&rest), "{failing:?}: {rest} ms, {seconds} s expected");
        }
        assert!(rest_of(&source(0), None) >= 900, "a poll of nothing is a second");
    }

    #[test]
    fn whatever_changed_wakes() {
        let source = source(30_000);
        let mut reading = Reading::default();
        let (soon, late) = (at(1_001_000), at(1_033_001));
        let calm = memory(None);
        let need = |reading: &Reading, asked, now| need(&source, reading, asked, Some(&calm), now);
        assert!(matches!(need(&reading, Asked::No, soon), Need::Rest(_)));
        assert_eq!(need(&reading, Asked::No, late), Need::Fetch);
        assert_eq!(need(&reading, Asked::Yes, soon), Need::Fetch);
        assert_eq!(need(&reading, Asked::No, at(999_999)), Need::Fetch, "the clock went back");
        reading.0.insert("deploy".into(), Default::default());
        assert_eq!(need(&reading, Asked::No, soon), Need::Survey);
        let failing = memory(Some((RetryClass::Transient, 9)));
        assert_eq!(super::need(&source, &reading, Asked::No, Some(&failing), soon), Need::Fetch);
        assert_eq!(super::need(&source, &reading, Asked::No, None, soon), Need::Fetch);
        let mut moved = source.clone();
        moved.git.reference = Reference::Branch("next".into());
        let moved = super::need(&moved, &Reading::default(), Asked::No, Some(&calm), soon);
        assert_eq!(moved, Need::Fetch);
    }

    #[test]
    fn polls_of_sources_and_rounds_spread() {
        let (period, names) = (Duration::from_secs(30), ["shop", "web"].map(|name| name.parse().unwrap()));
        let waits: Vec<Duration> =
            names.iter().flat_map(|name| (0..50).map(|round| jittered(period, name, round))).collect();
        let (first, second) = waits.split_at(50);
        let differ = first.iter().zip(second).filter(|(a, b)| a != b).count();
        assert!(differ > 45, "two sources poll together in {} of 50 rounds", 50 - differ);
        let (low, high) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        assert!(*high - *low > period / 10, "they spread over {:?} only", *high - *low);
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_tenth_and_is_repeatable(millis in 1_000u64..4_000_000, round: u32) {
            let (period, name) = (Duration::from_millis(millis), "shop".parse().unwrap());
            let found = jittered(period, &name, round);
            prop_assert!(found >= period.mul_f64(0.9) && found <= period.mul_f64(1.1), "{found:?}");
            prop_assert_eq!(found, jittered(period, &name, round));
        }
    }
}
