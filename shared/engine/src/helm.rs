//! Charts, through `helm template`.

use std::io;

use manifest::{Artifact, File};
use model::definition::Helm;
use serde_json::Value;

use crate::{
    EngineError, RenderedFile,
    detect::{below, inside},
    engine::Job,
    links,
    process::{Run, Runner},
    programs, scratch,
    words::{self, Names},
};

/// The tool's name.
pub(crate) const PROGRAM: &str = "helm";

/// Deepest chain of charts that depend on each other by `file://`.
const CHAIN_MAX: usize = 8;

/// Renders the chart in the job's folder: custom resource definitions and hooks included.
pub(crate) async fn render(
    job: &Job<'_>,
    options: &Helm,
    runner: &Runner,
) -> Result<Vec<RenderedFile>, EngineError> {
    let program = programs::required(PROGRAM, job.programs.helm.as_ref())?;
    let folder = job.files.join(job.request.path);
    let release = options.release_name.as_deref().unwrap_or(job.request.release_name);
    let mut arguments: Vec<std::ffi::OsString> = vec!["template".into(), "--include-crds".into()];
    arguments.extend(["--namespace".into(), job.request.namespace.into()]);
    for (index, bytes) in values(job.request.artifact, job.request.path, options)?.into_iter().enumerate() {
        // Names of our own: Helm splits the argument at commas and loads addresses.
        let file = job.home.join(format!("values-{index}.yaml"));
        let written = scratch::write(&file, &bytes, 0o600);
        written.or_else(exists).map_err(|source| EngineError::Scratch { act: "write", source })?;
        arguments.extend(["--values".into(), file.into()]);
    }
    // After the dashes nothing is an option, whatever the names are.
    arguments.extend(["--".into(), release.into(), folder.clone().into()]);
    let run = Run { name: PROGRAM, program, arguments, folder: &folder, home: &job.home, environment: &[] };
    let ended = runner.run(run).await?;
    if !ended.success {
        let names = Names { artifact: job.request.artifact, root: &job.files, prefixes: prefixes(job) };
        return Err(words::failure(PROGRAM, &ended, &names));
    }
    Ok(split(&ended.output, &inside(job.request.path, "templates")))
}

/// A second render finds the files of the first.
fn exists(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// The values files in order, then the inline values.
fn values(artifact: &Artifact, folder: &str, options: &Helm) -> Result<Vec<Vec<u8>>, EngineError> {
    let mut all = Vec::new();
    for name in &options.values_files {
        let missing = || EngineError::Values { file: name.chars().take(200).collect() };
        if name.starts_with('/') {
            return Err(missing());
        }
        let file = links::file(artifact, &inside(folder, name)).map_err(|_| missing())?;
        all.push(file.ok_or_else(missing)?.bytes.clone());
    }
    let inline = std::iter::once(&options.values).chain(&options.values_overlays);
    all.extend(inline.filter(|values| !values.trim().is_empty()).map(|values| values.clone().into_bytes()));
    Ok(all)
}

/// Helm calls files by the chart's name, whatever its folder is called.
fn prefixes(job: &Job<'_>) -> Vec<(String, String)> {
    let chart = document(job.request.artifact, &inside(job.request.path, "Chart.yaml"));
    let name = chart.as_ref().and_then(|chart| chart.get("name")).and_then(Value::as_str);
    name.map(|name| (format!("{name}/"), inside(job.request.path, ""))).into_iter().collect()
}

/// The first document of a file, links followed; `None` if it cannot be read.
pub(crate) fn document(artifact: &Artifact, path: &str) -> Option<Value> {
    let file = links::file(artifact, path).ok().flatten()?;
    Some(manifest::parse_file(path, &file.bytes).ok()?.into_iter().next()?.value)
}

/// Helm writes `---` and `# Source: <template>` before each document; a line that begins so cannot stand inside
/// a document. Without such lines the whole is one file.
fn split(output: &[u8], fallback: &str) -> Vec<RenderedFile> {
    const MARK: &[u8] = b"# Source: ";
    let mut files: Vec<RenderedFile> = Vec::new();
    let mut lines = output.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let source =
            (line == b"---\n").then(|| lines.peek().and_then(|next| next.strip_prefix(MARK))).flatten();
        if let Some(source) = source {
            let name = String::from_utf8_lossy(source).trim().to_owned();
            match files.last() {
                Some(last) if last.name == name => {}
                Some(_) | None => files.push(RenderedFile { name, bytes: Vec::new() }),
            }
        }
        if files.is_empty() {
            files.push(RenderedFile { name: fallback.to_owned(), bytes: Vec::new() });
        }
        if let Some(file) = files.last_mut() {
            file.bytes.extend_from_slice(line);
        }
    }
    files.retain(|file| !file.bytes.trim_ascii().is_empty());
    files
}

/// The artifact with every `file://` dependency copied to where Helm looks for it, or the error that names a
/// dependency which is not there. Source: Helm, "Chart Dependencies": `charts/<name>` or
/// `charts/<name>-<version>.tgz`.
pub(crate) fn with_dependencies(artifact: &Artifact, chart: &str) -> Result<Artifact, EngineError> {
    let mut complete = artifact.clone();
    vendor(artifact, &mut complete, (chart, chart), CHAIN_MAX)?;
    Ok(complete)
}

/// `from` is the chart's folder in the repository, `to` where its copy stands.
fn vendor(
    artifact: &Artifact,
    complete: &mut Artifact,
    (from, to): (&str, &str),
    left: usize,
) -> Result<(), EngineError> {
    for (name, repository) in dependencies(artifact, from) {
        if is_vendored(complete, to, &name) {
            continue;
        }
        let missing = || EngineError::Dependency { chart: from.to_owned(), dependency: name.clone() };
        let local = repository.strip_prefix("file://").filter(|path| !path.starts_with('/'));
        let source = local.and_then(|path| links::resolve(artifact, &inside(from, path)).ok());
        let source = source.filter(|_| left > 0).ok_or_else(missing)?;
        let copy = format!("{}/{name}", inside(to, "charts"));
        let files: Vec<(String, File)> = below(artifact, &source)
            .map(|(_, path, file)| (format!("{copy}/{path}"), file.clone()))
            .collect();
        if files.is_empty() || is_inside(&copy, &source) {
            return Err(missing());
        }
        for (path, file) in files {
            complete.insert(path, file).map_err(|_| missing())?;
        }
        vendor(artifact, complete, (&source, &copy), left - 1)?;
    }
    Ok(())
}

/// A chart cannot hold itself.
fn is_inside(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.starts_with(&format!("{folder}/"))
}

/// Whether a dependency lies in the chart's folder `charts/`.
pub(crate) fn is_vendored(artifact: &Artifact, chart: &str, name: &str) -> bool {
    let charts = inside(chart, "charts");
    // `redis-ha-1.0.0.tgz` is no `redis`.
    let is_version = |text: &str| text.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    let is_packed = |rest: &str| {
        rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".tgz")).is_some_and(is_version)
    };
    let mut rests = below(artifact, &charts).filter_map(|(_, path, _)| path.strip_prefix(name));
    rests.any(|rest| rest.starts_with('/') || is_packed(rest))
}

fn dependencies(artifact: &Artifact, chart: &str) -> Vec<(String, String)> {
    let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let items = listed(artifact, chart).into_iter();
    items
        .map(|item| (text(&item, "name"), text(&item, "repository")))
        .filter(|(name, _)| !name.is_empty() && !name.contains('/'))
        .collect()
}

/// The dependencies that a chart names, in order.
pub(crate) fn listed(artifact: &Artifact, chart: &str) -> Vec<Value> {
    let lists = ["Chart.yaml", "requirements.yaml"]
        .iter()
        .filter_map(|name| document(artifact, &inside(chart, name))?.get("dependencies").cloned());
    let items = lists.filter_map(|list| match list {
        Value::Array(items) => Some(items),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
    });
    items.flatten().collect()
}

#[cfg(test)]
mod tests {
    use manifest::FileMode;

    use super::*;

    fn artifact(files: &[(&str, &str)]) -> Artifact {
        let file = |text: &str| File { mode: FileMode::Regular, bytes: text.into() };
        Artifact::from_files(files.iter().map(|(path, text)| ((*path).to_owned(), file(text)))).unwrap()
    }

    #[test]
    fn output_is_split_by_its_sources() {
        let text = "---\n# Source: web/crds/a.yaml\nkind: A\n---\n# Source: web/templates/b.yaml\nkind: B\n---\n\
                    # Source: web/templates/b.yaml\nkind: C\n---\nkind: D\n";
        let files = split(text.as_bytes(), "x");
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["web/crds/a.yaml", "web/templates/b.yaml"]);
        assert_eq!(files.iter().map(|file| file.bytes.len()).sum::<usize>(), text.len());
        assert_eq!(split(b"kind: A\n", "x")[0].name, "x");
        assert!(split(b"", "x").is_empty() && split(b"\n", "x").is_empty());
    }

    #[test]
    fn local_dependencies_are_put_where_helm_looks() {
        let tree = artifact(&[
            (
                "web/Chart.yaml",
                "dependencies: [{name: lib, repository: 'file://../lib'}, {name: db}, {name: q}]",
            ),
            ("web/charts/db-1.2.tgz", ""),
            ("web/charts/q/Chart.yaml", ""),
            ("lib/Chart.yaml", "dependencies: [{name: deep, repository: 'file://../deep'}]"),
            ("deep/Chart.yaml", "name: deep"),
        ]);
        let complete = with_dependencies(&tree, "web").unwrap();
        assert!(complete.get("web/charts/lib/Chart.yaml").is_some());
        assert!(complete.get("web/charts/lib/charts/deep/Chart.yaml").is_some());
    }

    #[test]
    fn what_is_not_vendored_is_named() {
        for (dependencies, missing) in [
            ("[{name: redis, repository: 'https://charts.example.com', version: 1.0.0}]", "redis"),
            ("[{name: red, repository: 'https://charts.example.com', version: 1.0.0}]", "red"),
            ("[{name: lib, repository: 'file://../nope'}]", "lib"),
            ("[{name: lib, repository: 'file://../../out'}]", "lib"),
            ("[{name: lib, repository: 'file:///etc'}]", "lib"),
            ("[{name: me, repository: 'file://../web'}]", "me"),
            ("[{name: all, repository: 'file://..'}]", "all"),
        ] {
            let chart = format!("dependencies: {dependencies}");
            let tree = artifact(&[("web/Chart.yaml", &chart), ("web/charts/red-ha-1.0.0.tgz", "")]);
            let error = with_dependencies(&tree, "web").unwrap_err();
            assert_eq!(error.code(), "RENDER-DEPENDENCY");
            assert!(error.to_string().contains(missing), "{error}");
        }
        let tree = artifact(&[
            ("a/Chart.yaml", "dependencies: [{name: b, repository: 'file://../b'}]"),
            ("b/Chart.yaml", "dependencies: [{name: a, repository: 'file://../a'}]"),
        ]);
        assert_eq!(with_dependencies(&tree, "a").unwrap_err().code(), "RENDER-DEPENDENCY");
    }
}
