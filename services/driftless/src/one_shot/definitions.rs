//! From the command line to a set of definitions.

use std::path::{Path, PathBuf};

use model::{
    Application, Cluster, DefinitionSet, Source, TargetId,
    definition::{
        FirstContact, Git, GitAuth, Kubeconfig, OWN_NAMESPACE, Reference, SecretRef, SourcePath, SyncPolicy,
    },
};

use crate::{
    cli::{Access, Subject},
    problem::Problem,
    state_folder,
};

/// The definitions, and what they are about.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The set.
    pub set: DefinitionSet,
    /// Its one target.
    pub target: TargetId,
    /// The state folder.
    pub state: PathBuf,
    /// Namespace of objects that name none, if it was said.
    pub namespace: Option<String>,
    /// Whether pruning was asked for.
    pub prune: bool,
}

impl Wanted {
    /// Reads the command line.
    pub fn of(subject: &Subject) -> Result<Self, Problem> {
        let usage = |message: String, remedy: &str| Problem::new("USAGE", message, remedy);
        let repo = subject.repo.as_deref().unwrap_or(".");
        let git = git(repository(repo)?, subject.revision.as_deref(), &subject.access);
        check_address(&git)?;
        let name = match &subject.application {
            Some(name) => name.clone(),
            None => default_name(&subject.path, repo),
        };
        let application = name.parse().map_err(|error: model::name::NameError| {
            usage(error.to_string(), "name the application with --application")
        })?;
        let cluster = label(subject.context.as_deref().unwrap_or("cluster"));
        let cluster =
            cluster.parse().map_err(|error: model::name::NameError| usage(error.to_string(), ""))?;
        let source: model::SourceName =
            "repository".parse().map_err(|error: model::name::NameError| usage(error.to_string(), ""))?;
        let target = TargetId { cluster, application };
        let kubeconfig = kubeconfig_file(subject.kubeconfig.as_deref())?;
        let set = DefinitionSet::new(
            vec![Source { name: source.clone(), git, poll_ms: 30_000 }],
            vec![Cluster {
                name: target.cluster.clone(),
                labels: Default::default(),
                kubeconfig: Kubeconfig { file: kubeconfig, context: subject.context.clone() },
                namespace: OWN_NAMESPACE.to_owned(),
            }],
            vec![Application {
                name: target.application.clone(),
                source: SourcePath { name: source, path: subject.path.clone() },
                rendering: Default::default(),
                targets: Default::default(),
                namespace: subject.namespace.clone(),
                // A person runs it: nothing happens before the request, or after its answer.
                sync: SyncPolicy { auto: false, prune: subject.prune, self_heal: false },
                deletion: Default::default(),
                guard: Default::default(),
                ignore: subject.ignore.clone(),
                first_contact: if subject.take_over { FirstContact::TakeOver } else { FirstContact::Refuse },
            }],
        )
        .map_err(|error| usage(error.to_string(), ""))?;
        let state = match &subject.state {
            Some(folder) => folder.clone(),
            None => default_state(&target)?,
        };
        Ok(Self { set, target, state, namespace: subject.namespace.clone(), prune: subject.prune })
    }
}

/// A URL as it is, a folder as an absolute path.
fn repository(repo: &str) -> Result<String, Problem> {
    let scp_like = repo.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
    if repo.contains("://") || scp_like {
        return Ok(repo.to_owned());
    }
    let folder = std::fs::canonicalize(repo).map_err(|error| {
        Problem::new("GIT-ADDRESS", format!("{repo}: {error}"), "--repo takes a URL or an existing folder")
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

fn git(url: String, revision: Option<&str>, access: &Access) -> Git {
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
    Git { url, reference: reference(revision), auth, ca_file, proxy: access.git_proxy.clone() }
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

/// The last part of the path, else of the repository.
fn default_name(path: &str, repo: &str) -> String {
    let last = |text: &str| {
        let text = text.trim_end_matches('/').trim_end_matches(".git");
        text.rsplit(['/', ':']).next().unwrap_or_default().to_owned()
    };
    let of_path = last(path);
    let name = if of_path.trim_matches('.').is_empty() {
        let folder =
            Path::new(repo).canonicalize().ok().and_then(|path| path.file_name().map(ToOwned::to_owned));
        folder.map_or_else(|| last(repo), |name| name.to_string_lossy().into_owned())
    } else {
        of_path
    };
    label(&name)
}

/// The text as a name: other characters become dashes.
fn label(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let plain: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    plain
        .trim_matches('-')
        .chars()
        .take(model::name::NAME_BYTES_MAX)
        .collect::<String>()
        .trim_matches('-')
        .to_owned()
}

fn kubeconfig_file(file: Option<&Path>) -> Result<Option<PathBuf>, Problem> {
    let Some(file) = file else { return Ok(None) };
    let absolute = std::path::absolute(file).map_err(|error| {
        Problem::new("CLUSTER-KUBECONFIG", format!("{}: {error}", file.display()), "check --kubeconfig")
    })?;
    Ok(Some(absolute))
}

/// A folder of its own per target, so that runs for different ones never meet. Source: XDG base directories.
fn default_state(target: &TargetId) -> Result<PathBuf, Problem> {
    Ok(state_folder::base()?.join(target.cluster.as_str()).join(target.application.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_path_then_the_repository() {
        for (path, repo, name) in [
            ("deploy/Prod", "https://git.example/shop.git", "prod"),
            (".", "https://git.example/team/shop.git", "shop"),
            ("", "git@git.example:shop_api.git", "shop-api"),
            ("apps/web/", "x", "web"),
        ] {
            assert_eq!(default_name(path, repo), name);
        }
    }

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
