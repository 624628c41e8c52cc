//! `driftless audit`: what the ledger proves, without the platform that wrote it; and the process that writes it.

mod opened;
mod proof;
mod recorded;
mod serve;
mod verify;

use crate::{
    cli::{AuditCommand, AuditOptions},
    exit::Exit,
    problem::Problem,
};

pub use recorded::{at, recorded};
pub use serve::{Writing, auditor, serve};

/// Checks or proves.
pub fn audit(options: AuditOptions) -> Result<Exit, Problem> {
    match options.command {
        AuditCommand::Verify(options) => verify::verify(options),
        AuditCommand::Proof(options) => proof::proof(options),
    }
}
