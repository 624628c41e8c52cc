//! The commands that ask a running platform, over the API of its gateway.

mod backup;
mod client;
mod describe;
mod get;
mod history;
mod request;
mod status;
mod table;
mod watched;

pub use backup::backup;
pub use describe::describe;
pub use get::get;
pub use history::log;
pub use request::request;
pub use status::status;
