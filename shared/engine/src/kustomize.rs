//! Kustomizations, through `kustomize build`.

use std::path::Path;

use crate::{
    EngineError, RenderedFile,
    detect::inside,
    engine::Job,
    process::{Run, Runner},
    programs,
    words::{self, Names},
};

/// The tool's name.
pub(crate) const PROGRAM: &str = "kustomize";

/// Builds the kustomization in the job's folder. Files are loaded only below their kustomization's own folder,
/// which is the tool's own default; bases may lie anywhere in the repository.
pub(crate) async fn render(job: &Job<'_>, runner: &Runner) -> Result<Vec<RenderedFile>, EngineError> {
    let program = programs::required(PROGRAM, job.programs.kustomize.as_ref())?;
    let mut arguments = vec!["build".into(), "--enable-helm".into()];
    if let Some(helm) = &job.programs.helm {
        arguments.extend(["--helm-command".into(), helm.into()]);
    }
    let folder = job.files.join(job.request.path);
    arguments.push(folder.clone().into());
    let run = Run { name: PROGRAM, program, arguments, folder: &folder, home: &job.home, environment: &[] };
    let ended = runner.run(run).await?;
    if !ended.success {
        let names = Names { artifact: job.request.artifact, root: &job.files, prefixes: prefixes(job) };
        return Err(words::failure(PROGRAM, &ended, &names));
    }
    let name = inside(job.request.path, "kustomization.yaml");
    Ok(vec![RenderedFile { name, bytes: ended.output }])
}

/// Kustomize names files relative to the kustomization; what is not found so is taken as it stands.
fn prefixes(job: &Job<'_>) -> Vec<(String, String)> {
    let folder = Path::new(job.request.path);
    let names = job.request.artifact.files().keys();
    names
        .filter_map(|path| {
            let short = Path::new(path).strip_prefix(folder).ok()?.to_str()?;
            Some((short.to_owned(), path.clone()))
        })
        .collect()
}
