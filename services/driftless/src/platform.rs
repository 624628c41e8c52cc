//! The commands that ask a running platform, over the API of its gateway.

mod approve;
mod backup;
mod client;
mod describe;
mod follow;
mod get;
mod history;
mod past;
mod request;
mod status;
mod table;
mod watched;

pub use approve::approve;
pub use backup::backup;
pub use client::Client;
pub use describe::describe;
pub use get::get;
pub use history::log;
pub use past::at;
pub use request::request;
pub use status::status;
pub use table::{Colours, Paint};
pub use watched::Watched;
