//! The database stops the thread on some broken pages, where it does not compare checksums: then the file is broken,
//! and that is all that the caller has to know.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::layout::corrupted;

/// Runs what reads pages that may be broken.
pub(super) fn guarded<T, E: From<redb::Error>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|stopped| {
        let text = stopped.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| stopped.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(corrupted(format!("a page cannot be read: {text}")).into())
    })
}
