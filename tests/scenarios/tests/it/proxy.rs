//! What stands between the services and the API server: it counts requests, holds them back, or spoils them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use reqwest::Client;
use testkit::cluster::TestCluster;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A request by the services.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub fn is_watch(&self) -> bool {
        self.path.contains("watch=1")
    }

    pub fn is_dry_run(&self) -> bool {
        self.path.contains("dryRun=All")
    }

    pub fn is_write(&self) -> bool {
        self.method != "GET" && !self.is_dry_run()
    }

    /// Whether it is about objects of a kind, named in the plural.
    pub fn is_about(&self, plural: &str) -> bool {
        self.path.split(['/', '?']).any(|word| word == plural)
    }
}

/// What happens to a request instead of its answer.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// This status; header lines, each with its end.
    Answer(u16, &'static str),
    /// It reaches the server, and the connection breaks instead of the answer.
    LoseAnswer,
    /// The connection breaks before.
    HangUp,
}

struct Rule {
    applies: Box<dyn Fn(&Request) -> bool + Send>,
    left: usize,
    fault: Fault,
}

struct Inner {
    http: Client,
    upstream: String,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Request>>,
    /// Writes that the server took.
    written: Mutex<Vec<String>>,
    /// Whether writes of ConfigMaps wait.
    held: watch::Sender<bool>,
    /// Counts how often all watches were cut.
    cuts: watch::Sender<u64>,
    flying: AtomicUsize,
    most: AtomicUsize,
}

/// A running proxy; it ends with the test's runtime.
#[derive(Clone)]
pub struct Proxy {
    pub address: String,
    inner: Arc<Inner>,
}

impl Proxy {
    pub async fn before(cluster: &TestCluster) -> Self {
        // Another test's choice would be as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text = std::fs::read_to_string(cluster.kubeconfig_file()).unwrap();
        let upstream = text.split_once("server: ").unwrap().1.lines().next().unwrap().trim().to_owned();
        // The server's certificate is its own, made at its start.
        let http = Client::builder().danger_accept_invalid_certs(true).no_proxy().build().unwrap();
        let inner = Arc::new(Inner {
            http,
            upstream,
            rules: Mutex::default(),
            seen: Mutex::default(),
            written: Mutex::default(),
            held: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            flying: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serving = inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        Self { address, inner }
    }

    /// Spoils the next so many requests of that kind.
    pub fn spoil(&self, times: usize, fault: Fault, applies: impl Fn(&Request) -> bool + Send + 'static) {
        self.inner.rules.lock().unwrap().push(Rule { applies: Box::new(applies), left: times, fault });
    }

    /// Spoils nothing any more.
    pub fn mend(&self) {
        self.inner.rules.lock().unwrap().clear();
    }

    /// Lets writes of ConfigMaps wait, or go on.
    pub fn hold_writes(&self, held: bool) {
        self.inner.held.send_replace(held);
    }

    /// Breaks every open watch.
    pub fn cut_watches(&self) {
        self.inner.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Writes of ConfigMaps that wait or are at the server now.
    pub fn flying(&self) -> usize {
        self.inner.flying.load(Ordering::SeqCst)
    }

    /// The most that flew at a time since this was asked last.
    pub fn most_flying(&self) -> usize {
        self.inner.most.swap(self.flying(), Ordering::SeqCst)
    }

    /// Method and path of the requests of that kind so far, in order.
    pub fn paths(&self, is: impl Fn(&Request) -> bool) -> Vec<String> {
        let seen = self.inner.seen.lock().unwrap();
        seen.iter().filter(|request| is(request)).map(|it| format!("{} {}", it.method, it.path)).collect()
    }

    /// How many requests of that kind there were so far.
    pub fn count(&self, is: impl Fn(&Request) -> bool) -> usize {
        self.inner.seen.lock().unwrap().iter().filter(|request| is(request)).count()
    }

    /// The writes that the server took so far.
    pub fn written(&self) -> Vec<String> {
        self.inner.written.lock().unwrap().clone()
    }
}

impl Inner {
    fn fault(&self, request: &Request) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| rule.left > 0 && (rule.applies)(request))?;
        rule.left -= 1;
        Some(rule.fault)
    }
}

async fn serve(stream: TcpStream, inner: Arc<Inner>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await? {
        inner.seen.lock().unwrap().push(request.clone());
        let write = request.is_write() && request.is_about("configmaps");
        if write {
            let flying = inner.flying.fetch_add(1, Ordering::SeqCst) + 1;
            inner.most.fetch_max(flying, Ordering::SeqCst);
            let _ = inner.held.subscribe().wait_for(|held| !held).await;
        }
        let goes_on = answer(&mut stream, &inner, &request).await;
        if write {
            inner.flying.fetch_sub(1, Ordering::SeqCst);
        }
        if !goes_on? {
            return Ok(());
        }
    }
    Ok(())
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let mut request = Request { method: word(), path: word(), headers: vec![], body: vec![] };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        request.headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = request.headers.iter().find(|(name, _)| name == "content-length");
    request.body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    stream.read_exact(&mut request.body).await?;
    Ok(Some(request))
}

/// Whether the connection goes on.
async fn answer(
    stream: &mut BufReader<TcpStream>,
    inner: &Inner,
    request: &Request,
) -> std::io::Result<bool> {
    match inner.fault(request) {
        Some(Fault::HangUp) => Ok(false),
        Some(Fault::LoseAnswer) => {
            let _ = forward(inner, request).await;
            Ok(false)
        }
        Some(Fault::Answer(code, headers)) => {
            let body = format!(
                r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"X","message":"spoiled","code":{code}}}"#
            );
            let head = format!("HTTP/1.1 {code} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            stream.flush().await?;
            Ok(true)
        }
        None => match forward(inner, request).await {
            Ok(response) => relay(stream, inner, response, request.is_watch()).await,
            // The server is away: as if nobody listened.
            Err(_) => Ok(false),
        },
    }
}

async fn forward(inner: &Inner, request: &Request) -> reqwest::Result<reqwest::Response> {
    let method = request.method.parse::<reqwest::Method>().unwrap();
    let mut forwarded = inner.http.request(method, format!("{}{}", inner.upstream, request.path));
    for (name, value) in &request.headers {
        if ["authorization", "accept", "content-type", "user-agent"].contains(&name.as_str()) {
            forwarded = forwarded.header(name, value);
        }
    }
    let response = forwarded.body(request.body.clone()).send().await?;
    if request.is_write() && response.status().is_success() {
        inner.written.lock().unwrap().push(format!("{} {}", request.method, request.path));
    }
    Ok(response)
}

async fn relay(
    stream: &mut BufReader<TcpStream>,
    inner: &Inner,
    mut response: reqwest::Response,
    is_watch: bool,
) -> std::io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} X\r\ntransfer-encoding: chunked\r\n", response.status().as_u16());
    for name in ["content-type", "warning", "retry-after"] {
        for value in response.headers().get_all(name) {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
        }
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.flush().await?;
    let mut cuts = inner.cuts.subscribe();
    loop {
        let chunk = tokio::select! {
            chunk = response.chunk() => chunk,
            _ = cuts.changed(), if is_watch => return Ok(false),
        };
        match chunk {
            Ok(Some(bytes)) => {
                stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
                stream.write_all(&bytes).await?;
                stream.write_all(b"\r\n").await?;
                stream.flush().await?;
            }
            Ok(None) => break,
            Err(_) => return Ok(false),
        }
    }
    stream.write_all(b"0\r\n\r\n").await?;
    stream.flush().await?;
    Ok(true)
}
