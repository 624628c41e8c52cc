//! A small HTTP server on loopback: git's own CGI program behind optional credentials, plain files, a proxy, or
//! silence. It panics at the first surprise, which fails the test that started it.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// What a server does with a request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Serves repositories below a folder through `git http-backend`; with the header required, if any.
    Smart {
        /// The folder.
        root: PathBuf,
        /// The `Authorization` header that is required.
        authorization: Option<String>,
    },
    /// Serves files as they are, the way gix does not read and the git program does. The media type of a file
    /// stands in one beside it that ends in `.type`, if it matters.
    Dumb {
        /// The folder.
        root: PathBuf,
        /// The `Authorization` header that is required.
        authorization: Option<String>,
    },
    /// Sends every request to another server, by its scheme and host.
    Redirect {
        /// `http://127.0.0.1:8080`
        to: String,
    },
    /// A proxy that lets whoever brings this `Proxy-Authorization`, if any, CONNECT to any server.
    Proxy {
        /// `Basic …`
        authorization: Option<String>,
    },
    /// Answers with this status.
    Status(u16),
    /// Accepts and never answers.
    Silent,
}

/// A running server; it lives as long as the test process.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Option<String>>>>,
    is_dead: Arc<AtomicBool>,
}

impl Server {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let is_dead = Arc::new(AtomicBool::new(false));
        let server = Self {
            address,
            requests: Arc::clone(&requests),
            seen: Arc::clone(&seen),
            is_dead: Arc::clone(&is_dead),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (behaviour, requests, seen) =
                    (behaviour.clone(), Arc::clone(&requests), Arc::clone(&seen));
                let mut stream = stream.unwrap();
                if is_dead.load(Ordering::SeqCst) {
                    return;
                }
                std::thread::spawn(move || {
                    if let Some(request) = Request::read(&mut stream) {
                        requests.fetch_add(1, Ordering::SeqCst);
                        seen.lock().unwrap().push(request.headers.get("authorization").cloned());
                        match &behaviour {
                            Behaviour::Proxy { authorization } => tunnel(authorization, &request, stream),
                            Behaviour::Smart { .. }
                            | Behaviour::Dumb { .. }
                            | Behaviour::Redirect { .. }
                            | Behaviour::Status(_)
                            | Behaviour::Silent => answer(&behaviour, &request, &mut stream),
                        }
                    }
                });
            }
        });
        server
    }

    /// The address of the repository `shop.git` below the root.
    pub fn url(&self) -> String {
        format!("http://{}/shop.git", self.address)
    }

    /// Lets it die: from now on connections are refused.
    pub fn die(&self) {
        self.is_dead.store(true, Ordering::SeqCst);
        // The one that it waits for; later ones may be the last that the kernel took.
        while TcpStream::connect(self.address).is_ok() {}
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// The `Authorization` headers of all requests.
    pub fn authorizations(&self) -> Vec<Option<String>> {
        self.seen.lock().unwrap().clone()
    }
}

/// A request, taken in whole.
#[derive(Debug)]
pub struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    /// Reads one; `None` if there is none, or it breaks off.
    pub fn read(stream: impl Read) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, mut target) = (words.next()?.to_owned(), words.next()?.to_owned());
        // A proxy is asked with the whole address.
        if let Some(rest) = target.strip_prefix("http://") {
            target = rest.split_at(rest.find('/')?).1.to_owned();
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let mut body = vec![0; headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        Some(Self { method, path, query, headers, body })
    }
}

/// Answers a request.
pub fn answer(behaviour: &Behaviour, request: &Request, stream: &mut (impl Read + Write)) {
    match behaviour {
        Behaviour::Smart { authorization: Some(wanted), .. }
        | Behaviour::Dumb { authorization: Some(wanted), .. }
            if request.headers.get("authorization") != Some(wanted) =>
        {
            status(stream, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n");
        }
        Behaviour::Smart { root, authorization: _ } => cgi(root, request, stream),
        Behaviour::Dumb { root, authorization: _ } => file(root, request, stream),
        Behaviour::Redirect { to } => {
            let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
            let location = format!("Location: {to}{}{query}\r\n", request.path);
            status(stream, "302 Found", &location);
        }
        Behaviour::Status(code) => status(stream, &format!("{code} No"), ""),
        Behaviour::Proxy { .. } => status(stream, "405 No", ""),
        // Until the client goes away.
        Behaviour::Silent => drop(stream.read(&mut [0; 1])),
    }
}

fn status(stream: &mut impl Write, line: &str, headers: &str) {
    let _ = write!(stream, "HTTP/1.1 {line}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
}

/// Source: RFC 9110 §9.3.6.
fn tunnel(authorization: &Option<String>, request: &Request, mut client: TcpStream) {
    let allowed =
        authorization.is_none() || request.headers.get("proxy-authorization") == authorization.as_ref();
    if request.method != "CONNECT" || !allowed {
        return status(&mut client, "407 No", "Proxy-Authenticate: Basic realm=\"x\"\r\n");
    }
    let Ok(server) = TcpStream::connect(&request.path) else { return status(&mut client, "502 No", "") };
    let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        })
    };
    let back = copy(server.try_clone().unwrap(), client.try_clone().unwrap());
    let _ = copy(client, server).join();
    let _ = back.join();
}

fn file(root: &Path, request: &Request, stream: &mut impl Write) {
    let path = root.join(request.path.trim_start_matches('/'));
    let mut media = path.clone().into_os_string();
    media.push(".type");
    let media = std::fs::read_to_string(media).unwrap_or_else(|_| "text/plain".to_owned());
    match std::fs::read(path) {
        Ok(bytes) => {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", bytes.len());
            let _ = write!(stream, "Content-Type: {media}\r\nConnection: close\r\n\r\n");
            if request.method != "HEAD" {
                let _ = stream.write_all(&bytes);
            }
        }
        Err(_) => status(stream, "404 Not Found", ""),
    }
}

/// Source: RFC 3875 (CGI) and `git help http-backend`.
fn cgi(root: &Path, request: &Request, stream: &mut impl Write) {
    let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
    let mut command = Command::new("git");
    command.args(["-c", "uploadpack.allowAnySHA1InWant=true", "http-backend"]);
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("REQUEST_METHOD", &request.method).env("PATH_INFO", &request.path);
    command.env("QUERY_STRING", &request.query).env("CONTENT_TYPE", header("content-type"));
    command.env("CONTENT_LENGTH", request.body.len().to_string());
    command.env("HTTP_CONTENT_ENCODING", header("content-encoding"));
    command.env("GIT_PROTOCOL", header("git-protocol"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&request.body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let line = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let _ = write!(stream, "HTTP/1.1 {line}\r\n{head}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&output[end + 4..]);
}

/// A port on which nothing listens.
///
/// # Panics
/// If there is no free port.
pub fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Connects once, to see whether a server is there.
pub fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}
