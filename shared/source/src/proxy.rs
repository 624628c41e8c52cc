//! Why a proxy does not let us through: the HTTP client tells only that it does not.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{IpAddr, TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use base64::Engine as _;
use gix::url::Scheme;

use crate::{SourceError, address, address::Address};

/// Longest wait for the proxy's word: it refused a connection a moment ago.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer read, in bytes: only its first line counts.
const ANSWER_BYTES_MAX: u64 = 1024;

/// Source: RFC 9110 §15.5.8.
pub(crate) const AUTHENTICATION_REQUIRED: u16 = 407;

/// The error of a connection that failed, or a plainer one if the proxy wants other credentials.
pub(crate) fn explained(error: SourceError, proxy: Option<&str>, address: &Address) -> SourceError {
    let SourceError::Unreachable { url, .. } = &error else { return error };
    let variable = |name: &str| std::env::var(name).ok();
    let host = address.url.host().unwrap_or_default();
    let Some(proxy) = proxy.map(str::to_owned).or_else(|| of_environment(host, variable)) else {
        return error;
    };
    match ask(&proxy, address) {
        Ok(Some(AUTHENTICATION_REQUIRED)) => refused(url.clone(), Some(&proxy)),
        Ok(_) | Err(_) => error,
    }
}

/// The error that tells of the proxy.
pub(crate) fn refused(url: String, proxy: Option<&str>) -> SourceError {
    let proxy = proxy.map_or_else(|| "the proxy of the environment".to_owned(), address::shown);
    SourceError::ProxyAuth { url, proxy }
}

/// The proxy that the environment names for a host over https; `None` also where it might except the host.
/// Source: reqwest, "Proxies": `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case.
fn of_environment(host: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let either = |name: &str| {
        let found = variable(name).or_else(|| variable(&name.to_lowercase()));
        found.filter(|value| !value.trim().is_empty())
    };
    let excepted = either("NO_PROXY").is_some_and(|list| {
        // What numbers a network holds is not worked out here: with a list of exceptions, no number is looked at.
        let number = host.parse::<IpAddr>().is_ok();
        let within = |name: &str| name == "*" || host == name || host.ends_with(&format!(".{name}"));
        number || list.split(',').any(|name| within(name.trim().trim_start_matches('.')))
    });
    if excepted { None } else { either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")) }
}

/// Asks the proxy for a connection, and for nothing through it; `None` if it is none that speaks clear HTTP.
fn ask(proxy: &str, address: &Address) -> io::Result<Option<u16>> {
    let Ok(proxy) = gix::url::parse(proxy) else { return Ok(None) };
    let (Scheme::Http, Some(host), Some(server)) = (&proxy.scheme, proxy.host(), address.url.host()) else {
        return Ok(None);
    };
    let place = (host, proxy.port.unwrap_or(80)).to_socket_addrs()?.next();
    let place = place.ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&place, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let server = format!("{server}:{}", address.url.port.unwrap_or(443));
    let login = proxy.user().map(|user| {
        let pair = format!("{user}:{}", proxy.password().unwrap_or_default());
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        format!("Proxy-Authorization: Basic {pair}\r\n")
    });
    let login = login.unwrap_or_default();
    write!(stream, "CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n{login}\r\n")?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX)).read_line(&mut line)?;
    Ok(line.split_whitespace().nth(1).and_then(|status| status.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_a_proxy_and_its_exceptions() {
        let (proxy, lower, all) =
            (("HTTPS_PROXY", "http://p"), ("https_proxy", "http://p"), ("ALL_PROXY", "http://p"));
        for (variables, host, named) in [
            (&[][..], "git.example", false),
            (&[proxy], "git.example", true),
            (&[lower], "git.example", true),
            (&[all], "git.example", true),
            (&[("HTTPS_PROXY", "")], "git.example", false),
            (&[proxy, ("NO_PROXY", "other.example, .example")], "git.example", false),
            (&[proxy, ("no_proxy", "*")], "git.example", false),
            (&[proxy, ("NO_PROXY", "t.example")], "git.example", true),
            (&[proxy, ("NO_PROXY", "10.0.0.0/8")], "10.1.1.1", false),
            (&[proxy], "10.1.1.1", true),
        ] {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(of_environment(host, variable).is_some(), named, "{variables:?} {host}");
        }
    }
}
