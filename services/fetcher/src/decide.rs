//! Decisions about sources: pure functions of what the log says, what this process remembers, and the time.

pub mod agenda;
pub mod due;
pub mod next;
pub mod picture;
pub mod reading;
pub mod remote;
pub mod visit;

pub use agenda::Agenda;
pub use due::{Memory, Need, need};
pub use next::{Finding, Next, Outlook, Seen, next};
pub use picture::{Known, Picture, Standing, Taken, Trace};
pub use reading::{Reading, Subcharts, Wanted};
pub use remote::RemoteId;
pub use visit::{Effort, Look, Sight, Visit};
