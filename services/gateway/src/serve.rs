//! Takes connections, each within bounds: a caller who says nothing, or too much, holds nobody up.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::server::conn::http1::Builder;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{Config, Error, api, hasty::Hasty, run::Gateway};

/// Connections at once: a fleet's worth of people watching.
const CONNECTIONS_MAX: usize = 512;

/// How long a caller may take to send its headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// How long a caller may take nothing of its answer: two keep-alives of a stream, and more than a network stands still.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// An address that is listened on.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens; port 0 takes a free one.
    ///
    /// # Errors
    /// Listen, Open: permanent.
    pub async fn bind(address: SocketAddr, config: &Config) -> Result<Self, Error> {
        if config.token.is_none() && !address.ip().is_loopback() {
            return Err(Error::Open { address });
        }
        let failed = |source| Error::Listen { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves until `stop`; then nobody waits for those who are still there.
pub(crate) async fn serve(listener: Listener, gateway: Arc<Gateway>, stop: CancellationToken) {
    let routes = api::routes(gateway);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, or the caller is gone: the next one may do better, not at once.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (routes, stop) = (TowerToHyperService::new(routes.clone()), stop.clone());
        tokio::spawn(async move {
            let mut server = Builder::new();
            // HTTP/1 only: there the time for headers counts from the first moment on.
            server.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
            let connection = server.serve_connection(TokioIo::new(Hasty::new(stream, TAKEN_WITHIN)), routes);
            // How it ended is the caller's matter.
            let _ = stop.run_until_cancelled(connection).await;
            drop(place);
        });
    }
}
