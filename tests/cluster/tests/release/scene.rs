//! Differ and applier on one log, and the parts of fetcher, renderer and whoever defines applications.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bus::{Log, LogConfig};
use cluster::{
    Apply, ClusterClient, ConnectOptions, Delete, Deleted, Force, Live, Mode, Propagation, Resource, Scope,
};
use events::{
    Content, Draft, Event, EventType, Table,
    state::{
        AppliedObject, DefinitionsState, DesiredState, ObservedPath, ObservedRevision, PathOutcome,
        RenderInputs, RenderState, SourceState, State, SyncState, TargetState,
    },
};
use manifest::{DesiredSet, Document, InstallKey, SetOptions};
use model::{
    Aggregate, Application, Cluster, DefinitionSet, Digest, Failure, Gvk, ObjectId, RetryClass, Source,
    TargetId, Timestamp, definition::Deletion,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    cluster::{TestCluster, real, unique},
    eventually,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longer than any wait here on a loaded machine.
pub const BOUND: Duration = Duration::from_secs(60);
pub const LABEL: &str = "driftless.dev/application";

pub struct Scene {
    pub log: Arc<dyn Log>,
    pub namespace: String,
    kube: ClusterClient,
    cluster: TestCluster,
    /// What each folder holds.
    folders: BTreeMap<String, Vec<Value>>,
    observation: u64,
    _stop: DropGuard,
    _folder: TempDir,
}

fn key() -> InstallKey {
    InstallKey::from_bytes([7; 32])
}

impl Scene {
    pub async fn new() -> Self {
        let cluster = real("release");
        let folder = TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        let options = ConnectOptions { key: key(), user_agent: "test".into() };
        let kube = ClusterClient::connect(&cluster.admin(), options).await.unwrap();
        let stop = CancellationToken::new();
        let config = differ::Config::new(key(), "differ", bus::Share::Sole);
        tokio::spawn(differ::run(log.clone(), config, stop.clone()));
        tokio::spawn(applier::run(
            log.clone(),
            applier::Config::new(key(), "applier", bus::Share::Sole),
            stop.clone(),
        ));
        Self {
            log,
            namespace: unique("release"),
            kube,
            cluster,
            folders: BTreeMap::new(),
            observation: 0,
            _stop: stop.drop_guard(),
            _folder: folder,
        }
    }

    /// The name of an application on the cluster that all tests share.
    pub fn name(&self, application: &str) -> String {
        format!("{}-{application}", self.namespace)
    }

    pub fn target(&self, application: &str) -> TargetId {
        TargetId { cluster: "real".parse().unwrap(), application: self.name(application).parse().unwrap() }
    }

    /// Puts applications in force on the one cluster: name, folder, deletion policy.
    pub async fn define(&self, applications: &[(&str, &str, Deletion)]) {
        let cluster = Cluster {
            name: "real".parse().unwrap(),
            labels: BTreeMap::new(),
            kubeconfig: self.cluster.admin(),
            namespace: self.name("platform"),
            reach: Default::default(),
        };
        self.define_on(vec![cluster], applications).await;
    }

    /// Puts applications in force, and no cluster for them.
    pub async fn define_nowhere(&self, applications: &[(&str, &str, Deletion)]) {
        self.define_on(vec![], applications).await;
    }

    async fn define_on(&self, clusters: Vec<Cluster>, applications: &[(&str, &str, Deletion)]) {
        let source: Source =
            serde_json::from_value(json!({"name": "repo", "git": {"url": "file:///repo"}, "pollMs": 30_000}))
                .unwrap();
        let applications =
            applications.iter().map(|(name, folder, deletion)| self.application(name, folder, *deletion));
        let set = DefinitionSet::new(vec![source], clusters, applications.collect()).unwrap();
        let bytes = DefinitionsState::encode_set(&set).unwrap();
        let state = DefinitionsState {
            digest: Digest::of(&bytes),
            set: Content::Inline(bytes),
            rejected: None,
            commit: None,
            observation: 0,
            consent: Default::default(),
        };
        self.publish(Aggregate::Definitions, EventType::DefinitionsChanged, &state).await;
    }

    fn application(&self, name: &str, folder: &str, deletion: Deletion) -> Application {
        let deletion = match deletion {
            Deletion::Orphan => "orphan",
            Deletion::Delete => "delete",
        };
        serde_json::from_value(json!({"name": self.name(name), "source": {"name": "repo", "path": folder},
            "namespace": self.namespace, "deletion": deletion, "guard": {"maxPrunePercent": 60}}))
        .unwrap()
    }

    /// A commit that changes folders; nothing is rendered yet.
    pub async fn commit(&mut self, folders: &[(&str, Vec<Value>)]) {
        for (folder, manifests) in folders {
            self.folders.insert((*folder).to_owned(), manifests.clone());
        }
        self.observation += 1;
        let paths = self.folders.iter().map(|(path, manifests)| ObservedPath {
            path: path.clone(),
            outcome: PathOutcome::Found {
                closure: closure(manifests),
                artifact: closure(manifests),
                notes: vec![],
            },
        });
        let revision = ObservedRevision {
            commit: "a".repeat(40).parse().unwrap(),
            reference: "refs/heads/main".into(),
            paths: Table::Inline(paths.collect()),
            origin: None,
        };
        let state = SourceState {
            observation: self.observation,
            revision: Some(revision),
            failure: None,
            handled: vec![],
        };
        self.publish(Aggregate::Source("repo".parse().unwrap()), EventType::RevisionObserved, &state).await;
    }

    /// The renderer has rendered an application as its folder is now.
    pub async fn render(&self, application: &str, folder: &str) {
        let manifests = &self.folders[folder];
        let documents = manifests.iter().map(|manifest| {
            let mut value = manifest.clone();
            value["metadata"]["labels"][LABEL] = self.name(application).into();
            Document { file: "a.yaml".into(), line: 1, value }
        });
        let key = key();
        let built =
            DesiredSet::build(documents, SetOptions { key: &key, default_namespace: &self.namespace })
                .unwrap();
        let commit: model::Commit = "a".repeat(40).parse().unwrap();
        let desired = DesiredState {
            digest: built.set.digest(),
            objects: built.set.objects().len() as u32,
            manifests: Content::Inline(built.set.encode()),
            secrets: None,
            commit,
            observation: self.observation,
            notes: vec![],
        };
        let state = RenderState { made_from: self.inputs(folder), desired: Some(desired), failure: None };
        let aggregate = self.render_of(application, folder);
        self.publish(aggregate, EventType::DesiredStateRendered, &state).await;
    }

    /// The renderer cannot render an application as its folder is now; the last good state stands.
    pub async fn fail_to_render(&self, application: &str, folder: &str) {
        let aggregate = self.render_of(application, folder);
        let before = self.newest::<RenderState>(&aggregate).await.unwrap().1;
        let failure = Failure {
            code: "MANIFEST-SYNTAX".into(),
            message: "a.yaml:1: no manifest".into(),
            remedy: "mend it".into(),
            class: RetryClass::Permanent,
            at: Timestamp::from_millis(1),
            attempts: 1,
        };
        let state = RenderState { made_from: self.inputs(folder), failure: Some(failure), ..before };
        self.publish(aggregate, EventType::RenderFailed, &state).await;
    }

    fn render_of(&self, application: &str, folder: &str) -> Aggregate {
        let application = self.application(application, folder, Deletion::Orphan);
        let parameters = plan::RenderParameters::of(&application).digest();
        Aggregate::Render { application: application.name, parameters }
    }

    fn inputs(&self, folder: &str) -> RenderInputs {
        RenderInputs {
            source: "repo".parse().unwrap(),
            observation: self.observation,
            commit: "a".repeat(40).parse().unwrap(),
            closure: Some(closure(&self.folders[folder])),
            engine: "test".into(),
            key_id: key().key_id(),
        }
    }

    async fn publish<S: State>(&self, aggregate: Aggregate, kind: EventType, state: &S) {
        let newest = self.log.newest(&aggregate).await.unwrap();
        let draft =
            Draft::after(newest.as_ref(), aggregate, (kind, Timestamp::from_millis(1)), state).unwrap();
        self.log.append(vec![draft]).await.pop().unwrap().unwrap();
    }

    async fn newest<S: State>(&self, aggregate: &Aggregate) -> Option<(Event, S)> {
        let event = self.log.newest(aggregate).await.unwrap()?;
        let state = events::decode(event.draft.format, &event.draft.payload).unwrap();
        Some((event, state))
    }

    /// Waits until the newest event of the cluster is of that kind; returns its version.
    pub async fn until_cluster(&self, kind: EventType) -> u64 {
        // Shorter than the sweep, on which nothing here rests.
        let bound = BOUND / 2;
        eventually(bound, &format!("the cluster to be told of: {kind:?}"), async || {
            let newest = self.log.newest(&Aggregate::Cluster("real".parse().unwrap())).await.unwrap()?;
            (newest.draft.kind == kind).then_some(newest.n())
        })
        .await
    }

    pub async fn target_state(&self, application: &str) -> Option<(Event, TargetState)> {
        self.newest(&Aggregate::Target(self.target(application))).await
    }

    pub async fn sync_state(&self, application: &str) -> Option<(Event, SyncState)> {
        self.newest(&Aggregate::Sync(self.target(application))).await
    }

    /// Waits until the inventory of an application is these objects, all as they should be.
    pub async fn until_holds(&self, application: &str, ids: &[&str]) {
        eventually(BOUND, &format!("{application} to hold {ids:?}"), async || {
            let (_, state) = self.sync_state(application).await?;
            let Table::Inline(rows) = &state.objects else { panic!("a small inventory") };
            let held: Vec<String> = rows.iter().map(|row| row.id.name.clone()).collect();
            let done = |row: &AppliedObject| row.fingerprint.is_some();
            let idle = matches!(state.stage, events::state::SyncStage::Finished { .. });
            (held == ids && rows.iter().all(done) && idle).then_some(())
        })
        .await;
    }

    pub async fn until_released(&self, application: &str) -> TargetState {
        eventually(BOUND, &format!("{application} to be released"), async || {
            let (event, state) = self.target_state(application).await?;
            (event.draft.kind == EventType::TargetReleased).then_some(state)
        })
        .await
    }

    pub fn config_map(&self, name: &str, data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": name, "namespace": self.namespace}})
    }

    pub async fn live(&self, body: &Value) -> Option<Live> {
        let (resource, id) = place(body);
        self.kube.get(&resource, &id).await.unwrap()
    }

    /// Somebody takes our label off an object.
    pub async fn strip(&self, body: &Value) {
        let (resource, id) = place(body);
        let strip = json!([{"op": "remove", "path": "/metadata/labels"}]);
        self.kube.json_patch(&resource, &id, &strip, ("somebody", None)).await.unwrap();
    }

    /// Somebody deletes an object, and makes another one of that name.
    pub async fn replace(&self, body: &Value) {
        let (resource, id) = place(body);
        let uid = self.live(body).await.unwrap().uid;
        let delete = Delete {
            resource: &resource,
            id: &id,
            uid: &uid,
            resource_version: None,
            propagation: Propagation::Background,
            start_by: None,
        };
        assert_eq!(self.kube.delete(&delete).await.unwrap(), Deleted::Gone);
        let (manager, force, mode) = ("somebody", Force::No, Mode::Real);
        let apply = Apply { resource: &resource, id: &id, body, manager, force, mode, start_by: None };
        self.kube.apply(&apply).await.unwrap();
    }
}

/// Where an object is.
fn place(body: &Value) -> (Resource, ObjectId) {
    let kind = body["kind"].as_str().unwrap();
    let text = |key: &str| body["metadata"][key].as_str().map(str::to_owned);
    let gvk = Gvk { api_version: body["apiVersion"].as_str().unwrap().parse().unwrap(), kind: kind.into() };
    let scope = if text("namespace").is_some() { Scope::Namespaced } else { Scope::Cluster };
    let id = ObjectId {
        group: gvk.api_version.group.clone(),
        kind: kind.into(),
        namespace: text("namespace"),
        name: text("name").unwrap(),
    };
    (Resource { gvk, plural: format!("{}s", kind.to_lowercase()), scope, verbs: vec![] }, id)
}

/// The label of the application, and all field managers.
pub fn marks(live: &Live) -> (Option<&str>, Vec<&str>) {
    let metadata = &live.value.value()["metadata"];
    let entries = metadata["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    (
        metadata["labels"][LABEL].as_str(),
        entries.iter().filter_map(|entry| entry["manager"].as_str()).collect(),
    )
}

fn closure(manifests: &[Value]) -> Digest {
    Digest::of(json!(manifests).to_string().as_bytes())
}
