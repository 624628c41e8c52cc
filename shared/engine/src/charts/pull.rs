//! Runs of helm that fetch, with settings of their own and nothing of the machine's or the user's.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use model::Digest;
use serde_json::json;
use tempfile::TempDir;

use super::{
    ARCHIVE_BYTES_MAX, Access, ChartError, Egress, Locked, Round,
    gate::Gate,
    index::{self, Listing},
};
use crate::{
    EngineError, helm,
    process::{Ended, Run},
    programs::{self, Programs},
    scratch, words,
};

/// The folder in which helm stores indexes.
const INDEXES: &str = "indexes";

/// One fetch: what, how, and where its files are.
struct Fetch<'a> {
    locked: &'a Locked,
    access: &'a Access,
    program: &'a Path,
    folder: &'a Path,
    /// The name that the repository has in this round.
    name: String,
}

impl Round {
    /// Fetches a packed chart.
    pub(super) async fn pull(&mut self, locked: &Locked, access: &Access) -> Result<Vec<u8>, ChartError> {
        let programs = Programs::locate(self.charts.tools.as_deref());
        let program = programs::required(helm::PROGRAM, programs.helm.as_ref())?;
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => self.charts.folder().await?,
        };
        let folder = self.folder.insert(folder).path().to_owned();
        if !access.egress.allows_name(locked.host()) {
            let (chart, host) = (locked.shown(), locked.host().to_owned());
            return Err(ChartError::Host { chart, host });
        }
        if access.is_guarded() && self.gate.is_none() {
            self.gate = Some(Gate::open(access.egress.clone()).await.map_err(scratch_error)?);
        }
        let known = self.repositories.get(&locked.repository).cloned();
        let name = known.clone().unwrap_or_else(|| format!("r{}", self.repositories.len()));
        let fetch = Fetch { locked, access, program, folder: &folder, name };
        if locked.registry().is_some() {
            return self.archive(&fetch, Listing::Unread).await;
        }
        if known.is_none() {
            self.update(&fetch).await?;
            self.repositories.insert(locked.repository.clone(), fetch.name.clone());
        }
        match index::listing(&fetch.index(), locked) {
            Listing::Absent => Err(ChartError::Version { chart: locked.shown() }),
            listing @ (Listing::There(_) | Listing::Unread) => self.archive(&fetch, listing).await,
        }
    }

    /// Fetches the index of a repository. Helm ends well even if it could not; the index tells.
    async fn update(&self, fetch: &Fetch<'_>) -> Result<(), ChartError> {
        let mut arguments = vec!["repo".into(), "update".into(), fetch.name.clone().into()];
        arguments.extend(fetch.repositories()?);
        let ended = self.run(fetch, arguments).await?;
        if fetch.index().exists() { Ok(()) } else { Err(fetch.failed(&ended)) }
    }

    /// Fetches the archive, and checks it against the index.
    async fn archive(&self, fetch: &Fetch<'_>, listing: Listing) -> Result<Vec<u8>, ChartError> {
        let locked = fetch.locked;
        let out = TempDir::new_in(fetch.folder).map_err(scratch_error)?;
        let mut arguments: Vec<OsString> = vec!["pull".into(), "--version".into()];
        arguments.extend([(&locked.version).into(), "--destination".into(), out.path().into()]);
        let reference = match locked.registry() {
            Some(registry) => {
                arguments.extend(fetch.registry(registry)?);
                format!("{}/{}", locked.repository.trim_end_matches('/'), locked.name)
            }
            None => {
                arguments.extend(fetch.repositories()?);
                format!("{}/{}", fetch.name, locked.name)
            }
        };
        arguments.extend(["--".into(), reference.into()]);
        let ended = self.run(fetch, arguments).await?;
        let broken = |reason: String| ChartError::Archive { chart: locked.shown(), reason };
        let file =
            fs::read_dir(out.path()).map_err(scratch_error)?.next().transpose().map_err(scratch_error)?;
        let Some(file) = file.filter(|_| ended.success) else { return Err(fetch.failed(&ended)) };
        if file.metadata().map_err(scratch_error)?.len() > ARCHIVE_BYTES_MAX {
            return Err(broken(format!("it is larger than {ARCHIVE_BYTES_MAX} bytes")));
        }
        let bytes = fs::read(file.path()).map_err(scratch_error)?;
        let found = Digest::of(&bytes).to_string();
        match listing {
            Listing::There(told) if !told.is_empty() && told != found => {
                Err(broken(format!("its SHA-256 is {found}, and {told} in the index")))
            }
            Listing::There(_) | Listing::Unread | Listing::Absent => Ok(bytes),
        }
    }

    async fn run(&self, fetch: &Fetch<'_>, arguments: Vec<OsString>) -> Result<Ended, ChartError> {
        let environment = environment(fetch.access, self.gate.as_ref());
        let (name, program, folder) = (helm::PROGRAM, fetch.program, fetch.folder);
        let run = Run { name, program, arguments, folder, home: folder, environment: &environment };
        let ended = self.charts.runner.run(run).await;
        if let Some(host) = self.gate.as_ref().and_then(Gate::refused) {
            return Err(ChartError::Host { chart: fetch.locked.shown(), host });
        }
        ended.map_err(|error| {
            let EngineError::Timeout { seconds, .. } = error else { return ChartError::Engine(error) };
            self.charts.turns.silent(fetch.locked.authority());
            let reason = format!("the repository did not answer within {seconds} s");
            ChartError::Fetch { chart: fetch.locked.shown(), reason }
        })
    }
}

impl Fetch<'_> {
    fn index(&self) -> PathBuf {
        self.folder.join(INDEXES).join(format!("{}-index.yaml", self.name))
    }

    /// Settings that know one repository; a login stands in a private file, never among the arguments.
    fn repositories(&self) -> Result<[OsString; 4], ChartError> {
        let mut repository = json!({"name": self.name, "url": self.locked.repository});
        if let Some(login) = &self.access.login {
            repository["username"] = json!(login.username);
            repository["password"] = json!(login.password);
        }
        let file = self.settings(&json!({"apiVersion": "v1", "repositories": [repository]}))?;
        let indexes = self.folder.join(INDEXES);
        Ok(["--repository-config".into(), file, "--repository-cache".into(), indexes.into()])
    }

    /// Source: Docker, `config.json`, which registries' clients share.
    fn registry(&self, registry: &str) -> Result<Vec<OsString>, ChartError> {
        let login = self.access.login.as_ref().map(|login| {
            let pair = BASE64_STANDARD.encode(format!("{}:{}", login.username, login.password));
            json!({registry: {"auth": pair}})
        });
        let file = self.settings(&json!({"auths": login.unwrap_or_else(|| json!({}))}))?;
        let mut arguments = vec!["--registry-config".into(), file];
        arguments.extend(self.locked.is_loopback().then(|| "--plain-http".into()));
        Ok(arguments)
    }

    fn settings(&self, content: &serde_json::Value) -> Result<OsString, ChartError> {
        let path = TempDir::new_in(self.folder).map_err(scratch_error)?.keep().join("settings");
        scratch::write(&path, content.to_string().as_bytes(), 0o600).map_err(scratch_error)?;
        Ok(path.into())
    }

    /// Helm's words: its error, or what it told while it went on.
    fn failed(&self, ended: &Ended) -> ChartError {
        let told = [ended.errors.as_slice(), ended.output.as_slice()];
        let told = told.map(|text| String::from_utf8_lossy(text).into_owned());
        let told = told.iter().find(|text| !text.trim().is_empty()).map(String::as_str).unwrap_or_default();
        let is_news = |line: &&str| !line.starts_with("Hang tight") && !line.starts_with("Update Complete");
        let told: Vec<&str> = told.lines().filter(is_news).collect();
        let reason = words::plain_addresses(&words::message(&told.join("\n"), self.folder));
        ChartError::Fetch { chart: self.locked.shown(), reason }
    }
}

fn scratch_error(source: std::io::Error) -> ChartError {
    ChartError::Engine(EngineError::Scratch { act: "use", source })
}

impl Access {
    /// Whether helm goes through a gate of ours. A proxy that somebody chose decides itself.
    fn is_guarded(&self) -> bool {
        let chosen = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let bounded = self.egress != Egress::Anywhere;
        bounded && self.proxy.is_none() && !PROXIES.iter().any(|name| chosen(name))
    }
}

/// What names a proxy in the environment.
const PROXIES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

/// The proxy and the authorities. Source: Go, `net/http.ProxyFromEnvironment` and `crypto/x509`: a file named so is
/// trusted besides the machine's folders of authorities.
fn environment(access: &Access, gate: Option<&Gate>) -> Vec<(&'static str, OsString)> {
    let mut settings: Vec<(&'static str, OsString)> = Vec::new();
    let chosen = gate.map(Gate::url).or_else(|| access.proxy.clone());
    for name in PROXIES {
        let proxy = match &chosen {
            Some(proxy) => proxy.into(),
            None => env::var_os(name).unwrap_or_default(),
        };
        settings.push((name, proxy));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        let known = env::var_os(name).filter(|_| chosen.is_none());
        settings.extend(known.map(|value| (name, value)));
    }
    // Helm runs in a folder of its own.
    let own = access.ca_file.as_ref().and_then(|file| std::path::absolute(file).ok().map(OsString::from));
    let authorities = own.or_else(|| env::var_os("SSL_CERT_FILE"));
    settings.extend(authorities.map(|file| ("SSL_CERT_FILE", file)));
    settings
}
