//! The gateway: what people and programs see of a platform, and how they ask it for something.
//!
//! It reads the log as every service does and answers over HTTP: the status of every target with its age, an
//! object's failure, what happened when. It writes `command/…` and nothing else. It must not know Git, clusters,
//! or the key of the log: what is sealed stays sealed. Entry points: [`Listener`], [`run`], and [`wire`], the
//! documents it answers with.
//!
//! ```text
//!  watch ─▶ decide: picture ─▶ api: documents, server-sent events
//!                    api: requests, webhooks ─▶ decide: pending ─▶ perform: append a command
//! ```

#![warn(missing_docs)]

mod api;
pub mod config;
mod decide;
pub mod error;
mod hasty;
mod past;
mod perform;
mod question;
mod run;
mod serve;
mod shown;
pub mod wire;

pub use config::{Config, Token};
pub use error::Error;
pub use past::{PastError, at};
pub use question::{Question, QuestionError, recorded};
pub use run::run;
pub use serve::Listener;
