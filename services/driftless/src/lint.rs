//! `lint` and `schema`: the definitions of a fleet on the disk of whoever writes them.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use engine::{Engine, EngineError, RenderedFile};
use fleet::{Files, Kind, Problem as Finding, Severity};
use manifest::{Artifact, File, FileMode, parse_file};
use model::{definition::Rendering, name::FLEET};
use serde_json::{Value, json};

use crate::{
    cli::{KindName, LintOptions, Output},
    exit::Exit,
    problem::{DOCUMENT_VERSION, Problem},
    role::engine_options,
    terminal,
};

/// `driftless schema`.
pub fn schema(kind: KindName) -> Exit {
    let kind = match kind {
        KindName::Source => Kind::Source,
        KindName::Cluster => Kind::Cluster,
        KindName::Application => Kind::Application,
    };
    terminal::line(&format!("{:#}", fleet::schema(kind)));
    Exit::Success
}

/// `driftless lint`.
pub async fn lint(options: LintOptions) -> Result<Exit, Problem> {
    let output = options.output;
    let found = check(&options.folder).await.inspect_err(|problem| {
        if let (Output::Json, Some(document)) = (output, problem.document()) {
            terminal::line(&document.to_string());
        }
    })?;
    match output {
        Output::Text => found.iter().for_each(tell),
        Output::Json => {
            let problems: Vec<Value> = found.iter().map(document).collect();
            terminal::line(&json!({"version": DOCUMENT_VERSION, "problems": problems}).to_string());
        }
    }
    let failed = found.iter().any(|finding| finding.severity == Severity::Error);
    Ok(if failed { Exit::Failed } else { Exit::Success })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// As compilers do, so that editors find the place.
fn tell(finding: &Finding) {
    let (place, severity) = (finding.place(), word(finding.severity));
    terminal::line(&format!("{place}{severity}[{}]: {}", finding.code, finding.message));
    terminal::line(&format!("  help: {}", finding.remedy));
}

fn document(finding: &Finding) -> Value {
    let number = |number: u32| (number > 0).then_some(number);
    json!({
        "severity": word(finding.severity), "code": finding.code, "file": finding.file,
        "line": number(finding.line), "column": number(finding.column),
        "message": finding.message, "remedy": finding.remedy,
    })
}

/// Everything that is wrong in a folder, rendered as the fleet repository will be.
async fn check(folder: &Path) -> Result<Vec<Finding>, Problem> {
    let place = Place::of(folder)?;
    let rendered = place.render().await?;
    let mut found = Vec::new();
    let mut documents = Vec::new();
    for file in &rendered {
        match parse_file(&file.name, &file.bytes) {
            Ok(read) => documents.extend(read),
            Err(error) => found.push(Finding::from(error)),
        }
    }
    let files: Files<'_> =
        place.artifact.files().iter().map(|(path, file)| (path.as_str(), file.bytes.as_slice())).collect();
    if place.kind() != engine::Kind::Plain {
        // What a program wrote stands in no file; where its input stands can be found out.
        documents.iter_mut().for_each(|document| document.file.clear());
    }
    fleet::find(&mut documents, &files);
    // A file that cannot be read may hold what others name.
    if found.is_empty() {
        found = fleet::read(&documents).problems;
    }
    fleet::point(&mut found, &files);
    for finding in found.iter_mut().filter(|finding| !finding.file.is_empty()) {
        finding.file = place.root.join(&finding.file).display().to_string();
    }
    Ok(found)
}

/// Files as an engine takes them.
struct Place {
    artifact: Artifact,
    /// Where the files stand on disk.
    root: PathBuf,
    /// The folder of definitions in them.
    path: String,
}

impl Place {
    /// The folder, or the whole repository around it if the folder may name things outside itself.
    fn of(folder: &Path) -> Result<Self, Problem> {
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

    fn kind(&self) -> engine::Kind {
        engine::detect(&self.artifact, &self.path)
    }

    async fn render(&self) -> Result<Vec<RenderedFile>, Problem> {
        if self.artifact.files().is_empty() {
            return Ok(Vec::new());
        }
        // A folder of its own, which nobody else could have made before.
        let scratch = tempfile::Builder::new().prefix("driftless-lint-").tempdir().map_err(|error| {
            Problem::new(
                "ENGINE-SCRATCH",
                format!("no temporary folder: {error}"),
                "check the temporary folder (TMPDIR)",
            )
        })?;
        let rendering = Rendering::Detect;
        let request = engine::Request {
            artifact: &self.artifact,
            path: &self.path,
            rendering: &rendering,
            release_name: FLEET,
            namespace: "default",
        };
        let rendered = match Engine::new(engine_options(scratch.path())).await {
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
