//! Whether a draft may follow what stands in the log: the same rule for both backends.

use events::{Draft, EventId};

/// What to do with a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It follows the newest event.
    Append,
    /// Something stands at its version already: success if it is the same event, else a conflict.
    Compare,
    /// It follows nothing that is there.
    Conflict,
}

/// Judges a draft against version and id of the newest event of its aggregate.
pub fn judge(newest: Option<(u64, EventId)>, draft: &Draft) -> Verdict {
    let n = newest.map_or(0, |(n, _)| n);
    if draft.n <= n {
        Verdict::Compare
    } else if draft.n == n + 1 && draft.previous == newest.map(|(_, id)| id) {
        Verdict::Append
    } else {
        Verdict::Conflict
    }
}
