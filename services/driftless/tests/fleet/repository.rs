//! A repository of a fleet.

use std::{fs, path::PathBuf, process::Command};

/// A repository with one branch, `main`.
pub struct Repository(pub PathBuf);

impl Repository {
    pub fn new(folder: PathBuf) -> Self {
        fs::create_dir(&folder).unwrap();
        let repository = Self(folder);
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// Writes files in place of all others, and commits.
    pub fn commit(&self, files: &[(String, String)]) {
        let _ = fs::remove_dir_all(self.0.join("apps"));
        for (path, text) in files {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.0).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        command.args(["-c", "commit.gpgsign=false", "-c", "gc.auto=0"]).args(arguments);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(command.status().unwrap().success(), "{arguments:?}");
    }
}
