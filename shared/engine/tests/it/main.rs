//! Renders through the real programs.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

mod bounds;
mod charts;
mod helm;
mod kustomize;
mod scene;
