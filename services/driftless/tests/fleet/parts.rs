//! Processes, and a repository.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use testkit::{eventually, tool};

/// A process that ends with the test; its output is in a file of the scene's folder.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command, output: &Path) -> Self {
        let output = fs::File::options().create(true).append(true).open(output).unwrap();
        Self(command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap())
    }

    /// `-KILL`, `-STOP`, `-CONT`.
    pub fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(done.unwrap().success(), "kill {signal}");
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A nats-server with the settings of deploy/nats.
pub struct Nats {
    folder: PathBuf,
    pub port: u16,
    process: Option<Process>,
}

impl Nats {
    pub async fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut nats = Self { folder: folder.to_owned(), port, process: None };
        nats.run().await;
        nats
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it, on the same port and data as before.
    pub async fn run(&mut self) {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nats/nats-server.conf");
        let mut command = Command::new(tool("nats-server"));
        command.arg("--config").arg(config).arg("--store_dir").arg(self.folder.join("nats"));
        command.args(["--port", &self.port.to_string(), "--http_port", "-1"]);
        self.process = Some(Process::start(&mut command, &self.folder.join("nats.out")));
        let address = ("127.0.0.1", self.port);
        eventually(Duration::from_secs(20), "nats-server", async || {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
    }

    /// kill -9
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Kills it and destroys its data.
    pub fn wipe(&mut self) {
        self.kill();
        fs::remove_dir_all(self.folder.join("nats")).unwrap();
    }
}

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
