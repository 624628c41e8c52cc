//! From the command line to a set of definitions.

use std::path::{Path, PathBuf};

use model::{
    Application, Cluster, DefinitionSet, Source, TargetId,
    definition::{FirstContact, Kubeconfig, OWN_NAMESPACE, Reach, SourcePath, SyncPolicy},
};

use super::identity;
use crate::{address, cli::Subject, problem::Problem, state_folder};

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
        let git = address::git(repo, subject.revision.as_deref(), &subject.access)?;
        let name = match &subject.application {
            Some(name) => name.clone(),
            None => identity::application(repo, &subject.path),
        };
        let application = name.parse().map_err(|error: model::name::NameError| {
            usage(error.to_string(), "name the application with --application")
        })?;
        let cluster = identity::label(subject.context.as_deref().unwrap_or("cluster"));
        let cluster =
            cluster.parse().map_err(|error: model::name::NameError| usage(error.to_string(), ""))?;
        let source: model::SourceName = identity::source(repo)
            .parse()
            .map_err(|error: model::name::NameError| usage(error.to_string(), ""))?;
        let target = TargetId { cluster, application };
        let kubeconfig = kubeconfig_file(subject.kubeconfig.as_deref())?;
        let namespace = subject.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let set = DefinitionSet::new(
            vec![Source { name: source.clone(), git, poll_ms: 30_000 }],
            vec![Cluster {
                name: target.cluster.clone(),
                labels: Default::default(),
                kubeconfig: Kubeconfig { file: kubeconfig, context: subject.context.clone(), secret: None },
                namespace: OWN_NAMESPACE.to_owned(),
                // A user of one namespace may list nothing on the whole cluster.
                reach: Reach::WholeElse { namespace },
            }],
            vec![Application {
                name: target.application.clone(),
                source: SourcePath { name: source, path: subject.path.clone() },
                rendering: Default::default(),
                targets: Default::default(),
                overrides: Vec::new(),
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
