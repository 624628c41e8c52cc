//! `driftless`: the one binary. It knows every service and holds no rule of its own: it reads the command
//! line, opens the log, starts services, and tells what they wrote.

mod address;
mod audit;
mod backup;
mod cli;
mod demo;
mod exit;
mod ignore_rule;
mod key_check;
mod lint;
mod one_shot;
mod platform;
mod problem;
mod restore;
mod role;
mod secret;
mod state_folder;
mod terminal;
mod up;

use std::time::Duration;

use clap::Parser;

use cli::{AnswerOptions, Cli, Command, RequestOptions, SyncOptions};
use exit::Exit;
use gateway::wire::AskedKind;
use problem::Problem;
use role::Role;

/// Manifests are trees of thousands of small strings: with the allocator of the C library a sixth of the processor time
/// of a cold start went into them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the end of the process waits for threads that are in the middle of something: time to finish a
/// write, and not to wait for a Git host that says nothing.
const LAST_WORDS: Duration = Duration::from_secs(1);

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    start_logging(cli.verbose);
    // One provider for every TLS client in the process; a second call would only say that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exit = match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let exit = runtime.block_on(run(cli.command));
            runtime.shutdown_timeout(LAST_WORDS);
            exit
        }
        Err(error) => Problem::new("RUNTIME", format!("the runtime could not start: {error}"), "").tell(),
    };
    exit.into()
}

async fn run(command: Command) -> Exit {
    let done = match command {
        Command::Sync(SyncOptions { target: Some(target), subject, api, .. }) => {
            let answer = AnswerOptions { timeout: subject.timeout, output: subject.output, api };
            platform::request(AskedKind::Sync, RequestOptions { target, answer }).await
        }
        Command::Sync(options) => one_shot::sync(options).await,
        Command::Diff(options) => one_shot::diff(options).await,
        Command::Fetcher(options) => role::fetcher(options).await,
        Command::Renderer(options) => role::run(Role::Renderer, options).await,
        Command::Differ(options) => role::differ(options).await,
        Command::Applier(options) => role::run(Role::Applier, options).await,
        Command::Demo(options) => demo::demo(options).await,
        Command::Up(options) => up::up(options).await,
        Command::Gateway(options) => up::gateway(options).await,
        Command::Status(options) => platform::status(options).await,
        Command::Get(options) => platform::get(options).await,
        Command::Describe(options) => platform::describe(options).await,
        Command::Pause(options) => platform::request(AskedKind::Pause, options).await,
        Command::Resume(options) => platform::request(AskedKind::Resume, options).await,
        Command::Confirm(options) => platform::request(AskedKind::ConfirmInventory, options).await,
        Command::Approve(options) => platform::approve(options).await,
        Command::Log(options) => platform::log(options).await,
        Command::At(options) => platform::at(options).await,
        Command::Auditor(options) => audit::auditor(options).await,
        Command::Audit(options) => audit::audit(options),
        Command::Lint(options) => lint::lint(options).await,
        Command::Schema { kind } => Ok(lint::schema(kind)),
        Command::Backup(options) => backup::backup(options).await,
        Command::Restore(options) => restore::restore(options).await,
        Command::Completions { shell } => {
            terminal::completions(shell);
            Ok(Exit::Success)
        }
    };
    done.unwrap_or_else(|problem| problem.tell())
}

fn start_logging(verbose: u8) {
    let default = match verbose {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("DRIFTLESS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(terminal::progress_colours())
        .with_writer(std::io::stderr)
        .init();
}
