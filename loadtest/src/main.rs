//! Measures driftless on a real API server against a bare loop of server-side applies in the same run.
//!
//! One process: a Git repository, the four services on a fresh log, and a reader of that log that takes the
//! times. It decides nothing and knows no service but its `run`. Start it with `loadtest/run`.

mod api;
mod backend;
mod fleet;
mod floor;
mod memory;
mod outcome;
mod processor;
mod request;
mod scenario;
mod services;
mod story;
mod table;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

/// As the program that it measures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a run can end with: a tool for people, so any cause will do as long as it reads well.
pub type Fault = Box<dyn Error + Send + Sync>;

/// Measures driftless on a real API server.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// What to measure; nothing: everything.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// Applications.
    #[arg(long, default_value_t = 1000)]
    apps: usize,
    /// ConfigMaps of each application.
    #[arg(long, default_value_t = 4)]
    objects: usize,
    /// Entries of the audit ledger.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
    /// Run the services without the auditor, to see what it costs.
    #[arg(long)]
    no_auditor: bool,
    /// Where the log is.
    #[arg(long, value_enum, default_value = "embedded")]
    backend: backend::Kind,
    /// Kubeconfig of an empty test cluster, as tests/cluster-up leaves it.
    #[arg(long)]
    kubeconfig: PathBuf,
    /// Settings of the NATS server.
    #[arg(long, default_value = "deploy/nats/nats-server.conf")]
    nats_config: PathBuf,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// From a commit to every application applied.
    Cold,
    /// A commit that changes nothing that is applied.
    Noop,
    /// A commit that changes one line of one application.
    OneLine,
    /// A field changed by somebody else.
    Drift,
    /// The audit ledger by itself; without a cold start if nothing else is named.
    Audit,
}

impl Scenario {
    const ALL: [Self; 5] = [Self::Cold, Self::Noop, Self::OneLine, Self::Drift, Self::Audit];
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("DRIFTLESS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    // One provider for every TLS client in the process; a second call would only say that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = Options::parse();
    let done = tokio::runtime::Runtime::new()
        .map_err(Fault::from)
        .and_then(|runtime| runtime.block_on(scenario::run(&options)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            table::line(&format!("loadtest: {fault}"));
            ExitCode::FAILURE
        }
    }
}
