//! Repositories that want to know who asks.

use std::fs;

use testkit::{
    SshServer,
    git_server::{Behaviour, Server},
    tls,
};

use crate::{
    canary::{base64, files_below},
    scene::{Scene, Told},
    shop,
};

const PASSWORD: &str = "canary-77aa-git-password";

/// A repository that is served to `ada` alone.
fn served() -> (Scene, String) {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    let authorization = Some(format!("Basic {}", base64(format!("ada:{PASSWORD}").as_bytes())));
    let server = Server::start(Behaviour::Smart { root: scene.repository.path().to_owned(), authorization });
    let url = format!("http://{}/.git", server.address);
    (scene, url)
}

/// Runs a sync with that password in a variable.
fn sync(scene: &Scene, options: &[&str], password: &str) -> Told {
    let mut run = scene.command("sync", options);
    run.env("REPOSITORY_PASSWORD", password);
    crate::scene::told(run)
}

#[test]
fn a_password_comes_from_a_variable_or_a_file() {
    let (scene, url) = served();
    let options = ["--repo", &url, "--git-username", "ada", "--git-password"];
    let told = sync(&scene, &[&options[..], &["env:REPOSITORY_PASSWORD"]].concat(), PASSWORD);
    assert_eq!(told.exit, 0, "{told}");
    let file = scene.folder().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let told = scene.run("diff", &[&options[..], &[&format!("file:{}", file.display())]].concat());
    assert_eq!((told.exit, told.out.as_str()), (0, "no difference\n"), "{told}");
    fs::remove_file(file).unwrap();
    shown_nowhere(&scene);
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let (scene, url) = served();
    let wrong = "canary-77aa-git-passwort";
    let options =
        ["--repo", &url, "--git-username", "ada", "--git-password", "env:REPOSITORY_PASSWORD", "-vv"];
    let told = sync(&scene, &options, wrong);
    told.failed(1, "GIT-AUTH").naming("127.0.0.1");
    let encoded = base64(format!("ada:{wrong}").as_bytes());
    assert!(!told.err.contains(wrong) && !told.err.contains(&encoded), "{told}");
    let told = scene.run("sync", &["--repo", &url]);
    told.failed(1, "GIT-AUTH");
}

#[test]
fn a_password_that_is_not_there_is_a_mistake_of_configuration() {
    let (scene, url) = served();
    let told = scene.run("sync", &["--repo", &url, "--git-password", "env:NO_SUCH_VARIABLE"]);
    told.failed(2, "GIT-SECRET").naming("NO_SUCH_VARIABLE");
    let usage = scene.run("sync", &["--repo", &url, "--git-password", PASSWORD]);
    assert_eq!(usage.exit, 2, "{usage}");
}

#[test]
fn an_address_with_a_password_is_refused_before_anything_is_written() {
    let (scene, url) = served();
    for address in [
        url.replace("http://", &format!("http://ada:{PASSWORD}@")),
        url.replace("http://", &format!("http://{PASSWORD}@")),
        format!("{url}?token={PASSWORD}"),
    ] {
        let told = scene.run("sync", &["--repo", &address, "-vv"]);
        told.failed(2, "GIT-ADDRESS");
        assert!(!told.err.contains(PASSWORD), "{told}");
    }
    let told =
        scene.run("sync", &["--repo", &url, "--git-proxy", &format!("http://u:{PASSWORD}@127.0.0.1:1")]);
    told.failed(2, "GIT-ADDRESS");
    shown_nowhere(&scene);
}

#[test]
fn a_repository_over_ssh_wants_the_right_key_and_a_known_host() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    let sshd = SshServer::start(scene.folder());
    let url = sshd.url(&scene.repository.path().join(".git"));
    let over = |key: &str, known: &str| {
        let [key, known] = [key, known].map(|name| sshd.file(name).display().to_string());
        scene.run("sync", &["--repo", &url, "--git-ssh-key", &key, "--git-known-hosts", &known])
    };
    fs::write(sshd.file("nobody"), "").unwrap();
    over("client", "nobody").failed(1, "GIT-HOST-KEY");
    over("stranger", "known").failed(1, "GIT-AUTH");
    let told = over("client", "known");
    assert_eq!(told.exit, 0, "{told}");
}

#[test]
fn a_repository_over_https_wants_the_authority_that_is_named() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    let authority = scene.folder().join("authority.pem");
    let behaviour = Behaviour::Smart { root: scene.repository.path().to_owned(), authorization: None };
    let url = format!("{}/.git", tls::serve(behaviour, &authority));
    scene.run("sync", &["--repo", &url]).failed(1, "GIT-TLS");
    let told = scene.run("sync", &["--repo", &url, "--git-ca-file", &authority.display().to_string()]);
    assert_eq!(told.exit, 0, "{told}");
}

#[test]
fn a_proxy_is_gone_through() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    // Asked with the whole address, it serves what the host would.
    let root = scene.repository.path().to_owned();
    let proxy = Server::start(Behaviour::Smart { root, authorization: None });
    let (address, via) = ("http://git.example.invalid/.git", format!("http://{}", proxy.address));
    let told = scene.run("sync", &["--repo", address, "--git-proxy", &via]);
    assert_eq!(told.exit, 0, "{told}");
    assert!(proxy.requests() > 0);
}

#[test]
fn a_proxy_that_wants_a_password_is_told_as_such() {
    let scene = Scene::new();
    let proxy = Server::start(Behaviour::Proxy { authorization: Some("Basic bm9ib2R5".into()) });
    let repo = ["--repo", "https://git.example.invalid/shop.git"];
    let via = format!("http://{}", proxy.address);
    let told = scene.run("sync", &[&repo[..], &["--git-proxy", &via]].concat());
    told.failed(1, "GIT-PROXY-AUTH").naming(&via).naming("HTTPS_PROXY");
    let mut run = scene.command("sync", &repo);
    run.env("HTTPS_PROXY", format!("http://ada:{PASSWORD}@{}", proxy.address)).env_remove("NO_PROXY");
    let told = crate::scene::told(run);
    told.failed(1, "GIT-PROXY-AUTH").naming(&via);
    assert!(!told.err.contains(PASSWORD), "{told}");
    shown_nowhere(&scene);
}

/// In no file of the run: not in the state, not in what is temporary.
fn shown_nowhere(scene: &Scene) {
    let mut files = vec![];
    files_below(scene.folder(), &mut files);
    let encoded = base64(format!("ada:{PASSWORD}").as_bytes());
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for form in [PASSWORD.as_bytes(), encoded.as_bytes()] {
            assert!(!bytes.windows(form.len()).any(|at| at == form), "{}", file.display());
        }
    }
}
