use std::{fs, path::Path};

use bus::Share;
use model::definition::OWN_NAMESPACE;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    CustodyError,
    perform::namespace::{Before, ensure},
};

/// An API server that has one Lease for whoever wants it, and nothing else.
#[derive(Default)]
struct Server {
    lease: Option<Value>,
    /// Deletions that it does not do.
    failures: usize,
    /// How often the Lease was written anew.
    writes: usize,
}

impl Server {
    /// Answers its address.
    async fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Arc::new(Mutex::new(self));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, server.clone()));
            }
        });
        address
    }

    fn answer(&mut self, request: &str, body: &[u8]) -> (u16, Value) {
        let details = json!({"name": "driftless.platform", "kind": "leases"});
        let missing = json!({"kind": "Status", "code": 404, "reason": "NotFound", "details": details});
        match (request.split(' ').next().unwrap(), request.contains("leases")) {
            ("GET", false) => (200, json!({"items": []})),
            ("GET", true) => self.lease.clone().map_or((404, missing), |lease| (200, lease)),
            ("POST", true) => {
                let mut lease: Value = serde_json::from_slice(body).unwrap();
                (lease["metadata"]["uid"], lease["metadata"]["resourceVersion"]) = ("u".into(), "1".into());
                (201, self.lease.insert(lease).clone())
            }
            ("PUT", true) => {
                self.writes += 1;
                let mut lease: Value = serde_json::from_slice(body).unwrap();
                lease["metadata"]["annotations"]["writes"] = self.writes.to_string().into();
                lease["metadata"]["resourceVersion"] = (self.writes + 1).to_string().into();
                (200, self.lease.insert(lease).clone())
            }
            ("DELETE", true) if self.failures > 0 => {
                self.failures -= 1;
                (500, json!({"kind": "Status", "code": 500}))
            }
            ("DELETE", true) => {
                self.lease = None;
                (200, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
            }
            _ => (404, missing),
        }
    }
}

async fn serve(stream: TcpStream, server: Arc<Mutex<Server>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut request, mut length, mut line) = (String::new(), 0, String::new());
    stream.read_line(&mut request).await?;
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let (code, body) = server.lock().unwrap().answer(&request, &body);
    let body = body.to_string();
    let content = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let head = format!(
        "HTTP/1.1 {code} X\r\nconnection: close\r\ncontent-type: {content}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await
}

fn write_kubeconfig(file: &Path, server: &str) {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "c", "context": {"cluster": "c"}}],
    });
    fs::write(file, config.to_string()).unwrap();
}

/// The clusters of a platform, and one with its kubeconfig in that folder.
async fn clusters(folder: &Path) -> (Clusters, Cluster) {
    let log = bus::open(bus::LogConfig::embedded(folder.join("log"))).await.unwrap();
    let clusters = Clusters::new(&log, &Config::new(InstallKey::from_bytes([7; 32]), "one", Share::Sole));
    let kubeconfig = Kubeconfig { file: Some(folder.join("kubeconfig")), context: None, secret: None };
    let (name, namespace) = ("eu".parse().unwrap(), OWN_NAMESPACE.to_owned());
    (clusters, Cluster { name, labels: Default::default(), kubeconfig, namespace, reach: Default::default() })
}

#[tokio::test]
async fn a_connection_over_which_the_lease_could_not_be_kept_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (clusters, cluster) = clusters(folder.path()).await;
    let (old, new) = (Server::default().start().await, Server::default().start().await);
    write_kubeconfig(&folder.path().join("kubeconfig"), &old);
    let connected = clusters.connect(&cluster).await.unwrap();
    connected.hold("m").await.unwrap();
    // The cluster has moved.
    write_kubeconfig(&folder.path().join("kubeconfig"), &new);
    assert_eq!(clusters.connect(&cluster).await.unwrap().client.address(), old, "it serves");
    connected.custody.expire();
    let connected = clusters.connect(&cluster).await.unwrap();
    assert_eq!(connected.client.address(), new);
    connected.hold("m").await.unwrap();
}

#[tokio::test]
async fn no_namespace_is_made_for_steps_without_custody() {
    let folder = tempfile::tempdir().unwrap();
    let (clusters, cluster) = clusters(folder.path()).await;
    write_kubeconfig(&folder.path().join("kubeconfig"), &Server::default().start().await);
    let connected = clusters.connect(&cluster).await.unwrap();
    let made = ensure(&connected, "shop", ("m", Before::Steps)).await;
    assert!(matches!(made, Err(CustodyError::Lost { .. })), "{made:?}");
    connected.hold("m").await.unwrap();
    // The server knows of no namespaces; it has been asked.
    let made = ensure(&connected, "shop", ("m", Before::Steps)).await;
    assert!(matches!(made, Err(CustodyError::Cluster(ClusterError::NotFound { .. }))), "{made:?}");
}

#[tokio::test]
async fn a_cluster_is_let_go_although_its_server_fails_at_first() {
    let folder = tempfile::tempdir().unwrap();
    let (clusters, cluster) = clusters(folder.path()).await;
    let server = Server { failures: 2, ..Server::default() }.start().await;
    write_kubeconfig(&folder.path().join("kubeconfig"), &server);
    let connected = clusters.connect(&cluster).await.unwrap();
    connected.hold("m").await.unwrap();
    let lease = async || connected.client.lease(OWN_NAMESPACE, "driftless.platform").await.unwrap();
    assert!(lease().await.is_some());
    clusters.let_go_all_but(&BTreeSet::new()).await;
    assert_eq!(lease().await, None);
}

#[tokio::test]
async fn syncs_that_begin_one_after_the_other_cost_one_write_of_the_lease() {
    let folder = tempfile::tempdir().unwrap();
    let (clusters, cluster) = clusters(folder.path()).await;
    write_kubeconfig(&folder.path().join("kubeconfig"), &Server::default().start().await);
    let connected = clusters.connect(&cluster).await.unwrap();
    connected.hold("m").await.unwrap();
    let told = async || {
        let lease = connected.client.lease(OWN_NAMESPACE, "driftless.platform").await.unwrap().unwrap();
        let tells = |key: &str| lease.annotations.get(key).cloned();
        (tells("driftless.dev/acting").is_some(), tells("writes").unwrap_or_default())
    };
    assert_eq!(told().await, (false, String::new()));
    let first = connected.custody.begin_sync();
    connected.custody.await_acting_told().await.unwrap();
    assert_eq!(told().await, (true, "1".to_owned()));
    drop(first);
    for _ in 0..100 {
        let _acting = connected.custody.begin_sync();
        connected.custody.await_acting_told().await.unwrap();
    }
    assert_eq!(told().await, (true, "1".to_owned()));
    connected.custody.give_back().await;
    assert_eq!(told().await, (false, "2".to_owned()));
}
