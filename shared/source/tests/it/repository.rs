//! A repository to fetch from, driven by the git program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use model::{
    Commit,
    definition::{Git, GitAuth, Reference},
};
use source::{Credentials, Mirror, SourceError};
use tempfile::TempDir;

/// A bare repository, a work tree that pushes to it, and room for mirrors.
pub struct Scene {
    pub folder: TempDir,
}

impl Scene {
    /// With an empty bare repository whose default branch is `main`.
    pub fn empty() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        git(scene.folder.path(), &["init", "-q", "--bare", "-b", "main", "shop.git"]);
        git(scene.folder.path(), &["clone", "-q", "shop.git", "work"]);
        scene.work(&["checkout", "-q", "-B", "main"]);
        scene
    }

    /// With one commit that holds `a.yaml`.
    pub fn new() -> Self {
        let scene = Self::empty();
        scene.commit(&[("a.yaml", "one")]);
        scene
    }

    pub fn bare(&self) -> PathBuf {
        self.folder.path().join("shop.git")
    }

    pub fn work_tree(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Runs git in the work tree and returns what it prints.
    pub fn work(&self, arguments: &[&str]) -> String {
        git(&self.work_tree(), arguments)
    }

    /// Writes files, commits and pushes the current branch; returns the commit.
    pub fn commit(&self, files: &[(&str, &str)]) -> Commit {
        for (path, text) in files {
            let path = self.work_tree().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.work(&["add", "-A"]);
        self.work(&["commit", "-q", "--allow-empty", "-m", "a change"]);
        self.push()
    }

    pub fn push(&self) -> Commit {
        self.work(&["push", "-q", "--force", "origin", "HEAD"]);
        self.work(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    /// A tag, pushed.
    pub fn tag(&self, arguments: &[&str], name: &str) {
        self.work(&[&["tag"], arguments, &[name]].concat());
        self.work(&["push", "-q", "origin", name]);
    }

    /// A mirror of the bare repository by its path.
    pub fn mirror(&self) -> Mirror {
        self.mirror_of(definition(self.bare().to_str().unwrap())).unwrap()
    }

    pub fn mirror_of(&self, git: Git) -> Result<Mirror, SourceError> {
        Mirror::open_or_create(&self.mirror_folder(), &git, Credentials::default())
    }

    pub fn mirror_folder(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    pub fn packs(&self) -> usize {
        let packs = fs::read_dir(self.mirror_folder().join("repository/objects/pack")).unwrap();
        packs.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|e| e == "pack")).count()
    }
}

/// A definition without credentials that follows the default branch.
pub fn definition(url: &str) -> Git {
    Git {
        url: url.to_owned(),
        reference: Reference::Default,
        auth: GitAuth::None,
        ca_file: None,
        verify: None,
        proxy: None,
    }
}

/// The commit that the default branch stands for.
pub fn head(mirror: &Mirror) -> Commit {
    mirror.resolve(&Reference::Default).unwrap().commit
}

/// Runs git without the machine's settings; fails with its words.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = git_output(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn git_output(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "protocol.file.allow=always"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "a").env(format!("GIT_{who}_EMAIL"), "a@example.com");
    }
    command.output().expect("git is installed; tests/run installs what is missing")
}
