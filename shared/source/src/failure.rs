//! Turns the errors of gix into ours: by their types and classes, never by their text.

use std::{error::Error as StdError, io};

use gix::url::Scheme;
use gix_transport::client::Error::{self as TransportError, InvokeProgram};

use crate::{SourceError, address::Address, proxy};

/// Longest reason kept from another's error, in characters: it ends up in an event.
const REASON_CHARS_MAX: usize = 400;

/// What the chain of causes holds.
#[derive(Debug, Default)]
struct Facts {
    status: Option<u16>,
    tls: bool,
    timed_out: bool,
    not_connected: bool,
    denied: bool,
    not_found: bool,
    no_program: bool,
}

impl Facts {
    fn look(&mut self, error: &(dyn StdError + 'static)) {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            self.status = self.status.or(error.status().map(|status| status.as_u16()));
            self.timed_out |= error.is_timeout();
            self.not_connected |= error.is_connect();
        }
        self.tls |= error.is::<rustls::Error>();
        if let Some(InvokeProgram { source, .. }) = error.downcast_ref::<TransportError>() {
            self.no_program |= source.kind() == io::ErrorKind::NotFound;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            self.look_at_io(error.kind());
            if let Some(inner) = error.get_ref() {
                self.look(inner);
            }
        }
        if let Some(source) = error.source() {
            self.look(source);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the standard library's list is open")]
    fn look_at_io(&mut self, kind: io::ErrorKind) {
        match kind {
            io::ErrorKind::TimedOut => self.timed_out = true,
            io::ErrorKind::PermissionDenied => self.denied = true,
            io::ErrorKind::NotFound => self.not_found = true,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable => self.not_connected = true,
            _ => {}
        }
    }
}

/// Classifies an error of a connection.
pub(crate) fn of_connection(error: &gix::Error, address: &Address, proxy: Option<&str>) -> SourceError {
    let mut facts = Facts::default();
    error.iter_errors().for_each(|cause| facts.look(cause));
    let (url, reason) = (address.shown.clone(), reason(error));
    let ssh = address.url.scheme == Scheme::Ssh;
    match facts.status {
        _ if facts.no_program => SourceError::Missing { url, program: if ssh { "ssh" } else { "git" } },
        _ if facts.tls => SourceError::Tls { url, reason },
        Some(proxy::AUTHENTICATION_REQUIRED) => proxy::refused(url, proxy),
        Some(401 | 403) => SourceError::Auth { url, reason },
        Some(404 | 410) => SourceError::RepositoryNotFound { url },
        Some(429 | 500..=599) => SourceError::Unreachable { url, reason },
        _ if error.is_unauthenticated() => SourceError::Auth { url, reason },
        // gix reads "Permission denied" and "connect to host" of the ssh program as these two kinds.
        _ if ssh && facts.denied => SourceError::Auth { url, reason },
        _ if ssh && facts.not_found => SourceError::Unreachable { url, reason },
        _ if facts.not_connected || facts.timed_out => SourceError::Unreachable { url, reason },
        _ if error.is_corrupted() => SourceError::Corrupt { url, reason },
        _ => SourceError::Fetch { url, reason },
    }
}

/// An error of reading the mirror itself.
pub(crate) fn of_mirror(error: &gix::Error, address: &Address) -> SourceError {
    SourceError::Corrupt { url: address.shown.clone(), reason: reason(error) }
}

/// Whether asking in another way cannot change the answer.
pub(crate) fn is_conclusive(error: &SourceError) -> bool {
    !matches!(error, SourceError::Fetch { .. } | SourceError::Corrupt { .. })
}

/// The chain of causes in one line, without user info of addresses, bounded.
fn reason(error: &gix::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.iter_errors() {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    bounded(&parts.join(": "))
}

/// Makes a foreign text fit for people: one line, no user info of addresses, bounded.
pub(crate) fn bounded(text: &str) -> String {
    let words = text.split_whitespace().map(|word| match word.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => word.to_owned(),
    });
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_loses_user_info_and_length() {
        assert_eq!(bounded("fatal:\n at 'https://u:p@h/x' no"), "fatal: at 'https://h/x' no");
        assert_eq!(bounded(&"x".repeat(1000)).len(), REASON_CHARS_MAX);
    }
}
