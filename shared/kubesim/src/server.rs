//! Many clusters on loopback: one listener, a path per cluster (`http://127.0.0.1:PORT/clusters/NAME`).
//!
//! Plain HTTP, and whoever reaches the port may do everything.

mod answer;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use jiff::Timestamp;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    api::{self, Cluster, Controllers},
    fault::{Effect, Fault, Faults, refusal},
    refusal::Refusal,
};
use answer::{Body, answer};

/// The simulator could not be started.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address}: {source}")]
pub struct StartError {
    address: SocketAddr,
    source: io::Error,
}

/// Clusters that are served on loopback. They end when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    clusters: Arc<Clusters>,
    listening: JoinHandle<()>,
}

type Clusters = RwLock<BTreeMap<String, Arc<Served>>>;

/// One cluster that is served.
#[derive(Debug)]
pub(crate) struct Served {
    cluster: Mutex<Cluster>,
    faults: Mutex<Faults>,
    /// Counts writes: watches wake by it.
    written: watch::Sender<u64>,
    token: String,
}

impl Simulator {
    /// Starts to listen on a free port of loopback; there are no clusters yet.
    ///
    /// # Errors
    /// No port can be had: permanent.
    pub async fn start() -> Result<Self, StartError> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let fail = |source| StartError { address, source };
        let listener = TcpListener::bind(address).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let clusters = Arc::new(Clusters::default());
        let listening = tokio::spawn(listen(listener, Arc::clone(&clusters)));
        Ok(Self { address, clusters, listening })
    }

    /// Adds an empty cluster, or makes it anew if there is one of that name. Equal names give equal uids.
    pub fn add(&self, name: &str, controllers: Controllers) {
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |seed, byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let served = Served {
            cluster: Mutex::new(Cluster::new(seed, Timestamp::now()).with_controllers(controllers)),
            faults: Mutex::default(),
            written: watch::Sender::default(),
            token: format!("{seed:016x}"),
        };
        self.write().insert(name.to_owned(), Arc::new(served));
    }

    /// Takes a cluster away: whoever asks it gets no answer that an API server would give.
    pub fn remove(&self, name: &str) {
        self.write().remove(name);
    }

    /// The kubeconfig of a cluster, with a context of its name.
    pub fn kubeconfig(&self, name: &str) -> String {
        let token = self.served(name).map(|served| served.token.clone()).unwrap_or_default();
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: {name}\n  cluster:\n    server: {}\nusers:\n- name: {name}\n  \
             user:\n    token: \"{token}\"\ncontexts:\n- name: {name}\n  context:\n    cluster: {name}\n    user: {name}\n\
             current-context: {name}\n",
            self.url(name)
        )
    }

    /// Where a cluster is.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/clusters/{name}", self.address)
    }

    /// Sets a fault on a cluster; those that are set already go first.
    pub fn fault(&self, name: &str, fault: Fault) {
        if let Some(served) = self.served(name) {
            lock(&served.faults).set(fault);
        }
    }

    /// Takes all faults of a cluster away. What hangs goes on hanging.
    pub fn clear_faults(&self, name: &str) {
        if let Some(served) = self.served(name) {
            lock(&served.faults).clear();
        }
    }

    /// Looks into a cluster, or acts on it without a request: watches see what it does. `None` if there is none of that
    /// name.
    pub fn with<T>(&self, name: &str, act: impl FnOnce(&mut Cluster) -> T) -> Option<T> {
        let served = self.served(name)?;
        let result = act(&mut lock(&served.cluster));
        served.tell();
        Some(result)
    }

    fn served(&self, name: &str) -> Option<Arc<Served>> {
        find(&self.clusters, name)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<Served>>> {
        self.clusters.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Served {
    fn tell(&self) {
        let version = lock(&self.cluster).version();
        self.written.send_if_modified(|seen| std::mem::replace(seen, version) != version);
    }
}

/// A panic in the middle of a request leaves data that can still be read.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(clusters: &Clusters, name: &str) -> Option<Arc<Served>> {
    clusters.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

/// Until it is aborted, which ends all connections.
async fn listen(listener: TcpListener, clusters: Arc<Clusters>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that breaks while it is accepted is the client's.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        while connections.try_join_next().is_some() {}
        let clusters = Arc::clone(&clusters);
        connections.spawn(async move {
            let service = service_fn(move |request| serve(Arc::clone(&clusters), request));
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http1().timer(TokioTimer::new());
            server.http2().timer(TokioTimer::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn serve(clusters: Arc<Clusters>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Ok(answer::plain(StatusCode::BAD_REQUEST)) };
    let mut request = Request::from_parts(parts, body.to_bytes());
    let Some(served) = named(&mut request).and_then(|name| find(&clusters, &name)) else {
        return Ok(answer::plain(StatusCode::BAD_GATEWAY));
    };
    // kubectl sends no token over plain HTTP: none is accepted, another one is not.
    let wanted = format!("Bearer {}", served.token);
    if request.headers().get(header::AUTHORIZATION).is_some_and(|given| given.as_bytes() != wanted.as_bytes())
    {
        return Ok(api::refused(&Refusal::unauthorized()).map(answer::full));
    }
    Ok(struck(served, request).await)
}

/// Answers a request, with the fault that hits it.
async fn struck(served: Arc<Served>, request: Request<Bytes>) -> Response<Body> {
    let effect = lock(&served.faults).strike(&request);
    match effect {
        None => answer(served, &request, None),
        Some(Effect::Refuse { code, retry_after }) => refusal(code, retry_after).map(answer::full),
        Some(Effect::Delay(time)) => {
            pause(time).await;
            answer(served, &request, None)
        }
        Some(Effect::Hang) => std::future::pending().await,
        Some(Effect::LoseAnswer) => {
            let _ = answer(served, &request, None);
            std::future::pending().await
        }
        Some(effect @ (Effect::DropWatch(_) | Effect::MuteWatch(_))) => {
            answer(served, &request, Some(effect))
        }
    }
}

async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Takes the cluster's name off the path.
fn named(request: &mut Request<Bytes>) -> Option<String> {
    let path = request.uri().path_and_query()?.as_str();
    let rest = path.strip_prefix("/clusters/")?;
    let (name, rest) = rest.find(['/', '?']).map_or((rest, "/"), |at| rest.split_at(at));
    let (name, rest) = (name.to_owned(), rest.to_owned());
    *request.uri_mut() = rest.parse::<Uri>().ok()?;
    Some(name)
}
