//! A log, a namespace, and everything that other services would have published.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use applier::{Config, Error};
use bus::{Log, Share};
use bytes::Bytes;
use cluster::{
    Apply, ClusterClient, ClusterError, ConnectOptions, Delete, Force, Lease, Live, Mode, Propagation,
    Resource, Scope,
};
use events::{
    Content, Draft, Event, EventType, Table,
    state::{
        AppliedObject, ClusterState, DefinitionsState, DesiredState, HealthSummary, InputVector,
        ObjectOutcome, PlannedSync, Reachability, Release, ReleaseOutcome, RenderInputs, RenderState, State,
        SyncOutcome, SyncStage, SyncState, SyncStatus, TargetState, decode,
    },
};
use manifest::{DesiredSet, Document, InstallKey, SetOptions};
use model::{
    Aggregate, Application, ApplicationName, Cluster, DefinitionSet, Digest, Failure, Gvk, HealthStatus,
    ObjectId, Source, TargetId, Timestamp,
    definition::{FirstContact, Git, IgnoreRule, Kubeconfig, SourcePath},
};
use plan::{Action, Reason, Step, SyncPlan, assign};
use serde_json::{Value, json};
use testkit::{
    cluster::{TestCluster, unique},
    eventually,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest wait for anything here; only reached by a failure.
pub const BOUND: Duration = Duration::from_secs(60);

fn shared() -> &'static TestCluster {
    static SHARED: OnceLock<TestCluster> = OnceLock::new();
    SHARED.get_or_init(|| testkit::cluster::real("applier"))
}

pub fn key() -> InstallKey {
    InstallKey::from_bytes([7; 32])
}

/// A target, and the hands of all others.
pub struct Bed {
    pub log: Arc<dyn Log>,
    pub folder: tempfile::TempDir,
    pub kube: ClusterClient,
    pub namespace: String,
    /// The namespace of the platform's Lease, which no other test has.
    pub platform: String,
    pub target: TargetId,
    application: Application,
    /// Further applications.
    also: Vec<ApplicationName>,
    pub kubeconfig: Kubeconfig,
    generation: u64,
}

/// A running applier.
pub struct Applier {
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), Error>>,
}

impl Applier {
    /// As `kill -9`: nothing of it happens any more.
    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

impl Bed {
    /// With definitions, and a namespace that is not there yet.
    pub async fn new() -> Self {
        Self::with(shared(), shared().admin(), FirstContact::Refuse).await
    }

    pub async fn taking_over() -> Self {
        Self::with(shared(), shared().admin(), FirstContact::TakeOver).await
    }

    /// As a user who may do nothing but hold the platform's Lease.
    pub async fn without_rights() -> Self {
        let bed = Self::with(shared(), shared().viewer(), FirstContact::Refuse).await;
        bed.make_namespace(&bed.platform).await;
        bed.grant_viewer(&bed.platform, ("coordination.k8s.io", &["leases"])).await;
        bed
    }

    /// As a user who may write Leases everywhere on that cluster, config maps in the namespace, and nothing else: no
    /// namespace can be made, and that of the platform is not there.
    pub async fn without_namespaces(cluster: &TestCluster) -> Self {
        let bed = Self::with(cluster, cluster.viewer(), FirstContact::Refuse).await.with_namespace().await;
        bed.grant_viewer(&bed.namespace, ("", &["configmaps"])).await;
        let (group, name) = ("rbac.authorization.k8s.io", json!({"name": "leases"}));
        let role = json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": name,
            "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}]});
        let binding = json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": name,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "leases"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "viewer"}]});
        bed.apply_as("somebody", &role).await;
        bed.apply_as("somebody", &binding).await;
        bed
    }

    /// With a log of its own, on the same cluster as the platform of the other.
    pub async fn beside(other: &Self) -> Self {
        let mut bed = Self::new().await;
        bed.platform.clone_from(&other.platform);
        bed.define().await;
        bed
    }

    pub async fn on(cluster: &TestCluster) -> Self {
        Self::with(cluster, cluster.admin(), FirstContact::Refuse).await
    }

    async fn with(cluster: &TestCluster, kubeconfig: Kubeconfig, first_contact: FirstContact) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap();
        let options = ConnectOptions { key: key(), user_agent: "driftless-test".into() };
        let kube = ClusterClient::connect(&cluster.admin(), options).await.unwrap();
        let namespace = unique("t");
        let target = TargetId { cluster: "real".parse().unwrap(), application: namespace.parse().unwrap() };
        let application = application(&target, &namespace, first_contact);
        let platform = format!("{namespace}-platform");
        let mut bed = Self {
            log,
            folder,
            kube,
            namespace,
            platform,
            target,
            application,
            also: vec![],
            kubeconfig,
            generation: 0,
        };
        bed.define().await;
        bed
    }

    pub fn manager(&self) -> String {
        format!("driftless:{}", self.target.application)
    }

    /// Publishes the definitions as they are now.
    pub async fn define(&mut self) {
        let state = DefinitionsState {
            digest: Digest::of(b"set"),
            set: Content::Inline(DefinitionsState::encode_set(&self.set()).unwrap()),
            rejected: None,
            commit: None,
            observation: 0,
            consent: Default::default(),
        };
        self.publish(Aggregate::Definitions, EventType::DefinitionsChanged, &state).await;
    }

    fn set(&self) -> DefinitionSet {
        let git = Git {
            url: "file:///repo".into(),
            reference: Default::default(),
            auth: Default::default(),
            ca_file: None,
            verify: None,
            proxy: None,
        };
        let source = Source { name: "repo".parse().unwrap(), git, poll_ms: 30_000 };
        let mut applications = vec![self.application.clone()];
        applications.extend(
            self.also.iter().map(|name| Application { name: name.clone(), ..self.application.clone() }),
        );
        DefinitionSet::new(vec![source], vec![self.cluster()], applications).unwrap()
    }

    /// The cluster as it is defined.
    pub fn cluster(&self) -> Cluster {
        let (name, namespace) = (self.target.cluster.clone(), self.platform.clone());
        Cluster {
            name,
            labels: BTreeMap::new(),
            kubeconfig: self.kubeconfig.clone(),
            namespace,
            reach: Default::default(),
        }
    }

    /// Publishes definitions with a further application.
    pub async fn define_also(&mut self, name: &str) {
        self.also.push(name.parse().unwrap());
        self.define().await;
    }

    /// Publishes definitions with these rules.
    pub async fn ignore(&mut self, rules: Vec<IgnoreRule>) {
        self.application.ignore = rules;
        self.define().await;
    }

    /// Publishes definitions that have neither the application nor the cluster any more.
    pub async fn leave(&mut self) {
        self.leave_all_but(vec![]).await;
    }

    /// Publishes definitions that have the cluster, and the application no more.
    pub async fn leave_cluster_alone(&mut self) {
        self.leave_all_but(vec![self.cluster()]).await;
    }

    async fn leave_all_but(&mut self, clusters: Vec<Cluster>) {
        let (set, cluster) = (self.set(), self.cluster());
        let empty = DefinitionSet::new(set.sources().to_vec(), clusters, vec![]).unwrap();
        let kept = ClusterState {
            definition: cluster,
            reachability: Reachability::Connected { version: "v1".into() },
            restored: None,
            identity: Default::default(),
        };
        let name = self.target.cluster.clone();
        self.publish(Aggregate::Cluster(name), EventType::ClusterConnected, &kept).await;
        let state = DefinitionsState {
            digest: Digest::of(b"empty"),
            set: Content::Inline(DefinitionsState::encode_set(&empty).unwrap()),
            rejected: None,
            commit: None,
            observation: 0,
            consent: Default::default(),
        };
        self.publish(Aggregate::Definitions, EventType::DefinitionsChanged, &state).await;
    }

    /// Publishes a plan that was made before the target left.
    pub async fn plan_stale(&mut self, steps: Vec<Step>) -> u64 {
        let made_from = self.inputs().await;
        self.plan_from(steps, made_from).await
    }

    /// Publishes a plan that releases the target, and waits for its end.
    pub async fn release(&mut self, steps: Vec<Step>) -> SyncState {
        let definitions = self.log.newest(&Aggregate::Definitions).await.unwrap().unwrap();
        let made_from = InputVector {
            definitions_n: definitions.n(),
            slice: plan::release::slice(definitions.n()),
            parameters: plan::release::nothing(),
            observation: 0,
            desired: plan::release::nothing(),
            sync_n: self.sync().await.map_or(0, |(event, _)| event.n()),
        };
        let generation = self.plan_from(steps, made_from).await;
        self.finished(generation).await
    }

    /// Says that the target was let go.
    pub async fn released(&self) {
        let aggregate = Aggregate::Target(self.target.clone());
        let (_, mut state) = self.newest::<TargetState>(&aggregate).await.unwrap();
        state.released = Some(Release { at: Timestamp::default(), outcome: ReleaseOutcome::Emptied });
        self.publish(aggregate, EventType::TargetReleased, &state).await;
    }

    /// Waits until the newest event of the sync is of that type.
    pub async fn until_told(&self, kind: EventType) {
        eventually(BOUND, kind.word(), async || {
            let (event, _) = self.sync().await?;
            (event.draft.kind == kind).then_some(())
        })
        .await;
    }

    pub fn change_slice(&mut self) {
        self.application.guard.max_prune_percent += 1;
    }

    /// Publishes a desired state of these manifests, each with our label.
    pub async fn desire(&self, manifests: &[Value]) -> DesiredSet {
        let documents = manifests.iter().map(|manifest| {
            let mut value = manifest.clone();
            value["metadata"]["labels"][applier::decide::ownership::LABEL] =
                self.target.application.as_str().into();
            Document { file: "a.yaml".into(), line: 1, value }
        });
        let key = key();
        let options = SetOptions { key: &key, default_namespace: &self.namespace };
        let built = DesiredSet::build(documents, options).unwrap();
        let secrets = if built.secrets.is_empty() {
            None
        } else {
            let sealed = manifest::seal(&key, "secrets", &built.secrets.encode());
            Some(self.log.put_blob(Bytes::from(sealed)).await.unwrap())
        };
        let encoded = built.set.encode();
        let manifests = if encoded.len() > events::content::INLINE_BYTES_MAX {
            Content::Blob(self.log.put_blob(Bytes::from(encoded)).await.unwrap())
        } else {
            Content::Inline(encoded)
        };
        let desired = DesiredState {
            digest: built.set.digest(),
            objects: built.set.objects().len() as u32,
            manifests,
            secrets,
            commit: "0123456789012345678901234567890123456789".parse().unwrap(),
            observation: 1,
            notes: vec![],
        };
        let made_from = RenderInputs {
            source: "repo".parse().unwrap(),
            observation: 1,
            commit: desired.commit.clone(),
            closure: None,
            engine: "test".into(),
            key_id: key.key_id(),
        };
        let state = RenderState { made_from, desired: Some(desired), failure: None };
        self.publish(self.render(), EventType::DesiredStateRendered, &state).await;
        built.set
    }

    fn render(&self) -> Aggregate {
        assign(&self.set())[&self.target].render()
    }

    /// What a plan would be made from now.
    pub async fn inputs(&self) -> InputVector {
        let assignment = &assign(&self.set())[&self.target];
        let render: RenderState = self.newest(&self.render()).await.unwrap().1;
        let definitions = self.log.newest(&Aggregate::Definitions).await.unwrap().unwrap();
        InputVector {
            definitions_n: definitions.n(),
            slice: assignment.slice,
            parameters: assignment.parameters,
            observation: 1,
            desired: render.desired.unwrap().digest,
            sync_n: self.sync().await.map_or(0, |(event, _)| event.n()),
        }
    }

    /// Publishes a plan of these steps; gives its generation.
    pub async fn plan(&mut self, steps: Vec<Step>) -> u64 {
        let inputs = self.inputs().await;
        self.plan_from(steps, inputs).await
    }

    pub async fn plan_from(&mut self, mut steps: Vec<Step>, made_from: InputVector) -> u64 {
        steps.sort_by_key(|step| plan::order::key(step.stage, &step.id));
        let creates = steps.iter().any(|step| step.action == Action::Create);
        let namespace = creates.then(|| self.namespace.clone());
        let plan = SyncPlan { desired: made_from.desired, namespace, steps, held: vec![], in_sync: 0 };
        self.generation += 1;
        let encoded = plan.encode();
        let content = if encoded.len() > events::content::INLINE_BYTES_MAX {
            Content::Blob(self.log.put_blob(Bytes::from(encoded)).await.unwrap())
        } else {
            Content::Inline(encoded)
        };
        let planned = PlannedSync {
            generation: self.generation,
            digest: plan.digest(),
            plan: content,
            made_from,
            open: 0,
            since: Timestamp::default(),
            silence_ms: 0,
            asked: vec![],
        };
        let state = TargetState {
            status: SyncStatus::OutOfSync,
            plan: Some(planned),
            refused: None,
            drift: Table::default(),
            heals: vec![],
            refreshed: vec![],
            health: HealthSummary {
                status: HealthStatus::Unknown,
                since: Timestamp::default(),
                objects: vec![],
            },
            handled: vec![],
            supersede: None,
            strays: vec![],
            rebuilt: Default::default(),
            released: None,
            paused: None,
            waits: vec![],
            heals_paged: Table::default(),
            refreshed_paged: Table::default(),
        };
        self.publish(Aggregate::Target(self.target.clone()), EventType::SyncPlanned, &state).await;
        self.generation
    }

    /// The newest sync event.
    pub async fn sync(&self) -> Option<(Event, SyncState)> {
        self.newest(&Aggregate::Sync(self.target.clone())).await
    }

    /// Publishes a plan and waits for its end.
    pub async fn execute(&mut self, steps: Vec<Step>) -> SyncState {
        let generation = self.plan(steps).await;
        self.finished(generation).await
    }

    pub async fn finished(&self, generation: u64) -> SyncState {
        self.until(&format!("the end of sync {generation}"), |state| {
            state.generation == generation && matches!(state.stage, SyncStage::Finished { .. })
        })
        .await
    }

    pub async fn until(&self, what: &str, done: impl Fn(&SyncState) -> bool) -> SyncState {
        eventually(BOUND, what, async || {
            let (_, state) = self.sync().await?;
            done(&state).then_some(state)
        })
        .await
    }

    pub async fn newest<S: State>(&self, aggregate: &Aggregate) -> Option<(Event, S)> {
        let event = self.log.newest(aggregate).await.unwrap()?;
        let state = decode(event.draft.format, &event.draft.payload).unwrap();
        Some((event, state))
    }

    /// The types of all events of the sync, oldest first.
    pub async fn told(&self) -> Vec<EventType> {
        let mut events = self.log.history(&Aggregate::Sync(self.target.clone()), 256).await.unwrap();
        events.reverse();
        events.iter().map(|event| event.draft.kind).collect()
    }

    /// Since when syncs ran, each time once.
    pub async fn begun(&self) -> BTreeSet<Timestamp> {
        let events = self.log.history(&Aggregate::Sync(self.target.clone()), 256).await.unwrap();
        let state = |event: &Event| decode::<SyncState>(event.draft.format, &event.draft.payload).unwrap();
        let since = |state: SyncState| match state.stage {
            SyncStage::Running { since, .. } => Some(since),
            SyncStage::Finished { .. } | SyncStage::Rejected { .. } | SyncStage::Superseded { .. } => None,
        };
        events.iter().map(state).filter_map(since).collect()
    }

    pub async fn rows(&self, state: &SyncState) -> Vec<AppliedObject> {
        match &state.objects {
            Table::Inline(rows) => rows.clone(),
            Table::Paged { pages, .. } => {
                let mut rows = vec![];
                for page in pages {
                    let bytes = self.log.get_blob(page).await.unwrap().unwrap();
                    rows.extend(Table::read_page(&bytes).unwrap());
                }
                rows
            }
        }
    }

    pub async fn publish<S: State>(&self, aggregate: Aggregate, kind: EventType, state: &S) -> Event {
        let newest = self.log.newest(&aggregate).await.unwrap();
        let draft = Draft {
            correlation: Some("change-1".into()),
            ..Draft::after(newest.as_ref(), aggregate, (kind, Timestamp::default()), state).unwrap()
        };
        self.log.append(vec![draft]).await.pop().unwrap().unwrap()
    }

    /// The platform's Lease.
    pub async fn lease(&self) -> Option<Lease> {
        self.kube.lease(&self.platform, "driftless.platform").await.unwrap()
    }

    /// Deletes the platform's Lease, as a person would.
    pub async fn delete_lease(&self) {
        let metadata = json!({"namespace": self.platform, "name": "driftless.platform"});
        let kind = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata});
        self.delete(&kind).await;
    }

    /// Starts an applier of that name.
    pub fn start(&self, instance: &str) -> Applier {
        self.start_holding(instance, Share::Sole)
    }

    pub fn start_holding(&self, instance: &str, share: Share) -> Applier {
        self.start_as(Config::new(key(), instance, share))
    }

    pub fn start_as(&self, config: Config) -> Applier {
        let stop = CancellationToken::new();
        let task = tokio::spawn(applier::run(self.log.clone(), config, stop.clone()));
        Applier { stop, task }
    }
}

/// The cluster, as others see it.
impl Bed {
    /// Applies for somebody else.
    pub async fn apply_as(&self, manager: &str, body: &Value) -> Live {
        let (resource, id) = (resource_of(body), id_of(body));
        let (force, mode) = (Force::Yes, Mode::Real);
        let request = Apply { resource: &resource, id: &id, body, manager, force, mode, start_by: None };
        self.kube.apply(&request).await.unwrap().object
    }

    /// Applies for somebody else, who takes nothing from anybody.
    pub async fn apply_without_force(&self, manager: &str, body: &Value) -> Result<Live, ClusterError> {
        let (resource, id) = (resource_of(body), id_of(body));
        let (force, mode) = (Force::No, Mode::Real);
        let request = Apply { resource: &resource, id: &id, body, manager, force, mode, start_by: None };
        self.kube.apply(&request).await.map(|applied| applied.object)
    }

    /// Writes for somebody else, who declares nothing.
    pub async fn patch_as(&self, manager: &str, body: &Value, operations: Value) -> Live {
        self.kube.json_patch(&resource_of(body), &id_of(body), &operations, (manager, None)).await.unwrap()
    }

    pub async fn get(&self, body: &Value) -> Option<Live> {
        self.kube.get(&resource_of(body), &id_of(body)).await.unwrap()
    }

    pub async fn value(&self, body: &Value) -> Value {
        self.get(body).await.unwrap().value.into_value()
    }

    pub async fn delete(&self, body: &Value) {
        let (resource, id) = (resource_of(body), id_of(body));
        let uid = self.get(body).await.unwrap().uid;
        let propagation = Propagation::Background;
        let request = Delete {
            resource: &resource,
            id: &id,
            uid: &uid,
            resource_version: None,
            propagation,
            start_by: None,
        };
        self.kube.delete(&request).await.unwrap();
    }

    /// The same platform on another log, beside this one.
    pub async fn on_log(&self, folder: tempfile::TempDir) -> Self {
        let log = bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap();
        Self {
            log,
            folder,
            kube: self.kube.clone(),
            namespace: self.namespace.clone(),
            platform: self.platform.clone(),
            target: self.target.clone(),
            application: self.application.clone(),
            also: self.also.clone(),
            kubeconfig: self.kubeconfig.clone(),
            generation: self.generation,
        }
    }

    /// With the log of that folder instead of its own.
    pub async fn with_log_in(self, folder: tempfile::TempDir) -> Self {
        let log = bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap();
        Self { log, folder, ..self }
    }

    /// Makes the namespace before the applier does.
    pub async fn with_namespace(self) -> Self {
        self.make_namespace(&self.namespace).await;
        self
    }

    pub async fn make_namespace(&self, name: &str) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.apply_as("somebody", &body).await;
    }

    /// Lets the user without rights do everything with these kinds of a group in a namespace.
    pub async fn grant_viewer(&self, namespace: &str, (of, plurals): (&str, &[&str])) {
        let (group, metadata) = ("rbac.authorization.k8s.io", json!({"name": "v", "namespace": namespace}));
        let role = json!({"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": metadata,
            "rules": [{"apiGroups": [of], "resources": plurals, "verbs": ["*"]}]});
        let binding = json!({"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "v"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "viewer"}]});
        self.apply_as("somebody", &role).await;
        self.apply_as("somebody", &binding).await;
    }

    pub fn config_map(&self, name: &str, data: Value) -> Value {
        let metadata = json!({"name": name, "namespace": self.namespace});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    }

    pub fn deployment(&self, name: &str, pod: Value) -> Value {
        let metadata = json!({"name": name, "namespace": self.namespace});
        let mut spec = json!({"containers": [{"name": "web", "image": "example.com/web:1"}]});
        for (key, value) in pod.as_object().unwrap() {
            match key.as_str() {
                "volumes" => spec["volumes"] = value.clone(),
                _ => spec["containers"][0][key] = value.clone(),
            }
        }
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec}}})
    }
}

fn application(target: &TargetId, namespace: &str, first_contact: FirstContact) -> Application {
    Application {
        name: target.application.clone(),
        source: SourcePath { name: "repo".parse().unwrap(), path: String::new() },
        rendering: Default::default(),
        targets: Default::default(),
        overrides: Vec::new(),
        namespace: Some(namespace.to_owned()),
        sync: Default::default(),
        deletion: Default::default(),
        guard: Default::default(),
        ignore: vec![],
        first_contact,
    }
}

pub fn resource_of(body: &Value) -> Resource {
    let kind = body["kind"].as_str().unwrap();
    let scoped = body["metadata"]["namespace"].is_string();
    let scope = if scoped { Scope::Namespaced } else { Scope::Cluster };
    let gvk = Gvk { api_version: body["apiVersion"].as_str().unwrap().parse().unwrap(), kind: kind.into() };
    Resource { gvk, plural: format!("{}s", kind.to_lowercase()), scope, verbs: vec![] }
}

pub fn id_of(body: &Value) -> ObjectId {
    let text = |key: &str| body["metadata"][key].as_str().map(str::to_owned);
    let group = resource_of(body).gvk.api_version.group;
    let kind = body["kind"].as_str().unwrap().to_owned();
    ObjectId { group, kind, namespace: text("namespace"), name: text("name").unwrap() }
}

pub fn step(body: &Value, action: Action, reason: Reason) -> Step {
    let id = id_of(body);
    let stage = match action {
        Action::Create | Action::Apply { .. } | Action::Receive { .. } => plan::order::stage(&id),
        Action::Prune { .. } | Action::GiveBack { .. } | Action::Orphan { .. } => {
            plan::order::prune_stage(&id)
        }
        Action::Forget | Action::Record { .. } => plan::Stage::Forget,
    };
    Step { id, api_version: resource_of(body).gvk.api_version, stage, action, reason }
}

pub fn create(body: &Value) -> Step {
    step(body, Action::Create, Reason::New)
}

pub fn apply(body: &Value, live: &Live) -> Step {
    step(body, Action::Apply { uid: live.uid.clone() }, Reason::Changed)
}

pub fn prune(body: &Value, uid: &str) -> Step {
    step(body, Action::Prune { uid: uid.to_owned() }, Reason::Orphan)
}

pub fn succeeded(state: &SyncState) -> bool {
    matches!(state.stage, SyncStage::Finished { outcome: SyncOutcome::Succeeded, .. })
}

/// The failure of a sync that failed.
pub fn failure(state: &SyncState) -> Failure {
    let SyncStage::Finished { outcome: SyncOutcome::Failed { failure }, .. } = &state.stage else {
        panic!("it did not fail: {:?}", state.stage)
    };
    failure.clone()
}

/// Name and outcome of each row.
pub fn outcomes(rows: &[AppliedObject]) -> Vec<String> {
    let word = |outcome: &ObjectOutcome| {
        if let ObjectOutcome::Failed(failure) = outcome {
            return failure.code.clone();
        }
        format!("{outcome:?}")
    };
    rows.iter().map(|row| format!("{} {}", row.id.name, word(&row.outcome))).collect()
}
