//! The way to one API server, and its renewal: credentials that the server no longer accepts are read anew.
//!
//! Tokens expire, certificates of exec plugins expire, kubeconfigs are rewritten with new ones. A request that was
//! answered 401 was not carried out, so it can be sent again with what is read then.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use http::HeaderValue;
use model::definition::Kubeconfig;
use tokio::{sync::Mutex, time::Instant};

use crate::{ClusterError, Reach};

/// Time between two attempts to read credentials: an exec plugin may ask a cloud, and those that are refused
/// for good must not be asked for with every request.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

/// Connections under one set of credentials.
pub(crate) struct Way {
    pub(crate) calls: kube::Client,
    pub(crate) watches: kube::Client,
}

/// An authenticated way to one API server.
pub(crate) struct Transport {
    /// Scheme, host and port, for errors.
    pub(crate) address: String,
    pub(crate) user_agent: HeaderValue,
    renewal: Arc<Renewal>,
}

struct Renewal {
    reach: Reach,
    kubeconfig: Kubeconfig,
    way: RwLock<Arc<Way>>,
    /// When credentials were read last; held while they are.
    read_at: Mutex<Option<Instant>>,
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
        reach: &Reach,
        kubeconfig: &Kubeconfig,
        user_agent: &str,
    ) -> Result<Self, ClusterError> {
        let opened = reach.open(kubeconfig).await?;
        let user_agent = HeaderValue::from_str(user_agent).unwrap_or(HeaderValue::from_static("driftless"));
        let renewal = Renewal {
            reach: reach.clone(),
            kubeconfig: kubeconfig.clone(),
            way: RwLock::new(Arc::new(opened.way)),
            read_at: Mutex::new(None),
        };
        Ok(Self { address: opened.address, user_agent, renewal: Arc::new(renewal) })
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

impl Renewal {
    async fn renew(&self, refused: &Arc<Way>, address: &str) -> Renewed {
        let mut read_at = self.read_at.lock().await;
        let current = Arc::clone(&self.way.read().unwrap_or_else(PoisonError::into_inner));
        if !Arc::ptr_eq(&current, refused) {
            return Renewed::Yes;
        }
        if read_at.is_some_and(|at| at.elapsed() < RENEWAL_PAUSE) {
            return Renewed::No;
        }
        let opened = self.reach.open(&self.kubeconfig).await;
        *read_at = Some(Instant::now());
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
