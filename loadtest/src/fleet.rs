//! The Git repository with one folder per application, and the definitions of the fleet.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use model::{
    Application, ApplicationName, Cluster, ClusterName, DefinitionSet, Source, SourceName,
    definition::{Git, Kubeconfig, Reference, SourcePath, SyncPolicy},
};
use serde_json::{Value, json};

use crate::Fault;

/// Longer than any run: what is measured starts with a request, not with the luck of a poll.
const POLL_MS: u64 = 3_600_000;

/// Applications, their objects and the repository that holds them.
#[derive(Debug)]
pub struct Fleet {
    /// A work tree, and beside it the bare repository that is fetched from.
    folder: PathBuf,
    apps: usize,
    objects: usize,
}

impl Fleet {
    /// Makes a work tree in `folder` with one commit, pushed as to a host: there it lies in one pack, not in
    /// thousands of loose files that Git would have to read for the fetch.
    pub fn create(folder: PathBuf, apps: usize, objects: usize) -> Result<Self, Fault> {
        let fleet = Self { folder, apps, objects };
        fs::create_dir_all(&fleet.folder)?;
        fleet.git(&["init", "--quiet", "--initial-branch=main"])?;
        let host = fleet.host();
        fleet.git(&["init", "--quiet", "--bare", "--initial-branch=main", &host])?;
        fleet.git(&["remote", "add", "origin", &host])?;
        for app in 0..apps {
            for object in 0..objects {
                fleet.write(app, object, "first")?;
            }
        }
        fleet.commit("the fleet")?;
        Ok(fleet)
    }

    /// Number of applications.
    pub fn apps(&self) -> usize {
        self.apps
    }

    /// Application and object of every object.
    pub fn each(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let objects = self.objects;
        (0..self.apps).flat_map(move |app| (0..objects).map(move |object| (app, object)))
    }

    /// Gives one object another value; not committed yet.
    pub fn write(&self, app: usize, object: usize, value: &str) -> Result<(), Fault> {
        let folder = self.folder.join(path(app));
        fs::create_dir_all(&folder)?;
        let manifest = config_map(NAMESPACE, app, object, value).to_string();
        Ok(fs::write(folder.join(format!("{object}.json")), manifest)?)
    }

    /// Changes a file that no application reads; not committed yet.
    pub fn write_readme(&self, text: &str) -> Result<(), Fault> {
        Ok(fs::write(self.folder.join("README.md"), text)?)
    }

    fn host(&self) -> String {
        self.folder.with_extension("git").to_string_lossy().into_owned()
    }

    /// Commits everything and pushes it; its id.
    pub fn commit(&self, message: &str) -> Result<String, Fault> {
        self.git(&["add", "--all"])?;
        self.git(&[
            "-c",
            "user.name=load",
            "-c",
            "user.email=load@test",
            "commit",
            "--quiet",
            "-m",
            message,
        ])?;
        self.git(&["push", "--quiet", "origin", "main"])?;
        self.git(&["rev-parse", "HEAD"])
    }

    fn git(&self, arguments: &[&str]) -> Result<String, Fault> {
        let done = Command::new("git").arg("-C").arg(&self.folder).args(arguments).output()?;
        if done.status.success() {
            return Ok(String::from_utf8(done.stdout)?.trim().to_owned());
        }
        Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr)).into())
    }

    /// The definitions: one source, one cluster, every application on it.
    pub fn definitions(&self, kubeconfig: &Path) -> Result<DefinitionSet, Fault> {
        let source = Source {
            name: source_name()?,
            git: Git {
                url: self.host(),
                reference: Reference::Branch("main".into()),
                auth: Default::default(),
                ca_file: None,
                verify: None,
                proxy: None,
            },
            poll_ms: POLL_MS,
        };
        let kubeconfig = Kubeconfig { file: Some(kubeconfig.to_owned()), context: None, secret: None };
        // Each fleet is an install of its own, one after the other on one cluster.
        let namespace = format!("driftless-{:08x}", rand::random::<u32>());
        let cluster = Cluster {
            name: cluster_name()?,
            labels: Default::default(),
            kubeconfig,
            namespace,
            reach: Default::default(),
        };
        let applications = (0..self.apps).map(application).collect::<Result<_, _>>()?;
        Ok(DefinitionSet::new(vec![source], vec![cluster], applications)?)
    }
}

/// Where driftless applies.
pub const NAMESPACE: &str = "load";

/// The one source.
pub fn source_name() -> Result<SourceName, Fault> {
    Ok("fleet".parse()?)
}

fn cluster_name() -> Result<ClusterName, Fault> {
    Ok("loadtest".parse()?)
}

/// The name of an application.
pub fn name(app: usize) -> Result<ApplicationName, Fault> {
    Ok(format!("app-{app:05}").parse()?)
}

fn path(app: usize) -> String {
    format!("apps/app-{app:05}")
}

/// The name of an object.
pub fn object_name(app: usize, object: usize) -> String {
    format!("app-{app:05}-{object}")
}

fn application(app: usize) -> Result<Application, Fault> {
    Ok(Application {
        name: name(app)?,
        source: SourcePath { name: source_name()?, path: path(app) },
        rendering: Default::default(),
        targets: Default::default(),
        overrides: Vec::new(),
        namespace: None,
        sync: SyncPolicy { auto: true, prune: true, self_heal: true },
        deletion: Default::default(),
        guard: Default::default(),
        ignore: vec![],
        first_contact: Default::default(),
    })
}

/// A ConfigMap of the size of a small real one (about 1 KB).
pub fn config_map(namespace: &str, app: usize, object: usize, value: &str) -> Value {
    let settings = (0..10).fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "setting.{line} = a value that a service of app {app} reads at its start");
        text
    });
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": object_name(app, object), "namespace": namespace, "labels": {"app": format!("app-{app:05}")}},
        "data": {"value": value, "settings": settings},
    })
}
