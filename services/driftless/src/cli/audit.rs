//! Options of `driftless audit`, and of the auditor.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use model::Timestamp;

use super::{MemberOptions, NatsOptions, Output, duration};

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
    /// Id of the event, all of it
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

/// Which entries of the audit ledger are wanted: those that fit all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "From the audit ledger, which has everything that ever happened")]
pub struct RecordedOptions {
    /// Only of this commit: all of its id, or the first 8 digits
    #[arg(long, value_name = "ID")]
    pub commit: Option<String>,
    /// Only of this type, such as SyncFinished
    #[arg(long, value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only what this one wanted: an opaque id
    #[arg(long, value_name = "ID")]
    pub actor: Option<String>,
    /// Only of this change
    #[arg(long, value_name = "ID")]
    pub change: Option<String>,
    /// Only from then on: 2h ago, a day such as 2026-11-27, or an instant (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub since: Option<Timestamp>,
    /// Only before that
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub until: Option<Timestamp>,
    /// The ledger in this state folder, which nothing may have open [default: that of a running platform]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "api_token"])]
    pub state: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct AtOptions {
    /// 2h ago, a day such as 2026-11-27 (its beginning, UTC), or an instant (RFC 3339)
    #[arg(value_name = "TIME", value_parser = instant)]
    pub time: Timestamp,
    #[command(subcommand)]
    pub view: PastView,
}

#[derive(Debug, Clone, Subcommand)]
pub enum PastView {
    /// How every application on every cluster was
    Status(PastStatusOptions),
}

#[derive(Debug, Clone, Args)]
pub struct PastStatusOptions {
    /// Only this application
    #[arg(value_name = "APPLICATION")]
    pub application: Option<String>,
    /// Only on this cluster
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// The ledger in this state folder, which nothing may have open [default: that of a running platform]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "api_token"])]
    pub state: Option<PathBuf>,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
    #[command(flatten)]
    pub api: super::ApiOptions,
}

/// How a history is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogOutput {
    /// A line each.
    Text,
    /// One JSON document.
    Json,
    /// A JSON document for each entry, one a line.
    Jsonl,
}

/// Reads `2h` (ago), `2026-11-27` (its beginning, UTC) or RFC 3339.
fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = duration(text) {
        let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        return Ok(Timestamp::from_millis(bus::now().as_millis().saturating_sub(ago)));
    }
    let day = || format!("{text}T00:00:00Z").parse();
    text.parse()
        .or_else(|_| day())
        .map_err(|_| "2h, 2026-11-27 or 2026-11-27T08:00:00Z is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_people_write_them() {
        let midnight = Timestamp::from_millis(1_700_006_400_000);
        assert_eq!(instant("2023-11-15"), Ok(midnight));
        assert_eq!(instant("2023-11-15T01:00:00+01:00"), Ok(midnight));
        let ago = bus::now().since(instant("2h").unwrap()).as_secs();
        assert!((7200..7260).contains(&ago), "{ago}");
        for bad in ["", "yesterday", "2023-13-01", "5"] {
            assert!(instant(bad).is_err(), "{bad:?}");
        }
    }
}
