//! The engine: from an artifact to rendered files.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use manifest::Artifact;
use model::definition::{Helm, Plain, Rendering};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{
    EngineError, Isolation, Kind, Place, Randomness,
    detect::{below, detect},
    helm, kustomize, plain,
    process::{Run, Runner},
    programs::{self, Programs},
    randomness::randomness,
    scratch::{self, Scratch},
};

/// Version of the in-process part; raised when the same files would give other manifests.
const PLAIN_VERSION: &str = "plain 1";

/// Time between two renders that must not see the same second.
const CLOCK_STEP: Duration = Duration::from_millis(1100);

/// Bounds of one run of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall time. Default 60 s: the slowest charts of the field take 0.2 s.
    pub time: Duration,
    /// Writable memory, in bytes. Default 1 GiB: helm holds a 1 MB chart in under 100 MB.
    pub memory: u64,
    /// Output, and any single file written, in bytes. Default 64 MiB: ten times the largest chart's.
    pub output: u64,
}

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder with `kustomize` and `helm`; else `DRIFTLESS_TOOLS_BIN`, else `PATH`.
    pub tools: Option<PathBuf>,
    /// A folder for temporary files. Repositories are written there, secrets included: best on a memory disk.
    pub scratch: PathBuf,
    /// Bounds of each run.
    pub limits: Limits,
}

/// What to render.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The files; all that the path depends on.
    pub artifact: &'a Artifact,
    /// The application's folder, relative and clean; empty: the root.
    pub path: &'a str,
    /// How.
    pub rendering: &'a Rendering,
    /// Helm's release name where the rendering gives none.
    pub release_name: &'a str,
    /// Helm's release namespace.
    pub namespace: &'a str,
}

/// One file of manifests.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// The file or template it came from, for messages; `.json` is JSON, anything else YAML.
    pub name: String,
    /// Its content, which may hold secrets.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for RenderedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RenderedFile({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// Renders artifacts. Any number of renders may run at once; how many is the caller's choice.
#[derive(Debug)]
pub struct Engine {
    programs: Programs,
    runner: Runner,
    scratch: Scratch,
    kustomize_version: OnceCell<String>,
    helm_version: OnceCell<String>,
}

/// One render under way: where its files stand.
pub(crate) struct Job<'a> {
    pub request: Request<'a>,
    pub programs: &'a Programs,
    pub files: PathBuf,
    pub home: PathBuf,
    _folder: TempDir,
}

/// How a request is rendered, with its options.
enum Way<'a> {
    Plain(&'a Plain),
    Kustomize,
    Helm(&'a Helm),
}

static PLAIN: Plain = Plain { include: Vec::new(), exclude: Vec::new() };
static HELM: Helm = Helm {
    release_name: None,
    values_files: Vec::new(),
    values: String::new(),
    values_overlays: Vec::new(),
    pin_non_deterministic: false,
};

impl<'a> Way<'a> {
    fn of(request: &Request<'a>) -> Self {
        match request.rendering {
            Rendering::Plain(options) => Self::Plain(options),
            Rendering::Kustomize => Self::Kustomize,
            Rendering::Helm(options) => Self::Helm(options),
            Rendering::Detect => match detect(request.artifact, request.path) {
                Kind::Plain => Self::Plain(&PLAIN),
                Kind::Kustomize => Self::Kustomize,
                Kind::Helm => Self::Helm(&HELM),
            },
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Plain(_) => Kind::Plain,
            Self::Kustomize => Kind::Kustomize,
            Self::Helm(_) => Kind::Helm,
        }
    }

    fn is_pinned(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Kustomize => false,
            Self::Helm(options) => options.pin_non_deterministic,
        }
    }
}

impl Request<'_> {
    /// How this request is rendered, detection done.
    pub fn kind(&self) -> Kind {
        Way::of(self).kind()
    }
}

impl Engine {
    /// Sets an engine up: finds the programs, tries out isolation, sweeps what dead processes left. Programs that
    /// are missing are an error only when they are needed.
    ///
    /// # Errors
    /// Transient: `ENGINE-SCRATCH`.
    pub async fn new(options: Options) -> Result<Self, EngineError> {
        let programs = Programs::locate(options.tools.as_deref());
        Ok(Self {
            runner: Runner::probe(options.limits, programs.unshare.clone()).await,
            scratch: Scratch::create(&options.scratch)?,
            programs,
            kustomize_version: OnceCell::new(),
            helm_version: OnceCell::new(),
        })
    }

    /// How renders are kept off the network here.
    pub fn isolation(&self) -> Isolation {
        self.runner.isolation()
    }

    /// The version of what renders this kind, asked once. It is an input of every render.
    ///
    /// # Errors
    /// Permanent: `ENGINE-MISSING`, `RENDER-FAILED`. Transient: `ENGINE-START`, `RENDER-TIMEOUT`.
    pub async fn version(&self, kind: Kind) -> Result<&str, EngineError> {
        let (cell, name, program, arguments): (_, _, _, &[&str]) = match kind {
            Kind::Plain => return Ok(PLAIN_VERSION),
            Kind::Kustomize => {
                (&self.kustomize_version, kustomize::PROGRAM, &self.programs.kustomize, &["version"])
            }
            Kind::Helm => {
                let arguments = &["version", "--template", "{{.Version}}"];
                (&self.helm_version, helm::PROGRAM, &self.programs.helm, arguments)
            }
        };
        let ask = || async {
            let program = programs::required(name, program.as_ref())?;
            let folder = self.scratch.folder().map_err(scratch_error)?;
            let arguments = arguments.iter().map(Into::into).collect();
            let run = Run {
                name,
                program,
                arguments,
                folder: folder.path(),
                home: folder.path(),
                environment: &[],
            };
            let ended = self.runner.run(run).await?;
            let text = String::from_utf8_lossy(&ended.output).trim().to_owned();
            if !ended.success || text.is_empty() {
                let message = "it does not tell its version".to_owned();
                return Err(EngineError::Failed { program: name, place: None, message });
            }
            Ok(format!("{name} {text}"))
        };
        cell.get_or_try_init(ask).await.map(String::as_str)
    }

    /// Renders. Templates that could answer differently each time are rendered twice, unless that is accepted.
    ///
    /// # Errors
    /// Permanent: `RENDER-…` (the files must change), `ENGINE-MISSING`. Transient: `ENGINE-START`,
    /// `ENGINE-SCRATCH`, `RENDER-TIMEOUT`.
    pub async fn render(&self, request: Request<'_>) -> Result<Vec<RenderedFile>, EngineError> {
        if below(request.artifact, request.path).next().is_none() {
            return Err(EngineError::Path { path: request.path.to_owned() });
        }
        let way = Way::of(&request);
        if let Way::Plain(options) = way {
            return plain::render(request.artifact, request.path, options);
        }
        let job = self.job(request, way.kind()).await?;
        let start = Instant::now();
        let first = self.once(&job, &way).await?;
        let pause = match randomness(request.artifact) {
            _ if way.is_pinned() => return Ok(first),
            Randomness::None => return Ok(first),
            Randomness::Random => Duration::ZERO,
            Randomness::Clock => CLOCK_STEP.saturating_sub(start.elapsed()),
        };
        tokio::time::sleep(pause).await;
        let second = self.once(&job, &way).await?;
        match difference(&first, &second) {
            None => Ok(first),
            Some(place) => Err(EngineError::Random { place }),
        }
    }

    async fn once(&self, job: &Job<'_>, way: &Way<'_>) -> Result<Vec<RenderedFile>, EngineError> {
        match way {
            Way::Plain(options) => plain::render(job.request.artifact, job.request.path, options),
            Way::Kustomize => kustomize::render(job, &self.runner).await,
            Way::Helm(options) => helm::render(job, options, &self.runner).await,
        }
    }

    /// Writes the files to a new folder, off the asynchronous threads.
    async fn job<'a>(&'a self, request: Request<'a>, kind: Kind) -> Result<Job<'a>, EngineError> {
        let artifact = match kind {
            Kind::Helm => helm::with_dependencies(request.artifact, request.path)?,
            Kind::Plain | Kind::Kustomize => request.artifact.clone(),
        };
        let folder = self.scratch.folder().map_err(scratch_error)?;
        let (files, home) = (folder.path().join("files"), folder.path().join("home"));
        let make = {
            let (files, home) = (files.clone(), home.clone());
            move || {
                make_folders(&[&files, &home])?;
                scratch::unpack(&artifact, &files)
            }
        };
        let made = tokio::task::spawn_blocking(make).await;
        made.map_err(|error| scratch_error(std::io::Error::other(error)))??;
        Ok(Job { request, programs: &self.programs, files, home, _folder: folder })
    }
}

fn make_folders(folders: &[&Path]) -> Result<(), EngineError> {
    folders.iter().try_for_each(std::fs::create_dir).map_err(scratch_error)
}

fn scratch_error(source: std::io::Error) -> EngineError {
    EngineError::Scratch { act: "make a folder for", source }
}

/// The first line in which two renders differ.
fn difference(first: &[RenderedFile], second: &[RenderedFile]) -> Option<Place> {
    for (index, file) in first.iter().enumerate() {
        let other = second.get(index).filter(|other| other.name == file.name);
        if other == Some(file) {
            continue;
        }
        let lines =
            |file: &RenderedFile| file.bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = (lines(file), other.map(lines).unwrap_or_default());
        let line = ours.iter().zip(&theirs).position(|(a, b)| a != b).unwrap_or(ours.len().min(theirs.len()));
        return Some(Place { file: file.name.clone(), line: u32::try_from(line + 1).ok() });
    }
    second.get(first.len()).map(|file| Place { file: file.name.clone(), line: Some(1) })
}

#[cfg(test)]
mod tests {
    use manifest::{File, FileMode};

    use super::*;

    async fn without_programs(scratch: &Path) -> Engine {
        let options = Options { tools: None, scratch: scratch.to_owned(), limits: Limits::default() };
        let programs = Programs { kustomize: None, helm: None, unshare: None };
        Engine { programs, ..Engine::new(options).await.unwrap() }
    }

    #[tokio::test]
    async fn a_missing_program_is_an_error_only_where_it_is_needed() {
        let scratch = tempfile::tempdir().unwrap();
        let engine = without_programs(scratch.path()).await;
        let file = File { mode: FileMode::Regular, bytes: b"kind: X".to_vec() };
        for (name, expected) in [
            ("app/a.yaml", None),
            ("app/kustomization.yaml", Some("kustomize")),
            ("app/Chart.yaml", Some("helm")),
        ] {
            let artifact = Artifact::from_files([(name.to_owned(), file.clone())]).unwrap();
            let (rendering, path) = (&Rendering::Detect, "app");
            let request = Request { artifact: &artifact, path, rendering, release_name: "a", namespace: "b" };
            let missing = match engine.render(request).await {
                Ok(_) => None,
                Err(EngineError::Missing { program, .. }) => Some(program),
                Err(error) => panic!("{name}: {error}"),
            };
            assert_eq!(missing, expected, "{name}");
            assert_eq!(engine.version(request.kind()).await.is_ok(), expected.is_none(), "{name}");
        }
    }
}
