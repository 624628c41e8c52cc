//! The processes of a world: begun, killed, stopped and let go on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{Log, Member, Membership, Pulse, Roll, Share, share::CLAIM};
use cluster::Dialer;
use differ::Bootstrap;
use manifest::InstallKey;
use model::{
    AggregateKind,
    definition::{Fleet, Git, GitAuth, Reference},
};
use testkit::MemoryLog;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    dice::Dice,
    gate::{Being, Gate},
    log::{Border, SeenLog},
    network::{Path, Sites},
    trace::Trace,
    weather::Weather,
};

/// Time between two heartbeats: the fifth of a claim, as on NATS.
const BEAT: Duration = Duration::from_secs(2);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Differ,
    Applier,
}

impl Role {
    pub const ALL: [Self; 2] = [Self::Differ, Self::Applier];

    fn word(self) -> &'static str {
        match self {
            Self::Differ => "differ",
            Self::Applier => "applier",
        }
    }

    /// What it may write.
    fn writes(self) -> &'static [AggregateKind] {
        match self {
            Self::Differ => &[AggregateKind::Definitions, AggregateKind::Cluster, AggregateKind::Target],
            Self::Applier => &[AggregateKind::Sync],
        }
    }
}

/// What a process believes of who else there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    /// What heartbeats tell.
    Members,
    /// That there is nobody else, whoever is there: ownership saves work, and nothing rests on it.
    Alone,
}

/// A process.
pub struct Process {
    pub role: Role,
    pub name: String,
    pub gate: Gate,
    task: JoinHandle<()>,
}

/// What all processes share.
#[derive(Clone)]
pub struct Ground {
    pub memory: Arc<MemoryLog>,
    pub sites: Arc<Sites>,
    pub weather: Weather,
    pub trace: Trace,
    pub key: InstallKey,
    pub dice: Dice,
    pub belief: Belief,
}

/// All processes.
pub struct Crew {
    ground: Ground,
    rosters: BTreeMap<Role, Roster>,
    pub processes: Vec<Process>,
    begun: usize,
}

impl Crew {
    /// Nobody yet.
    pub fn new(ground: Ground) -> Self {
        let rosters = Role::ALL.map(|role| (role, Roster::default()));
        for (_, roster) in &rosters {
            tokio::spawn(roster.clone().run());
        }
        Self { ground, rosters: rosters.into(), processes: vec![], begun: 0 }
    }

    /// Begins a process.
    pub fn begin(&mut self, role: Role) {
        self.begun += 1;
        let name = format!("{}-{}", role.word(), self.begun);
        let gate = Gate::default();
        let Ground { memory, sites, weather, trace, key, dice, belief } = self.ground.clone();
        trace.tell(&name, "begins");
        let border = Border { who: name.clone(), gate: gate.clone(), dice: dice.fork(), weather, trace };
        let log: Arc<dyn Log> = Arc::new(SeenLog { memory, border: border.clone(), writes: role.writes() });
        let dialer = Dialer::Memory(Arc::new(Path { border: border.clone(), sites }));
        let roll = self.rosters.get(&role).map(|roster| roster.join(&name, &gate));
        let membership = Membership::of(
            Member::new(&name),
            CLAIM,
            roll.unwrap_or_else(|| watch::channel(Roll::default()).1),
        );
        let share = match belief {
            Belief::Members => Share::of(&membership),
            Belief::Alone => Share::Sole,
        };
        let task = tokio::spawn(async move {
            let stop = CancellationToken::new();
            let ended = match role {
                Role::Differ => {
                    let config = differ::Config::new(key, border.who.as_str(), share);
                    let bootstrap = Some(Bootstrap::Fleet(fleet()));
                    let evaluated = membership.evaluated();
                    let config = differ::Config { bootstrap, dialer, evaluated, ..config };
                    differ::run(log, config, stop).await.map_err(|error| format!("{error:?}"))
                }
                Role::Applier => {
                    let config = applier::Config::new(key, border.who.as_str(), share);
                    let config = applier::Config { dialer, ..config };
                    applier::run(log, config, stop).await.map_err(|error| format!("{error:?}"))
                }
            };
            border.trace.broke(format!("{} ended: {ended:?}", border.who));
        });
        self.processes.push(Process { role, name, gate, task });
    }

    /// Kills a process: nothing of it happens any more, but for what has left it.
    pub fn kill(&mut self, at: usize) {
        let process = self.processes.remove(at);
        self.ground.trace.tell(&process.name, "is killed");
        process.gate.set(Being::Dead);
        process.task.abort();
    }

    /// Stops a process, or lets it go on.
    pub fn set(&self, at: usize, being: Being) {
        let process = &self.processes[at];
        if process.gate.being() != being {
            self.ground.trace.tell(&process.name, format!("is {being:?}"));
            process.gate.set(being);
        }
    }
}

/// The fleet repository.
pub fn fleet() -> Fleet {
    let (reference, auth) = (Reference::Default, GitAuth::None);
    let url = "https://git.example/fleet.git".to_owned();
    let git = Git { url, reference, auth, ca_file: None, proxy: None, verify: None };
    Fleet { git, path: ".".to_owned(), poll_ms: 30_000 }
}

/// Who of a role is there, as heartbeats tell.
#[derive(Clone, Default)]
struct Roster(Arc<Mutex<BTreeMap<String, Beat>>>);

struct Beat {
    gate: Gate,
    last: Instant,
    unbroken: Instant,
    roll: watch::Sender<Roll>,
}

impl Roster {
    async fn run(self) {
        loop {
            self.beat();
            sleep(BEAT).await;
        }
    }

    fn join(&self, name: &str, gate: &Gate) -> watch::Receiver<Roll> {
        let (now, (roll, told)) = (Instant::now(), watch::channel(Roll::default()));
        self.lock().insert(name.to_owned(), Beat { gate: gate.clone(), last: now, unbroken: now, roll });
        self.beat();
        told
    }

    fn beat(&self) {
        let (now, mut beats) = (Instant::now(), self.lock());
        for beat in beats.values_mut().filter(|beat| beat.gate.being() == Being::Running) {
            if now - beat.last >= CLAIM {
                beat.unbroken = now;
            }
            beat.last = now;
        }
        beats.retain(|_, beat| beat.gate.being() != Being::Dead || now - beat.last < CLAIM);
        let there = beats.iter().filter(|(_, beat)| now - beat.last < CLAIM);
        let members: std::collections::BTreeSet<Member> = there.map(|(name, _)| Member::new(name)).collect();
        for beat in beats.values().filter(|beat| beat.gate.being() == Being::Running) {
            let pulse = Some(Pulse { sent: beat.last, unbroken: beat.unbroken });
            beat.roll.send_replace(Roll { members: members.clone(), pulse });
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Beat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
