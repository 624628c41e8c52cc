//! What a [`Behaviour`] answers, over TLS.

use std::{
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::git_server::{Behaviour, Request, answer};

/// Files (PEM) of a server that is called `localhost`.
pub struct Certificate {
    /// The authority that vouches for it.
    pub authority: PathBuf,
    /// Its certificate.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Makes a certificate in a folder.
///
/// # Panics
/// If it cannot.
pub fn certificate(folder: &Path) -> Certificate {
    let (authority, leaf, key) = issue();
    let file = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    Certificate {
        authority: file("authority.pem", authority),
        chain: file("certificate.pem", leaf.pem()),
        key: file("key.pem", key.serialize_pem()),
    }
}

/// An authority (PEM), a certificate that it issued, and its key.
fn issue() -> (String, rcgen::Certificate, KeyPair) {
    let mut authority = CertificateParams::new(vec!["an authority".to_owned()]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    (authority.pem(), leaf, key)
}

/// Serves on a free port of `localhost`, until the process ends; writes the authority that vouches for it to a
/// file (PEM) and returns the address.
///
/// # Panics
/// If it cannot.
pub fn serve(behaviour: Behaviour, authority_file: &Path) -> String {
    let (authority, leaf, key) = issue();
    std::fs::write(authority_file, authority).unwrap();

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
    format!("https://localhost:{port}")
}
