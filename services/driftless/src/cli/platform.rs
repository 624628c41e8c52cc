//! Options of the commands about a platform: the one that runs it, and those that ask it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use model::definition::SecretRef;

use super::secret_place;

/// How the commands end that only ask.
pub const QUESTION_HELP: &str = "\
Exit codes:
  0 told   1 the platform refused, or did not answer   2 usage or configuration

With -o json standard output is one document as docs/api.md describes it; a failure is told on standard error alone.";

/// As [`QUESTION_HELP`], which it ends with.
pub const STATUS_HELP: &str = "\
With --watch it goes on until the platform ends, which is exit code 1; `gone` says that a target is no more. With
--watch -o json each line is a status as in docs/api.md, or {cluster, application, gone: true}.

Exit codes:
  0 told   1 the platform refused, or did not answer   2 usage or configuration

With -o json standard output is one document as docs/api.md describes it; a failure is told on standard error alone.";

/// How the commands end that ask for something to be done.
pub const REQUEST_HELP: &str = "\
Exit codes:
  0 done on every target   1 failed, or no answer in time   2 usage or configuration, or no such target   3 refused by a guard

With -o json standard output is one document, also when it fails:
  version  1: fields may be added, none is renamed or removed
  targets  [{cluster, application, outcome, problem}]; problem: {code, message, remedy}, or null
           outcome  InSync, Noted (paused or resumed), Confirmed, Failed, Refused, or Unanswered: the request stands
  failure  {code, message, remedy} of what ended the command early, such as TIMEOUT; or null";

#[derive(Debug, Clone, Args)]
pub struct UpOptions {
    /// Sources, clusters and applications to put in force (JSON) [default: those in force]
    #[arg(long, value_name = "F")]
    pub definitions: Option<PathBuf>,
    #[command(flatten)]
    pub fleet: super::FleetOptions,
    /// Folder for the log, its key, mirrors and temporary files [default: $XDG_STATE_HOME/driftless/_platform]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Use the log on this NATS server, and share the work with others that do; needs --key
    #[arg(long, value_name = "URL", requires = "key")]
    pub nats: Option<String>,
    #[command(flatten)]
    pub access: super::NatsOptions,
    /// File with the keys of a log on NATS: 64 hexadecimal digits a line, that in force first
    #[arg(long, value_name = "F", requires = "nats")]
    pub key: Option<PathBuf>,
    /// Use this key although it is not the log's, which is lost for good: everything is made anew from Git
    #[arg(long, requires = "nats")]
    pub key_replaced: bool,
    #[command(flatten)]
    pub member: super::MemberOptions,
    #[command(flatten)]
    pub charts: super::ChartOptions,
    #[command(flatten)]
    pub audit: super::CopyOptions,
    #[command(flatten)]
    pub gateway: GatewayOptions,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API and webhooks")]
pub struct GatewayOptions {
    /// Address of the API; one that others reach needs --api-token
    #[arg(long, value_name = "ADDRESS", default_value = gateway::config::LISTEN)]
    pub listen: SocketAddr,
    /// Where the token is that callers of the API have to show: file:PATH or env:NAME
    #[arg(long, value_name = "WHERE", value_parser = secret_place)]
    pub api_token: Option<SecretRef>,
    /// Where the secret is that webhooks are signed with: file:PATH or env:NAME [default: none is taken]
    #[arg(long, value_name = "WHERE", value_parser = secret_place)]
    pub webhook_secret: Option<SecretRef>,
}

#[derive(Debug, Clone, Args)]
pub struct DemoOptions {
    /// Go on when the story is told, until Ctrl-C
    #[arg(long)]
    pub keep: bool,
    /// Address of the API [default: a free port; with --keep that of `up`]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
}

impl DemoOptions {
    /// Where the API is.
    pub fn address(&self) -> SocketAddr {
        let port = if self.keep { 8620 } else { 0 };
        self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], port)))
    }
}

/// Where a platform answers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access to the platform")]
pub struct ApiOptions {
    /// Address of its API
    #[arg(long, value_name = "URL", env = "DRIFTLESS_SERVER", default_value = "http://127.0.0.1:8620")]
    pub server: String,
    /// Where its token is: file:PATH or env:NAME
    #[arg(long, value_name = "WHERE", value_parser = secret_place)]
    pub api_token: Option<SecretRef>,
}

#[derive(Debug, Clone, Args)]
pub struct StatusOptions {
    /// Only this application
    #[arg(value_name = "APPLICATION")]
    pub application: Option<String>,
    /// Only on this cluster
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Go on, and tell each change
    #[arg(short, long)]
    pub watch: bool,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: StatusOutput,
    #[command(flatten)]
    pub api: ApiOptions,
}

/// How statuses are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusOutput {
    /// A line each.
    Text,
    /// A line each, with who looked, and when.
    Wide,
    /// One JSON document; with --watch one a line.
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct GetOptions {
    /// What
    #[arg(value_enum)]
    pub kind: Kind,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: super::Output,
    #[command(flatten)]
    pub api: ApiOptions,
}

/// What is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Repositories.
    Sources,
    /// API servers.
    Clusters,
    /// What runs on them.
    Applications,
}

#[derive(Debug, Clone, Args)]
pub struct DescribeOptions {
    /// Which target
    #[arg(value_name = "CLUSTER/APPLICATION")]
    pub target: String,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: super::Output,
    #[command(flatten)]
    pub api: ApiOptions,
}

/// How an answer is waited for and told.
#[derive(Debug, Clone, Args)]
pub struct AnswerOptions {
    /// How long to wait for the answer: 90s, 5m
    #[arg(long, value_name = "D", default_value = "5m", value_parser = super::duration)]
    pub timeout: Duration,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: super::Output,
    #[command(flatten)]
    pub api: ApiOptions,
}

#[derive(Debug, Clone, Args)]
pub struct RequestOptions {
    /// Which application, or which one on which cluster
    #[arg(value_name = "[CLUSTER/]APPLICATION")]
    pub target: String,
    #[command(flatten)]
    pub answer: AnswerOptions,
}

#[derive(Debug, Clone, Args)]
pub struct ApproveOptions {
    /// Digest of the definitions or of the plan, as `driftless status` tells it
    #[arg(value_name = "DIGEST")]
    pub digest: String,
    /// The target whose plan it is [default: it is of definitions]
    #[arg(value_name = "CLUSTER/APPLICATION")]
    pub target: Option<String>,
    #[command(flatten)]
    pub answer: AnswerOptions,
}

#[derive(Debug, Clone, Args)]
pub struct LogOptions {
    /// Of which application, with its source [default: of everything, from the audit ledger]
    #[arg(value_name = "APPLICATION")]
    pub application: Option<String>,
    /// Only on this cluster
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    #[command(flatten)]
    pub recorded: super::RecordedOptions,
    /// The newest so many entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: super::LogOutput,
    #[command(flatten)]
    pub api: ApiOptions,
}
