//! The proxy that a kubeconfig names. Source: kubeconfig v1, `cluster.proxy-url`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

/// A proxy, with what it is to be told to let us through. It holds a password: it has no `Debug`.
#[derive(Clone)]
pub(crate) enum Proxy {
    /// Asked to CONNECT.
    Http { address: Uri, login: Option<HeaderValue> },
    /// SOCKS, version 5.
    Socks5 { address: Uri, login: Option<(String, String)> },
}

impl Proxy {
    /// Reads `proxy-url`. An error says what is wrong without repeating the address, which may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let broken = || "proxy-url is no address".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(broken)?;
        let rest = rest.trim_end_matches('/');
        let (login, host) = match rest.rsplit_once('@') {
            Some((login, host)) => (Some(read_login(login).ok_or_else(broken)?), host),
            None => (None, rest),
        };
        let address: Uri = format!("http://{host}").parse().map_err(|_| broken())?;
        if address.host().is_none_or(str::is_empty) || address.path() != "/" || address.query().is_some() {
            return Err(broken());
        }
        match scheme {
            "http" => {
                let header = login.map(|(user, password)| {
                    let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
                    HeaderValue::try_from(format!("Basic {pair}")).map_err(|_| broken())
                });
                Ok(Self::Http { address, login: header.transpose()? })
            }
            "socks5" | "socks5h" => Ok(Self::Socks5 { address: with_port(&address, 1080)?, login }),
            _ => Err("proxy-url must begin with http:// or socks5://".to_owned()),
        }
    }

    /// Scheme, host and port.
    pub(crate) fn shown(&self) -> String {
        let (scheme, address) = match self {
            Self::Http { address, .. } => ("http", address),
            Self::Socks5 { address, .. } => ("socks5", address),
        };
        let port = address.port_u16().unwrap_or(80);
        format!("{scheme}://{}:{port}", address.host().unwrap_or_default())
    }
}

fn read_login(text: &str) -> Option<(String, String)> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |part: &str| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned());
    Some((decode(user)?, decode(password)?))
}

/// The address with a port. Source: RFC 1928, whose service port is 1080.
fn with_port(address: &Uri, port: u16) -> Result<Uri, String> {
    let host = address.host().unwrap_or_default();
    let port = address.port_u16().unwrap_or(port);
    format!("http://{host}:{port}").parse().map_err(|_| "proxy-url is no address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_passwords() {
        for (text, shown) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("http://proxy.example", "http://proxy.example:80"),
            ("http://proxy.example/", "http://proxy.example:80"),
            ("http://u:hunter2@[::1]:8080", "http://[::1]:8080"),
            ("socks5://u:hunter2@proxy.example", "socks5://proxy.example:1080"),
            ("socks5://127.0.0.1:1081", "socks5://127.0.0.1:1081"),
        ] {
            let found = Proxy::parse(text);
            assert_eq!(found.as_ref().map(Proxy::shown), Ok(shown.to_owned()), "{text}");
        }
        let Ok(Proxy::Http { login, .. }) = Proxy::parse("http://u:p%40w@h") else { panic!() };
        assert_eq!(login.unwrap(), format!("Basic {}", BASE64_STANDARD.encode("u:p@w")).as_str());
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_not_repeated() {
        for text in [
            "",
            "proxy:3128",
            "https://u:hunter2@p:1",
            "http://",
            "http://u:hunter2@",
            "http://h h",
            "ftp://h",
        ] {
            let problem = Proxy::parse(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(problem.starts_with("proxy-url ") && !problem.contains("hunter2"), "{problem}");
        }
    }
}
