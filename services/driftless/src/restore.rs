//! `driftless restore`: the log that a backup is of, where none is.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use bus::{
    LogConfig,
    archive::{self, Archive, Attachment, Beside, RestoreError},
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
            if contents.beside.attachment.is_some() {
                terminal::progress(
                    "The key in the backup is put nowhere: roles on NATS are given it with --key.",
                );
            }
            (nats.clone(), options.access.log(&nats)?)
        }
        None => {
            options.access.check_unused()?;
            let state = state_folder::or_of_platform(options.state)?;
            let log = state_folder::log_in(&state);
            archive::check_free(&log).map_err(|error| archive_problem(&error))?;
            state_folder::create(&state)?;
            put_key(&state, &contents.beside)?;
            (state.display().to_string(), LogConfig::embedded(log))
        }
    };
    archive.restore(config).await.map_err(|error| archive_problem(&error))?;
    terminal::line(&format!("{place}: {} events, {} blobs", contents.events, contents.blobs));
    Ok(Exit::Success)
}

/// Puts the key into the state folder before the log, so that no log is there without it.
fn put_key(state: &Path, beside: &Beside) -> Result<(), Problem> {
    let file = state_folder::key_in(state);
    match (fs::read(&file), beside.attachment.as_ref().map(Attachment::bytes)) {
        (Ok(_), None) => check_key(&file, beside.key_id.as_deref()),
        (Ok(there), Some(key)) if there == key => Ok(()),
        (Ok(_), Some(_)) => Err(another_key(&file, "the one in the backup")),
        (Err(error), _) if error.kind() != io::ErrorKind::NotFound => Err(file_problem(&file, &error)),
        (Err(_), Some(key)) => write_key(&file, key).map_err(|error| file_problem(&file, &error)),
        (Err(_), None) => {
            let name = beside.key_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            let place = file.display();
            terminal::progress(&format!(
                "The key{name} is not in the backup: put it at {place} before anything starts."
            ));
            Ok(())
        }
    }
}

/// Whether that key file has the key that is told: with another one nothing could be opened that is sealed.
fn check_key(file: &Path, told: Option<&str>) -> Result<(), Problem> {
    let Some(told) = told else { return Ok(()) };
    let key = state_folder::read_key(file)?;
    match key.all().any(|key| key.key_id() == told) {
        true => Ok(()),
        false => Err(another_key(file, &format!("that of the log, which is {told}"))),
    }
}

fn another_key(file: &Path, expected: &str) -> Problem {
    let message = format!("{} is another key than {expected}", file.display());
    Problem::new("RESTORE-EXISTS", message, "move it away, or restore to another --state folder")
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
