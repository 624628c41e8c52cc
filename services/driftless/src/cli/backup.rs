//! Options of `driftless backup` and `driftless restore`.

use std::path::PathBuf;

use clap::Args;
use model::definition::SecretRef;

use super::{NatsOptions, secret_place};

#[derive(Debug, Clone, Args)]
pub struct BackupOptions {
    /// File to write; one that is there is replaced once the new one is whole
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// State folder, which nothing may have open [default: $XDG_STATE_HOME/driftless/_platform]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["nats", "server"])]
    pub state: Option<PathBuf>,
    /// The log on this NATS server, instead; it may be in use
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    pub nats: Option<String>,
    #[command(flatten)]
    pub access: NatsOptions,
    /// The log of the running platform whose API this is, instead
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Where the token of the API is: file:PATH or env:NAME
    #[arg(long, value_name = "WHERE", value_parser = secret_place, requires = "server")]
    pub api_token: Option<SecretRef>,
    /// Put the key of the state folder into the backup, too: whoever reads it then reads every secret
    #[arg(long, conflicts_with_all = ["nats", "server"])]
    pub with_key: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RestoreOptions {
    /// Backup to read
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// State folder, which may not hold a log [default: $XDG_STATE_HOME/driftless/_platform]
    #[arg(long, value_name = "DIR", conflicts_with = "nats")]
    pub state: Option<PathBuf>,
    /// This NATS server, instead, which may not hold a log
    #[arg(long, value_name = "URL")]
    pub nats: Option<String>,
    #[command(flatten)]
    pub access: NatsOptions,
}
