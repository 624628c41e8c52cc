//! Against a server that misbehaves in ways that the real one cannot be brought to.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod answers;
mod lists;
mod mock;
mod observers;
mod watches;
