//! Clusters, Git, a platform, and what has to be true of all of them in the end.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use testkit::cluster::{TestCluster, unique};

use crate::{
    desired::{Desired, Objects, lasting, name},
    hand::Hand,
    ledger::Ledger,
    options,
    platform::{Backend, Platform},
    repository::Repository,
    script::{Act, Broker, Cast},
    witness::Witness,
};

/// How often it is looked whether something is so.
const LOOK: Duration = Duration::from_millis(200);

/// Which application goes to which cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Each to one of them.
    One,
    /// Each to all of them.
    All,
}

pub struct World {
    pub platform: Platform,
    pub desired: Desired,
    pub sites: Vec<Site>,
    pub ledger: Ledger,
    /// Namespace of the objects, and beginning of the names of applications.
    pub name: String,
    spread: Spread,
    repository: Repository,
    folder: TempDir,
}

/// A cluster.
pub struct Site {
    pub name: String,
    pub kubeconfig: PathBuf,
    pub hand: Hand,
    pub witness: Witness,
    /// How often an object was deleted by hand, or may have been.
    deleted: BTreeMap<String, usize>,
}

impl World {
    /// Everything runs, and nothing is applied yet.
    pub async fn new(
        backend: Backend,
        clusters: &[TestCluster],
        applications: usize,
        spread: Spread,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = unique("chaos");
        let repository = Repository::new(folder.path().join("repository"));
        let fleet = Repository::new(folder.path().join("fleet"));
        let mut sites = Vec::new();
        for (i, cluster) in clusters.iter().enumerate() {
            sites.push(Site::of(i, cluster, &name).await);
        }
        let desired = Desired::new(applications);
        repository.commit(&desired.files());
        let definitions = definitions(&name, &repository, &sites, (applications, spread));
        fleet.commit(&[("all.yaml".to_owned(), definitions)]);
        let mut platform = Platform::new(backend, folder.path(), &fleet.0).await;
        let ledger = Ledger::register(&platform.log().await).await;
        platform.start_all();
        Self { platform, desired, sites, ledger, name, spread, repository, folder }
    }

    /// What a script may strike.
    pub fn cast(&self, broker: Broker) -> Cast {
        let processes = self.platform.backend.processes().to_vec();
        Cast { applications: self.desired.len(), processes, broker }
    }

    /// Plays a script to its end.
    pub async fn play(&mut self, script: Vec<(Duration, Act)>) {
        let start = Instant::now();
        for (at, act) in script {
            while start.elapsed() < at {
                pause((at - start.elapsed()).min(LOOK)).await;
                self.platform.revive();
            }
            if options::by_hand() {
                eprintln!("  {:>6.2} {}", at.as_secs_f64(), short(&act));
            }
            self.perform(&act).await;
        }
    }

    pub async fn perform(&mut self, act: &Act) {
        match act {
            Act::Commit { changed, toggled } => {
                self.desired.change(changed, toggled);
                self.repository.commit(&self.desired.files());
            }
            Act::Edit { app, object } => self.site(*app).hand.edit(&lasting(*app, *object)),
            Act::Delete { app, object } => {
                let name = lasting(*app, *object);
                let site = self.site(*app);
                site.hand.delete(&name);
                *site.deleted.entry(name).or_default() += 1;
            }
            Act::Kill(_)
            | Act::Freeze(_)
            | Act::Thaw(_)
            | Act::Start(_)
            | Act::KillBroker
            | Act::StartBroker => self.platform.suffer(act).await,
        }
    }

    /// A cluster that an application is on.
    fn site(&mut self, app: usize) -> &mut Site {
        let count = self.sites.len();
        &mut self.sites[app % count]
    }

    /// Waits until everything is as Git describes it, and said to be; answers how long that took.
    pub async fn converge(&mut self, bound: Duration) -> Duration {
        self.until(bound, |world| world.missing().or_else(|| world.unsaid())).await
    }

    /// Waits until nothing is missing any more.
    pub async fn until(&mut self, bound: Duration, missing: impl Fn(&Self) -> Option<String>) -> Duration {
        let start = Instant::now();
        while let Some(what) = missing(self) {
            assert!(start.elapsed() < bound, "not within {bound:?}: {what}");
            pause(LOOK).await;
            self.platform.revive();
        }
        start.elapsed()
    }

    /// What Git describes on a cluster.
    pub fn expected(&self, site: usize) -> Objects {
        let on_it = |app: &usize| self.spread == Spread::All || app % self.sites.len() == site;
        (0..self.desired.len()).filter(on_it).flat_map(|app| self.desired.objects(app)).collect()
    }

    pub fn targets(&self) -> usize {
        match self.spread {
            Spread::One => self.desired.len(),
            Spread::All => self.desired.len() * self.sites.len(),
        }
    }

    /// What the clusters lack, or have too much of.
    fn missing(&self) -> Option<String> {
        self.sites.iter().enumerate().find_map(|(i, site)| {
            let (expected, found) = (self.expected(i), site.witness.seen().objects());
            let differs = |name: &&String| expected.get(*name) != found.get(*name);
            let names: Vec<&String> = expected.keys().chain(found.keys()).filter(differs).collect();
            let first = *names.first()?;
            let (wanted, there) = (expected.get(first), found.get(first));
            Some(format!("{} of {}, such as {first}: {wanted:?}, not {there:?}", names.len(), site.name))
        })
    }

    /// What is not as Git describes it; what Git does not name may be there besides.
    pub fn lacking(&self) -> Option<String> {
        self.sites.iter().enumerate().find_map(|(i, site)| {
            let found = site.witness.seen().objects();
            let lacks = |(name, value): &(String, String)| found.get(name) != Some(value);
            self.expected(i).into_iter().find(lacks).map(|lacking| format!("{lacking:?} on {}", site.name))
        })
    }

    /// What the platform does not say of it yet.
    fn unsaid(&self) -> Option<String> {
        let Some(status) = self.platform.ask(&["status"]) else { return Some("no answer".into()) };
        let targets = status["targets"].as_array().unwrap();
        if targets.len() != self.targets() {
            return Some(format!("{} targets", targets.len()));
        }
        let good = |target: &&Value| {
            target["sync"] == "InSync"
                && target["evaluated"]["state"] == "Fresh"
                && target["problem"].is_null()
        };
        targets.iter().find(|target| !good(target)).map(Value::to_string)
    }

    /// Checks what is left when all is quiet: the whole log, the inventories in it, and the life of every object.
    pub async fn audit(&mut self) {
        if self.platform.backend == Backend::Embedded {
            self.platform.kill_all();
        }
        let log = self.platform.log().await;
        self.ledger.read(&log, self.folder.path()).await;
        let inventories = self.ledger.inventories(&log).await;
        drop(log);
        for site in &self.sites {
            let seen = site.witness.seen();
            let living = seen.living();
            assert_eq!(inventories.get(&site.name), Some(&living), "the inventory of {}", site.name);
            assert_eq!(seen.with_other_managers(), [""; 0], "on {}", site.name);
            for being in &seen.gone {
                let known = site.deleted.contains_key(&being.0) || self.ledger.prunes.contains(being);
                assert!(known, "{being:?} of {} was deleted, and no plan says so", site.name);
            }
            let mut lives: BTreeMap<&str, usize> = BTreeMap::new();
            seen.beings.iter().for_each(|(name, _)| *lives.entry(name).or_default() += 1);
            for (name, lives) in lives {
                let deaths = site.deleted.get(name).copied().unwrap_or_default();
                assert!(lives <= 1 + deaths, "{name} of {} was made {lives} times", site.name);
            }
        }
        if self.platform.backend == Backend::Embedded {
            self.platform.start_all();
        }
    }

    /// Destroys the log. What the ledger knew of it counts no more.
    pub async fn wipe(&mut self) {
        self.platform.wipe().await;
        self.ledger = Ledger::register(&self.platform.log().await).await;
        // What was acknowledged until now is in no log any more.
        self.ledger.forget_acknowledgements(self.folder.path());
    }

    /// What `driftless WORD` answers about an application; `None`: it failed.
    pub fn ask_about(&self, app: usize, word: &str) -> Option<Value> {
        self.platform.ask(&[word, &format!("{}-{}", self.name, name(app))])
    }

    /// Ends the platform, whose audit ledger has to have everything, and takes away what it made.
    pub async fn end(mut self) {
        self.platform.end_audited(self.ledger.events()).await;
        self.sites.iter().for_each(|site| site.hand.clear());
    }
}

impl Site {
    async fn of(i: usize, cluster: &TestCluster, namespace: &str) -> Self {
        Self {
            name: format!("site-{i}"),
            kubeconfig: cluster.kubeconfig_file().to_owned(),
            hand: Hand::new(cluster.kubeconfig_file(), namespace),
            witness: Witness::of(&cluster.admin(), namespace).await,
            deleted: BTreeMap::new(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        self.platform.kill_all();
        for name in self.platform.backend.processes() {
            let text = fs::read_to_string(self.folder.path().join(format!("{name}.out"))).unwrap_or_default();
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains("DEBUG")).collect();
            eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(8)..].join("\n"));
        }
        if options::by_hand() {
            self.folder.disable_cleanup(true);
            eprintln!("--- kept: {}", self.folder.path().display());
        }
    }
}

/// Waits for a moment of a script, or for the next look.
pub async fn pause(length: Duration) {
    let _ = tokio::time::timeout(length, std::future::pending::<()>()).await;
}

fn short(act: &Act) -> String {
    if let Act::Commit { changed, toggled } = act {
        return format!("Commit({}, {})", changed.len(), toggled.len());
    }
    format!("{act:?}")
}

fn definitions(
    world: &str,
    repository: &Repository,
    sites: &[Site],
    (applications, spread): (usize, Spread),
) -> String {
    let head = "---\napiVersion: driftless.dev/v1alpha1\nkind:";
    let mut text = format!(
        "{head} Source\nmetadata: {{name: git}}\nspec: {{git: {{url: {:?}}}, poll: 1s}}\n",
        repository.0
    );
    for site in sites {
        // Other worlds are other platforms on the same clusters.
        text += &format!(
            "{head} Cluster\nmetadata: {{name: {0}, labels: {{env: chaos, site: {0}}}}}\n\
             spec: {{kubeconfig: {{file: {1:?}}}, namespace: {world}-platform}}\n",
            site.name, site.kubeconfig
        );
    }
    for app in 0..applications {
        let targets = match spread {
            Spread::One => format!("site: {}", sites[app % sites.len()].name),
            Spread::All => "env: chaos".to_owned(),
        };
        // What several commits took from an application may go at once: no person is there to say so.
        text += &format!(
            "{head} Application\nmetadata: {{name: {world}-{0}}}\nspec: {{source: {{name: git, path: apps/{0}}}, \
             targets: {{matchLabels: {{{targets}}}}}, namespace: {world}, guard: {{maxPrunePercent: 90}}}}\n",
            name(app)
        );
    }
    text
}
