//! Decisions about renders: pure functions of what the log says, what this process remembers, and the time.

pub mod agenda;
pub mod engines;
pub mod outcome;
pub mod picture;
pub mod rota;
pub mod step;

pub use agenda::Agenda;
pub use engines::{Engines, Lane};
pub use outcome::{Outcome, Product};
pub use picture::{Observed, Picture, Taken, Trace};
pub use rota::{Check, Rota};
pub use step::{Holding, Order, Retry, Situation, Standing, Step, Stored, Work, step};
