//! What the story is played on: clusters, a repository, and a whole platform.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use engine::charts::Egress;
use gateway::{
    Listener,
    wire::{Entry, History, SourceList, TargetList, TargetStatus},
};
use kubesim::{Controllers, Simulator};
use model::{
    Commit,
    definition::{Fleet, Git, GitAuth, Reference},
};
use source::Author;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    cluster::Clusters,
    files::{self, CLUSTERS, Files, SHOP},
    tell::Teller,
};
use crate::{
    cli::{ApiOptions, DemoOptions},
    exit::Exit,
    platform::{Client, Watched},
    problem::Problem,
    role::{Company, Origin},
    state_folder::{self, StateFolder, chain},
    up::{Grounds, Platform},
};

/// Longer than any step takes on a machine that has other things to do.
const BOUND: Duration = Duration::from_secs(60);

/// Time until it is looked why nothing happens.
const LOOK: Duration = Duration::from_secs(2);

/// Everything that plays.
pub struct Stage {
    pub clusters: Clusters,
    pub teller: Teller,
    /// What is in the repository now.
    pub files: Files,
    author: Author,
    platform: Platform,
    client: Client,
    watched: Watched,
    address: SocketAddr,
    folder: PathBuf,
    /// Keeps the folder until the end, and then removes it.
    _temporary: tempfile::TempDir,
    controllers: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

/// How each cluster's shop is, by the cluster's name.
pub type Statuses = BTreeMap<String, TargetStatus>;

impl Stage {
    pub async fn set_up(options: &DemoOptions, stop: CancellationToken) -> Result<Self, Problem> {
        let temporary = tempfile::Builder::new().prefix("driftless-demo-").tempdir();
        let temporary = temporary.map_err(|error| failed("no temporary folder could be made", &error))?;
        let folder = temporary.path().to_owned();
        let simulator =
            Simulator::start().await.map_err(|error| failed("no cluster could be simulated", &error))?;
        let mut kubeconfigs = BTreeMap::new();
        for name in CLUSTERS {
            simulator.add(name, Controllers::Lifecycle);
            let file = folder.join(format!("{name}.yaml"));
            std::fs::write(&file, simulator.kubeconfig(name))
                .map_err(|error| failed("no kubeconfig could be written", &error))?;
            kubeconfigs.insert(name, file.display().to_string());
        }
        let clusters = Clusters(Arc::new(simulator));
        let repository = folder.join("repository");
        let author =
            Author::create(&repository).map_err(|error| failed("no repository could be made", &error))?;
        let mut files = files::fleet(&repository, |name| kubeconfigs.get(name).cloned().unwrap_or_default());
        files.extend(files::shop());
        let state = state_folder::open(&folder.join("state")).await?;
        let config = gateway::Config::default();
        let listener = Listener::bind(options.address(), &config).await;
        let listener = listener.map_err(|error| crate::role::gateway_problem(&error))?;
        let address = listener.address();
        let bootstrap = fleet(&repository);
        let platform = Platform::start(grounds(state, bootstrap), (config, listener), &stop);
        let client = Client::new(&ApiOptions { server: format!("http://{address}"), api_token: None })?;
        let watched = Watched::open(&client).await?;
        let controllers = tokio::spawn(clusters.clone().play_controllers(&CLUSTERS));
        let teller = Teller::new();
        Ok(Self {
            clusters,
            teller,
            files,
            author,
            platform,
            client,
            watched,
            address,
            folder,
            _temporary: temporary,
            controllers,
            stop,
        })
    }

    /// Commits what is in the files now.
    pub fn commit(&self, who: &str, message: &str) -> Result<Commit, Problem> {
        let commit = self.author.commit(&self.files, message, (who, bus::now()));
        let commit = commit.map_err(|error| failed("nothing could be committed", &error))?;
        self.teller.act(who, &format!("commits \"{message}\" ({})", commit.short()));
        Ok(commit)
    }

    /// Waits until the shop is so on every cluster; answers how long that took, and how it is then.
    pub async fn until(
        &mut self,
        what: &str,
        holds: impl Fn(&TargetStatus) -> bool,
    ) -> Result<(Duration, Statuses), Problem> {
        let (began, deadline) = (Instant::now(), Instant::now() + BOUND);
        loop {
            let list: TargetList = self.client.get("targets", &[]).await?;
            let all: Statuses = list.targets.into_iter().map(|it| (it.cluster.clone(), it)).collect();
            if all.len() == CLUSTERS.len() && all.values().all(&holds) {
                return Ok((began.elapsed(), all));
            }
            match timeout_at(deadline.min(Instant::now() + LOOK), self.watched.next()).await {
                Ok(changed) => drop(changed?),
                Err(_) if Instant::now() < deadline => self.fetched().await?,
                Err(_) => {
                    let message = format!("{what}: not within {} s; {all:?}", BOUND.as_secs());
                    return Err(Problem::new("DEMO", message, "report it as a bug").ending(Exit::Failed));
                }
            }
        }
    }

    /// Whether the repository can be read at all: where Git is not installed it cannot.
    async fn fetched(&self) -> Result<(), Problem> {
        let list: SourceList = self.client.get("sources", &[]).await?;
        match list.sources.into_iter().find_map(|source| source.problem) {
            Some(it) => Err(Problem::new(&it.code, it.message, &it.remedy).ending(Exit::Failed)),
            None => Ok(()),
        }
    }

    /// What the log says of the shop, oldest first.
    pub async fn log(&self, cluster: Option<&str>, limit: &str) -> Result<Vec<Entry>, Problem> {
        let query = [("cluster", cluster), ("limit", Some(limit))];
        let history: History = self.client.get(&format!("applications/{SHOP}/log"), &query).await?;
        Ok(history.entries)
    }

    /// Waits until the log says something more of a cluster's shop.
    pub async fn until_logged(
        &mut self,
        cluster: &str,
        says: impl Fn(&Entry) -> bool,
    ) -> Result<Entry, Problem> {
        let deadline = Instant::now() + BOUND;
        loop {
            let found = self.log(Some(cluster), "100").await?.into_iter().rev().find(&says);
            if let Some(entry) = found {
                return Ok(entry);
            }
            let changed = timeout_at(deadline, self.watched.next()).await;
            changed.map_err(|_| Problem::new("DEMO", "the log does not tell it", "report it as a bug"))??;
        }
    }

    /// Waits until a service ends, which none should.
    pub async fn ended(&mut self) -> Problem {
        match self.platform.ended().await {
            Err(problem) => problem,
            Ok(()) => Problem::new("BUG", "a service ended early", "report it as a bug").ending(Exit::Failed),
        }
    }

    /// What to try while it runs.
    pub fn hints(&self) -> Vec<String> {
        let server = match self.address.to_string() {
            usual if usual == gateway::config::LISTEN => String::new(),
            other => format!(" --server http://{other}"),
        };
        let folder = self.folder.display();
        vec![
            format!("It goes on until you press Ctrl-C: http://{}", self.address),
            format!("   driftless status --watch{server}"),
            format!("   driftless log shop{server}"),
            format!("   KUBECONFIG={folder}/us-1.yaml kubectl -n shop edit configmap settings"),
            format!("   git clone {folder}/repository && cd repository   # change something, commit, push"),
        ]
    }

    pub async fn take_down(mut self) {
        self.controllers.abort();
        self.stop.cancel();
        if let Err(problem) = self.platform.end().await {
            tracing::warn!(?problem, "a service did not end well");
        }
    }
}

/// Definitions in the folder `fleet` of the repository, looked at every second.
fn fleet(repository: &std::path::Path) -> differ::Bootstrap {
    let (reference, auth) = (Reference::Default, GitAuth::None);
    let git = Git {
        url: repository.display().to_string(),
        reference,
        auth,
        ca_file: None,
        proxy: None,
        verify: None,
    };
    differ::Bootstrap::Fleet(Fleet { git, path: "fleet".to_owned(), poll_ms: 1_000 })
}

fn grounds(state: StateFolder, bootstrap: differ::Bootstrap) -> Grounds {
    let StateFolder { path, log, key } = state;
    let origin = Origin { bootstrap: Some(bootstrap), ..Origin::default() };
    Grounds {
        log,
        key,
        state: path,
        member: bus::Member::new("demo"),
        company: Company::Alone,
        origin,
        charts: Egress::default(),
        audit_copy: None,
    }
}

fn failed(what: &str, error: &dyn std::error::Error) -> Problem {
    Problem::new("DEMO", format!("{what}: {}", chain(error)), "check the temporary folder (TMPDIR)")
        .ending(Exit::Failed)
}
