//! The address of a repository: parsed once, checked, and shown without secrets.

use std::{ffi::OsStr, net::IpAddr, os::unix::ffi::OsStrExt as _, path::PathBuf};

use gix::url::Scheme;
use model::definition::{Git, GitAuth};

use crate::SourceError;

/// The host that an address names, in small letters; `None` for a folder.
pub fn host(address: &str) -> Option<String> {
    let url = gix::url::parse(address).ok()?;
    url.host().map(|host| host.trim_matches(['[', ']']).to_ascii_lowercase())
}

/// A checked address.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// What gix is given: no user info on http(s), local paths absolute.
    pub url: gix::Url,
    /// What people see: no user info, no query.
    pub shown: String,
}

impl Address {
    /// Parses the address and checks that the credentials fit it.
    pub fn parse(git: &Git) -> Result<Self, SourceError> {
        let refuse =
            |reason: &str| Err(SourceError::Address { url: shown(&git.url), reason: reason.to_owned() });
        if git.url.trim().is_empty() || git.url.starts_with('-') || git.url.contains(['\n', '\r', '\0']) {
            return refuse("it is no address");
        }
        let Ok(mut url) = gix::url::parse(git.url.as_str()) else { return refuse("it is no address") };
        match &url.scheme {
            Scheme::File => {
                let path = url.path.to_string();
                let Ok(path) = std::path::absolute(&path) else { return refuse("its path is empty") };
                url.path = path.to_string_lossy().as_ref().into();
            }
            Scheme::Http | Scheme::Https => {
                if url.user().is_some() || url.password().is_some() {
                    return refuse("user names and passwords belong under auth, not in the address");
                }
            }
            Scheme::Ssh => {
                if url.password().is_some() {
                    return refuse("passwords do not belong in the address, and ssh takes only keys");
                }
            }
            Scheme::Git => {}
            Scheme::Ext | Scheme::Helper(_) | Scheme::HelperUrl(_) => {
                return refuse("its protocol is not supported");
            }
        }
        let address = Self { shown: shown(&git.url), url };
        address.check_auth(&git.auth)?;
        Ok(address)
    }

    /// Whether the transport is HTTP, in clear or over TLS.
    pub fn is_http(&self) -> bool {
        matches!(self.url.scheme, Scheme::Http | Scheme::Https)
    }

    /// Whether a local repository exists; true for all others, which only the server knows.
    pub fn is_there(&self) -> bool {
        let path = PathBuf::from(OsStr::from_bytes(&self.url.path));
        self.url.scheme != Scheme::File || path.join("HEAD").exists() || path.join(".git").exists()
    }

    fn check_auth(&self, auth: &GitAuth) -> Result<(), SourceError> {
        let reason = match (auth, &self.url.scheme) {
            (GitAuth::None, _) => return Ok(()),
            (GitAuth::Basic { .. } | GitAuth::Bearer { .. }, Scheme::Https) => return Ok(()),
            (GitAuth::Ssh { .. }, Scheme::Ssh) => return Ok(()),
            (GitAuth::Basic { .. } | GitAuth::Bearer { .. }, Scheme::Http) if self.is_loopback() => {
                return Ok(());
            }
            (GitAuth::Basic { .. } | GitAuth::Bearer { .. }, Scheme::Http) => {
                "credentials are not sent in clear text: use https"
            }
            (GitAuth::Basic { .. } | GitAuth::Bearer { .. }, _) => {
                "these credentials fit only https addresses"
            }
            (GitAuth::Ssh { .. }, _) => "an ssh key fits only ssh addresses",
        };
        Err(SourceError::Address { url: self.shown.clone(), reason: reason.to_owned() })
    }

    fn is_loopback(&self) -> bool {
        let Some(host) = self.url.host() else { return false };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// Longest address shown, in characters: a log line and an event must hold it.
const SHOWN_CHARS_MAX: usize = 300;

/// An address without user info, query and fragment, fit for people and logs.
pub(crate) fn shown(url: &str) -> String {
    let cut = url.split(['?', '#']).next().unwrap_or_default();
    let clean = match cut.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            let slash = if rest.contains('/') { "/" } else { "" };
            format!("{scheme}://{host}{slash}{path}")
        }
        None => cut.to_owned(),
    };
    clean.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use model::definition::{Reference, SecretRef};

    use super::*;

    fn git(url: &str, auth: GitAuth) -> Git {
        Git { url: url.into(), reference: Reference::Default, auth, ca_file: None, proxy: None, verify: None }
    }

    fn basic() -> GitAuth {
        GitAuth::Basic { username: "u".into(), password: SecretRef::Env("X".into()) }
    }

    #[test]
    fn only_known_addresses_with_fitting_credentials_pass() {
        let ssh = GitAuth::Ssh { key_file: "/k".into(), known_hosts_file: None };
        for (url, auth, good) in [
            ("https://git.example/shop.git", GitAuth::None, true),
            ("https://git.example/shop.git", basic(), true),
            ("http://git.example/shop.git", GitAuth::None, true),
            ("http://git.example/shop.git", basic(), false),
            ("http://127.0.0.1:8080/shop.git", basic(), true),
            ("http://[::1]:8080/shop.git", basic(), true),
            ("http://localhost/shop.git", basic(), true),
            ("http://localhost.example/shop.git", basic(), false),
            ("https://user:pw@git.example/shop.git", GitAuth::None, false),
            ("https://token@git.example/shop.git", GitAuth::None, false),
            ("ssh://git@git.example/shop.git", ssh.clone(), true),
            ("git@git.example:shop.git", ssh.clone(), true),
            ("ssh://git:pw@git.example/shop.git", ssh.clone(), false),
            ("https://git.example/shop.git", ssh, false),
            ("git://git.example/shop.git", GitAuth::None, true),
            ("git://git.example/shop.git", basic(), false),
            ("file:///srv/shop.git", GitAuth::None, true),
            ("/srv/shop.git", GitAuth::None, true),
            ("ext::sh -c id", GitAuth::None, false),
            ("ftp://git.example/shop.git", GitAuth::None, false),
            ("--upload-pack=id", GitAuth::None, false),
            ("", GitAuth::None, false),
            ("https://git.example/a\nb", GitAuth::None, false),
        ] {
            let result = Address::parse(&git(url, auth));
            assert_eq!(result.is_ok(), good, "{url:?}: {result:?}");
        }
    }

    #[test]
    fn shown_addresses_hold_no_secret() {
        for (url, expected) in [
            ("https://user:pw@git.example/a.git?token=x#y", "https://git.example/a.git"),
            ("https://user:p@w@git.example", "https://git.example"),
            ("ssh://git@git.example/a", "ssh://git.example/a"),
            ("git@git.example:a.git", "git@git.example:a.git"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
