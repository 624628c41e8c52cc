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

/// An API server that has a Lease for whoever wants it, and nothing else; answers its address.
async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(stream: TcpStream) -> std::io::Result<()> {
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
    stream.read_exact(&mut vec![0; length]).await?;
    let (code, body) = answer(&request);
    let body = body.to_string();
    let content = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let head = format!(
        "HTTP/1.1 {code} X\r\nconnection: close\r\ncontent-type: {content}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await
}

fn answer(request: &str) -> (u16, Value) {
    if request.starts_with("GET /api") && !request.contains("leases") {
        return (200, json!({"items": []}));
    }
    if request.starts_with("POST") {
        return (201, json!({"metadata": {"uid": "u", "resourceVersion": "1"}}));
    }
    let details = json!({"name": "driftless.platform", "kind": "leases"});
    (404, json!({"kind": "Status", "code": 404, "reason": "NotFound", "details": details}))
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
    let kubeconfig = Kubeconfig { file: Some(folder.join("kubeconfig")), context: None };
    let (name, namespace) = ("eu".parse().unwrap(), OWN_NAMESPACE.to_owned());
    (clusters, Cluster { name, labels: Default::default(), kubeconfig, namespace })
}

#[tokio::test]
async fn a_connection_over_which_the_lease_could_not_be_kept_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (clusters, cluster) = clusters(folder.path()).await;
    let (old, new) = (server().await, server().await);
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
    write_kubeconfig(&folder.path().join("kubeconfig"), &server().await);
    let connected = clusters.connect(&cluster).await.unwrap();
    let made = ensure(&connected, "shop", ("m", Before::Steps)).await;
    assert!(matches!(made, Err(CustodyError::Lost { .. })), "{made:?}");
    connected.hold("m").await.unwrap();
    // The server knows of no namespaces; it has been asked.
    let made = ensure(&connected, "shop", ("m", Before::Steps)).await;
    assert!(matches!(made, Err(CustodyError::Cluster(ClusterError::NotFound { .. }))), "{made:?}");
}
