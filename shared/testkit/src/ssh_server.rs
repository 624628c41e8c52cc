//! A real ssh server on loopback that lets one key in.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::git_server::closed_port;

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct SshServer {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    process: Child,
    folder: PathBuf,
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl SshServer {
    /// Starts one that keeps its files below a folder: the keys `client`, which it lets in, and `stranger`, and
    /// `known`, which names it.
    ///
    /// # Panics
    /// If there is no ssh server.
    pub fn start(folder: &Path) -> Self {
        // A blank in the path, because ssh splits its options there.
        let folder = folder.join("ssh files");
        fs::create_dir(&folder).unwrap();
        for name in ["host", "client", "stranger"] {
            key(&folder.join(name));
        }
        let port = closed_port();
        let public = fs::read_to_string(folder.join("host.pub")).unwrap();
        fs::write(folder.join("known"), format!("[127.0.0.1]:{port} {public}")).unwrap();
        fs::copy(folder.join("client.pub"), folder.join("allowed")).unwrap();
        let quoted = |name: &str| format!("\"{}\"", folder.join(name).display());
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n",
            quoted("host"),
            quoted("allowed"),
        );
        fs::write(folder.join("config"), settings).unwrap();
        // Where the server wants an empty folder when it runs as root.
        let _ = fs::create_dir_all("/run/sshd");
        let mut process = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(folder.join("config"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("sshd is installed; tests/run installs openssh-server");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("Server listening")), "sshd did not start");
        // Read on, or the server would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { port, process, folder }
    }

    /// The address of a repository on disk.
    pub fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", user(), self.port, repository.display())
    }

    /// One of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Makes a key without a password.
///
/// # Panics
/// If ssh-keygen is missing.
pub fn key(file: &Path) {
    let mut command = Command::new("ssh-keygen");
    let made = command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status();
    assert!(made.expect("ssh-keygen is installed; tests/run installs openssh-client").success());
}

fn user() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}
