//! What the auditor decides: which bytes are kept of an entry, what it is found by, and whether something is missing.

mod continuity;
mod facts;
mod span;

pub use continuity::{Continuity, Gap, Standing};
pub use facts::{entry, facts, facts_of};
pub use span::{is_later_life, span_of};
