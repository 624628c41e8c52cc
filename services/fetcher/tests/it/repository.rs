//! A Git repository on disk, written with the git program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A repository with one branch, `main`.
pub struct Repository {
    folder: TempDir,
    path: PathBuf,
}

impl Repository {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("repository");
        fs::create_dir(&path).unwrap();
        let repository = Self { folder, path };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the repository away, as a host does that is gone.
    pub fn hide(&self) {
        fs::rename(&self.path, self.folder.path().join("hidden")).unwrap();
    }

    pub fn show(&self) {
        fs::rename(self.folder.path().join("hidden"), &self.path).unwrap();
    }

    pub fn url(&self) -> String {
        self.path().display().to_string()
    }

    /// Writes files, commits everything and returns the commit's id.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let path = self.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.path()).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        command.args(["-c", "commit.gpgsign=false", "-c", "gc.auto=0"]).args(arguments);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
