//! HTTPS with an authority of one's own.

use std::path::PathBuf;

use testkit::{
    git_server::{Behaviour, Server},
    tls,
};

use crate::repository::{Scene, definition, head};

/// Serves the scene's repositories over TLS; returns the address and the authority's PEM file.
fn serve(scene: &Scene) -> (String, PathBuf) {
    let behaviour = Behaviour::Smart { root: scene.folder.path().to_owned(), authorization: None };
    let file = scene.folder.path().join("authority.pem");
    (format!("{}/shop.git", tls::serve(behaviour, &file)), file)
}

#[test]
fn only_the_named_authority_is_trusted() {
    let scene = Scene::new();
    let (url, authority) = serve(&scene);
    let error = scene.mirror_of(definition(&url)).unwrap().fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-TLS", "{error}");

    let mut git = definition(&url);
    git.ca_file = Some(authority);
    let mirror = scene.mirror_of(git.clone()).unwrap();
    mirror.fetch().unwrap();
    assert_eq!(head(&mirror), scene.push());
    drop(mirror);

    for (name, text) in [("missing.pem", None), ("empty.pem", Some("nothing"))] {
        let file = scene.folder.path().join(name);
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        git.ca_file = Some(file);
        let error = scene.mirror_of(git.clone()).unwrap().fetch().unwrap_err();
        assert_eq!(error.code(), "GIT-TLS", "{name}: {error}");
    }
}

#[test]
fn a_proxy_is_asked_to_connect_and_tells_who_may() {
    let scene = Scene::new();
    let (url, authority) = serve(&scene);
    // u:p
    let proxy = Server::start(Behaviour::Proxy { authorization: Some("Basic dTpw".into()) });
    let mut git = definition(&url);
    git.ca_file = Some(authority);
    git.proxy = Some(format!("http://u:p@{}", proxy.address));
    let mirror = scene.mirror_of(git.clone()).unwrap();
    mirror.fetch().unwrap();
    assert_eq!(head(&mirror), scene.push());
    assert!(proxy.requests() > 0);
    drop(mirror);

    for login in ["u:hunter2@", ""] {
        git.proxy = Some(format!("http://{login}{}", proxy.address));
        let error = scene.mirror_of(git.clone()).unwrap().fetch().unwrap_err();
        assert_eq!(error.code(), "GIT-PROXY-AUTH", "{error}");
        assert!(error.to_string().contains(&format!("http://{} refused", proxy.address)), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    // A host that is not there is no fault of the credentials.
    git.proxy = Some(format!("http://u:p@{}", proxy.address));
    git.url = "https://localhost:1/shop.git".into();
    let error = scene.mirror_of(git).unwrap().fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-UNREACHABLE", "{error}");
}
