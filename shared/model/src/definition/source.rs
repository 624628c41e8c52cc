//! `Source`: a Git repository and the reference to follow in it.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Digest, SourceName};

/// Polling period where none is given: short enough to notice a push, long enough for a public host.
pub const POLL_DEFAULT: Duration = Duration::from_secs(30);

/// A Git repository and the reference to follow in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// Where it is.
    pub git: Git,
    /// Time between two looks, in milliseconds, jittered by the fetcher.
    #[serde(default = "poll_default_ms")]
    pub poll_ms: u64,
}

fn poll_default_ms() -> u64 {
    POLL_DEFAULT.as_millis() as u64
}

/// The address of a repository and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Git {
    /// `https://…`, `ssh://…`, `git@host:path`, `file:///…` or a local folder.
    pub url: String,
    /// What to follow.
    #[serde(default)]
    pub reference: Reference,
    /// Credentials.
    #[serde(default)]
    pub auth: GitAuth,
    /// PEM file with the authorities to trust instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Proxy address for http(s).
    #[serde(default)]
    pub proxy: Option<String>,
    /// Whose signature a commit has to bear; `None`: none is asked for.
    #[serde(default)]
    pub verify: Option<Signers>,
}

impl Git {
    /// Digest of the place: the address and what is followed there. How it is reached makes no other place of it.
    pub fn origin(&self) -> Digest {
        let (word, text) = match &self.reference {
            Reference::Default => ("default", ""),
            Reference::Branch(name) => ("branch", name.as_str()),
            Reference::Tag(name) => ("tag", name.as_str()),
            Reference::Semver(range) => ("semver", range.as_str()),
            Reference::Commit(id) => ("commit", id.as_str()),
        };
        Digest::of_parts("origin", [self.url.as_bytes(), word.as_bytes(), text.as_bytes()])
    }

    /// Whether the address or the proxy shows a secret value (a password, a token): definitions are stored and
    /// shown in clear, so that such values belong under `auth`, and a proxy's into the fetcher's environment.
    pub fn shows_secret(&self) -> bool {
        let web = self.url.starts_with("http://") || self.url.starts_with("https://");
        let login = login_of(&self.url);
        let of_proxy = self.proxy.as_deref().and_then(login_of);
        login.is_some_and(|login| web || login.contains(':'))
            || (web && self.url.contains('?'))
            || of_proxy.is_some_and(|login| login.contains(':'))
    }
}

/// The user info of an address with a scheme.
fn login_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit_once('@').map(|(login, _)| login)
}

/// Who is trusted to sign commits. One of their signatures is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signers {
    /// Who may sign with ssh keys, in the form of allowed signers; empty: nobody. Source: ssh-keygen(1).
    #[serde(default)]
    pub ssh: String,
    /// OpenPGP public keys, armored, one behind the other; empty: none.
    #[serde(default)]
    pub openpgp: String,
}

/// Bytes of keys: some hundred of them. Whoever needs more has a certificate authority, which is one.
const SIGNERS_BYTES_MAX: usize = 64 * 1024;

impl Signers {
    /// Why nobody could be recognised by them; `None`: they may be used.
    pub fn problem(&self) -> Option<&'static str> {
        let is_signer = |line: &str| line.split_whitespace().count() >= 3 && !line.starts_with('#');
        if self.ssh.trim().is_empty() && self.openpgp.trim().is_empty() {
            Some("it names nobody")
        } else if self.ssh.len() + self.openpgp.len() > SIGNERS_BYTES_MAX {
            Some("it is longer than 64 KiB")
        } else if !self.ssh.trim().is_empty() && !self.ssh.lines().any(is_signer) {
            Some("no line of sshSigners says: who, which kind of key, the key")
        } else if self.openpgp.contains("PRIVATE KEY") {
            Some("openpgpKeys holds a private key, and definitions are kept in clear")
        } else if !self.openpgp.trim().is_empty() && !self.openpgp.contains("BEGIN PGP PUBLIC KEY BLOCK") {
            Some("openpgpKeys holds no armored public key")
        } else {
            None
        }
    }
}

/// What to follow in a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reference {
    /// The remote's default branch, also after it is renamed.
    #[default]
    Default,
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The highest tag within a semantic version range, such as `^1.4`.
    Semver(String),
    /// A commit, in full.
    Commit(String),
}

/// Where a secret value is read from, at the moment of use; the value never enters a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretRef {
    /// A file; a trailing line end is cut.
    File(PathBuf),
    /// An environment variable of the role that uses it.
    Env(String),
}

/// Credentials for a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GitAuth {
    /// None, or those of the ssh agent.
    #[default]
    None,
    /// User name and password (or token as password) over https.
    Basic {
        /// User name.
        username: String,
        /// Password or token.
        password: SecretRef,
    },
    /// `Authorization: Bearer …` over https.
    Bearer {
        /// The token.
        token: SecretRef,
    },
    /// An ssh private key.
    #[serde(rename_all = "camelCase")]
    Ssh {
        /// Path of the private key.
        key_file: PathBuf,
        /// Path of the known_hosts file; unknown hosts are refused.
        known_hosts_file: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signers_that_could_recognise_nobody_are_told() {
        let armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
        let long = "a ssh-ed25519 b\n".repeat(5_000);
        for (ssh, openpgp, usable) in [
            ("alice@example ssh-ed25519 AAAA", "", true),
            ("# team\nalice@example,bob@example ssh-ed25519 AAAA alice", armored, true),
            ("", armored, true),
            (" \n", "", false),
            ("ssh-ed25519 AAAA", "", false),
            ("# alice ssh-ed25519 AAAA", "", false),
            ("", "AAAA", false),
            ("", "-----BEGIN PGP PRIVATE KEY BLOCK-----", false),
            (long.as_str(), "", false),
        ] {
            let signers = Signers { ssh: ssh.to_owned(), openpgp: openpgp.to_owned() };
            assert_eq!(signers.problem().is_none(), usable, "{ssh:.50} {openpgp}");
        }
    }

    #[test]
    fn secrets_in_addresses_are_noticed() {
        for (url, proxy, shows) in [
            ("https://git.example/shop.git", None, false),
            ("https://git.example/a@b:c/shop.git", None, false),
            ("ssh://git@git.example/shop.git", None, false),
            ("git@git.example:shop.git", None, false),
            ("/srv/a@b:c", None, false),
            ("https://user:pw@git.example/shop.git", None, true),
            ("https://token@git.example/shop.git", None, true),
            ("https://git.example/shop.git?private_token=x", None, true),
            ("ssh://git:pw@git.example/shop.git", None, true),
            ("https://git.example/shop.git", Some("http://proxy.example:3128"), false),
            ("https://git.example/shop.git", Some("http://user:pw@proxy.example:3128"), true),
        ] {
            let (url, proxy) = (url.to_owned(), proxy.map(str::to_owned));
            let (reference, auth) = (Reference::Default, GitAuth::None);
            let git = Git { url, reference, auth, ca_file: None, proxy, verify: None };
            assert_eq!(git.shows_secret(), shows, "{git:?}");
        }
    }
}
