//! What a chart is locked to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use manifest::Artifact;
use model::Digest;
use serde_json::{Map, Value};

use super::ChartError;
use crate::{
    detect::inside,
    helm::{document, is_vendored, listed},
    links,
};

/// Most charts that one chart, with those beside it, may be locked to: umbrella charts of the field have some thirty.
const CHARTS_MAX: usize = 64;

/// Longest name, version and address, in bytes: they end up in errors and in names of files.
const WORD_BYTES_MAX: usize = 200;

/// A chart that another one depends on, as the lock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version, exactly.
    pub version: String,
    /// Its repository: `https://…`, `http://…` or `oci://…`, without user info.
    pub repository: String,
}

impl Locked {
    /// For people.
    pub(super) fn shown(&self) -> String {
        format!("{} {} in {}", self.name, self.version, self.repository)
    }

    /// The host of the repository, with its port if it has one.
    pub(super) fn authority(&self) -> &str {
        let rest = self.repository.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        rest.split('/').next().unwrap_or_default()
    }

    /// The host of the repository.
    pub(super) fn host(&self) -> &str {
        let authority = self.authority();
        match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        }
    }

    /// Whether the repository is on this machine, where registries speak without TLS.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The host and port, if the repository is a registry (OCI).
    pub(super) fn registry(&self) -> Option<&str> {
        self.repository.starts_with("oci://").then(|| self.authority())
    }
}

/// The charts that the chart at `path`, and each that it names by `file://`, still need: by the place in the
/// artifact where helm looks for them. Nothing, if it is no chart or all lie in its folder `charts/`.
///
/// # Errors
/// Permanent: `CHART-LOCK`, `CHART-ADDRESS`.
pub fn locked(artifact: &Artifact, path: &str) -> Result<BTreeMap<String, Locked>, ChartError> {
    let (mut found, mut seen, mut open) = (BTreeMap::new(), BTreeSet::new(), vec![path.to_owned()]);
    while let Some(chart) = open.pop() {
        if artifact.get(&inside(&chart, "Chart.yaml")).is_none() || !seen.insert(chart.clone()) {
            continue;
        }
        let wanted = listed(artifact, &chart);
        for dependency in &wanted {
            let local = text(dependency, "repository").and_then(|repository| {
                let path = repository.strip_prefix("file://")?.to_owned();
                links::resolve(artifact, &inside(&chart, &path)).ok()
            });
            open.extend(local);
        }
        of_chart(artifact, &chart, &wanted, &mut found)?;
        if found.len() > CHARTS_MAX {
            return Err(ChartError::Lock { chart, reason: "more than 64 charts are to be fetched" });
        }
    }
    Ok(found)
}

fn of_chart(
    artifact: &Artifact,
    chart: &str,
    wanted: &[Value],
    found: &mut BTreeMap<String, Locked>,
) -> Result<(), ChartError> {
    let is_missing = |dependency: &Value| {
        let name = text(dependency, "name").unwrap_or_default();
        let repository = text(dependency, "repository").unwrap_or_default();
        !repository.is_empty() && !repository.starts_with("file://") && !is_vendored(artifact, chart, &name)
    };
    if !wanted.iter().any(is_missing) {
        return Ok(());
    }
    let lock = lock(artifact, chart, wanted)?;
    for (_, locked) in wanted.iter().zip(&lock).filter(|(dependency, _)| is_missing(dependency)) {
        let locked = usable(chart, locked)?;
        let place = format!("{}/{}-{}.tgz", inside(chart, "charts"), locked.name, locked.version);
        found.insert(place, locked);
    }
    Ok(())
}

/// The entries of the lock, one for each dependency in order. Source: Helm, `downloader.Manager.Build`.
fn lock(artifact: &Artifact, chart: &str, wanted: &[Value]) -> Result<Vec<Value>, ChartError> {
    let refuse = |reason| ChartError::Lock { chart: chart.to_owned(), reason };
    let files = ["Chart.lock", "requirements.lock"];
    let lock = files.iter().find_map(|name| document(artifact, &inside(chart, name)));
    let lock = lock.ok_or_else(|| refuse("there is no readable Chart.lock"))?;
    let entries = lock.get("dependencies").and_then(Value::as_array).cloned().unwrap_or_default();
    let told = lock.get("digest").and_then(Value::as_str).unwrap_or_default();
    let known: Vec<Value> =
        wanted.iter().enumerate().map(|(i, wanted)| resolved(wanted, entries.get(i))).collect();
    let both = digest(&Value::from(vec![hashed(&known), hashed(&entries)]));
    // Source: Helm, `resolver.HashV2Req`: locks of charts of version 1 may be as Helm 2 wrote them.
    let old = digest(&Value::from(Map::from_iter([("dependencies".to_owned(), hashed(wanted))])));
    let first = document(artifact, &inside(chart, "Chart.yaml")).and_then(|file| text(&file, "apiVersion"));
    let fits = told == both || (first.as_deref() == Some("v1") && told == old);
    let named = wanted.iter().zip(&entries).all(|(a, b)| text(a, "name") == text(b, "name"));
    if !fits || !named || entries.len() != wanted.len() {
        return Err(refuse("Chart.lock is out of sync with the dependencies in Chart.yaml"));
    }
    Ok(entries)
}

/// A dependency with the address that its author's machine knew by a name, as the lock tells it.
fn resolved(wanted: &Value, entry: Option<&Value>) -> Value {
    let mut wanted = wanted.clone();
    let named = text(&wanted, "repository").filter(|it| it.starts_with('@') || it.starts_with("alias:"));
    if let (Some(_), Some(address)) = (named, entry.and_then(|entry| entry.get("repository"))) {
        wanted["repository"] = address.clone();
    }
    wanted
}

/// Dependencies as Helm hashes them. Source: Helm, `chart.Dependency`: these fields in this order, those that are
/// empty left out but for the repository.
fn hashed(dependencies: &[Value]) -> Value {
    let of = |dependency: &Value| {
        let mut map = Map::new();
        map.insert("name".to_owned(), Value::from(text(dependency, "name").unwrap_or_default()));
        let mut add = |key: &str, value: Option<Value>| value.map(|value| map.insert(key.to_owned(), value));
        let words = |key: &str| text(dependency, key).filter(|text| !text.is_empty()).map(Value::from);
        let list = |key: &str| {
            let list = dependency.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
            list.map(|list| list.iter().map(sorted).collect())
        };
        add("version", words("version"));
        add("repository", Some(Value::from(text(dependency, "repository").unwrap_or_default())));
        add("condition", words("condition"));
        add("tags", list("tags"));
        add("enabled", dependency.get("enabled").filter(|it| **it == Value::Bool(true)).cloned());
        add("import-values", list("import-values"));
        add("alias", words("alias"));
        Value::Object(map)
    };
    dependencies.iter().map(of).collect()
}

/// Go writes the keys of a free map in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, &Value> = map.iter().collect();
            ordered.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Source: Go, `encoding/json`, HTMLEscape: these are escaped, which no other writer does.
fn digest(value: &Value) -> String {
    let mut text = value.to_string();
    for (plain, escaped) in [
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u{2028}", "\\u2028"),
        ("\u{2029}", "\\u2029"),
    ] {
        text = text.replace(plain, escaped);
    }
    format!("sha256:{}", Digest::of(text.as_bytes()))
}

/// A text; a number, because a version such as `1.2` may stand without quotes.
fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What may be given to helm: it has no word that helm or a file system reads otherwise.
fn usable(chart: &str, entry: &Value) -> Result<Locked, ChartError> {
    let word = |key: &str| text(entry, key).unwrap_or_default();
    let locked = Locked { name: word("name"), version: word("version"), repository: word("repository") };
    let refuse = |reason| {
        let dependency = locked.name.chars().filter(|c| !c.is_control()).take(WORD_BYTES_MAX).collect();
        Err(ChartError::Address { chart: chart.to_owned(), dependency, reason })
    };
    let plain = |text: &str, more: &str| {
        text.len() <= WORD_BYTES_MAX
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    if !plain(&locked.name, "-_.") {
        return refuse("its name is none of a chart");
    }
    if !plain(&locked.version, "-+.") || semver(&locked.version).is_none() {
        return refuse("its version is not an exact one");
    }
    let address = &locked.repository;
    let known = ["https://", "http://", "oci://"].iter().any(|scheme| address.starts_with(scheme));
    let odd = |c: char| c.is_whitespace() || c.is_control() || "?#\\".contains(c);
    if !known || address.len() > WORD_BYTES_MAX || address.contains(odd) {
        return refuse("its repository is no address of http, https or oci");
    }
    if locked.authority().contains('@') {
        return refuse("its repository's address holds a user name");
    }
    Ok(locked)
}

/// Numbers and dots, then anything: `1.2.3-rc.1`, `v1.2`. A range or a wildcard is none.
fn semver(version: &str) -> Option<()> {
    let core = version.trim_start_matches('v').split(['-', '+']).next()?;
    core.split('.').all(|part| part.parse::<u64>().is_ok()).then_some(())
}

#[cfg(test)]
mod tests;
