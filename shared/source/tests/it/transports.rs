//! Every transport, and what each says when it fails.

use std::{
    io::Read as _,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use base64::Engine as _;
use model::definition::{Git, GitAuth, Reference, SecretRef};
use source::{Credentials, Mirror, Program, Secret, SourceError};

use testkit::git_server::{Behaviour, Server, closed_port, is_open};

use crate::repository::{Scene, definition, git, head};

fn smart(scene: &Scene, authorization: Option<String>) -> Server {
    Server::start(Behaviour::Smart { root: scene.folder.path().to_owned(), authorization })
}

fn dumb(scene: &Scene, authorization: Option<String>) -> Server {
    Server::start(Behaviour::Dumb { root: scene.folder.path().to_owned(), authorization })
}

fn basic_header(pair: &str) -> Option<String> {
    Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

fn with_auth(url: &str, auth: GitAuth) -> Git {
    Git { auth, ..definition(url) }
}

fn basic() -> GitAuth {
    GitAuth::Basic { username: "ada".into(), password: SecretRef::Env("PASSWORD".into()) }
}

fn open(scene: &Scene, git: Git, secret: &'static str) -> Mirror {
    let credentials = Credentials::from_fn(move |_| Ok(Secret::new(secret)));
    Mirror::open_or_create(&scene.mirror_folder(), &git, credentials).unwrap()
}

fn fetch_error(scene: &Scene, url: &str) -> SourceError {
    scene.mirror_of(definition(url)).unwrap().fetch().unwrap_err()
}

#[test]
fn file_addresses() {
    let scene = Scene::new();
    let mirror = scene.mirror_of(definition(&format!("file://{}", scene.bare().display()))).unwrap();
    mirror.fetch().unwrap();
    assert_eq!(head(&mirror), scene.push());
}

#[test]
fn a_missing_local_repository_is_not_found() {
    let scene = Scene::new();
    let missing = scene.folder.path().join("nope.git");
    let error = fetch_error(&scene, missing.to_str().unwrap());
    assert_eq!(error.code(), "GIT-NOT-FOUND", "{error}");
}

#[test]
fn http_fetches_and_asks_twice_when_nothing_is_new() {
    let scene = Scene::new();
    let server = smart(&scene, None);
    let mirror = scene.mirror_of(definition(&server.url())).unwrap();
    assert_eq!(mirror.fetch().unwrap().program, Program::Gix);
    let before = server.requests();
    assert!(!mirror.fetch().unwrap().changed);
    assert_eq!(server.requests() - before, 2);
    let second = scene.commit(&[("a.yaml", "two")]);
    assert!(mirror.fetch().unwrap().changed);
    assert_eq!(head(&mirror), second);
}

#[test]
fn http_with_basic_and_bearer_credentials() {
    let scene = Scene::new();
    let server = smart(&scene, basic_header("ada:right"));
    let mirror = open(&scene, with_auth(&server.url(), basic()), "right");
    mirror.fetch().unwrap();
    assert!(server.authorizations().iter().all(Option::is_some));
    drop(mirror);

    let server = smart(&scene, Some("Bearer right".into()));
    let bearer = GitAuth::Bearer { token: SecretRef::Env("TOKEN".into()) };
    let mirror = open(&scene, with_auth(&server.url(), bearer), "right");
    mirror.fetch().unwrap();
    assert_eq!(head(&mirror), scene.push());
}

#[test]
fn wrong_credentials_are_an_error_of_their_own_and_never_shown() {
    let scene = Scene::new();
    let server = smart(&scene, basic_header("ada:right"));
    let bearer = GitAuth::Bearer { token: SecretRef::Env("TOKEN".into()) };
    for auth in [GitAuth::None, basic(), bearer] {
        let mirror = open(&scene, with_auth(&server.url(), auth), "hunter2");
        let error = mirror.fetch().unwrap_err();
        assert_eq!(error.code(), "GIT-AUTH", "{error}");
        let shown = format!("{error} {error:?} {:?}", mirror.address());
        let encoded = basic_header("ada:hunter2").unwrap();
        assert!(!shown.contains("hunter2") && !shown.contains(&encoded), "{shown}");
    }
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_server() {
    let scene = Scene::new();
    let other = smart(&scene, None);
    let server = Server::start(Behaviour::Redirect { to: format!("http://{}", other.address) });
    let mirror = open(&scene, with_auth(&server.url(), basic()), "hunter2");
    mirror.fetch().unwrap();
    assert!(server.authorizations().iter().all(Option::is_some));
    assert!(other.requests() > 0);
    assert!(other.authorizations().iter().all(Option::is_none), "{:?}", other.authorizations());
    drop(mirror);

    let bearer = GitAuth::Bearer { token: SecretRef::Env("TOKEN".into()) };
    let mirror = open(&scene, with_auth(&server.url(), bearer), "hunter2");
    assert!(mirror.fetch().is_err());
    assert!(other.authorizations().iter().all(Option::is_none));
}

#[test]
fn a_proxy_is_used_and_its_credentials_are_not_shown() {
    let scene = Scene::new();
    let proxy = smart(&scene, None);
    let mut git = definition("http://git.example.invalid/shop.git");
    git.proxy = Some(format!("http://user:hunter2@{}", proxy.address));
    let mirror = scene.mirror_of(git.clone()).unwrap();
    mirror.fetch().unwrap();
    assert_eq!(head(&mirror), scene.push());
    drop(mirror);
    git.proxy = Some(format!("http://user:hunter2@127.0.0.1:{}", closed_port()));
    let error = scene.mirror_of(git).unwrap().fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-UNREACHABLE", "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn http_answers_have_their_codes() {
    let scene = Scene::new();
    for (status, code) in [
        (401, "GIT-AUTH"),
        (403, "GIT-AUTH"),
        (404, "GIT-NOT-FOUND"),
        (407, "GIT-PROXY-AUTH"),
        (503, "GIT-UNREACHABLE"),
    ] {
        let server = Server::start(Behaviour::Status(status));
        let error = fetch_error(&scene, &server.url());
        assert_eq!(error.code(), code, "{status}: {error}");
    }
}

#[test]
fn dead_hosts_are_unreachable() {
    let scene = Scene::new();
    let port = closed_port();
    for url in [
        format!("http://127.0.0.1:{port}/shop.git"),
        format!("https://127.0.0.1:{port}/shop.git"),
        format!("git://127.0.0.1:{port}/shop.git"),
        "http://does-not-exist.invalid/shop.git".to_owned(),
        "git://does-not-exist.invalid/shop.git".to_owned(),
    ] {
        let error = fetch_error(&scene, &url);
        assert_eq!(error.code(), "GIT-UNREACHABLE", "{url}: {error}");
        assert!(error.to_string().contains(&url), "{error}");
    }
}

#[test]
fn what_gix_cannot_read_the_git_program_can() {
    let scene = Scene::new();
    git(&scene.bare(), &["update-server-info"]);
    let server = dumb(&scene, None);
    let mirror = scene.mirror_of(definition(&server.url())).unwrap();
    let fetched = mirror.fetch().unwrap();
    assert_eq!((fetched.changed, fetched.program), (true, Program::Git));
    assert_eq!(head(&mirror), scene.push());
    let second = scene.commit(&[("a.yaml", "two")]);
    scene.work(&["push", "-q", "origin", ":refs/heads/side", "HEAD:refs/heads/other"]);
    git(&scene.bare(), &["update-server-info"]);
    assert!(mirror.fetch().unwrap().changed);
    assert_eq!(head(&mirror), second);
    assert!(mirror.resolve(&Reference::Branch("other".into())).is_ok());
    git(&scene.bare(), &["branch", "-D", "other"]);
    git(&scene.bare(), &["update-server-info"]);
    assert!(mirror.fetch().unwrap().changed);
    assert!(mirror.resolve(&Reference::Branch("other".into())).is_err());
    assert!(!mirror.fetch().unwrap().changed);
}

#[test]
fn the_git_program_logs_in_as_gix_does() {
    let scene = Scene::new();
    git(&scene.bare(), &["update-server-info"]);
    let bearer = GitAuth::Bearer { token: SecretRef::Env("TOKEN".into()) };
    for (auth, header) in [(basic(), basic_header("ada:right")), (bearer, Some("Bearer right".into()))] {
        let server = dumb(&scene, header);
        let mirror = open(&scene, with_auth(&server.url(), auth.clone()), "right");
        assert_eq!(mirror.fetch().unwrap().program, Program::Git);
        assert_eq!(head(&mirror), scene.push());
        drop(mirror);
        let mirror = open(&scene, with_auth(&server.url(), auth), "hunter2");
        let error = mirror.fetch().unwrap_err();
        assert_eq!(error.code(), "GIT-AUTH", "{error}");
    }
}

#[test]
fn the_git_program_uses_the_proxy_and_takes_no_credentials_elsewhere() {
    let scene = Scene::new();
    git(&scene.bare(), &["update-server-info"]);
    let proxy = dumb(&scene, None);
    let mut definition = definition("http://git.example.invalid/shop.git");
    definition.proxy = Some(format!("http://user:hunter2@{}", proxy.address));
    let mirror = scene.mirror_of(definition).unwrap();
    assert_eq!(mirror.fetch().unwrap().program, Program::Git);
    drop(mirror);

    let other = dumb(&scene, None);
    let server = Server::start(Behaviour::Redirect { to: format!("http://{}", other.address) });
    for auth in [basic(), GitAuth::Bearer { token: SecretRef::Env("TOKEN".into()) }] {
        let mirror = open(&scene, with_auth(&server.url(), auth), "hunter2");
        let _ = mirror.fetch();
        assert!(other.authorizations().iter().all(Option::is_none), "{:?}", other.authorizations());
    }
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn git_daemon() {
    let scene = Scene::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // Not through `git`, which would leave the daemon behind when it is killed.
    let programs = git(scene.folder.path(), &["--exec-path"]);
    let mut child = Command::new(format!("{programs}/git-daemon"))
        .args(["--export-all", "--verbose", "--reuseaddr", "--listen=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(format!("--base-path={}", scene.folder.path().display()))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    child.stderr.as_mut().unwrap().read_exact(&mut first).unwrap();
    let _daemon = Daemon(child);
    assert!(is_open(([127, 0, 0, 1], port).into()));
    let mirror = scene.mirror_of(definition(&format!("git://127.0.0.1:{port}/shop.git"))).unwrap();
    assert_eq!(mirror.fetch().unwrap().program, Program::Gix);
    assert_eq!(head(&mirror), scene.push());
    assert!(!mirror.fetch().unwrap().changed);
    drop(mirror);
    let error = fetch_error(&scene, &format!("git://127.0.0.1:{port}/nope.git"));
    assert_eq!(error.code(), "GIT-FETCH", "{error}");
}
