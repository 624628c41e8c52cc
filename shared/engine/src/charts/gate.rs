//! The gate that helm goes through: a proxy on loopback that looks names up itself, and connects only where it may.
//!
//! What is judged is the address that is connected to, for each request and each redirect: a name that is another one
//! the next time it is looked up leads nowhere else. Go asks no proxy for `localhost` and addresses of loopback that are
//! written as such, so those are judged by name before helm runs.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream, lookup_host},
    task::{AbortHandle, JoinSet},
    time::timeout,
};

use super::Egress;

/// Largest head of a request: helm's are a few hundred bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long a connection may take to be made: helm's whole request has 30 s.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Connections at once: helm fetches one thing at a time.
const CONNECTIONS_MAX: usize = 16;

/// A gate; it closes when dropped.
#[derive(Debug)]
pub(super) struct Gate {
    address: SocketAddr,
    /// The host that was refused last.
    refused: Arc<Mutex<Option<String>>>,
    task: AbortHandle,
}

impl Gate {
    /// Opens one on a free port.
    pub(super) async fn open(egress: Egress) -> std::io::Result<Self> {
        let listener = TcpListener::bind((IpAddr::from([127, 0, 0, 1]), 0)).await?;
        let address = listener.local_addr()?;
        let refused = Arc::new(Mutex::new(None));
        let task = tokio::spawn(serve(listener, egress, Arc::clone(&refused))).abort_handle();
        Ok(Self { address, refused, task })
    }

    /// Its address, as a proxy.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The host that was refused since this was asked last.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, egress: Egress, refused: Arc<Mutex<Option<String>>>) {
    let mut passing = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while passing.len() >= CONNECTIONS_MAX {
            passing.join_next().await;
        }
        let (egress, refused) = (egress.clone(), Arc::clone(&refused));
        passing.spawn(async move {
            if let Some(host) = pass(stream, &egress).await {
                *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(host);
            }
        });
        while passing.try_join_next().is_some() {}
    }
}

/// Lets one connection through; says which host it was refused for.
async fn pass(mut near: TcpStream, egress: &Egress) -> Option<String> {
    let (head, rest) = head(&mut near).await?;
    let Some(asked) = Asked::read(&head) else {
        let _ = near.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        return None;
    };
    let Some(allowed) = allowed(&asked, egress).await else {
        let _ = near.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
        return None;
    };
    if allowed.is_empty() {
        let _ = near.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        return Some(asked.host);
    }
    let far = timeout(CONNECT_WITHIN, TcpStream::connect(allowed.as_slice())).await;
    let Ok(Ok(mut far)) = far else {
        let _ = near.write_all(b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n").await;
        return None;
    };
    // How it ends is helm's matter.
    let begun = match &asked.head {
        None => near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await,
        Some(head) => far.write_all(head.as_bytes()).await,
    };
    if begun.is_ok() && far.write_all(&rest).await.is_ok() {
        let _ = copy_bidirectional(&mut near, &mut far).await;
    }
    None
}

/// The addresses of a host that may be connected to; `None`: it has none.
async fn allowed(asked: &Asked, egress: &Egress) -> Option<Vec<SocketAddr>> {
    let found = timeout(CONNECT_WITHIN, lookup_host((asked.host.as_str(), asked.port))).await.ok()?.ok()?;
    Some(found.filter(|address| egress.allows(&asked.host, address.ip())).collect())
}

/// The head of a request, and what came with it.
async fn head(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        if bytes.len() > HEAD_BYTES_MAX || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// What is asked of a proxy. Source: RFC 9112, request targets; RFC 9110, CONNECT.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    host: String,
    port: u16,
    /// The head as the server gets it; `None`: a tunnel is wanted.
    head: Option<String>,
}

impl Asked {
    fn read(head: &str) -> Option<Self> {
        let (first, fields) = head.split_once("\r\n")?;
        let [method, target, version] = first.split(' ').collect::<Vec<_>>().try_into().ok()?;
        if method == "CONNECT" {
            let (host, port) = authority(target, None)?;
            return Some(Self { host, port, head: None });
        }
        let rest = target.strip_prefix("http://")?;
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = authority(place, Some(80))?;
        let path = if path.is_empty() { "/" } else { path };
        // One request a connection: the next may be for another host.
        let is_own = |field: &&str| {
            let name = field.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !name.is_empty() && !name.starts_with("proxy-") && !["connection", "keep-alive"].contains(&&*name)
        };
        let fields: Vec<&str> = fields.split("\r\n").filter(is_own).collect();
        let head =
            format!("{method} {path} {version}\r\n{}\r\nconnection: close\r\n\r\n", fields.join("\r\n"));
        Some(Self { host, port, head: Some(head) })
    }
}

/// Host and port of an authority.
fn authority(text: &str, port: Option<u16>) -> Option<(String, u16)> {
    let (host, told) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = told.map_or(port, |told| told.parse().ok())?;
    (!host.is_empty() && !host.contains('@')).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_to_a_proxy_are_read() {
        let tunnel = |host: &str, port| Some(Asked { host: host.into(), port, head: None });
        assert_eq!(Asked::read("CONNECT a.example:443 HTTP/1.1\r\n\r\n"), tunnel("a.example", 443));
        assert_eq!(Asked::read("CONNECT [::1]:443 HTTP/1.1\r\n\r\n"), tunnel("::1", 443));
        let plain = "GET http://a.example:8080/i?x HTTP/1.1\r\nHost: a.example:8080\r\nProxy-Authorization: x\r\n\
                     Connection: keep-alive\r\nAccept: */*\r\n\r\n";
        let head = "GET /i?x HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\nconnection: close\r\n\r\n";
        let expected = Asked { host: "a.example".into(), port: 8080, head: Some(head.into()) };
        assert_eq!(Asked::read(plain), Some(expected));
        for odd in
            ["", "GET / HTTP/1.1\r\n\r\n", "CONNECT a.example HTTP/1.1\r\n\r\n", "GET http://u@h/ 1\r\n"]
        {
            assert_eq!(Asked::read(odd), None, "{odd}");
        }
    }
}
