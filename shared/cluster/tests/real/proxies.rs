//! A kubeconfig with `proxy-url`, and real proxies on loopback.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cluster::WatchEvent;
use futures::StreamExt;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    connect::{connected, edited, set_cluster},
    fixture::config_maps,
};

/// A proxy that lets in one user, and counts whom it let through.
struct Proxy {
    host: String,
    through: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
enum Protocol {
    Connect,
    Socks5,
}

const LOGIN: &str = "ada:hunter2";

impl Proxy {
    async fn start(protocol: Protocol) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let through = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&through);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let tunnel = match protocol {
                        Protocol::Connect => connect(client).await,
                        Protocol::Socks5 => socks5(client).await,
                    };
                    if let Some((mut client, mut server)) = tunnel {
                        count.fetch_add(1, Ordering::SeqCst);
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self { host, through }
    }

    fn let_through(&self) -> usize {
        self.through.load(Ordering::SeqCst)
    }
}

/// Source: RFC 9110 §9.3.6.
async fn connect(client: TcpStream) -> Option<(BufReader<TcpStream>, TcpStream)> {
    let mut client = BufReader::new(client);
    let (mut request, mut allowed, mut line) = (String::new(), false, String::new());
    client.read_line(&mut request).await.ok()?;
    while line != "\r\n" {
        line.clear();
        client.read_line(&mut line).await.ok()?;
        allowed |= line.trim_end().to_lowercase()
            == format!("proxy-authorization: basic {}", BASE64_STANDARD.encode(LOGIN)).to_lowercase();
    }
    let target = request.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    if !allowed {
        client.write_all(b"HTTP/1.1 407 No\r\n\r\n").await.ok()?;
        return None;
    }
    let server = TcpStream::connect(target).await.ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    Some((client, server))
}

/// Source: RFC 1928 and RFC 1929, for IPv4 addresses and names.
async fn socks5(mut client: TcpStream) -> Option<(BufReader<TcpStream>, TcpStream)> {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.ok()?;
    client.read_exact(&mut vec![0; head[1].into()]).await.ok()?;
    client.write_all(&[5, 2]).await.ok()?;
    let mut login = [0; 16];
    let expected = [&[1, 3][..], b"ada", &[7], b"hunter2"].concat();
    client.read_exact(&mut login[..expected.len()]).await.ok()?;
    if login[..expected.len()] != expected {
        client.write_all(&[1, 1]).await.ok()?;
        return None;
    }
    client.write_all(&[1, 0]).await.ok()?;
    let mut request = [0; 4];
    client.read_exact(&mut request).await.ok()?;
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(client.read_u32().await.ok()?).to_string(),
        _ => {
            let mut name = vec![0; client.read_u8().await.ok()?.into()];
            client.read_exact(&mut name).await.ok()?;
            String::from_utf8(name).ok()?
        }
    };
    let port = client.read_u16().await.ok()?;
    let server = TcpStream::connect((host, port)).await.ok()?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    Some((BufReader::new(client), server))
}

#[tokio::test]
async fn calls_and_watches_go_through_the_proxy() {
    for (protocol, scheme) in [(Protocol::Connect, "http"), (Protocol::Socks5, "socks5")] {
        let proxy = Proxy::start(protocol).await;
        let url = format!("{scheme}://{LOGIN}@{}", proxy.host);
        let (client, _file) = connected(|config| set_cluster(config, "proxy-url", &url)).await.unwrap();
        assert_eq!(client.version().await.unwrap().major, "1");
        assert_eq!(proxy.let_through(), 1, "{scheme}");
        let mut watch = Box::pin(client.watch(&config_maps(), Some("default"), "", "0"));
        let first = watch.next().await.unwrap();
        assert!(matches!(first, Ok(WatchEvent::Added(_) | WatchEvent::Bookmark(_))), "{first:?}");
        assert_eq!(proxy.let_through(), 2, "{scheme}");
        assert!(!client.address().contains("hunter2"), "{}", client.address());
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_gone_is_named_without_its_password() {
    let proxy = Proxy::start(Protocol::Connect).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (url, named) in [
        (format!("http://ada:hunter3@{}", proxy.host), &proxy.host),
        (format!("http://ada:hunter3@{gone}"), &gone.to_string()),
        (format!("socks5://ada:hunter3@{gone}"), &gone.to_string()),
    ] {
        let error = edited(|config| set_cluster(config, "proxy-url", &url)).await.unwrap_err();
        assert_eq!(error.code(), "CLUSTER-UNREACHABLE", "{error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(named.as_str()) && !text.contains("hunter3"), "{text}");
    }
    assert_eq!(proxy.let_through(), 0);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_never_passed_by() {
    for url in ["https://ada:hunter2@proxy.example", "proxy.example:3128", "http://a b"] {
        let edit = |config: &mut serde_json::Value| {
            config["clusters"][0]["cluster"]["proxy-url"] = json!(url);
        };
        let error = edited(edit).await.unwrap_err();
        assert_eq!(error.code(), "CLUSTER-KUBECONFIG", "{url}: {error:?}");
        assert!(error.to_string().contains("proxy-url") && !error.to_string().contains("hunter2"), "{error}");
    }
}
