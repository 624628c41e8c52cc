//! Fetches over ssh, from a real server on loopback.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use model::definition::{Git, GitAuth};
use source::Program;

use testkit::git_server::closed_port;

use crate::repository::{Scene, definition, head};

/// A server that lets one key in.
struct Sshd {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sshd {
    fn start(scene: &Scene) -> Self {
        // A blank in the path, because ssh splits its options there.
        let folder = scene.folder.path().join("ssh files");
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
        Self { process, port, folder }
    }

    fn definition(&self, scene: &Scene, key: &str, known: &str) -> Git {
        let user = git_user();
        let url = format!("ssh://{user}@127.0.0.1:{}{}", self.port, scene.bare().display());
        let auth =
            GitAuth::Ssh { key_file: self.folder.join(key), known_hosts_file: Some(self.folder.join(known)) };
        Git { auth, ..definition(&url) }
    }
}

fn key(file: &Path) {
    let mut command = Command::new("ssh-keygen");
    let made = command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status();
    assert!(made.expect("ssh-keygen is installed; tests/run installs openssh-client").success());
}

fn git_user() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn only_the_right_key_and_a_known_host() {
    let scene = Scene::new();
    let sshd = Sshd::start(&scene);
    let mirror = scene.mirror_of(sshd.definition(&scene, "client", "known")).unwrap();
    assert_eq!(mirror.fetch().unwrap().program, Program::Gix);
    assert_eq!(head(&mirror), scene.push());
    assert!(!mirror.fetch().unwrap().changed);
    drop(mirror);

    let mirror = scene.mirror_of(sshd.definition(&scene, "stranger", "known")).unwrap();
    let error = mirror.fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-AUTH", "{error}");
    drop(mirror);

    // An unknown host is refused, and not noted down.
    fs::write(sshd.folder.join("nobody"), "").unwrap();
    let mirror = scene.mirror_of(sshd.definition(&scene, "client", "nobody")).unwrap();
    let error = mirror.fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-HOST-KEY", "{error}");
    assert!(error.to_string().contains(&format!("[127.0.0.1]:{}", sshd.port)), "{error}");
    assert_eq!(fs::read_to_string(sshd.folder.join("nobody")).unwrap(), "");
    drop(mirror);

    // A host with another key than is known is no unknown one: adding its key would be the wrong remedy.
    let stranger = fs::read_to_string(sshd.folder.join("stranger.pub")).unwrap();
    fs::write(sshd.folder.join("nobody"), format!("[127.0.0.1]:{} {stranger}", sshd.port)).unwrap();
    let mirror = scene.mirror_of(sshd.definition(&scene, "client", "nobody")).unwrap();
    let error = mirror.fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-FETCH", "{error}");
}

#[test]
fn a_dead_ssh_host_is_unreachable() {
    let scene = Scene::new();
    key(&scene.folder.path().join("key"));
    let auth = GitAuth::Ssh { key_file: scene.folder.path().join("key"), known_hosts_file: None };
    let url = format!("ssh://git@127.0.0.1:{}/shop.git", closed_port());
    let error = scene.mirror_of(Git { auth, ..definition(&url) }).unwrap().fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-UNREACHABLE", "{error}");
}
