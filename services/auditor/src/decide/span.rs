//! Which log an entry comes from: its incarnation, and which of its lives. A log that was put back to an older state, or
//! restored from a backup, gives sequences to new events that others have had; by its incarnation alone the ledger would
//! take them for known ones.

use bus::LogPosition;
use ledger::Span;

/// Stands between the incarnation and the life.
const LIFE: char = '.';

/// The name under which the entries of a log at that position are kept, behind those of the ledger so far: the one that
/// it had, unless it has gone back.
pub fn span_of(position: &LogPosition, spans: &[Span]) -> String {
    let base = match position.restoration {
        Some(restoration) => format!("{}{LIFE}{restoration}", position.incarnation),
        None => position.incarnation.clone(),
    };
    let is_of_it = |span: &&Span| {
        let rest = span.incarnation.strip_prefix(base.as_str());
        // A life of the log itself, not that of one restored from it, whose name is longer.
        rest.is_some_and(|rest| rest.strip_prefix(LIFE).map_or(rest.is_empty(), is_number))
    };
    match spans.iter().rev().find(is_of_it) {
        None => base,
        Some(newest) if newest.last_sequence <= position.sequence => newest.incarnation.clone(),
        Some(_) => format!("{base}{LIFE}{}", spans.iter().filter(is_of_it).count()),
    }
}

/// Lives are counted in fewer digits than restorations have.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is a later life: it began with events of an earlier one.
pub fn is_later_life(span: &str) -> bool {
    span.contains(LIFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it is; sequence and restoration of the log; spans of the ledger; the span that follows.
    type Case<'c> = (&'c str, u64, Option<&'c str>, &'c [(&'c str, u64)], &'c str);

    fn span(incarnation: &str, last_sequence: u64) -> Span {
        Span { incarnation: incarnation.into(), first_index: 0, first_sequence: 1, last_sequence }
    }

    #[test]
    fn a_log_that_went_back_has_another_life() {
        let restored = "00000000000000ab";
        let cases: [Case<'_>; 9] = [
            ("a new one", 9, None, &[], "log"),
            ("beside another", 9, None, &[("other", 5)], "log"),
            ("one that goes on", 9, None, &[("log", 5)], "log"),
            ("one that went back", 9, None, &[("log", 12)], "log.1"),
            ("and goes on", 9, None, &[("log", 12), ("log.1", 9)], "log.1"),
            ("and went back again", 8, None, &[("log", 12), ("log.1", 9)], "log.2"),
            ("a restored one", 9, Some(restored), &[("log", 12)], "log.00000000000000ab"),
            (
                "that goes on",
                9,
                Some(restored),
                &[("log", 12), ("log.00000000000000ab", 9)],
                "log.00000000000000ab",
            ),
            ("the log beside it", 12, None, &[("log", 12), ("log.00000000000000ab", 9)], "log"),
        ];
        for (name, sequence, restoration, spans, expected) in cases {
            let restoration = restoration.map(|id| id.parse().unwrap());
            let position = LogPosition { incarnation: "log".into(), restoration, sequence };
            let spans: Vec<Span> = spans.iter().map(|(name, last)| span(name, *last)).collect();
            let found = span_of(&position, &spans);
            assert_eq!(found, expected, "{name}");
            assert_eq!(is_later_life(&found), found.contains('.'));
        }
    }
}
