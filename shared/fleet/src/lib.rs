//! The documents of a fleet repository: from YAML as people write it to one validated set of definitions.
//!
//! The way of a document: [`manifest::Document`] → held against the schema of its kind → its values checked → the
//! references and names of all together. Everything that is wrong is gathered, not the first thing only
//! ([`read`]), and can be pointed at ([`point`]). The schema that people get ([`schema`]) and the page about it
//! ([`page`]) are made from the types that are read, so that neither goes stale.

#![warn(missing_docs)]

mod convert;
mod document;
mod fault;
mod kind;
mod labels;
mod page;
mod places;
mod problem;
mod read;
mod schema;
mod shape;

pub use kind::{API_VERSION, Kind};
pub use page::page;
pub use places::{Files, find, point};
pub use problem::{Problem, Severity};
pub use read::{Reading, read};
pub use schema::schema;
