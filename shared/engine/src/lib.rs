//! Manifests from files: plain ones in-process, kustomizations and charts through the official programs.
//!
//! Only this crate runs `kustomize` and `helm`. Each run sees a temporary folder and nothing of the machine's
//! settings, and is bounded in time, memory and output. A render has no network where the kernel allows that;
//! what has it, and only fetches, is in [`charts`]. It must not know where files come from, nor what becomes of
//! the manifests.
//!
//! Entry types: [`Engine`] ([`Engine::new`], [`Engine::version`], [`Engine::render`]), [`Request`],
//! [`RenderedFile`], [`EngineError`]; [`Charts`] for what charts depend on elsewhere; pure questions: [`detect`],
//! [`randomness`], [`charts::locked`].
//!
//! ```text
//!  Request ─▶ detect ─┬─ plain ─────────────────────────────▶ files
//!                     └─ scratch ▶ unpack ▶ helm, kustomize ▶ process ─▶ files, or EngineError with its place
//! ```

#![warn(missing_docs)]

pub mod charts;
mod detect;
mod engine;
mod error;
mod helm;
mod kustomize;
mod links;
mod plain;
mod process;
mod programs;
mod randomness;
mod scratch;
mod words;

pub use charts::{ChartError, Charts};
pub use detect::{Kind, detect};
pub use engine::{Engine, Limits, Options, RenderedFile, Request};
pub use error::{EngineError, Place};
pub use process::Isolation;
pub use randomness::{Randomness, randomness};
