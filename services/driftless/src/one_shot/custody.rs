//! Custody of the application while a run lasts: two runs whose state folders know nothing of each other do not mix.

use std::{path::Path, sync::Arc, time::Duration};

use applier::{Custody, CustodyError};
use model::Digest;
use tokio::time::timeout;

use super::definitions::Wanted;
use crate::{
    cli::{Output, Subject},
    exit::Exit,
    problem::Problem,
    state_folder::StateFolder,
    terminal,
};

/// How long a look at the Lease may take until it is told that there is one to wait for.
const QUIET: Duration = Duration::from_secs(2);

/// What a run has to hold.
pub fn of(wanted: &Wanted, folder: &StateFolder) -> Arc<Custody> {
    // As kubectl: what names no namespace goes there.
    let namespace = wanted.namespace.as_deref().unwrap_or("default");
    Custody::of(&wanted.target.application, namespace, holder(&folder.key.key_id(), &folder.path))
}

/// Names the state folder, not the process: its log lets in one process only, so a predecessor of that name is dead
/// and need not be waited for. A copy of the folder elsewhere has another name.
fn holder(key: &str, folder: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let folder = Digest::of(folder.as_os_str().as_encoded_bytes()).to_string();
    format!("driftless-sync {} {key}-{}", host.trim(), folder.chars().take(8).collect::<String>())
}

/// Takes it before anything is looked at, so that a plan is made from what the run before left. Only that somebody
/// else has it ends the run here: where there is no cluster, namespace or right, the services tell it in their way.
pub async fn take(
    custody: &Arc<Custody>,
    wanted: &Wanted,
    folder: &StateFolder,
    subject: &Subject,
) -> Result<(), Problem> {
    let Some(cluster) = wanted.set.cluster(&wanted.target.cluster) else { return Ok(()) };
    let mut taking = Box::pin(custody.take_at(cluster, folder.key.clone()));
    let taken = match timeout(QUIET.min(subject.timeout), &mut taking).await {
        Ok(taken) => taken,
        Err(_) => {
            if custody.is_contended() && subject.output == Output::Text {
                terminal::progress(
                    "waiting: another run or a platform holds this application, or was killed while it did",
                );
            }
            match timeout(subject.timeout, taking).await {
                Ok(taken) => taken,
                Err(_) if custody.is_contended() => return Err(undecided(subject.timeout)),
                Err(_) => return Err(silent(subject.timeout)),
            }
        }
    };
    match taken {
        Err(error @ (CustodyError::Held { .. } | CustodyError::Platform { .. })) => {
            Err(Problem::new(error.code(), error.to_string(), error.remedy()).ending(Exit::Refused))
        }
        Ok(())
        | Err(
            CustodyError::OtherInstall { .. }
            | CustodyError::OtherLog { .. }
            | CustodyError::OlderLog { .. }
            | CustodyError::OtherCopy { .. }
            | CustodyError::Lost { .. }
            | CustodyError::Forbidden { .. }
            | CustodyError::Cluster(_),
        ) => Ok(()),
    }
}

/// As a run that comes no further.
fn silent(bound: Duration) -> Problem {
    let message =
        format!("not in sync after {} s: the cluster says nothing, nothing was planned", bound.as_secs());
    Problem::new("TIMEOUT", message, "run it again with -v, or a longer --timeout").ending(Exit::Failed)
}

fn undecided(bound: Duration) -> Problem {
    let message =
        format!("whether somebody who holds this application is alive was not known within {bound:?}");
    let remedy = "run the command again with a longer --timeout";
    Problem::new("CUSTODY-HELD", message, remedy).ending(Exit::Refused)
}
