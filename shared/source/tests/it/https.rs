//! HTTPS with an authority of one's own.

use std::{io::Write as _, net::TcpListener, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use testkit::git_server::{Behaviour, Request, Server, answer};

use crate::repository::{Scene, definition, head};

/// Serves the scene's repositories over TLS; returns the address and the authority's PEM file.
fn serve(scene: &Scene) -> (String, PathBuf) {
    let mut authority = CertificateParams::new(vec!["an authority".to_owned()]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let file = scene.folder.path().join("authority.pem");
    std::fs::write(&file, authority.pem()).unwrap();

    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let behaviour = Behaviour::Smart { root: scene.folder.path().to_owned(), authorization: None };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            if let Some(request) = Request::read(&mut stream) {
                answer(&behaviour, &request, &mut stream);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (format!("https://localhost:{port}/shop.git"), file)
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
