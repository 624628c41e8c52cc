//! What to do, decided from values: no clock, no network, no log.

pub mod body;
pub mod claim;
pub mod disown;
pub mod due;
pub mod error;
pub mod fold;
pub mod force;
pub mod intent;
pub mod last;
pub mod late;
pub mod materials;
pub mod ownership;
pub mod picture;
pub mod queue;
pub mod returning;
pub mod step;
