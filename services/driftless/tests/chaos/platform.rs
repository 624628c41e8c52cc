//! The processes of a platform, and the log that they share.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use bus::{Log, LogConfig};
use serde_json::Value;
use testkit::{NatsServer, Process, free_port};

use crate::script::Act;

/// Where the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// On a nats-server, between processes of each role.
    Nats,
    /// In the one process that does everything.
    Embedded,
}

impl Backend {
    /// The processes.
    pub fn processes(self) -> &'static [&'static str] {
        match self {
            Self::Nats => &[
                "fetcher",
                "renderer",
                "differ-1",
                "differ-2",
                "applier-1",
                "applier-2",
                "gateway",
                "auditor",
            ],
            Self::Embedded => &["up"],
        }
    }
}

pub struct Platform {
    pub backend: Backend,
    folder: PathBuf,
    /// The repository of definitions.
    fleet: PathBuf,
    nats: Option<NatsServer>,
    processes: BTreeMap<&'static str, Process>,
    /// Port of the API.
    port: u16,
    /// Processes that ended by themselves and were started again.
    pub revived: usize,
}

impl Platform {
    /// Nothing runs yet but the broker.
    pub async fn new(backend: Backend, folder: &Path, fleet: &Path) -> Self {
        let nats = match backend {
            Backend::Nats => Some(NatsServer::start(folder).await),
            Backend::Embedded => None,
        };
        // Both beside an embedded log and apart.
        fs::create_dir(folder.join("up")).unwrap();
        for key in ["key", "up/key"] {
            fs::write(folder.join(key), "07".repeat(32)).unwrap();
        }
        Self {
            backend,
            folder: folder.to_owned(),
            fleet: fleet.to_owned(),
            nats,
            processes: BTreeMap::new(),
            port: free_port(),
            revived: 0,
        }
    }

    /// The folder with everything of its processes.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn start_all(&mut self) {
        self.backend.processes().iter().for_each(|name| self.start(name));
    }

    /// Starts a process: `differ-2` is another one of the role `differ`.
    pub fn start(&mut self, name: &'static str) {
        let folder = &self.folder;
        let role = name.split('-').next().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
        command.arg(role).env("DRIFTLESS_LOG", "info,bus::patient=debug");
        command.env_remove("KUBECONFIG").env("HOME", folder);
        if let Some(nats) = &self.nats {
            command.args(["--nats", &nats.url()]);
        }
        // Who opens nothing that is sealed has no key.
        if self.nats.is_some() && !["gateway", "auditor"].contains(&role) {
            command.arg("--key").arg(folder.join("key")).args(["--instance", name]);
        }
        if ["auditor", "up"].contains(&role) {
            command.arg("--audit-copy").arg(self.copy());
        }
        if role != "gateway" {
            command.arg("--state").arg(folder.join(name));
        }
        if ["differ", "up"].contains(&role) {
            command.arg("--fleet").arg(&self.fleet).args(["--fleet-poll", "1s"]);
        }
        if ["gateway", "up"].contains(&role) {
            command.args(["--listen", &format!("127.0.0.1:{}", self.port)]);
        }
        let process = Process::start(&mut command, &folder.join(format!("{name}.out")));
        self.processes.insert(name, process);
    }

    /// Does to a process what a script says; what is about something else is left to others.
    pub async fn suffer(&mut self, act: &Act) {
        match act {
            Act::Kill(name) => drop(self.processes.remove(name)),
            Act::Freeze(name) => self.signal(name, "-STOP"),
            Act::Thaw(name) => self.signal(name, "-CONT"),
            Act::Start(name) => self.start(name),
            Act::KillBroker => self.nats.as_mut().unwrap().kill(),
            Act::StartBroker => self.nats.as_mut().unwrap().run().await,
            Act::Commit { .. } | Act::Edit { .. } | Act::Delete { .. } => {}
        }
    }

    /// One that has ended by itself is on its way back anyway.
    pub fn signal(&mut self, name: &str, signal: &str) {
        if let Some(process) = self.processes.get_mut(name)
            && process.is_running()
        {
            process.signal(signal);
        }
    }

    /// Kills every process.
    pub fn kill_all(&mut self) {
        self.processes.clear();
    }

    /// Kills the broker and destroys what it knew; it comes back empty.
    pub async fn wipe(&mut self) {
        let nats = self.nats.as_mut().unwrap();
        nats.wipe();
        nats.run().await;
    }

    /// Starts again what has ended by itself, as whatever looks after services does.
    pub fn revive(&mut self) {
        let ended = |(name, process): (&&'static str, &mut Process)| Some((*name, process.ended()?));
        let ended: Vec<_> = self.processes.iter_mut().filter_map(ended).collect();
        for (name, status) in ended {
            eprintln!("  the {name} ended ({status}): {}", self.last_words(name));
            self.revived += 1;
            self.start(name);
        }
    }

    fn last_words(&self, name: &str) -> String {
        let text = fs::read_to_string(self.folder.join(format!("{name}.out"))).unwrap_or_default();
        text.lines().rev().find(|line| line.starts_with("error[")).unwrap_or_default().to_owned()
    }

    /// The log. An embedded one only while its process is dead.
    pub async fn log(&self) -> Arc<dyn Log> {
        let config = match &self.nats {
            Some(nats) => LogConfig::nats(nats.url()),
            None => LogConfig::embedded(self.folder.join("up/log")),
        };
        bus::open(config).await.unwrap()
    }

    /// What `driftless WORDS -o json` answers; `None`: it failed.
    pub fn ask(&self, words: &[&str]) -> Option<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
        command.args(words).args([
            "--output",
            "json",
            "--server",
            &format!("http://127.0.0.1:{}", self.port),
        ]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }
}
