//! The way to one API server, and its renewal: credentials that the server no longer accepts are read anew.
//!
//! Tokens expire, certificates of exec plugins expire, kubeconfigs are rewritten with new ones. A request that was
//! answered 401 was not carried out, so it can be sent again with what is read then.

use std::{
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use http::HeaderValue;
use model::{
    Digest,
    definition::{Kubeconfig, SecretKey},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::{ClusterError, Dialer, home, lanes::Lanes};

/// Time between two attempts to read credentials: an exec plugin may ask a cloud, and those that are refused
/// for good must not be asked for with every request.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

/// Time between two looks at a Secret that holds a kubeconfig, in seconds: from, to. Old credentials mostly live on for
/// hours after new ones are there. Spread, so that many clusters do not all look at once.
const REREAD_SECONDS: std::ops::Range<u64> = 25..35;

/// Connections under one set of credentials.
pub(crate) struct Way {
    pub(crate) calls: kube::Client,
    pub(crate) watches: Lanes,
}

/// An authenticated way to one API server.
pub(crate) struct Transport {
    /// Scheme, host and port, for errors.
    pub(crate) address: String,
    pub(crate) user_agent: HeaderValue,
    renewal: Arc<Renewal>,
}

struct Renewal {
    dialer: Dialer,
    kubeconfig: Kubeconfig,
    way: RwLock<Arc<Way>>,
    /// When and what credentials were read last; held while they are.
    read: Mutex<Read>,
}

struct Read {
    /// `None`: at the beginning.
    at: Option<Instant>,
    /// Digest of what a Secret held.
    secret: Option<Digest>,
}

/// Whether there are other credentials than those that were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// There are.
    Yes,
    /// There are none, for now.
    No,
}

impl Transport {
    /// Reads the kubeconfig and the credentials that it names, and prepares connections.
    pub(crate) async fn open(
        dialer: &Dialer,
        kubeconfig: &Kubeconfig,
        user_agent: &str,
    ) -> Result<Self, ClusterError> {
        let opened = dialer.open(kubeconfig).await?;
        let user_agent = HeaderValue::from_str(user_agent).unwrap_or(HeaderValue::from_static("driftless"));
        let renewal = Renewal {
            dialer: dialer.clone(),
            kubeconfig: kubeconfig.clone(),
            way: RwLock::new(Arc::new(opened.way)),
            read: Mutex::new(Read { at: None, secret: opened.read }),
        };
        let renewal = Arc::new(renewal);
        if let Some(secret) = &kubeconfig.secret {
            follow(secret.clone(), opened.address.clone(), Arc::downgrade(&renewal));
        }
        Ok(Self { address: opened.address, user_agent, renewal })
    }

    /// The connections in use.
    pub(crate) fn way(&self) -> Arc<Way> {
        Arc::clone(&self.renewal.way.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the credentials anew after the server has refused those of `refused`, unless somebody just did.
    pub(crate) async fn renew(&self, refused: &Arc<Way>) -> Renewed {
        let (renewal, refused, address) =
            (Arc::clone(&self.renewal), Arc::clone(refused), self.address.clone());
        // A task of its own: a plugin may take longer than the request that wants its answer.
        let renewing = tokio::spawn(async move { renewal.renew(&refused, &address).await });
        renewing.await.unwrap_or(Renewed::No)
    }
}

/// Looks at a Secret for as long as anybody uses what it held.
fn follow(secret: SecretKey, address: String, renewal: Weak<Renewal>) {
    tokio::spawn(async move {
        loop {
            sleep(Duration::from_secs(rand::random_range(REREAD_SECONDS))).await;
            let Some(renewal) = renewal.upgrade() else { return };
            renewal.look(&secret, &address).await;
        }
    });
}

impl Renewal {
    async fn renew(&self, refused: &Arc<Way>, address: &str) -> Renewed {
        let mut read = self.read.lock().await;
        let current = Arc::clone(&self.way.read().unwrap_or_else(PoisonError::into_inner));
        if !Arc::ptr_eq(&current, refused) {
            return Renewed::Yes;
        }
        if read.at.is_some_and(|at| at.elapsed() < RENEWAL_PAUSE) {
            return Renewed::No;
        }
        self.read_anew(&mut read, address).await
    }

    /// Reads a Secret again, and its credentials if it holds others than before.
    async fn look(&self, secret: &SecretKey, address: &str) {
        let mut read = self.read.lock().await;
        match home::read(secret).await {
            Ok(text) if read.secret == Some(Digest::of(text.as_bytes())) => {}
            Ok(_) => {
                tracing::info!(address, "the Secret of the kubeconfig holds others now");
                self.read_anew(&mut read, address).await;
            }
            Err(error) => tracing::warn!(address, %error, "the Secret of the kubeconfig could not be read"),
        }
    }

    async fn read_anew(&self, read: &mut Read, address: &str) -> Renewed {
        let opened = self.dialer.open(&self.kubeconfig).await;
        read.at = Some(Instant::now());
        match opened {
            // What is known of one cluster must never be taken for another's.
            Ok(opened) if opened.address != address => {
                tracing::warn!(
                    address,
                    now = opened.address,
                    "the kubeconfig names another server: not followed"
                );
                Renewed::No
            }
            Ok(opened) => {
                read.secret = opened.read;
                *self.way.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(opened.way);
                Renewed::Yes
            }
            Err(error) => {
                tracing::warn!(address, %error, "the credentials could not be read anew");
                Renewed::No
            }
        }
    }
}
