//! What a story needs: a repository, a cluster with a namespace of its own, and the real command.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;
use testkit::cluster::{self, TestCluster};

use crate::{api::Api, repository::Repository};

/// One application on one cluster, with everything of its own but the cluster.
pub struct Scene {
    pub repository: Repository,
    pub api: Api,
    /// The namespace, and the application's name.
    pub name: String,
    kubeconfig: PathBuf,
    folder: TempDir,
}

/// How a run of the command ended, and what it said.
#[derive(Debug)]
pub struct Told {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Scene {
    /// On the cluster that all stories share. The namespace does not exist yet.
    pub fn new() -> Self {
        Self::on(&cluster::real("driftless"))
    }

    pub fn on(cluster: &TestCluster) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Self {
            repository: Repository::new(),
            api: Api::of(cluster.kubeconfig_file()),
            name: cluster::unique("e2e"),
            kubeconfig: cluster.kubeconfig_file().to_owned(),
            folder,
        }
    }

    /// Where the state is kept; what the command keeps outlives a run here.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The state, the temporary files and the home of every run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `driftless COMMAND` with the scene's repository, cluster, namespace, application and state, then OPTIONS.
    pub fn run(&self, command: &str, options: &[&str]) -> Told {
        told(self.command(command, options))
    }

    /// The same, not started yet. A later option replaces an earlier one.
    pub fn command(&self, command: &str, options: &[&str]) -> Command {
        let given = |name: &str| options.contains(&name);
        let mut run = self.bare();
        run.arg(command);
        let own = [
            ("--repo", self.repository.url()),
            ("--path", "deploy".to_owned()),
            ("--kubeconfig", self.kubeconfig.display().to_string()),
            ("--namespace", self.name.clone()),
            ("--application", self.name.clone()),
            ("--state", self.state().display().to_string()),
            ("--timeout", "60s".to_owned()),
        ];
        for (name, value) in own {
            if !given(name) {
                run.args([name, &value]);
            }
        }
        run.args(options);
        run
    }

    /// The same on a terminal, which turns line ends into CR LF and takes in both streams.
    pub fn on_terminal(&self, command: &str, options: &[&str]) -> Command {
        let run = self.command(command, options);
        let words = std::iter::once(run.get_program()).chain(run.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
        for (name, value) in run.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.env_remove("NO_COLOR").stdin(Stdio::null());
        script
    }

    /// `driftless` with nothing on its command line, in surroundings of its own.
    pub fn bare(&self) -> Command {
        let mut run = Command::new(env!("CARGO_BIN_EXE_driftless"));
        run.env("HOME", self.folder.path().join("home")).env("TMPDIR", self.folder.path().join("tmp"));
        run.env("DRIFTLESS_TOOLS_BIN", testkit::tool("helm").parent().unwrap());
        run.env_remove("KUBECONFIG").env_remove("DRIFTLESS_LOG").env_remove("XDG_STATE_HOME");
        run.stdin(Stdio::null());
        run
    }

    /// A folder with these programs of the machine and no other.
    pub fn programs(&self, names: &[&str]) -> PathBuf {
        let folder = self.folder.path().join("programs");
        std::fs::create_dir_all(&folder).unwrap();
        for name in names {
            let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap();
            let path = String::from_utf8(found.stdout).unwrap();
            std::os::unix::fs::symlink(path.trim(), folder.join(name)).unwrap();
        }
        folder
    }

    /// The administrator's kubeconfig with the rest of the first line with each key replaced.
    pub fn kubeconfig_with(&self, changes: &[(&str, &str)]) -> String {
        let mut text = std::fs::read_to_string(&self.kubeconfig).unwrap();
        for (key, line) in changes {
            let start = text.find(key).unwrap();
            let end = start + text[start..].find('\n').unwrap();
            text.replace_range(start..end, line);
        }
        let file = self.folder.path().join("kubeconfig");
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    /// A sync that has to work.
    pub fn sync(&self, options: &[&str]) -> Told {
        let told = self.run("sync", options);
        assert_eq!(told.exit, 0, "{told}");
        told
    }

    /// What was told, with the names and ids of this run replaced.
    pub fn readable(&self, text: &str) -> String {
        let mut text = text.replace(&self.name, "NAME");
        for commit in self.repository.commits() {
            text = text
                .replace(&commit, "COMMIT")
                .replace(&commit[..12], "COMMIT")
                .replace(&commit[..8], "COMMIT");
        }
        text.replace(&self.repository.url(), "REPOSITORY")
            .replace(&self.folder.path().display().to_string(), "FOLDER")
    }
}

/// Runs a command to its end.
pub fn told(mut command: Command) -> Told {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Told { exit: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}--- stderr\n{}", self.exit, self.out, self.err)
    }
}

impl Told {
    /// Asserts how a run failed: exit code, stable code, and that it says what to do.
    #[track_caller]
    pub fn failed(&self, exit: i32, code: &str) -> &Self {
        assert!(self.err.contains(&format!("error[{code}]: ")), "{code} is not told: {self}");
        assert_eq!(self.exit, exit, "{self}");
        let help = self.err.lines().find_map(|line| line.strip_prefix("  help: "));
        assert!(help.is_some_and(|help| !help.is_empty()), "no remedy is told: {self}");
        self
    }

    /// Asserts that standard error names something.
    #[track_caller]
    pub fn naming(&self, what: &str) -> &Self {
        assert!(self.err.contains(what), "{what:?} is not named: {self}");
        self
    }
}
