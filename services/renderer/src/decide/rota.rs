//! Whose blobs are looked for next: a part of the renders with each sweep, all of them in turn.

use std::{collections::BTreeMap, ops::Bound};

use model::{Aggregate, Digest};

use super::{Standing, Stored};

/// Blobs asked for in one sweep: a second of work for a log that others use too. Those of a small fleet are all seen
/// every minute, those of 10,000 applications with secrets every twenty.
const BLOBS_MAX: usize = 1_000;

/// A render whose blobs are to be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which one.
    pub render: Aggregate,
    /// The event that names the blobs.
    pub n: u64,
    /// The blobs.
    pub blobs: Vec<Digest>,
}

/// How far the round has come.
#[derive(Debug, Default)]
pub struct Rota {
    last: Option<Aggregate>,
}

impl Rota {
    /// The renders whose turn it is, of those that are ours.
    pub fn next(
        &mut self,
        stored: &BTreeMap<Aggregate, Stored>,
        is_ours: impl Fn(&Aggregate) -> bool,
    ) -> Vec<Check> {
        let behind = match &self.last {
            Some(last) => (Bound::Excluded(last), Bound::Unbounded),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let mut checks = Vec::new();
        let mut left = BLOBS_MAX;
        for (render, stored) in stored.range::<Aggregate, _>(behind) {
            // What a failed render kept is of other files: another render would not bring it back.
            let is_good = stored.standing == Standing::InForce && stored.failure.is_none();
            if stored.blobs.is_empty() || !is_good || !is_ours(render) {
                continue;
            }
            if stored.blobs.len() > left {
                self.last = checks.last().map(|check: &Check| check.render.clone());
                return checks;
            }
            left -= stored.blobs.len();
            checks.push(Check { render: render.clone(), n: stored.n, blobs: stored.blobs.clone() });
        }
        self.last = None;
        checks
    }
}

#[cfg(test)]
mod tests {
    use events::{EventId, state::RenderInputs};

    use super::*;

    fn render(i: usize) -> Aggregate {
        Aggregate::Render {
            application: format!("a{i:04}").parse().unwrap(),
            parameters: Digest::of(b"parameters"),
        }
    }

    fn stored(blobs: usize, standing: Standing) -> Stored {
        let made_from = RenderInputs {
            source: "shop".parse().unwrap(),
            observation: 1,
            commit: "1".repeat(40).parse().unwrap(),
            closure: None,
            engine: "plain".into(),
            key_id: "k".into(),
        };
        let blobs = (0..blobs).map(|i| Digest::of(&[i as u8])).collect();
        let id = Digest::of(b"id").to_string().parse::<EventId>().unwrap();
        Stored { n: 1, id, standing, made_from, failure: None, desired: None, blobs }
    }

    #[test]
    fn all_come_in_turn_and_each_sweep_asks_for_few() {
        let stored: BTreeMap<_, _> = (0..1_200).map(|i| (render(i), stored(2, Standing::InForce))).collect();
        let mut rota = Rota::default();
        let mut seen = Vec::new();
        for count in [500, 500, 200, 500] {
            let checks = rota.next(&stored, |_| true);
            assert_eq!(checks.len(), count);
            seen.extend(checks.into_iter().map(|check| check.render));
        }
        assert_eq!(seen[..1_200], stored.keys().cloned().collect::<Vec<_>>());
        assert_eq!(seen[1_200..], seen[..500]);
    }

    #[test]
    fn what_has_no_blobs_or_is_not_ours_or_is_gone_is_passed_over() {
        let stored = BTreeMap::from([
            (render(1), stored(0, Standing::InForce)),
            (render(2), stored(2, Standing::Retired)),
            (render(3), stored(2, Standing::InForce)),
            (render(4), stored(1, Standing::InForce)),
        ]);
        let checks = Rota::default().next(&stored, |it| *it != render(3));
        assert_eq!(checks.iter().map(|check| &check.render).collect::<Vec<_>>(), [&render(4)]);
    }
}
