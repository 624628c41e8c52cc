//! `driftless restore`: the log that a backup is of, where none is.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use bus::{
    LogConfig,
    archive::{Archive, RestoreError},
};
use model::RetryClass;
use tokio::fs::File;

use crate::{
    cli::RestoreOptions,
    exit::Exit,
    problem::Problem,
    state_folder::{self, chain},
    terminal,
};

/// Makes the log.
pub async fn restore(options: RestoreOptions) -> Result<Exit, Problem> {
    let archive =
        Archive::check(open(&options.from).await?).await.map_err(|error| archive_problem(&error))?;
    let contents = archive.contents().clone();
    let (place, config) = match options.nats {
        Some(nats) => {
            if contents.attachment.is_some() {
                terminal::progress(
                    "The key in the backup is put nowhere: roles on NATS are given it with --key.",
                );
            }
            (nats.clone(), options.access.log(&nats)?)
        }
        None => {
            options.access.check_unused()?;
            let state = state_folder::or_of_platform(options.state)?;
            state_folder::create(&state)?;
            put_key(&state, contents.attachment.as_deref())?;
            (state.display().to_string(), LogConfig::embedded(state_folder::log_in(&state)))
        }
    };
    archive.restore(config).await.map_err(|error| archive_problem(&error))?;
    terminal::line(&format!("{place}: {} events, {} blobs", contents.events, contents.blobs));
    Ok(Exit::Success)
}

/// Puts the key into the state folder before the log, so that no log is there without it.
fn put_key(state: &Path, key: Option<&[u8]>) -> Result<(), Problem> {
    let file = state_folder::key_in(state);
    match (fs::read(&file), key) {
        (Ok(_), None) => Ok(()),
        (Ok(there), Some(key)) if there == key => Ok(()),
        (Ok(_), Some(_)) => {
            let message = format!("{} is another key than the one in the backup", file.display());
            Err(Problem::new("RESTORE-EXISTS", message, "move it away, or restore to another --state folder"))
        }
        (Err(error), _) if error.kind() != io::ErrorKind::NotFound => Err(file_problem(&file, &error)),
        (Err(_), Some(key)) => write_key(&file, key).map_err(|error| file_problem(&file, &error)),
        (Err(_), None) => {
            let told =
                format!("The key is not in the backup: put it at {} before anything starts.", file.display());
            terminal::progress(&told);
            Ok(())
        }
    }
}

fn write_key(file: &Path, key: &[u8]) -> io::Result<()> {
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(key)?;
    out.sync_all()
}

/// Opens a backup.
pub async fn open(file: &Path) -> Result<File, Problem> {
    File::open(file).await.map_err(|error| file_problem(file, &error))
}

/// The problem of a file that cannot be read or written.
pub fn file_problem(file: &Path, error: &io::Error) -> Problem {
    let message = format!("{}: {error}", file.display());
    Problem::new("BACKUP-FILE", message, "check its path, its permissions and the space on its disk")
}

/// The problem of a backup that is no good, or that no log could be made of.
pub fn archive_problem(error: &RestoreError) -> Problem {
    let problem = Problem::new(error.code(), chain(error), error.remedy());
    match error.class() {
        RetryClass::Permanent => problem,
        RetryClass::Transient | RetryClass::Stale | RetryClass::Bug => problem.ending(Exit::Failed),
    }
}
