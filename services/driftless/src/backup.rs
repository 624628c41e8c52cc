//! `driftless backup`: a log into a file, checked before it takes the place of an older one.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use bus::{
    Log, LogConfig, OpenError,
    archive::{self, Archive, Beside, Contents},
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use crate::{
    cli::{ApiOptions, BackupOptions},
    exit::Exit,
    platform,
    problem::Problem,
    restore, role,
    state_folder::{self, chain},
    terminal,
};

/// The bytes of a backup.
type Told = BoxStream<'static, Result<Bytes, Problem>>;

/// Writes the backup.
pub async fn backup(options: BackupOptions) -> Result<Exit, Problem> {
    check_place(&options.to)?;
    if options.nats.is_none() {
        options.access.check_unused()?;
    }
    let told = match (&options.nats, &options.server) {
        (Some(nats), _) => exported(role::open(nats, &options.access).await?, Beside::default()),
        (None, Some(server)) => {
            let api = ApiOptions { server: server.clone(), api_token: options.api_token.clone() };
            platform::backup(&api).await?
        }
        (None, None) => of_folder(&options).await?,
    };
    let contents = write(&options.to, told).await?;
    let to = options.to.display();
    terminal::line(&format!("{to}: {} events, {} blobs", contents.events, contents.blobs));
    terminal::progress(match options.with_key {
        true => {
            "WARNING: the key is in it. Whoever can read this file can read every secret of the clusters."
        }
        false => "The key of the log is not in it: keep a copy of the key file apart from it.",
    });
    Ok(Exit::Success)
}

/// Whether a file may take that place: what is there and is no file is not replaced.
fn check_place(to: &Path) -> Result<(), Problem> {
    match fs::metadata(to) {
        Ok(found) if !found.is_file() => {
            let remedy = "name a file with --to";
            Err(Problem::new("BACKUP-FILE", format!("{} is no file", to.display()), remedy))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn exported(log: Arc<dyn Log>, beside: Beside) -> Told {
    let told = archive::export(log, beside);
    told.map_err(|error| Problem::new(error.code(), chain(&error), error.remedy()).ending(Exit::Failed))
        .boxed()
}

async fn of_folder(options: &BackupOptions) -> Result<Told, Problem> {
    let state = state_folder::or_of_platform(options.state.clone())?;
    let folder = state_folder::log_in(&state);
    if !folder.exists() {
        let message = format!("{} holds no log", state.display());
        return Err(Problem::new("STATE-FOLDER", message, "name the state folder with --state"));
    }
    let beside = beside(&state_folder::key_in(&state), options)?;
    let log = bus::open(LogConfig::embedded(folder)).await.map_err(|error| {
        let remedy = match &error {
            OpenError::InUse { .. } => {
                "back it up while it is in use: `driftless backup --server URL` (http://127.0.0.1:8620); or stop it"
            }
            OpenError::Storage { .. }
            | OpenError::Restoring
            | OpenError::NewerLayout { .. }
            | OpenError::Connect { .. }
            | OpenError::ServerTooOld { .. }
            | OpenError::SyncNotAlways { .. }
            | OpenError::Monitoring { .. }
            | OpenError::Stream { .. } => error.remedy(),
        };
        Problem::new(error.code(), chain(&error), remedy)
    })?;
    Ok(exported(log, beside))
}

/// What the key file tells, or holds if it is wanted; only then it has to be there.
fn beside(key: &Path, options: &BackupOptions) -> Result<Beside, Problem> {
    let attachment = match options.with_key {
        true => Some(state_folder::read_key_text(key)?.into_bytes().into()),
        false => None,
    };
    let key_id = state_folder::read_key(key).ok().map(|key| key.key_id());
    Ok(Beside { key_id, attachment })
}

/// Writes beside the file, checks what was written, and puts it in its place.
async fn write(to: &Path, mut told: Told) -> Result<Contents, Problem> {
    let part = part_of(to, rand::random());
    let written = async {
        let failed = |error: std::io::Error| restore::file_problem(&part, &error);
        let mut file = create(&part).map_err(failed)?;
        while let Some(bytes) = told.try_next().await? {
            file.write_all(&bytes).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        drop(file);
        let contents = Archive::check(restore::open(&part).await?).await;
        let contents = contents.map_err(|error| restore::archive_problem(&error))?.contents().clone();
        fs::rename(&part, to).map_err(failed)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        folder.sync_all().map_err(failed)?;
        Ok(contents)
    };
    let written = written.await;
    if written.is_err() {
        // It may never have been made; that the backup failed is told, and counts.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Named at random: of two backups to one place neither writes into the other's, and nobody can lay a file there.
fn part_of(to: &Path, random: u64) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{random:016x}.part"));
    to.with_file_name(name)
}

/// A file that only its owner may read.
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
