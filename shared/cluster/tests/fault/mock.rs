//! A server that says what it is told to say.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use cluster::{Apply, ClusterClient, ClusterError, ConnectOptions, Force, Mode, Resource, Scope};
use manifest::InstallKey;
use model::{Gvk, ObjectId, definition::Kubeconfig};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it says to one request.
pub enum Reply {
    /// Status, further header lines (each with its end), body.
    Full(u16, &'static str, Vec<u8>),
    /// Status 200 and a body without an end; then it hangs up, or not.
    Stream(Vec<u8>, End),
    /// Nothing, for ever.
    Silence,
}

/// What follows the bytes of a stream.
pub enum End {
    /// A proper end.
    Proper,
    /// The connection breaks.
    HangUp,
    /// Nothing.
    Silence,
}

pub fn ok(body: impl ToString) -> Reply {
    Reply::Full(200, "", body.to_string().into_bytes())
}

pub fn status(code: u16) -> Reply {
    Reply::Full(code, "", json!({"kind": "Status", "code": code}).to_string().into_bytes())
}

type Answer = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

/// A running mock and a client for it.
pub struct Mock {
    pub client: ClusterClient,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Mock {
    /// Answers each request by its request line, `GET /version HTTP/1.1`.
    pub async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (answer, seen) = (Arc::new(answer) as Answer, requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), seen.clone()));
            }
        });
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "c", "context": {"cluster": "c"}}],
        });
        file.write_all(config.to_string().as_bytes()).unwrap();
        let kubeconfig = Kubeconfig { file: Some(file.path().to_owned()), context: None, secret: None };
        let key = InstallKey::from_bytes([7; 32]);
        let options = ConnectOptions { key, user_agent: "driftless-test".into() };
        let client = ClusterClient::connect(&kubeconfig, options).await.unwrap();
        Self { client, requests }
    }

    /// Answers the first requests in turn, then the last answer again and again.
    pub async fn in_turn<const N: usize>(replies: [fn() -> Reply; N]) -> Self {
        let next = Mutex::new(0);
        Self::start(move |_| {
            let mut next = next.lock().unwrap();
            *next += 1;
            replies[(*next - 1).min(N - 1)]()
        })
        .await
    }

    /// The request lines so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub async fn apply(&self) -> Result<cluster::Applied, ClusterError> {
        let (resource, id, body) = (config_maps(), id("a"), object("a", "1"));
        let (force, mode) = (Force::No, Mode::Real);
        let apply =
            Apply { resource: &resource, id: &id, body: &body, manager: "m", force, mode, start_by: None };
        self.client.apply(&apply).await
    }
}

async fn serve(stream: TcpStream, answer: Answer, seen: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
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
    let request = request.trim().to_owned();
    seen.lock().unwrap().push(request.clone());
    let (head, body, end) = match answer(&request) {
        Reply::Full(code, headers, body) => {
            let head = format!(
                "HTTP/1.1 {code} X\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
                body.len()
            );
            (head, body, End::Proper)
        }
        // Without a length the end of the connection is the end of the body.
        Reply::Stream(body, End::Proper) => {
            ("HTTP/1.1 200 X\r\nconnection: close\r\n\r\n".into(), body, End::Proper)
        }
        Reply::Stream(body, end) => {
            (format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", u32::MAX), body, end)
        }
        Reply::Silence => (String::new(), Vec::new(), End::Silence),
    };
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.flush().await?;
    match end {
        End::Silence => std::future::pending().await,
        End::Proper | End::HangUp => Ok(()),
    }
}

pub fn config_maps() -> Resource {
    named("ConfigMap", "configmaps")
}

pub fn named(kind: &str, plural: &str) -> Resource {
    let gvk = Gvk { api_version: "v1".parse().unwrap(), kind: kind.into() };
    Resource { gvk, plural: plural.into(), scope: Scope::Namespaced, verbs: vec![] }
}

pub fn id(name: &str) -> ObjectId {
    let (kind, namespace) = ("ConfigMap".into(), Some("test".into()));
    ObjectId { group: String::new(), kind, namespace, name: name.into() }
}

pub fn object(name: &str, resource_version: &str) -> Value {
    let metadata = json!({
        "name": name, "namespace": "test", "uid": format!("uid-{name}"), "resourceVersion": resource_version,
    });
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
}

/// A page; `more`: the token of the next one.
pub fn page(names: &[&str], resource_version: &str, more: &str) -> Reply {
    let items: Vec<Value> = names.iter().map(|name| object(name, "1")).collect();
    ok(json!({"metadata": {"resourceVersion": resource_version, "continue": more}, "items": items}))
}

/// A line of a watch.
pub fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}
