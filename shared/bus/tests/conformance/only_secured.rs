//! A server that wants to know who comes, over TLS.

use std::time::Duration;

use async_nats::{ConnectOptions, jetstream};
use bus::{Credentials, LogConfig, Member, NatsConfig, OpenError};
use bytes::Bytes;
use model::Timestamp;

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

/// A client as a person may have one, with that user.
async fn client(server: &Server, user: &str) -> jetstream::Context {
    let options = ConnectOptions::with_user_and_password(user.to_owned(), format!("{user}-password"));
    let client = within(options.connect(server.url())).await.unwrap();
    let mut jetstream = jetstream::new(client);
    // A request that is denied is not answered.
    jetstream.set_timeout(Duration::from_secs(2));
    jetstream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_driftless_can_do_its_work_and_not_purge_the_log() {
    let permissions = include_str!("../../../../deploy/nats/permissions.conf");
    let more = format!(
        "DRIFTLESS_NATS_PASSWORD: driftless-password\n\
         DRIFTLESS_NATS_OPERATOR_PASSWORD: operator-password\n{permissions}"
    );
    let server = Server::start(Settings { more, ..Settings::default() }).await;
    let credentials =
        Credentials::Password { user: "driftless".to_owned(), password: "driftless-password".to_owned() };
    let log = bus::open(LogConfig::Nats(NatsConfig { credentials, ..config(server.url()) })).await.unwrap();
    append_many(&*log, &source(1), 3).await;
    // Whatever purges or deletes rightly: a sweep, the floor of a consumer, the mirror with the last of them.
    log.put_blob(Bytes::from_static(b"garbage")).await.unwrap();
    let far = Timestamp::from_millis(i64::MAX);
    assert_eq!(log.sweep_blobs(&Default::default(), far).await.unwrap().blobs, 1);
    let mut feed = log.feed("auditor").await.unwrap();
    let first = within(feed.next()).await.unwrap().sequence();
    feed.ack(first).await.unwrap();
    feed.unregister().await.unwrap();
    let membership = log.join("differ", Member::new("one"), Duration::from_secs(5)).await.unwrap();
    membership.leave().await;

    let own = client(&server, "driftless").await;
    for stream in ["LOG", "BLOBS"] {
        assert!(own.delete_stream(stream).await.is_err(), "{stream}");
    }
    let stream = own.get_stream("LOG").await.unwrap();
    assert!(stream.purge().await.is_err());
    assert_eq!(log.history(&source(1), 10).await.unwrap().len(), 3);

    let operator = client(&server, "operator").await;
    let stream = operator.get_stream("LOG").await.unwrap();
    assert_eq!(stream.purge().await.unwrap().purged, 3);
}
