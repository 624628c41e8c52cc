//! `lint` and `schema`: the definitions of a fleet on the disk of whoever writes them, or in a repository.

mod charts;
mod place;

use fleet::{Files, Kind, Problem as Finding, Severity};
use manifest::{DesiredSet, Document, InstallKey, SetError, SetOptions, parse_file};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    address,
    cli::{KindName, LintOptions, Output},
    exit::Exit,
    problem::{DOCUMENT_VERSION, Problem},
    terminal,
};
use place::Place;

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
    let found = check(&options).await.inspect_err(|problem| {
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

/// Everything that is wrong, as the platform would find it in the fleet repository.
async fn check(options: &LintOptions) -> Result<Vec<Finding>, Problem> {
    // A folder of its own, which nobody else could have made before.
    let scratch = tempfile::Builder::new().prefix("driftless-lint-").tempdir().map_err(|error| {
        let message = format!("no temporary folder: {error}");
        Problem::new("ENGINE-SCRATCH", message, "check the temporary folder (TMPDIR)")
    })?;
    let mut place = place(options, &scratch).await?;
    charts::bring(&mut place, scratch.path()).await?;
    let mut found = Vec::new();
    let mut documents = Vec::new();
    for file in &place.render(scratch.path()).await? {
        match parse_file(&file.name, &file.bytes) {
            Ok(read) => documents.extend(read),
            Err(error) => found.push(Finding::from(error)),
        }
    }
    let unusable = leave_out(&mut documents).err();
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
    // Mostly the same was said already, and better.
    if !found.iter().any(|finding| finding.severity == Severity::Error) {
        found.extend(unusable.map(Finding::from));
    }
    fleet::point(&mut found, &files);
    for finding in found.iter_mut().filter(|finding| !finding.file.is_empty()) {
        finding.file = place.root.join(&finding.file).display().to_string();
    }
    Ok(found)
}

async fn place(options: &LintOptions, scratch: &TempDir) -> Result<Place, Problem> {
    match (&options.repository, &options.folder) {
        (Some(repository), _) => {
            let git = address::git_at(repository, &options.access)?;
            Place::fetched(git, options.path.clone(), scratch.path().join("mirror")).await
        }
        (None, Some(folder)) => Place::of(folder),
        (None, None) => Err(Problem::new(
            "USAGE",
            "no definitions are named",
            "name a folder, or a repository with --fleet",
        )),
    }
}

/// Leaves out what the renderer sets aside, such as hooks of a chart: it is no definition.
fn leave_out(documents: &mut Vec<Document>) -> Result<(), SetError> {
    // Under a key of no one: the values are not looked at.
    let key = InstallKey::from_bytes([0; 32]);
    let options = SetOptions { key: &key, default_namespace: "default" };
    let built = DesiredSet::build(documents.clone(), options)?;
    let aside = |document: &Document| {
        let origins = built.set_aside.iter().filter_map(|note| note.origin.as_ref());
        origins.into_iter().any(|origin| origin.file == document.file && origin.line == document.line)
    };
    documents.retain(|document| !aside(document));
    Ok(())
}
