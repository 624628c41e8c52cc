//! A server that wants to know who comes, over TLS.

use bus::{Credentials, LogConfig, NatsConfig, OpenError};

use crate::{
    only_nats::config,
    samples::*,
    server::{Server, Settings},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_password_and_knows_the_authority_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = testkit::tls::certificate(folder.path());
    let more = format!(
        "tls {{ cert_file: {:?}, key_file: {:?} }}\nauthorization {{ user: driftless, password: open-sesame }}",
        certificate.chain, certificate.key
    );
    let server = Server::start(Settings { more, ..Settings::default() }).await;
    let url = format!("tls://localhost:{}", server.port);
    let password = |password: &str| Credentials::Password {
        user: "driftless".to_owned(),
        password: password.to_owned(),
    };
    let known = NatsConfig {
        credentials: password("open-sesame"),
        authority: Some(certificate.authority.clone()),
        ..config(url.clone())
    };
    let log = bus::open(LogConfig::Nats(known.clone())).await.unwrap();
    append_many(&*log, &source(1), 3).await;

    let wrong = NatsConfig { credentials: password("hunter2"), ..known.clone() };
    let stranger = NatsConfig { authority: None, ..known };
    for refused in [wrong, stranger] {
        let Err(error) = within(bus::open(LogConfig::Nats(refused))).await else { panic!("it got in") };
        assert!(matches!(error, OpenError::Connect { .. }), "{error:?}");
        let told = format!("{error:?} {error}");
        assert!(!told.contains("hunter2") && !told.contains("open-sesame"), "{told}");
    }
}
