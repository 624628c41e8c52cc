//! Options of `driftless audit`, and of the auditor.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{MemberOptions, NatsOptions, Output};

/// How the commands about the ledger end.
pub const AUDIT_HELP: &str = "\
Examples:
  driftless audit verify --state /var/lib/driftless
  driftless audit proof 5f0c…e1 --state /var/lib/driftless --to change.tlog-proof
  driftless audit verify change.tlog-proof --key verifier-key
  driftless audit verify --copy /mnt/audit-copy --key verifier-key

Exit codes:
  0 whole, or proven   1 it is not what was recorded, or something is missing   2 usage or configuration";

#[derive(Debug, Clone, Args)]
pub struct AuditOptions {
    #[command(subcommand)]
    pub command: AuditCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum AuditCommand {
    /// Check the whole ledger, a copy of it, or one proof
    #[command(after_help = AUDIT_HELP)]
    Verify(VerifyOptions),
    /// Write a file that proves to anybody that an event is in the ledger
    #[command(after_help = AUDIT_HELP)]
    Proof(ProofOptions),
}

#[derive(Debug, Clone, Args)]
pub struct VerifyOptions {
    /// Check this proof alone; nothing else is needed but the key
    #[arg(value_name = "PROOF", requires = "key", conflicts_with_all = ["state", "copy"])]
    pub proof: Option<PathBuf>,
    /// State folder whose ledger is checked, which nothing may have open [default: $XDG_STATE_HOME/driftless/_platform]
    #[arg(long, value_name = "DIR", conflicts_with = "copy")]
    pub state: Option<PathBuf>,
    /// Check the copy in this folder instead (C2SP tlog-tiles); a platform may be writing it
    #[arg(long, value_name = "DIR", requires = "key")]
    pub copy: Option<PathBuf>,
    /// File with the key that checks signatures [default: the one beside the ledger, which then vouches for itself]
    #[arg(long, value_name = "F")]
    pub key: Option<PathBuf>,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
}

#[derive(Debug, Clone, Args)]
pub struct ProofOptions {
    /// Id of the event, or its beginning
    #[arg(value_name = "EVENT")]
    pub event: String,
    /// State folder with the ledger, which nothing may have open [default: $XDG_STATE_HOME/driftless/_platform]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct AuditorOptions {
    /// Address of the NATS server, version 2.15.1 or newer
    #[arg(long, value_name = "URL", default_value = "nats://127.0.0.1:4222")]
    pub nats: String,
    #[command(flatten)]
    pub access: NatsOptions,
    /// Folder with the ledger, which stays
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    #[command(flatten)]
    pub member: MemberOptions,
    #[command(flatten)]
    pub copy: CopyOptions,
}

#[derive(Debug, Clone, Args)]
pub struct CopyOptions {
    /// Folder for a copy of the ledger that anybody can check (C2SP tlog-tiles) [default: none]
    #[arg(long, value_name = "DIR")]
    pub audit_copy: Option<PathBuf>,
}
