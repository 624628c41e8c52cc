//! A Git repository on disk, written with the git program.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

/// A repository with one branch, `main`.
pub struct Repository {
    folder: TempDir,
}

impl Repository {
    pub fn new() -> Self {
        let repository = Self { folder: TempDir::new().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
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

    /// Removes files and commits.
    pub fn remove(&self, paths: &[&str]) {
        for path in paths {
            fs::remove_file(self.path().join(path)).unwrap();
        }
        self.commit(&[]);
    }

    /// Every commit, newest first; none in an empty repository.
    pub fn commits(&self) -> Vec<String> {
        let output = self.command(&["rev-list", "--all"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.path()).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        command.args(["-c", "commit.gpgsign=false", "-c", "gc.auto=0"]).args(arguments);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command
    }
}
