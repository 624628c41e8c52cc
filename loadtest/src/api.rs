//! The API server: applying by hand, reading back, and what it has counted.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use cluster::{Apply, ClusterClient, ConnectOptions, Force, Live, Mode, Resource, Scope, WatchEvent};
use futures::StreamExt;
use manifest::InstallKey;
use model::{Gvk, ObjectId, definition::Kubeconfig};
use serde_json::{Value, json};

use crate::{Fault, processor::Spent};

/// The API server under test.
pub struct Api {
    client: ClusterClient,
    kubeconfig: PathBuf,
}

impl Api {
    pub async fn connect(kubeconfig: &Path) -> Result<Self, Fault> {
        let place = Kubeconfig { file: Some(kubeconfig.to_owned()), context: None, secret: None };
        let options = ConnectOptions {
            key: InstallKey::from_bytes(rand::random()),
            user_agent: "driftless-loadtest".into(),
        };
        let client = ClusterClient::connect(&place, options).await?;
        Ok(Self { client, kubeconfig: kubeconfig.to_owned() })
    }

    pub async fn create_namespace(&self, name: &str) -> Result<(), Fault> {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let resource = resource("Namespace", "namespaces", Scope::Cluster)?;
        self.send(&resource, &body, "loadtest").await.map(|_| ())
    }

    /// Applies a ConfigMap by force; waits for room among the 16 calls that `cluster` lets fly.
    pub async fn apply(&self, body: &Value, manager: &str) -> Result<Live, Fault> {
        self.send(&config_maps()?, body, manager).await
    }

    async fn send(&self, resource: &Resource, body: &Value, manager: &str) -> Result<Live, Fault> {
        let id = id_of(resource, body);
        let (force, mode) = (Force::Yes, Mode::Real);
        let request = Apply { resource, id: &id, body, manager, force, mode, start_by: None };
        Ok(self.client.apply(&request).await?.object)
    }

    /// `data.value` of every ConfigMap in a namespace.
    pub async fn values(&self, namespace: &str) -> Result<BTreeMap<String, String>, Fault> {
        let listed = self.client.list(&config_maps()?, Some(namespace), "").await?;
        Ok(listed.items.iter().map(|live| (live.id.name.clone(), value_of(live))).collect())
    }

    /// Waits until a watch from `live` on shows the object with that value.
    pub async fn restored(&self, live: &Live, value: &str, bound: Duration) -> Result<Instant, Fault> {
        let namespace = live.id.namespace.as_deref();
        let watch = self.client.watch(&config_maps()?, namespace, "", &live.resource_version);
        let mut watch = std::pin::pin!(watch);
        let seen = async {
            while let Some(event) = watch.next().await {
                if let WatchEvent::Modified(now) = event?
                    && now.id == live.id
                    && value_of(&now) == value
                {
                    return Ok(Instant::now());
                }
            }
            Err("the watch ended".into())
        };
        tokio::time::timeout(bound, seen).await.map_err(|_| format!("{} was not healed in time", live.id))?
    }

    /// Processor time used so far, here and by the servers.
    pub fn spent(&self) -> Result<Spent, Fault> {
        Spent::now(self.kubeconfig.parent().ok_or("the kubeconfig is in no folder")?)
    }

    /// Requests about ConfigMaps since the server started.
    pub fn counted(&self) -> Result<Counted, Fault> {
        let folder = self.kubeconfig.parent().ok_or("the kubeconfig is in no folder")?;
        let port = fs::read_to_string(folder.join("kube-apiserver.port"))?;
        let tokens = fs::read_to_string(folder.join("tokens.csv"))?;
        let token = tokens.split(',').next().unwrap_or_default();
        // By standard input: a command line can be read by everyone on the machine.
        let request = format!(
            "url = \"https://127.0.0.1:{}/metrics\"\nheader = \"Authorization: Bearer {token}\"\n",
            port.trim()
        );
        let mut curl = Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--cacert"])
            .arg(folder.join("ca.crt"))
            .args(["--config", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        curl.stdin.take().ok_or("no pipe to curl")?.write_all(request.as_bytes())?;
        let answer = curl.wait_with_output()?;
        if !answer.status.success() {
            return Err("the API server's metrics could not be read".into());
        }
        Ok(Counted::read(&String::from_utf8_lossy(&answer.stdout)))
    }
}

/// Requests about ConfigMaps, as the API server counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Applies, patches, creates, updates, deletes.
    pub writes: u64,
    /// Gets and lists.
    pub reads: u64,
}

impl Counted {
    fn read(metrics: &str) -> Self {
        let lines = metrics.lines().filter(|line| line.starts_with("apiserver_request_total{"));
        let ours = lines.filter(|line| line.contains("resource=\"configmaps\""));
        ours.fold(Self::default(), |mut counted, line| {
            let verb = line.split("verb=\"").nth(1).and_then(|rest| rest.split('"').next());
            let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
            let value = value.unwrap_or_default() as u64;
            match verb {
                Some("WATCH") | None => {}
                Some("GET" | "LIST") => counted.reads += value,
                Some(_) => counted.writes += value,
            }
            counted
        })
    }

    pub fn since(self, before: Self) -> Self {
        Self { writes: self.writes - before.writes, reads: self.reads - before.reads }
    }
}

fn value_of(live: &Live) -> String {
    live.value.value()["data"]["value"].as_str().unwrap_or_default().to_owned()
}

fn config_maps() -> Result<Resource, Fault> {
    resource("ConfigMap", "configmaps", Scope::Namespaced)
}

fn resource(kind: &str, plural: &str, scope: Scope) -> Result<Resource, Fault> {
    let gvk = Gvk { api_version: "v1".parse()?, kind: kind.into() };
    Ok(Resource { gvk, plural: plural.into(), scope, verbs: vec![] })
}

fn id_of(resource: &Resource, body: &Value) -> ObjectId {
    let text = |key: &str| body["metadata"][key].as_str().map(str::to_owned);
    ObjectId {
        group: String::new(),
        kind: resource.gvk.kind.clone(),
        namespace: text("namespace"),
        name: text("name").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_and_other_resources_do_not_count() {
        let line = |resource: &str, verb: &str, count: u32| {
            format!(
                "apiserver_request_total{{code=\"200\",resource=\"{resource}\",verb=\"{verb}\"}} {count}\n"
            )
        };
        let metrics = [
            line("configmaps", "APPLY", 4),
            line("configmaps", "DELETE", 1),
            line("configmaps", "LIST", 2),
            line("configmaps", "WATCH", 7),
            line("leases", "APPLY", 9),
        ];
        assert_eq!(Counted::read(&metrics.concat()), Counted { writes: 5, reads: 2 });
    }
}
