//! The rules that a draft must keep before any backend sees it.

use std::collections::HashSet;

use events::{Draft, envelope::PAYLOAD_BYTES_MAX};

use crate::AppendError;

/// Longest correlation, actor or trace context, in bytes; a W3C `traceparent` has 55.
pub const ATTRIBUTE_BYTES_MAX: usize = 256;

/// Checks one draft.
///
/// # Errors
/// `TooLarge`, `Malformed` (bugs of the caller).
pub fn check(draft: &Draft) -> Result<(), AppendError> {
    let aggregate = || draft.aggregate.clone();
    if draft.payload.len() > PAYLOAD_BYTES_MAX {
        return Err(AppendError::TooLarge {
            aggregate: aggregate(),
            bytes: draft.payload.len(),
            max: PAYLOAD_BYTES_MAX,
        });
    }
    let rules = [
        (draft.n >= 1, "versions begin at 1"),
        ((draft.n == 1) == draft.previous.is_none(), "all but the first name the event before"),
        (draft.kind.aggregate_kind() == draft.aggregate.kind(), "the type belongs to another kind"),
        (attribute_fits(&draft.correlation), "the correlation is too long or not visible ASCII"),
        (attribute_fits(&draft.actor), "the actor is too long or not visible ASCII"),
        (attribute_fits(&draft.traceparent), "the trace context is too long or not visible ASCII"),
    ];
    match rules.into_iter().find(|(kept, _)| !kept) {
        None => Ok(()),
        Some((_, rule)) => Err(AppendError::Malformed { aggregate: aggregate(), rule }),
    }
}

/// Checks the drafts of one append: each by itself, and no aggregate twice.
pub fn check_all(drafts: &[Draft]) -> Vec<Result<(), AppendError>> {
    let mut seen = HashSet::new();
    drafts
        .iter()
        .map(|draft| {
            if !seen.insert(&draft.aggregate) {
                let rule = "an append holds at most one event per aggregate";
                return Err(AppendError::Malformed { aggregate: draft.aggregate.clone(), rule });
            }
            check(draft)
        })
        .collect()
}

fn attribute_fits(text: &Option<String>) -> bool {
    text.as_ref().is_none_or(|text| {
        !text.is_empty() && text.len() <= ATTRIBUTE_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
    })
}
