//! The newest events in memory: who follows closely is told without a read of the file.

use std::collections::VecDeque;

use events::Event;

/// Bytes of events kept: some thousand of them, so that a reader that is busy for a moment still finds its place.
const BYTES: usize = 2 * 1024 * 1024;

/// What an event takes beside its payload: its envelope and the names in it, about.
const ENVELOPE_BYTES: usize = 512;

/// Events in order of their sequences, without a gap, up to the newest committed one.
#[derive(Default)]
pub(super) struct Recent {
    events: VecDeque<Event>,
    bytes: usize,
}

impl Recent {
    /// Adds what was committed.
    pub(super) fn add(&mut self, events: Vec<Event>) {
        for event in events {
            let newest = self.events.back().map_or(0, |newest| newest.sequence);
            if newest + 1 != event.sequence {
                self.forget();
            }
            self.bytes += size(&event);
            self.events.push_back(event);
        }
        while self.bytes > BYTES
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= size(&oldest);
        }
    }

    /// Forgets everything: what is known now may not be what the file has.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// All events behind a sequence; `None` if not all of them are here.
    pub(super) fn after(&self, sequence: u64) -> Option<impl Iterator<Item = &Event>> {
        let behind = sequence.checked_sub(self.events.front()?.sequence - 1)?;
        Some(self.events.range(usize::try_from(behind).ok().filter(|behind| *behind <= self.events.len())?..))
    }
}

fn size(event: &Event) -> usize {
    ENVELOPE_BYTES + event.draft.payload.len()
}

#[cfg(test)]
mod tests {
    use events::{Draft, EventId, EventType};
    use model::{Aggregate, Timestamp};

    use super::*;

    fn event(sequence: u64, bytes: usize) -> Event {
        let draft = Draft {
            aggregate: Aggregate::Source("shop".parse().unwrap()),
            n: sequence,
            previous: None,
            kind: EventType::RevisionObserved,
            format: 1,
            time: Timestamp::from_millis(0),
            cause: None,
            correlation: None,
            actor: None,
            traceparent: None,
            payload: vec![0; bytes].into(),
        };
        Event { id: EventId::derive("test", &draft), sequence, draft }
    }

    fn after(recent: &Recent, sequence: u64) -> Option<Vec<u64>> {
        recent.after(sequence).map(|events| events.map(|event| event.sequence).collect())
    }

    #[test]
    fn what_came_since_is_told_whole_or_not_at_all() {
        let mut recent = Recent::default();
        assert_eq!(after(&recent, 0), None);
        recent.add(vec![event(5, 1), event(6, 1)]);
        recent.add(vec![event(7, 1)]);
        let expected =
            [(3, None), (4, Some(vec![5, 6, 7])), (6, Some(vec![7])), (7, Some(vec![])), (8, None)];
        for (sequence, events) in expected {
            assert_eq!(after(&recent, sequence), events, "after {sequence}");
        }
        recent.add(vec![event(9, 1)]);
        assert_eq!(after(&recent, 7), None, "8 is missing");
        assert_eq!(after(&recent, 8), Some(vec![9]));
        recent.forget();
        assert_eq!(after(&recent, 8), None);
    }

    #[test]
    fn the_oldest_make_room() {
        let mut recent = Recent::default();
        recent.add((1..=100).map(|sequence| event(sequence, BYTES / 10)).collect());
        assert_eq!(after(&recent, 91), Some((92..=100).collect()));
        assert_eq!(after(&recent, 90), None);
    }
}
