//! The state folder of an embedded log, and the key that belongs to it.

use std::{
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use bus::{Log, LogConfig};
use manifest::InstallKey;

use crate::problem::Problem;

/// An open embedded log and its key.
pub struct StateFolder {
    /// The folder.
    pub path: PathBuf,
    /// The log in it.
    pub log: Arc<dyn Log>,
    /// Its key.
    pub key: InstallKey,
}

/// Where state folders are, unless the command line says otherwise. Source: XDG base directories.
pub fn base() -> Result<PathBuf, Problem> {
    let base = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let base = base.or_else(home).ok_or_else(|| {
        Problem::new("STATE-FOLDER", "neither XDG_STATE_HOME nor HOME is set", "name a folder with --state")
    })?;
    Ok(base.join("driftless"))
}

/// That state folder, or the one of the platform of this user.
pub fn or_of_platform(given: Option<PathBuf>) -> Result<PathBuf, Problem> {
    given.map_or_else(|| Ok(base()?.join("_platform")), Ok)
}

/// Where the log is in a state folder.
pub fn log_in(state: &Path) -> PathBuf {
    state.join("log")
}

/// Where its key is.
pub fn key_in(state: &Path) -> PathBuf {
    state.join("key")
}

/// Creates a folder that only its owner may read, unless it is there.
pub fn create(path: &Path) -> Result<(), Problem> {
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.map_err(|error| problem(path, "the state folder could not be made:", &error))
}

fn problem(path: &Path, what: &str, error: &std::io::Error) -> Problem {
    Problem::new("STATE-FOLDER", format!("{what} {}: {error}", path.display()), "use another --state folder")
}

/// Opens the log in a folder; creates both, and a key, if there is none yet.
pub async fn open(path: &Path) -> Result<StateFolder, Problem> {
    create(path)?;
    let log_folder = log_in(path);
    let fresh = !log_folder.exists();
    let log = bus::open(LogConfig::embedded(&log_folder))
        .await
        .map_err(|error| Problem::new(error.code(), chain(&error), error.remedy()))?;
    let key_file = key_in(path);
    let key = match (key_file.exists(), fresh) {
        (true, _) => read_key(&key_file)?,
        (false, true) => {
            new_key(&key_file).map_err(|error| problem(path, "no key could be written in", &error))?
        }
        (false, false) => {
            return Err(Problem::new(
                "STATE-KEY",
                format!("{} holds a log and no key: what is sealed in it cannot be read", path.display()),
                "put the key file back from its backup, or start with an empty --state folder",
            ));
        }
    };
    Ok(StateFolder { path: path.to_owned(), log, key })
}

/// Reads a key file: the key in force, then the previous ones.
pub fn read_key(file: &Path) -> Result<InstallKey, Problem> {
    read_key_file(file).map(|(key, _)| key)
}

/// Reads the text of a key file, which has to be one.
pub fn read_key_text(file: &Path) -> Result<String, Problem> {
    read_key_file(file).map(|(_, text)| text)
}

fn read_key_file(file: &Path) -> Result<(InstallKey, String), Problem> {
    let remedy =
        "64 hexadecimal digits are expected in each line of the file: the key in force, then previous ones";
    let text = std::fs::read_to_string(file)
        .map_err(|error| Problem::new("STATE-KEY", format!("{}: {error}", file.display()), remedy))?;
    let key = InstallKey::from_lines(&text)
        .map_err(|error| Problem::new("STATE-KEY", format!("{}: {error}", file.display()), remedy))?;
    Ok((key, text))
}

fn new_key(file: &Path) -> std::io::Result<InstallKey> {
    let key = InstallKey::from_bytes(rand::random());
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(key.to_hex().as_bytes())?;
    out.write_all(b"\n")?;
    out.sync_all()?;
    Ok(key)
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
