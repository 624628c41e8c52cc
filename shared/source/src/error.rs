//! Why a source cannot be read, with a stable code, a remedy and what trying again would achieve.

use std::io;

use model::RetryClass;

/// Says why a source cannot be fetched or read. No variant holds a secret value or an address with user info.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The address itself cannot be used.
    #[error("address {url} cannot be used: {reason}")]
    Address {
        /// The address without user info.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A secret value cannot be read.
    #[error("credentials for {url} cannot be read from {place}: {reason}")]
    Secret {
        /// The address.
        url: String,
        /// The file or variable, never its content.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// The server wants other credentials.
    #[error("{url} refused the credentials: {reason}")]
    Auth {
        /// The address.
        url: String,
        /// The server's or tool's words.
        reason: String,
    },
    /// The proxy wants other credentials.
    #[error("{url} cannot be reached: {proxy} refused the credentials, or wants some")]
    ProxyAuth {
        /// The address.
        url: String,
        /// The proxy's address without user info.
        proxy: String,
    },
    /// No connection to the server, or the server is out of order.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// The cause.
        reason: String,
    },
    /// The server knows no such repository.
    #[error("there is no repository at {url}")]
    RepositoryNotFound {
        /// The address.
        url: String,
    },
    /// The server's certificate is not trusted, or TLS failed otherwise.
    #[error("no trusted connection to {url}: {reason}")]
    Tls {
        /// The address.
        url: String,
        /// The cause.
        reason: String,
    },
    /// No file of known hosts has a key of the ssh server.
    #[error("{url} was not fetched: no file of known hosts has a key of {host}")]
    HostKey {
        /// The address.
        url: String,
        /// The server, as known hosts spell it.
        host: String,
    },
    /// The time bound passed.
    #[error("{url} was not read within {seconds} s")]
    Timeout {
        /// The address.
        url: String,
        /// The bound, in seconds.
        seconds: u64,
    },
    /// Another fetch of this mirror is still running.
    #[error("another fetch of {url} is still running")]
    Busy {
        /// The address.
        url: String,
    },
    /// The exchange with the server failed in a way that has no code of its own.
    #[error("{url} could not be fetched: {reason}")]
    Fetch {
        /// The address.
        url: String,
        /// The cause, bounded in length.
        reason: String,
    },
    /// A program that this kind of address needs is not installed.
    #[error("{url} cannot be fetched: the program {program} is not installed")]
    Missing {
        /// The address.
        url: String,
        /// Its name.
        program: &'static str,
    },
    /// The repository has no branch and no tag.
    #[error("the repository at {url} is empty")]
    Empty {
        /// The address.
        url: String,
    },
    /// The reference does not exist.
    #[error("{url} has no {wanted}; {known}")]
    Reference {
        /// The address.
        url: String,
        /// What was looked for, such as `branch "main"`.
        wanted: String,
        /// What there is, five names at most.
        known: String,
    },
    /// The path does not exist at that commit.
    #[error("there is no {path:?} at commit {commit}")]
    Path {
        /// The path, relative to the root.
        path: String,
        /// The commit.
        commit: String,
    },
    /// A path that no repository can hold, or that leads out of it.
    #[error("path {path:?} cannot be used: {reason}")]
    BadPath {
        /// The path, bounded in length.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A tree with names that no checkout may write.
    #[error("commit {commit} holds {path:?}: {reason}")]
    Hostile {
        /// The commit.
        commit: String,
        /// The entry, bounded in length.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody who is trusted has signed it.
    #[error("{what} of {url} is not used: {reason}")]
    Signature {
        /// The address.
        url: String,
        /// The commit or tag.
        what: String,
        /// What was found, in the tool's words, bounded in length.
        reason: String,
    },
    /// A bound was passed.
    #[error("{what} exceeds {limit} {unit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The bound.
        limit: u64,
        /// Its unit.
        unit: &'static str,
    },
    /// The mirror is damaged; the next fetch makes a new one.
    #[error("the mirror of {url} is damaged and will be made anew: {reason}")]
    Corrupt {
        /// The address.
        url: String,
        /// What was found.
        reason: String,
    },
    /// The mirror's folder cannot be used.
    #[error("could not {act} the mirror's folder")]
    Store {
        /// What failed.
        act: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl SourceError {
    /// The stable code, such as `GIT-AUTH`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "GIT-ADDRESS",
            Self::Secret { .. } => "GIT-SECRET",
            Self::Auth { .. } => "GIT-AUTH",
            Self::ProxyAuth { .. } => "GIT-PROXY-AUTH",
            Self::Unreachable { .. } => "GIT-UNREACHABLE",
            Self::RepositoryNotFound { .. } => "GIT-NOT-FOUND",
            Self::Tls { .. } => "GIT-TLS",
            Self::HostKey { .. } => "GIT-HOST-KEY",
            Self::Timeout { .. } => "GIT-TIMEOUT",
            Self::Busy { .. } => "GIT-BUSY",
            Self::Fetch { .. } => "GIT-FETCH",
            Self::Missing { .. } => "GIT-MISSING",
            Self::Empty { .. } => "GIT-EMPTY",
            Self::Reference { .. } => "GIT-REF",
            Self::Path { .. } | Self::BadPath { .. } => "GIT-PATH",
            Self::Hostile { .. } => "GIT-TREE",
            Self::Signature { .. } => "GIT-SIGNATURE",
            Self::TooLarge { .. } => "GIT-TOO-LARGE",
            Self::Corrupt { .. } => "GIT-CORRUPT",
            Self::Store { .. } => "GIT-STORE",
        }
    }

    /// What a person can do; empty if nothing can be said.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Address { .. } => {
                "write the address as https://…, ssh://…, git@host:path, git://…, file:///… or an absolute \
                 folder, and put credentials under auth"
            }
            Self::Secret { .. } => "create the file or variable, or correct the reference under auth",
            Self::Auth { .. } => "check the credentials under auth and their rights on the repository",
            Self::ProxyAuth { .. } => {
                "check the user name and password in the proxy's address; the one in HTTPS_PROXY may hold them"
            }
            Self::Unreachable { .. } => "check the host name, the port, the network and the proxy",
            Self::RepositoryNotFound { .. } => {
                "check the address; servers also answer so when the credentials may not see the repository"
            }
            Self::Tls { .. } => "set caFile to the authority that signed the server's certificate",
            Self::HostKey { .. } => {
                "add the server's key to the file of known hosts: `ssh-keyscan` shows it, compare it with what the operator of \
                 the server tells"
            }
            Self::Timeout { .. } => {
                "check the server's load and the network; a large repository may need time"
            }
            Self::Busy { .. } | Self::Corrupt { .. } => "",
            Self::Fetch { .. } => "try `git ls-remote` with the same address; the reason is the tool's own",
            Self::Missing { .. } => "install it, or put the folder that it is in into PATH",
            Self::Empty { .. } => "push a first commit",
            Self::Reference { .. } => "push the reference, or follow one that exists",
            Self::Path { .. } => "correct the application's path, or follow a reference that has it",
            Self::BadPath { .. } => "use a path relative to the repository's root, without `..`",
            Self::Hostile { .. } => "remove the entry from the repository",
            Self::Signature { .. } => {
                "sign the commit with a key that the source trusts, or add the signer's key under verify"
            }
            Self::TooLarge { .. } => "read a smaller folder, or remove large files from the repository",
            Self::Store { .. } => "check the disk's space and the folder's owner and rights",
        }
    }

    /// What trying again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Busy { .. }
            | Self::Fetch { .. }
            | Self::Corrupt { .. }
            | Self::Store { .. } => RetryClass::Transient,
            Self::Address { .. }
            | Self::Secret { .. }
            | Self::Auth { .. }
            | Self::ProxyAuth { .. }
            | Self::RepositoryNotFound { .. }
            | Self::Tls { .. }
            | Self::HostKey { .. }
            | Self::Missing { .. }
            | Self::Empty { .. }
            | Self::Reference { .. }
            | Self::Path { .. }
            | Self::BadPath { .. }
            | Self::Hostile { .. }
            | Self::Signature { .. }
            | Self::TooLarge { .. } => RetryClass::Permanent,
        }
    }
}
