//! From the command line to the address of a repository.

use std::path::PathBuf;

use model::definition::{Git, GitAuth, Reference, SecretRef, Signers};

use crate::{cli::Access, problem::Problem};

/// A URL as it is, a folder as an absolute path.
fn repository(repo: &str) -> Result<String, Problem> {
    let scp_like = repo.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
    if repo.contains("://") || scp_like {
        return Ok(repo.to_owned());
    }
    let folder = std::fs::canonicalize(repo).map_err(|error| {
        Problem::new("GIT-ADDRESS", format!("{repo}: {error}"), "name a URL or an existing folder")
    })?;
    folder.into_os_string().into_string().map_err(|_| {
        Problem::new("GIT-ADDRESS", format!("{repo}: the path is not UTF-8"), "rename the folder")
    })
}

/// Before anything is written down: definitions are kept in clear.
fn check_address(git: &Git) -> Result<(), Problem> {
    if !git.shows_secret() {
        return Ok(());
    }
    Err(Problem::new(
        "GIT-ADDRESS",
        "the address of the repository or of its proxy shows a password or token",
        "leave it out, and say where it is with --git-password file:PATH or env:NAME (a proxy's: HTTPS_PROXY)",
    ))
}

/// The repository of a command line.
///
/// A password or token in an address is refused before anything is written down.
pub fn git(repo: &str, revision: Option<&str>, access: &Access) -> Result<Git, Problem> {
    let git = Git { verify: signers(access)?, ..unchecked(repository(repo)?, revision, access) };
    check_address(&git)?;
    Ok(git)
}

/// Who is trusted to sign: the files of a command line become part of the definition.
fn signers(access: &Access) -> Result<Option<Signers>, Problem> {
    let usage =
        |message: String| Problem::new("USAGE", message, "name a file of allowed signers, or of public keys");
    let read = |file: &Option<PathBuf>| match file {
        None => Ok(String::new()),
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| usage(format!("{}: {error}", file.display())))
        }
    };
    if access.git_ssh_signers.is_none() && access.git_openpgp_keys.is_none() {
        return Ok(None);
    }
    let signers = Signers { ssh: read(&access.git_ssh_signers)?, openpgp: read(&access.git_openpgp_keys)? };
    match signers.problem() {
        None => Ok(Some(signers)),
        Some(problem) => Err(usage(format!("whom to trust cannot be told: {problem}"))),
    }
}

/// The repository of a command line, perhaps with a revision: `URL#main`.
pub fn git_at(repository: &str, access: &Access) -> Result<Git, Problem> {
    match repository.rsplit_once('#') {
        Some((repository, revision)) => git(repository, Some(revision), access),
        None => git(repository, None, access),
    }
}

fn unchecked(url: String, revision: Option<&str>, access: &Access) -> Git {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let auth = match (&access.git_password, &access.git_ssh_key) {
        (Some(place), _) => {
            let password = match place {
                SecretRef::File(path) => SecretRef::File(absolute(path)),
                SecretRef::Env(name) => SecretRef::Env(name.clone()),
            };
            GitAuth::Basic { username: access.git_username.clone(), password }
        }
        (None, Some(key)) => {
            let known_hosts_file = access.git_known_hosts.as_ref().map(absolute);
            GitAuth::Ssh { key_file: absolute(key), known_hosts_file }
        }
        (None, None) => GitAuth::None,
    };
    let ca_file = access.git_ca_file.as_ref().map(absolute);
    Git { url, reference: reference(revision), auth, ca_file, proxy: access.git_proxy.clone(), verify: None }
}

fn reference(revision: Option<&str>) -> Reference {
    match revision {
        None => Reference::Default,
        Some(text) if text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Reference::Commit(text.to_ascii_lowercase())
        }
        Some(text) if text.starts_with(['^', '~', '>', '<', '=']) => Reference::Semver(text.to_owned()),
        Some(text) => match text.strip_prefix("refs/tags/").or_else(|| text.strip_prefix("tags/")) {
            Some(tag) => Reference::Tag(tag.to_owned()),
            None if looks_like_version(text) => Reference::Tag(text.to_owned()),
            None => Reference::Branch(text.trim_start_matches("refs/heads/").to_owned()),
        },
    }
}

fn looks_like_version(text: &str) -> bool {
    let digits = text.strip_prefix('v').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_told_apart() {
        let reference = |text: &str| super::reference(Some(text));
        assert_eq!(reference("main"), Reference::Branch("main".into()));
        assert_eq!(reference("v1.4.2"), Reference::Tag("v1.4.2".into()));
        assert_eq!(reference("tags/stable"), Reference::Tag("stable".into()));
        assert_eq!(reference("^1.4"), Reference::Semver("^1.4".into()));
        assert_eq!(reference(&"A".repeat(40)), Reference::Commit("a".repeat(40)));
        assert_eq!(super::reference(None), Reference::Default);
    }
}
