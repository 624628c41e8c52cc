//! A repository of Helm charts on loopback, filled by the real helm.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    git_server::{Behaviour, Server},
    tool,
};

/// A repository of charts. Its files lie in a folder, where tests may spoil them.
#[derive(Debug)]
pub struct ChartRepository {
    /// Counts what is asked.
    pub server: Server,
    folder: PathBuf,
}

impl ChartRepository {
    /// Serves an empty repository from a new folder within `parent`; to everybody, or for this `Authorization`.
    ///
    /// # Panics
    /// If it cannot.
    pub fn start(parent: &Path, authorization: Option<&str>) -> Self {
        let folder = parent.join("chart-repository");
        fs::create_dir(&folder).unwrap();
        let authorization = authorization.map(str::to_owned);
        let server = Server::start(Behaviour::Dumb { root: folder.clone(), authorization });
        let repository = Self { server, folder };
        repository.index();
        repository
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Where its files lie: `index.yaml` and the archives.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Packs a chart with one template and offers it.
    ///
    /// # Panics
    /// If helm refuses.
    pub fn publish(&self, name: &str, version: &str, template: &str) {
        let chart = self.folder.with_file_name(format!("{name}-{version}"));
        fs::create_dir_all(chart.join("templates")).unwrap();
        let about = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
        fs::write(chart.join("Chart.yaml"), about).unwrap();
        fs::write(chart.join("templates/all.yaml"), template).unwrap();
        let (chart, folder) = (chart.display().to_string(), self.folder.display().to_string());
        self.helm(&["package", &chart, "--destination", &folder]);
        self.index();
    }

    /// Locks a chart as its author does, and leaves only the lock.
    ///
    /// # Panics
    /// If helm refuses.
    pub fn lock(&self, chart: &Path) {
        self.helm(&["dependency", "update", &chart.display().to_string()]);
        fs::remove_dir_all(chart.join("charts")).unwrap();
    }

    /// Takes all that it has away.
    ///
    /// # Panics
    /// If it cannot.
    pub fn hide(&self) {
        fs::rename(&self.folder, self.folder.with_extension("hidden")).unwrap();
    }

    /// Puts it back.
    ///
    /// # Panics
    /// If it cannot.
    pub fn show(&self) {
        fs::rename(self.folder.with_extension("hidden"), &self.folder).unwrap();
    }

    fn index(&self) {
        self.helm(&["repo", "index", &self.folder.display().to_string()]);
    }

    fn helm(&self, arguments: &[&str]) {
        let home = self.folder.with_file_name("helm-home");
        let mut command = Command::new(tool("helm"));
        command.args(arguments).env_clear().env("HOME", &home);
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}
