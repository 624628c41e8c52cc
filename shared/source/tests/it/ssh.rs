//! Fetches over ssh, from a real server on loopback.

use std::fs;

use model::definition::{Git, GitAuth};
use source::Program;

use testkit::{SshServer, git_server::closed_port, ssh_server::key};

use crate::repository::{Scene, definition, head};

fn over(sshd: &SshServer, scene: &Scene, key: &str, known: &str) -> Git {
    let auth = GitAuth::Ssh { key_file: sshd.file(key), known_hosts_file: Some(sshd.file(known)) };
    Git { auth, ..definition(&sshd.url(&scene.bare())) }
}

#[test]
fn only_the_right_key_and_a_known_host() {
    let scene = Scene::new();
    let sshd = SshServer::start(scene.folder.path());
    let mirror = scene.mirror_of(over(&sshd, &scene, "client", "known")).unwrap();
    assert_eq!(mirror.fetch().unwrap().program, Program::Gix);
    assert_eq!(head(&mirror), scene.push());
    assert!(!mirror.fetch().unwrap().changed);
    drop(mirror);

    let mirror = scene.mirror_of(over(&sshd, &scene, "stranger", "known")).unwrap();
    let error = mirror.fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-AUTH", "{error}");
    drop(mirror);

    // An unknown host is refused, and not noted down.
    fs::write(sshd.file("nobody"), "").unwrap();
    let mirror = scene.mirror_of(over(&sshd, &scene, "client", "nobody")).unwrap();
    let error = mirror.fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-HOST-KEY", "{error}");
    assert!(error.to_string().contains(&format!("[127.0.0.1]:{}", sshd.port)), "{error}");
    assert_eq!(fs::read_to_string(sshd.file("nobody")).unwrap(), "");
    drop(mirror);

    // A host with another key than is known is no unknown one: adding its key would be the wrong remedy.
    let stranger = fs::read_to_string(sshd.file("stranger.pub")).unwrap();
    fs::write(sshd.file("nobody"), format!("[127.0.0.1]:{} {stranger}", sshd.port)).unwrap();
    let mirror = scene.mirror_of(over(&sshd, &scene, "client", "nobody")).unwrap();
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
