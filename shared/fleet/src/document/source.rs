//! `Source`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Git repository and the reference to follow in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SourceSpec {
    /// The repository. At most one of `branch`, `tag`, `semver` and `commit`; none: the remote's default branch.
    pub git: Git,
    /// Time between two looks, a second or more: `30s`, `5m`, `1h`.
    #[serde(default = "poll")]
    #[schemars(pattern(r"^[0-9]+(ms|s|m|h)$"))]
    pub poll: String,
}

fn poll() -> String {
    "30s".to_owned()
}

/// Where a repository is, what to follow in it, and how it is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Git {
    /// `https://…`, `ssh://…`, `git@host:path`, `file:///…` or a folder of the fetcher's machine. No password in it.
    #[schemars(length(min = 1))]
    pub url: String,
    /// A branch.
    pub branch: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// The highest tag within a range of semantic versions, such as `^1.4`.
    pub semver: Option<String>,
    /// A commit, all 40 digits.
    pub commit: Option<String>,
    /// Credentials, one of `basic`, `bearer` and `ssh`; none: those of the ssh agent, or nothing over https.
    pub auth: Option<Auth>,
    /// PEM file with the authorities to trust over https, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Proxy over http(s); none: that of the fetcher's environment.
    pub proxy: Option<String>,
    /// Whose signature a commit has to bear to be used; none: no signature is asked for.
    pub verify: Option<Verify>,
}

/// Who is trusted to sign commits; a signature of one of them is enough. A tag that is followed may bear it instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Verify {
    /// Who may sign with ssh keys: a line each, as in a file of allowed signers of `ssh-keygen`.
    pub ssh_signers: Option<String>,
    /// OpenPGP public keys, armored, one behind the other.
    pub openpgp_keys: Option<String>,
}

/// Credentials for a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Auth {
    /// User name and password over https.
    pub basic: Option<Basic>,
    /// `Authorization: Bearer …` over https.
    pub bearer: Option<Bearer>,
    /// A private key over ssh.
    pub ssh: Option<Ssh>,
}

/// User name and password over https.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Basic {
    /// User name; hosts that take a token as password mostly accept any.
    #[serde(default = "git_user")]
    pub username: String,
    /// Where the password or token is read whenever it is used: `file` or `env`.
    pub password_from: SecretFrom,
}

fn git_user() -> String {
    "git".to_owned()
}

/// A token over https.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Bearer {
    /// Where the token is read whenever it is used: `file` or `env`.
    pub token_from: SecretFrom,
}

/// A private key over ssh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ssh {
    /// File with the private key, on the fetcher's machine.
    pub key_file: PathBuf,
    /// File with the hosts that are known; none: `~/.ssh/known_hosts`. Others are refused.
    pub known_hosts_file: Option<PathBuf>,
}

/// Where a secret value is read from. The value itself has no place in a definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretFrom {
    /// A file on the fetcher's machine; a trailing line end is cut.
    pub file: Option<PathBuf>,
    /// An environment variable of the fetcher.
    pub env: Option<String>,
}
