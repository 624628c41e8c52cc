//! Exit codes: documented in `--help`, never renumbered.

use std::process::ExitCode;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: in sync; for `diff`: no difference.
    Success,
    /// 1: the sync failed; for `diff`: there is a difference.
    Failed,
    /// 2: usage or configuration; for `diff`: any error.
    Usage,
    /// 3: refused by a guard.
    Refused,
    /// 4: in sync, but not healthy in time.
    Unhealthy,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0_u8,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Unhealthy => 4,
        })
    }
}
