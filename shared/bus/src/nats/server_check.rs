//! Whether the server may be trusted with the log: old enough versions lose acknowledged data.

use std::{io, sync::Arc, time::Duration};

use semver::Version;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::OpenError;

/// Oldest version that can be used: before it, `sync_interval: always` has holes.
/// Source: nats-server #8456, #8475, #8447.
const NEEDED: Version = Version::new(2, 15, 1);

/// Longest wait for the monitoring endpoint.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest answer of `/varz`; 40 KB is usual.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(super) fn check_version(url: &str, found: &str) -> Result<(), OpenError> {
    if Version::parse(found).is_ok_and(|found| found >= NEEDED) {
        return Ok(());
    }
    Err(OpenError::ServerTooOld { url: url.to_owned(), found: found.to_owned(), needed: NEEDED.to_string() })
}

/// Looks at the monitoring endpoint whether the server flushes before it acknowledges.
pub(super) async fn check_sync(monitoring: Option<&str>) -> Result<(), OpenError> {
    let Some(url) = monitoring else {
        tracing::warn!(
            "without the address of the monitoring endpoint it cannot be checked that NATS runs with \
             `sync_interval: always`; if it does not, a power failure loses acknowledged events"
        );
        return Ok(());
    };
    let read = tokio::time::timeout(PATIENCE, read_varz(url)).await;
    let read = read.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
    let varz = read.map_err(|error| OpenError::Monitoring { url: url.to_owned(), cause: Arc::new(error) })?;
    match varz.pointer("/jetstream/config/sync_always").and_then(serde_json::Value::as_bool) {
        Some(true) => Ok(()),
        Some(false) | None => Err(OpenError::SyncNotAlways { url: url.to_owned() }),
    }
}

/// One plain HTTP/1.0 request, to which Go answers unchunked and closes: not worth a client.
async fn read_varz(url: &str) -> io::Result<serde_json::Value> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let host = url.strip_prefix("http://").ok_or_else(|| wrong("only http:// addresses are supported"))?;
    let host = host.trim_end_matches('/');
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET /varz HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    let text = std::str::from_utf8(&answer).map_err(|_| wrong("the answer is not text"))?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| wrong("the answer is not HTTP"))?;
    if !head.lines().next().is_some_and(|status| status.contains(" 200")) {
        return Err(wrong("the answer is not 200 OK"));
    }
    serde_json::from_str(body).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_below_the_floor_are_refused() {
        for (version, fine) in [
            ("2.15.1", true),
            ("2.15.2", true),
            ("2.16.0", true),
            ("3.0.0", true),
            ("2.15.0", false),
            ("2.15.1-RC.1", false),
            ("2.9.10", false),
            ("", false),
            ("unknown", false),
        ] {
            let checked = check_version("nats://x", version);
            assert_eq!(checked.is_ok(), fine, "{version}");
            if let Err(error) = checked {
                assert_eq!(error.code(), "LOG-SERVER-OLD");
                assert!(error.to_string().contains("2.15.1") && error.remedy().contains("upgrade"));
            }
        }
    }
}
