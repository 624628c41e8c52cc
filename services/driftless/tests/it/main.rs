//! The command against real API servers, real Git repositories, real kustomize and helm.
//!
//! One story a file. All share one cluster and keep to a namespace of their own.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod access;
mod apart;
mod api;
mod asked;
mod audit;
mod backup;
mod beside;
mod canary;
mod command_line;
mod consent;
mod custody;
mod demo;
mod drift;
mod first_sync;
mod fleet;
mod fleet_guard;
mod health;
mod health_of_kinds;
mod home;
mod ignored;
mod interruption;
mod lint;
mod lost_state;
mod namesakes;
mod patience;
mod platform;
mod preflight;
mod rbac;
mod readme;
mod refusals;
mod removal;
mod repository;
mod restored;
mod rights;
mod rotation;
mod scene;
mod scoped;
mod settling;
mod shop;
mod templates;
