//! Git repositories as sources: bare mirrors, fetches, revisions, trees and the closure of a path.
//!
//! The API is synchronous: callers put it on a blocking thread. Only this crate knows gix and the `git` and
//! `ssh` programs. It must not know what becomes of the files: rendering, events and clusters are others'.
//!
//! Entry types: [`Mirror`] (open, [`Mirror::fetch`], [`Mirror::resolve`]), [`Snapshot`] (the mirror at a commit:
//! [`Snapshot::tree_id`], [`Snapshot::read`]), [`Closure`] (what a path depends on) and [`SourceError`].
//!
//! ```text
//!  Mirror::fetch ─▶ wire (gix) ──────────┐                    ┌─▶ resolve ─▶ commit
//!                 └▶ git_program (if gix ├─▶ advertised ─▶ mirror ─▶ contents ─▶ artifact
//!                     cannot read it) ───┘   (what changed)   └─▶ closure ─▶ digest
//! ```

#![warn(missing_docs)]

mod address;
mod advertised;
mod author;
pub mod closure;
mod contents;
mod credentials;
mod error;
mod failure;
mod fetch;
mod git_program;
mod host_key;
mod mirror;
mod program;
mod proxy;
mod repack;
mod resolve;
mod signature;
mod tree_path;
mod trees;
mod wire;

pub use address::host;
pub use author::{Author, AuthorError};
pub use closure::{Closure, Subcharts};
pub use contents::{Contents, Note, Snapshot};
pub use credentials::{Credentials, Secret};
pub use error::SourceError;
pub use fetch::{Fetched, Program};
pub use mirror::{Limits, Mirror};
pub use resolve::Resolved;
