//! An engine with the real tools, and artifacts from text.

use std::{env, path::PathBuf};

use engine::{Engine, EngineError, Limits, Options, RenderedFile, Request};
use manifest::{Artifact, File, FileMode};
use model::definition::Rendering;
use tempfile::TempDir;

pub struct Scene {
    pub engine: Engine,
    pub scratch: TempDir,
}

/// The folder with the real tools, which tests/run fills.
pub fn tools() -> PathBuf {
    let cache = || env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder = env::var_os("DRIFTLESS_TOOLS_BIN").map(PathBuf::from);
    let folder = folder.or_else(|| Some(cache().or_else(home)?.join("driftless/bin"))).unwrap();
    for tool in ["helm", "kustomize"] {
        assert!(folder.join(tool).exists(), "{tool} is not in {}: run tests/run", folder.display());
    }
    folder
}

impl Scene {
    pub async fn new() -> Self {
        Self::with(tools(), Limits::default()).await
    }

    pub async fn with(tools: PathBuf, limits: Limits) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let options = Options { tools: Some(tools), scratch: scratch.path().to_owned(), limits };
        Self { engine: Engine::new(options).await.unwrap(), scratch }
    }

    pub async fn render(
        &self,
        files: &[(&str, &str)],
        path: &str,
        rendering: &Rendering,
    ) -> Result<Vec<RenderedFile>, EngineError> {
        self.render_artifact(&artifact(files), path, rendering).await
    }

    pub async fn render_artifact(
        &self,
        artifact: &Artifact,
        path: &str,
        rendering: &Rendering,
    ) -> Result<Vec<RenderedFile>, EngineError> {
        let request = Request { artifact, path, rendering, release_name: "shop", namespace: "shop-ns" };
        let result = self.engine.render(request).await;
        assert_eq!(self.renders_left(), 0, "a temporary folder was left behind");
        result
    }

    fn renders_left(&self) -> usize {
        let inside = std::fs::read_dir(self.own_folder()).unwrap();
        inside.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    }

    /// The folder of the engine's process.
    pub fn own_folder(&self) -> PathBuf {
        let mut folders = std::fs::read_dir(self.scratch.path()).unwrap().map(|entry| entry.unwrap().path());
        folders.find(|path| path.is_dir()).unwrap()
    }
}

/// Files by path; a content that begins with `->` is a link.
pub fn artifact(files: &[(&str, &str)]) -> Artifact {
    let files = files.iter().map(|(path, text)| {
        let (mode, text) = match text.strip_prefix("->") {
            Some(target) => (FileMode::Symlink, target),
            None => (FileMode::Regular, *text),
        };
        ((*path).to_owned(), File { mode, bytes: text.into() })
    });
    Artifact::from_files(files).unwrap()
}

/// Everything rendered, as text.
pub fn text(files: &[RenderedFile]) -> String {
    files.iter().map(|file| String::from_utf8(file.bytes.clone()).unwrap()).collect()
}
