//! Credentials: secret values, read at the moment of use and never shown.

use std::{fmt, fs::File, io, io::Read, sync::Arc};

use gix::url::Scheme;
use model::definition::{Git, GitAuth, SecretRef};

use crate::{SourceError, address::shown};

/// Longest secret value, in bytes: tokens and passwords are far shorter; a wrong file may be huge.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A secret value; its `Debug` form shows nothing.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value. It must go only to the server it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

type Read1 = dyn Fn(&SecretRef) -> io::Result<Secret> + Send + Sync;

/// Turns secret references into values, each time anew, so that rotation needs no restart.
#[derive(Clone)]
pub struct Credentials(Arc<Read1>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Default for Credentials {
    /// Reads files and environment variables of this process.
    fn default() -> Self {
        Self::from_fn(read)
    }
}

/// What is sent to an HTTP server.
#[derive(Debug)]
pub(crate) enum HttpLogin {
    None,
    Basic { username: String, password: Secret },
    Bearer(Secret),
}

impl Credentials {
    /// Reads values through a function of the caller's.
    pub fn from_fn(read: impl Fn(&SecretRef) -> io::Result<Secret> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The login for an HTTP server.
    ///
    /// # Errors
    /// `GIT-SECRET` (permanent) if the value cannot be read.
    pub(crate) fn http_login(&self, git: &Git) -> Result<HttpLogin, SourceError> {
        match &git.auth {
            GitAuth::Basic { username, password } => {
                Ok(HttpLogin::Basic { username: username.clone(), password: self.value(git, password)? })
            }
            GitAuth::Bearer { token } => Ok(HttpLogin::Bearer(self.value(git, token)?)),
            GitAuth::None | GitAuth::Ssh { .. } => Ok(HttpLogin::None),
        }
    }

    /// The user name and password for another address on the very server of a repository; `None` elsewhere, and for
    /// credentials of another kind. `oci` is https.
    ///
    /// # Errors
    /// `GIT-SECRET` (permanent) if the password cannot be read.
    pub fn login_at(&self, address: &str, git: &Git) -> Result<Option<(String, Secret)>, SourceError> {
        let same = server(address).is_some_and(|server| Some(server) == self::server(&git.url));
        match &git.auth {
            GitAuth::Basic { username, password } if same => {
                Ok(Some((username.clone(), self.value(git, password)?)))
            }
            GitAuth::None | GitAuth::Basic { .. } | GitAuth::Bearer { .. } | GitAuth::Ssh { .. } => Ok(None),
        }
    }

    fn value(&self, git: &Git, place: &SecretRef) -> Result<Secret, SourceError> {
        let checked = (self.0)(place).and_then(|secret| {
            // A line end inside would let the value write further HTTP headers.
            if secret.0.is_empty() || secret.0.chars().any(char::is_control) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty or not one line"));
            }
            Ok(secret)
        });
        checked.map_err(|error| SourceError::Secret {
            url: shown(&git.url),
            place: match place {
                SecretRef::File(path) => format!("file {}", path.display()),
                SecretRef::Env(name) => format!("variable {name}"),
            },
            reason: error.to_string(),
        })
    }
}

/// Scheme, host and port of an address over HTTP.
fn server(address: &str) -> Option<(Scheme, String, u16)> {
    let address = address.strip_prefix("oci://").map_or(address.to_owned(), |rest| format!("https://{rest}"));
    let url = gix::url::parse(address.as_str()).ok()?;
    let port = url.port_or_default()?;
    let is_http = matches!(url.scheme, Scheme::Http | Scheme::Https);
    is_http.then_some(())?;
    Some((url.scheme.clone(), url.host()?.to_lowercase(), port))
}

fn read(place: &SecretRef) -> io::Result<Secret> {
    let mut value = String::new();
    match place {
        SecretRef::File(path) => {
            File::open(path)?.take(SECRET_BYTES_MAX).read_to_string(&mut value)?;
        }
        SecretRef::Env(name) => {
            value =
                std::env::var(name).map_err(|_| io::Error::new(io::ErrorKind::NotFound, "it is not set"))?;
        }
    }
    Ok(Secret(value.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(test)]
mod tests {
    use model::definition::Reference;

    use super::*;

    fn bearer(place: SecretRef) -> Git {
        let auth = GitAuth::Bearer { token: place };
        Git {
            url: "https://h/x".into(),
            reference: Reference::Default,
            auth,
            ca_file: None,
            proxy: None,
            verify: None,
        }
    }

    #[test]
    fn a_file_is_read_at_each_use_and_its_line_end_cut() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let git = bearer(SecretRef::File(file.clone()));
        for value in ["one", "two"] {
            std::fs::write(&file, format!("{value}\n")).unwrap();
            let HttpLogin::Bearer(secret) = Credentials::default().http_login(&git).unwrap() else {
                panic!()
            };
            assert_eq!(secret.reveal(), value);
        }
        for bad in ["", "a\nb", "a\r\nX-Evil: 1"] {
            std::fs::write(&file, bad).unwrap();
            let error = Credentials::default().http_login(&git).unwrap_err();
            assert_eq!(error.code(), "GIT-SECRET", "{bad:?}");
        }
    }

    #[test]
    fn a_login_is_for_the_very_server_of_the_repository() {
        let credentials = Credentials::from_fn(|_| Ok(Secret::new("hunter2")));
        let basic = || GitAuth::Basic { username: "u".into(), password: SecretRef::Env("X".into()) };
        for (url, auth, address, given) in [
            ("https://h/a.git", basic(), "https://h/charts", true),
            ("https://h/a.git", basic(), "https://H:443/charts", true),
            ("https://h/a.git", basic(), "oci://h/charts", true),
            ("https://h:8443/a.git", basic(), "https://h/charts", false),
            ("https://h/a.git", basic(), "http://h/charts", false),
            ("https://h/a.git", basic(), "https://charts.h/charts", false),
            ("https://h/a.git", basic(), "https://h.example/charts", false),
            ("http://127.0.0.1:8080/a.git", basic(), "http://127.0.0.1:8080/charts", true),
            ("https://h/a.git", GitAuth::None, "https://h/charts", false),
            (
                "https://h/a.git",
                GitAuth::Bearer { token: SecretRef::Env("X".into()) },
                "https://h/charts",
                false,
            ),
            ("/srv/a.git", GitAuth::None, "https://h/charts", false),
        ] {
            let git = Git { url: url.into(), auth, ..bearer(SecretRef::Env("X".into())) };
            let login = credentials.login_at(address, &git).unwrap();
            assert_eq!(login.is_some(), given, "{url} {address}");
        }
    }

    #[test]
    fn nothing_shows_the_value() {
        let login = HttpLogin::Basic { username: "u".into(), password: Secret::new("hunter2") };
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
