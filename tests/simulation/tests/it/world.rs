//! One world: a seed says all that happens in it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::simulate;
use manifest::InstallKey;
use model::Timestamp;
use testkit::MemoryLog;
use tokio::time::{Instant, sleep};

use crate::{
    author::Author,
    crew::{Belief, Crew, Ground, Role},
    deeds,
    dice::Dice,
    gate::Being,
    network::Sites,
    repository::{Health, Repository},
    rest,
    site::Site,
    trace::Trace,
    weather::{Rates, Weather},
};

/// How long everything may take to come to rest once nothing goes wrong any more: a heal that was tried four times
/// waits for a minute, a failed plan for as long, and a sweep comes every minute.
const REST_MAX: Duration = Duration::from_secs(40 * 60);

/// How long it has to stay so.
const STAYS: Duration = Duration::from_secs(150);

/// How a world ended.
pub struct Ended {
    /// All that happened.
    pub lines: Vec<String>,
    /// What must not have.
    pub broken: Vec<String>,
}

/// What is in a world.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub clusters: usize,
    pub applications: usize,
    /// Things that people, others and fate do.
    pub deeds: usize,
    pub rates: Rates,
    pub belief: Belief,
}

/// A world.
pub struct World {
    pub dice: Dice,
    pub memory: Arc<MemoryLog>,
    pub sites: Arc<Sites>,
    pub repository: Arc<Mutex<Repository>>,
    pub crew: Crew,
    pub trace: Trace,
    pub weather: Weather,
    /// How often each object was edited by hand.
    pub edits: BTreeMap<String, usize>,
    /// Backups of clusters, by their names.
    pub backups: BTreeMap<String, kubesim::Cluster>,
}

/// Plays the world of a seed.
pub fn play(seed: u64, settings: Settings) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => runtime.block_on(World::play(seed, settings)),
        Err(error) => Ended { lines: vec![], broken: vec![error.to_string()] },
    }
}

impl World {
    async fn play(seed: u64, settings: Settings) -> Ended {
        // A day in 2026: times that carry no meaning, but are times.
        simulate(Timestamp::from_millis(1_800_000_000_000));
        let mut world = Self::new(seed, settings);
        for role in Role::ALL {
            world.crew.begin(role);
        }
        for _ in 0..settings.deeds {
            sleep(world.dice.millis(50..12_000)).await;
            deeds::one(&mut world);
        }
        sleep(world.dice.millis(50..12_000)).await;
        world.calm();
        world.come_to_rest().await;
        Ended { lines: world.trace.lines(), broken: world.trace.broken() }
    }

    fn new(seed: u64, settings: Settings) -> Self {
        let dice = Dice::new(seed);
        let (memory, trace) = (MemoryLog::new(format!("log-{seed}")), Trace::default());
        let weather = Weather::bad(settings.rates);
        let names = (0..settings.clusters).filter_map(|i| format!("site-{i}").parse().ok());
        let site = |name: model::ClusterName| {
            (name.to_string(), Site::new(name, dice.number(), memory.clone(), trace.clone()))
        };
        let sites: Arc<Sites> = Arc::new(names.map(site).collect());
        let clusters = sites.values().map(|site| site.name.clone()).collect();
        let mut repository = Repository::of(clusters);
        deeds::populate(&mut repository, settings.applications, &dice);
        let repository = Arc::new(Mutex::new(repository));
        let key = InstallKey::from_bytes([7; 32]);
        let author = Author {
            memory: memory.clone(),
            repository: repository.clone(),
            key: key.clone(),
            dice: dice.fork(),
            trace: trace.clone(),
        };
        tokio::spawn(author.run());
        let ground = Ground {
            memory: memory.clone(),
            sites: sites.clone(),
            weather: weather.clone(),
            trace: trace.clone(),
            key,
            dice: dice.fork(),
            belief: settings.belief,
        };
        Self {
            dice,
            memory,
            sites,
            repository,
            crew: Crew::new(ground),
            trace,
            weather,
            edits: BTreeMap::new(),
            backups: BTreeMap::new(),
        }
    }

    /// What is in Git.
    pub fn git(&self) -> MutexGuard<'_, Repository> {
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing goes wrong.
    fn calm(&mut self) {
        self.trace.tell("weather", "clears up");
        self.weather.clear();
        for at in 0..self.crew.processes.len() {
            self.crew.set(at, Being::Running);
        }
        for role in Role::ALL {
            if !self.crew.processes.iter().any(|process| process.role == role) {
                self.crew.begin(role);
            }
        }
        let mut git = self.git();
        git.commits += 1;
        git.applications.values_mut().for_each(|application| application.health = Health::Good);
    }

    async fn come_to_rest(&self) {
        let until = Instant::now() + REST_MAX;
        let mut rests = None;
        while Instant::now() < until {
            sleep(Duration::from_secs(10)).await;
            if !self.unmet().is_empty() {
                rests = None;
            } else if rests.get_or_insert_with(Instant::now).elapsed() >= STAYS {
                self.trace.tell("world", "rests");
                return;
            }
        }
        for unmet in self.unmet() {
            self.trace.broke(format!("never came to rest: {unmet}"));
        }
        if self.trace.broken().is_empty() {
            self.trace.broke("did not stay at rest");
        }
    }

    fn unmet(&self) -> Vec<String> {
        let git = self.git();
        self.sites.values().flat_map(|site| rest::unmet(&self.memory, &git, site)).collect()
    }
}
