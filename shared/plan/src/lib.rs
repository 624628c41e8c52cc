//! Decides what to do: which targets exist, and the plan that brings one of them to its desired state.
//!
//! Everything here is a pure function of its arguments. A plan leaves no choices to the applier: each step
//! names its object, its action, its preconditions and its reason. The planner never sees a network, a
//! clock or a manifest's text; it compares digests and verdicts that others made.

#![warn(missing_docs)]

pub mod assign;
pub mod check;
pub mod departure;
mod generated;
mod guard;
pub mod heal;
pub mod neighbour;
pub mod order;
mod orphan;
pub mod patience;
pub mod planner;
pub mod preview;
pub mod release;
pub mod step;

pub use assign::{Assignment, RenderJob, RenderParameters, assign, fleet_render, render_jobs};
pub use check::{Violation, check};
pub use departure::{Departure, DepartureRefusal, departure};
pub use guard::{Refusal, Stock, guard};
pub use neighbour::{Activity, Holding, Neighbour, Rendered};
pub use planner::{
    Attempt, Deletion, DesiredObject, Existence, Expiry, HealGate, InventoryObject, LiveObject, Origin,
    Provenance, RebuiltPrune, Retry, Situation, Stray, Verdict, plan,
};
pub use preview::{ObjectPreview, Preview, PreviewChange};
pub use release::Left;
pub use step::{Action, HeldObject, HeldReason, Reason, Stage, Step, SyncPlan};
