//! How API servers are reached: as kubeconfigs say, or all in memory, for simulations.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures::{TryStreamExt, future::BoxFuture, stream::BoxStream};
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use model::definition::Kubeconfig;
use tower::{BoxError, service_fn};

use crate::{
    ClusterClient, ClusterError, ConnectOptions,
    connect::{self, Opened},
    dice::Dice,
    lanes::Lanes,
    transport::Way,
};

/// An answer, whose body comes in pieces.
pub type Answer = Response<BoxStream<'static, io::Result<Bytes>>>;

/// API servers in memory.
pub trait Network: Send + Sync + 'static {
    /// Carries a request to the server that a kubeconfig names. An error is a connection that broke: whether the
    /// request was carried out is not known.
    fn send(&self, to: &Kubeconfig, request: Request<Bytes>) -> BoxFuture<'static, io::Result<Answer>>;

    /// A number for whatever a new client leaves to chance.
    fn seed(&self) -> u64;
}

/// How API servers are reached.
#[derive(Clone, Default)]
pub enum Dialer {
    /// As kubeconfigs say.
    #[default]
    Configured,
    /// In memory.
    Memory(Arc<dyn Network>),
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Configured => "Configured",
            Self::Memory(_) => "Memory",
        })
    }
}

impl Dialer {
    /// A client of the API server that a kubeconfig names; see [`ClusterClient::connect`].
    ///
    /// # Errors
    /// Kubeconfig, Credentials, Tls: permanent.
    pub async fn connect(
        &self,
        kubeconfig: &Kubeconfig,
        options: ConnectOptions,
    ) -> Result<ClusterClient, ClusterError> {
        ClusterClient::by(self, kubeconfig, options).await
    }

    pub(crate) async fn open(&self, kubeconfig: &Kubeconfig) -> Result<Opened, ClusterError> {
        match self {
            Self::Configured => connect::open(kubeconfig).await,
            Self::Memory(network) => {
                let (network, to) = (Arc::clone(network), kubeconfig.clone());
                let calls = client(&network, &to);
                let watches = Lanes::new(Box::new(move || Ok(client(&network, &to))));
                Ok(Opened { way: Way { calls, watches }, read: None, address: "memory".to_owned() })
            }
        }
    }

    pub(crate) fn dice(&self) -> Dice {
        match self {
            Self::Configured => Dice::unforeseen(),
            Self::Memory(network) => Dice::seeded(network.seed()),
        }
    }
}

fn client(network: &Arc<dyn Network>, to: &Kubeconfig) -> kube::Client {
    let (network, to) = (Arc::clone(network), to.clone());
    let service = service_fn(move |request: Request<Body>| {
        let (network, to) = (Arc::clone(&network), to.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(BoxError::from)?.to_bytes();
            let answer = network.send(&to, Request::from_parts(head, body)).await?;
            Ok::<_, BoxError>(answer.map(|pieces| StreamBody::new(pieces.map_ok(Frame::data))))
        }
    });
    kube::Client::new(service, "default")
}
