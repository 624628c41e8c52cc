//! Pure: what the log says, as people see it; and what becomes of what they ask for.

mod address;
mod history;
mod listing;
mod pending;
mod picture;
mod signature;
mod status;
mod unread;
mod webhook;

pub use address::same_repository;
pub use history::describe;
pub use listing::application;
pub use pending::{Earlier, NotAdded, added};
pub use picture::{Picture, Taken, Told};
pub use signature::{Signed, is_signed, same};
pub use status::evaluated;
pub use unread::{Reason, failure};
pub use webhook::{Provider, addresses};

#[cfg(test)]
mod tests;
