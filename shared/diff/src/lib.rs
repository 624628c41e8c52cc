//! What differs: whether a live object is still as we left it, and which fields changed between two objects.
//!
//! [`record`] and [`matches`] are the fingerprint that decides drift; [`judge`] reads the dry-run that is
//! asked when it does not match; [`leftovers`] and [`clearing`] find what an apply cannot remove; [`left_out`] and [`given_up`] leave ignored fields to others; [`field_diff`] and
//! [`render_diff`] show changes to people. All of it works on redacted objects. This crate knows no schema, no cluster and no clock.

#![warn(missing_docs)]

mod conflict_path;
mod empties;
mod field_diff;
mod fingerprint;
mod ignore;
mod leftover;
mod list_items;
mod managed_fields;
mod obstacle;
mod pairing;
mod path;
mod pointer;
mod text;
mod verdict;
mod walk;

pub use conflict_path::{claims, holds};
pub use field_diff::{Change, FieldChange, Scope, field_diff};
pub use fingerprint::{matches, record};
pub use ignore::{applied_digest, given_up, left_out, records, without};
pub use leftover::leftovers;
pub use managed_fields::{Entry, Operation, apply_entry, entries, owned_paths, owners};
pub use obstacle::{Clearing, Refused, Setting, cleared, clearing};
pub use path::{Element, FieldPath};
pub use pointer::{in_order_of_removal, inside};
pub use text::{Style, render_diff};
pub use verdict::{Verdict, judge};
