//! The git program: for repositories that gix cannot fetch, for repacking and for signatures. The only place that
//! runs it.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use base64::Engine as _;
use gix::{ObjectId, bstr::ByteSlice as _};

use crate::{
    SourceError,
    advertised::{Difference, Head, References, difference, is_kept},
    credentials::HttpLogin,
    failure,
    mirror::Remote,
    program::{self, Ended},
    wire::{self, PINNED, REFSPECS, Wanted},
};

/// Why the program brought nothing.
#[derive(Debug)]
pub(crate) enum GitFailure {
    /// There is no git program.
    Missing,
    /// It ran and failed.
    Failed(SourceError),
}

/// Fetches what is wanted into `repository`, like [`wire::pull`].
pub(crate) fn pull(
    repository: &gix::Repository,
    remote: &Remote,
    wanted: &Wanted,
    stop: &AtomicBool,
) -> Result<Difference, GitFailure> {
    let url = remote.address.url.to_bstring().to_string();
    let run = |arguments: &[&str]| {
        let mut command = git(repository.path());
        log_in(&mut command, remote).map_err(GitFailure::Failed)?;
        command.args(arguments);
        run(command, remote, stop)
    };
    if let Wanted::Commit(id) = wanted {
        run(&["fetch", "--quiet", "--no-tags", "--", &url, &format!("+{id}:{PINNED}{id}")])?;
        return Ok(Difference::default());
    }
    let server = listing(&run(&["ls-remote", "--quiet", "--symref", "--", &url])?);
    if server.names.is_empty() {
        return Err(GitFailure::Failed(SourceError::Empty { url: remote.address.shown.clone() }));
    }
    let damaged = |error: gix::Error| GitFailure::Failed(failure::of_mirror(&error, &remote.address));
    let found = difference(&wire::held(repository).map_err(damaged)?, &server);
    if !found.gone.is_empty() || !found.moved.is_empty() {
        let mut arguments = vec!["fetch", "--quiet", "--prune", "--force", "--no-tags", "--no-auto-gc", "--"];
        arguments.push(&url);
        arguments.extend(REFSPECS);
        run(&arguments)?;
    }
    if let Some(head) = &found.head {
        wire::set_head(repository, head).map_err(damaged)?;
    }
    Ok(found)
}

/// Packs everything that a reference reaches into one pack and drops the rest.
pub(crate) fn repack(repository: &Path, remote: &Remote, stop: &AtomicBool) -> Result<(), GitFailure> {
    let mut command = git(repository);
    command.args(["repack", "-a", "-d", "-q"]);
    run(command, remote, stop).map(drop)
}

/// A call that asks nothing and reads no settings but the mirror's own.
fn git(repository: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear();
    for name in ["PATH", "SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("LC_ALL", "C");
    command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh").env("GIT_DIR", repository);
    command.current_dir(repository);
    // A group of its own, so that its transport helpers end with it.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Hands over credentials through the environment, which other users cannot read, never as arguments.
fn log_in(command: &mut Command, remote: &Remote) -> Result<(), SourceError> {
    let mut settings: Vec<(&str, String)> = Vec::new();
    let header = match remote.credentials.http_login(&remote.git)? {
        HttpLogin::None => None,
        HttpLogin::Basic { username, password } => {
            let pair = format!("{username}:{}", password.reveal());
            Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
        }
        HttpLogin::Bearer(token) => Some(format!("Bearer {}", token.reveal())),
    };
    if let Some(header) = header {
        settings.push(("http.extraHeader", format!("Authorization: {header}")));
        // The header would go wherever a redirect leads.
        settings.push(("http.followRedirects", "false".to_owned()));
    }
    if let Some(file) = &remote.git.ca_file {
        settings.push(("http.sslCAInfo", file.display().to_string()));
    }
    if let Some(proxy) = &remote.git.proxy {
        settings.push(("http.proxy", proxy.clone()));
    }
    settings.push(("credential.helper", String::new()));
    command.env("GIT_SSH_COMMAND", wire::ssh_command(&remote.git.auth)).env("GIT_SSH_VARIANT", "ssh");
    configure(command, &settings);
    Ok(())
}

fn configure(command: &mut Command, settings: &[(&str, String)]) {
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (index, (key, value)) in settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
}

/// Reads `ls-remote --symref`.
fn listing(output: &[u8]) -> References {
    let mut found = References::default();
    for line in output.lines() {
        let Some((left, name)) = line.split_once_str("\t") else { continue };
        if let Some(target) = left.strip_prefix(b"ref: ") {
            if name == b"HEAD" {
                found.head = Some(Head::Branch(target.into()));
            }
            continue;
        }
        let Ok(id) = ObjectId::from_hex(left) else { continue };
        if name == b"HEAD" {
            found.head.get_or_insert(Head::Detached(id));
        } else if is_kept(name) && !name.ends_with(b"^{}") {
            found.names.insert(name.into(), id);
        }
    }
    found
}

/// Whether the program finds a good signature on an object, under those settings and with the key ring in `home`;
/// its words if not.
pub(crate) fn verify(
    (repository, home): (&Path, &Path),
    (verb, id): (&str, &str),
    settings: &[(&str, String)],
    is_over: &dyn Fn() -> bool,
) -> Result<(), Ended> {
    let mut command = git(repository);
    configure(&mut command, settings);
    command.env("GNUPGHOME", home).args([verb, id]);
    program::run(command, is_over).map(drop)
}

/// Runs to the end or until `stop`; returns standard output.
fn run(command: Command, remote: &Remote, stop: &AtomicBool) -> Result<Vec<u8>, GitFailure> {
    program::run(command, &|| stop.load(Ordering::Relaxed)).map_err(|ended| match ended {
        Ended::Missing => GitFailure::Missing,
        Ended::Failed(reason) => GitFailure::Failed(SourceError::Fetch {
            url: remote.address.shown.clone(),
            reason: failure::bounded(&reason),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_without_peeled_and_foreign_references() {
        let id = "1".repeat(40);
        let text = format!(
            "ref: refs/heads/main\tHEAD\n{id}\tHEAD\n{id}\trefs/heads/main\n{id}\trefs/tags/v1\n\
             {id}\trefs/tags/v1^{{}}\n{id}\trefs/pull/1/head\nnoise\n"
        );
        let found = listing(text.as_bytes());
        assert_eq!(found.head, Some(Head::Branch("refs/heads/main".into())));
        let names: Vec<_> = found.names.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["refs/heads/main", "refs/tags/v1"]);
    }
}
