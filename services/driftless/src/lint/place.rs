//! Files of definitions as an engine takes them: from a folder on disk, or from a commit.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use engine::{Engine, EngineError, RenderedFile};
use manifest::{Artifact, File, FileMode};
use model::{
    definition::{Git, Rendering},
    name::FLEET,
};
use source::{Credentials, Mirror, SourceError};

use crate::{exit::Exit, problem::Problem, role::engine_options, state_folder::chain};

/// Files as an engine takes them.
pub struct Place {
    pub artifact: Artifact,
    /// Where the files stand on disk; nowhere, if they were fetched.
    pub root: PathBuf,
    /// The folder of definitions in them.
    pub path: String,
}

impl Place {
    /// The folder, or the whole repository around it if the folder may name things outside itself.
    pub fn of(folder: &Path) -> Result<Self, Problem> {
        let artifact = read(folder)?;
        let place = Self { artifact, root: folder.to_owned(), path: String::new() };
        if place.kind() == engine::Kind::Plain {
            return Ok(place);
        }
        let whole = fs::canonicalize(folder).map_err(|error| unreadable(folder, &error))?;
        let Some(root) = whole.ancestors().find(|folder| folder.join(".git").exists()) else {
            return Ok(place);
        };
        let path = whole.strip_prefix(root).unwrap_or(Path::new("")).display().to_string();
        Ok(Self { artifact: read(root)?, root: root.to_owned(), path })
    }

    /// What the fetcher would read of a repository: the folder, and what it names outside itself.
    pub async fn fetched(git: Git, path: String, mirror: PathBuf) -> Result<Self, Problem> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let folder = parts.join("/");
        let read = tokio::task::spawn_blocking(move || {
            let mirror = Mirror::open_or_create(&mirror, &git, Credentials::default())?;
            mirror.fetch()?;
            let resolved = mirror.resolve(&git.reference)?;
            if let Some(signers) = &git.verify {
                mirror.verify(&resolved, &git.reference, signers)?;
            }
            let snapshot = mirror.at(&resolved.commit)?;
            let roots = snapshot.closure(&path, &[])?.roots;
            snapshot.read(&roots.iter().map(String::as_str).collect::<Vec<_>>())
        });
        let read = read.await.map_err(|error| {
            Problem::new("BUG", format!("the fetch died: {error}"), "report it as a bug").ending(Exit::Failed)
        })?;
        let contents = read.map_err(|error: SourceError| {
            let problem = Problem::new(error.code(), chain(&error), error.remedy());
            if error.code() == "GIT-ADDRESS" { problem } else { problem.ending(Exit::Failed) }
        })?;
        Ok(Self { artifact: contents.artifact, root: PathBuf::new(), path: folder })
    }

    /// Which engine they are for.
    pub fn kind(&self) -> engine::Kind {
        engine::detect(&self.artifact, &self.path)
    }

    /// What the renderer would make of it.
    pub async fn render(&self, scratch: &Path) -> Result<Vec<RenderedFile>, Problem> {
        if self.artifact.files().is_empty() {
            return Ok(Vec::new());
        }
        let rendering = Rendering::Detect;
        let request = engine::Request {
            artifact: &self.artifact,
            path: &self.path,
            rendering: &rendering,
            release_name: FLEET,
            namespace: "default",
        };
        let rendered = match Engine::new(engine_options(scratch)).await {
            Ok(engine) => engine.render(request).await,
            Err(error) => Err(error),
        };
        rendered.map_err(|error| refused(&error))
    }
}

/// The files are at fault, unless a program is not there.
fn refused(error: &EngineError) -> Problem {
    let problem = Problem::new(error.code(), error.to_string(), error.remedy());
    match error.code() {
        "ENGINE-MISSING" => problem,
        _ => problem.ending(Exit::Failed),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new("USAGE", format!("{}: {error}", path.display()), "name a folder of definitions")
}

/// All files of a folder, but for what belongs to Git.
fn read(folder: &Path) -> Result<Artifact, Problem> {
    let mut artifact = Artifact::default();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        let path = folder.join(&inner);
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        for entry in entries.map_err(|error| unreadable(&path, &error))? {
            let (name, path) = (inner.join(entry.file_name()), entry.path());
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            if kind.is_dir() {
                if entry.file_name() != ".git" {
                    folders.push(name);
                }
                continue;
            }
            let file = read_file(&path, kind).map_err(|error| unreadable(&path, &error))?;
            let inserted = file.map(|file| artifact.insert(name.display().to_string(), file));
            if let Some(Err(error)) = inserted {
                let message = format!("{}: {error}", folder.display());
                return Err(Problem::new("USAGE", message, "name a folder of definitions, and nothing else"));
            }
        }
    }
    Ok(artifact)
}

/// `None`: what Git would not hold, such as a socket.
fn read_file(path: &Path, kind: fs::FileType) -> io::Result<Option<File>> {
    if kind.is_symlink() {
        let bytes = fs::read_link(path)?.into_os_string().into_encoded_bytes();
        return Ok(Some(File { mode: FileMode::Symlink, bytes }));
    }
    if !kind.is_file() {
        return Ok(None);
    }
    let executable = fs::metadata(path)?.permissions().mode() & 0o100 != 0;
    let mode = if executable { FileMode::Executable } else { FileMode::Regular };
    Ok(Some(File { mode, bytes: fs::read(path)? }))
}
