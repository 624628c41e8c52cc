//! A small world around one target: three readable verbs for each side, and the next decision as text.

use std::{collections::BTreeMap, sync::Arc};

use events::{
    Content, EventId, Table,
    state::{
        AppliedObject, DesiredState, ObjectOutcome, ObservedRevision, Origin, PathOutcome, RenderInputs,
        RenderState, Request, RequestId, RequestKind, RequestOutcome, SourceState, SyncOutcome, SyncStage,
        SyncState, TargetState,
    },
};
use manifest::{DesiredObject, InstallKey, redact};
use model::{
    Application, Digest, Failure, Gvk, ObjectId, RetryClass, TargetId, Timestamp,
    definition::{Deletion, FirstContact, Reach, SourcePath, SyncPolicy},
};
use plan::{Action, Assignment, Expiry, Left, Neighbour, RebuiltPrune, SyncPlan};
use serde_json::{Value, json};

use super::super::{ClusterStanding, Facts, Next, Unreadable, decide};
use crate::{
    Finds,
    answers::{Answers, DryRun, DryRunKey, Found, Question},
    desired::Desired,
    known::{Around, Legible, Snapshot, SourceFacts, SyncFacts, Versioned},
    live::{Body, KindView, LiveView, Mark, Part, Seen},
};

const MANAGER: &str = "driftless:shop";

pub fn id(name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: Some("shop".into()),
        name: name.into(),
    }
}

fn config_maps() -> Part {
    Part::whole((String::new(), "ConfigMap".into()))
}

pub fn failure(code: &str, class: RetryClass) -> Failure {
    Failure {
        code: code.into(),
        message: "it failed".into(),
        remedy: String::new(),
        class,
        at: Timestamp::from_millis(0),
        attempts: 1,
    }
}

pub fn changes(fields: &[&str]) -> DryRun {
    DryRun::Changes {
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        managers: vec!["kubectl-edit".into()],
        after: Arc::new(Value::Null),
        before: Some(Arc::new(Value::Null)),
    }
}

pub fn lost(fields: &[&str]) -> DryRun {
    DryRun::OwnershipLost {
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        managers: vec!["kubectl-edit".into()],
    }
}

fn wanted(name: &str, content: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop",
        "labels": {"driftless.dev/application": "shop"}}, "data": {"k": content}})
}

fn live(name: &str, content: &str) -> Value {
    let mut value = wanted(name, content);
    value["metadata"]["managedFields"] = json!([{"manager": MANAGER, "operation": "Apply", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:k": {}},
        "f:metadata": {"f:labels": {"f:driftless.dev/application": {}}}}}]);
    value
}

fn digest_of(name: &str, content: &str) -> Digest {
    manifest::canonical_digest(&wanted(name, content))
}

pub struct World {
    pub snapshot: Snapshot,
    pub desired: Option<Desired>,
    pub unreadable: Option<Unreadable>,
    pub finds: Finds,
    /// The source that the objects tell.
    pub from: Option<String>,
    pub rebuilt_prune: RebuiltPrune,
    pub live: LiveView,
    pub answers: Answers,
    pub cluster: ClusterStanding,
    pub now: Timestamp,
    pub told: Vec<String>,
    target: TargetId,
    wanted: Vec<(String, String)>,
    /// The other targets of the cluster.
    pub neighbours: Vec<Neighbour>,
    /// Objects on the cluster that are deleted with what leaves it, and all.
    pub stock: (usize, usize),
    /// How far the definitions were on when it was looked around.
    pub around_of: u64,
}

impl World {
    /// Rendered, connected, never synced.
    pub fn new(names: &[&str]) -> Self {
        let target = TargetId { cluster: "eu".parse().unwrap(), application: "shop".parse().unwrap() };
        let application = Application {
            name: target.application.clone(),
            source: SourcePath { name: "repo".parse().unwrap(), path: "shop".into() },
            rendering: Default::default(),
            targets: Default::default(),
            overrides: Vec::new(),
            namespace: None,
            sync: SyncPolicy::default(),
            deletion: Default::default(),
            guard: Default::default(),
            ignore: vec![],
            first_contact: Default::default(),
        };
        let assignment =
            Assignment { application, parameters: Digest::of(b"parameters"), slice: Digest::of(b"slice") };
        let snapshot = Snapshot {
            definitions_n: 1,
            assignment: Some(Arc::new(assignment)),
            source: None,
            render: None,
            sync: None,
            legible: Legible::Yes,
            own: None,
            requests: Arc::default(),
            left: None,
            unreachable_since: None,
        };
        let mut world = Self {
            snapshot,
            desired: None,
            unreadable: None,
            finds: Finds::default(),
            from: None,
            rebuilt_prune: RebuiltPrune::Unconfirmed,
            live: LiveView::default(),
            answers: Answers::default(),
            cluster: ClusterStanding::Connected,
            now: Timestamp::from_millis(1_000_000),
            told: vec![],
            target,
            wanted: vec![],
            neighbours: vec![],
            stock: (0, 0),
            around_of: 0,
        };
        world.source(|_| {});
        world.render(&names.iter().map(|name| (*name, "m")).collect::<Vec<_>>());
        world
    }

    /// Synced, watched, and told so by the applier.
    pub fn synced(names: &[&str]) -> Self {
        let mut world = Self::new(names);
        world.load();
        world.listed();
        world.step();
        for name in names {
            world.see(name, "10", "m");
        }
        world.applied();
        world.told.clear();
        world
    }

    /// In sync, and then Git describes its only object otherwise.
    pub fn changed() -> Self {
        let mut world = Self::synced(&["a"]);
        world.step();
        world.render(&[("a", "new")]);
        world.load();
        world
    }

    /// The applier has carried out the newest plan: every wanted object is as live shows it, or as it was created.
    pub fn applied(&mut self) {
        let planned = self.own().plan.clone().unwrap();
        let n = self.snapshot.sync.as_ref().map_or(0, |sync| sync.n) + 2;
        let mut objects = BTreeMap::new();
        for (name, content) in self.wanted.clone() {
            let version =
                self.live.get(&id(&name)).map_or("10".to_owned(), |seen| seen.resource_version.clone());
            self.see(&name, &version, &content);
            let record = diff::record(&live(&name, &content), &wanted(&name, &content), MANAGER).unwrap();
            let row = AppliedObject {
                id: id(&name),
                api_version: "v1".parse().unwrap(),
                origin: Origin::Created,
                uid: Some(format!("uid-{name}")),
                resource_version: Some(version),
                manifest: Some(digest_of(&name, &content)),
                ignored: Default::default(),
                fingerprint: Some(record),
                outcome: ObjectOutcome::Created,
            };
            objects.insert(row.id.clone(), row);
        }
        let state = SyncState {
            generation: planned.generation,
            plan: planned.digest,
            stage: SyncStage::Finished { at: self.now, outcome: SyncOutcome::Succeeded },
            applied: Some(planned.made_from.desired),
            commit: None,
            manifests: None,
            objects: Table::default(),
            superseded: 0,
        };
        self.snapshot.sync = Some(Arc::new(SyncFacts { n, at: self.now, state, objects }));
        self.desired = None;
    }

    pub fn render(&mut self, objects: &[(&str, &str)]) {
        self.wanted =
            objects.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect();
        let text = format!("{:?}", self.wanted);
        let made_from = RenderInputs {
            source: "repo".parse().unwrap(),
            observation: 1,
            commit: "a".repeat(40).parse().unwrap(),
            closure: Some(Digest::of(b"closure")),
            engine: "plain".into(),
            key_id: "k".into(),
        };
        let desired = DesiredState {
            digest: Digest::of(text.as_bytes()),
            objects: objects.len() as u32,
            manifests: Content::Inline(vec![]),
            secrets: None,
            commit: made_from.commit.clone(),
            observation: 1,
            notes: vec![],
        };
        let state = RenderState { made_from, desired: Some(desired), failure: None };
        let event = Digest::of(b"event").to_string().parse::<EventId>().unwrap();
        self.snapshot.render = Some(Arc::new(Versioned { event, n: 1, state }));
        self.desired = None;
    }

    pub fn load(&mut self) {
        let render = self.snapshot.render.as_ref().unwrap();
        let digest = render.state.desired.as_ref().unwrap().digest;
        let rules = self.application().ignore;
        let mut desired =
            Desired { digest, objects: vec![], rules, manifests: BTreeMap::new(), unknown: vec![] };
        for (name, content) in &self.wanted {
            desired.objects.push(plan::DesiredObject {
                id: id(name),
                api_version: "v1".parse().unwrap(),
                manifest: diff::applied_digest(&wanted(name, content), &desired.ignored(&id(name))),
                under_other_keys: Vec::new(),
                expiry: Expiry::Never,
            });
            let (value, _) = redact(wanted(name, content), &InstallKey::from_bytes([7; 32]), &[]);
            let object = DesiredObject { id: id(name), api_version: "v1".parse().unwrap(), value };
            desired.manifests.insert(id(name), object);
        }
        desired.objects.sort_by(|a, b| a.id.cmp(&b.id));
        self.desired = Some(desired);
    }

    pub fn unknown_kind(&mut self, name: &str) {
        let desired = self.desired.as_mut().unwrap();
        desired.objects.clear();
        desired.unknown =
            vec![(id(name), Gvk { api_version: "v1".parse().unwrap(), kind: "ConfigMap".into() })];
    }

    pub fn pending(&mut self) {
        self.live.set(config_maps(), KindView::Pending);
    }

    pub fn not_served(&mut self) {
        self.live.set(config_maps(), KindView::NotServed);
        self.live.retain(&config_maps(), &std::collections::BTreeSet::new());
    }

    /// The newest discovery was made after the newest sync.
    pub fn looked_for(&mut self) {
        let sync_n = self.snapshot.sync.as_ref().unwrap().n;
        self.answers.look_for((String::new(), "ConfigMap".into()), sync_n);
    }

    pub fn unavailable(&mut self) {
        self.live.set(config_maps(), KindView::Unavailable);
    }

    /// From now on the cluster is seen in these namespaces only, and listed there.
    pub fn only(&mut self, namespaces: &[&str]) {
        let names: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
        let before = std::mem::take(&mut self.live);
        let reach = Reach::Only { namespaces: names.clone(), cluster_resources: Default::default() };
        self.live = LiveView::of(reach);
        for name in names {
            self.live.set(Part { namespace: Some(name), ..config_maps() }, KindView::Listed);
        }
        for (id, seen) in before.of_application(&self.target.application) {
            self.live.upsert(id.clone(), seen.clone());
        }
    }

    /// An object of the application is found in a namespace of which the list is not complete yet.
    pub fn found_in(&mut self, namespace: &str, name: &str) {
        self.see(name, "10", "m");
        let seen = self.live.get(&id(name)).unwrap().clone();
        self.live.remove(&id(name));
        self.live.upsert(ObjectId { namespace: Some(namespace.into()), ..id(name) }, seen);
        self.in_namespace(namespace, KindView::Pending);
    }

    /// How far the watch of a namespace is.
    pub fn in_namespace(&mut self, namespace: &str, view: KindView) {
        self.live.set(Part { namespace: Some(namespace.into()), ..config_maps() }, view);
    }

    /// The API server answers that the kind may not be listed.
    pub fn forbidden(&mut self) {
        let failure = failure("CLUSTER-FORBIDDEN", RetryClass::Permanent);
        self.live.set(config_maps(), KindView::Refused(failure));
    }

    pub fn listed(&mut self) {
        self.live.set(config_maps(), KindView::Listed);
    }

    pub fn restored(&mut self) {
        self.live.restored(&config_maps());
    }

    /// The watch has told of everything up to a version, and shows no object of that name so far.
    pub fn told_up_to(&mut self, version: &str, unseen: &str) {
        self.live.tell(&config_maps(), version);
        self.live.remove(&id(unseen));
    }

    fn see(&mut self, name: &str, version: &str, content: &str) {
        let seen = Seen {
            application: self.target.application.clone(),
            mark: Mark::Ours,
            source: self.from.clone(),
            api_version: "v1".parse().unwrap(),
            uid: format!("uid-{name}"),
            resource_version: version.into(),
            deletion: plan::Deletion::None,
            held_by: vec![],
            health: health::assess(&live(name, content)),
            body: Body::Held(Arc::new(live(name, content))),
        };
        self.live.upsert(id(name), seen);
        self.answers.forget(&id(name));
    }

    /// Another version with the contents that we applied.
    pub fn touch(&mut self, name: &str, version: &str) {
        self.see(name, version, "m");
    }

    pub fn edit(&mut self, name: &str, version: &str, content: &str) {
        self.see(name, version, content);
    }

    /// An object with our mark that no sync of the target made, as a watch shows it.
    pub fn stray(&mut self, name: &str) {
        self.see(name, "50", "m");
    }

    /// GET has found it.
    pub fn found(&mut self, name: &str) {
        let found = Found::Object {
            uid: format!("uid-{name}"),
            resource_version: "50".into(),
            mark: Some(Mark::Ours),
            value: Arc::new(Value::Null),
        };
        self.answers.found(id(name), found, self.now);
    }

    /// Somebody deleted it, and these finalizers hold it.
    pub fn deleted(&mut self, name: &str, finalizers: &[&str]) {
        let mut seen = self.live.get(&id(name)).unwrap().clone();
        seen.deletion = plan::Deletion::Requested;
        seen.held_by = finalizers.iter().map(|finalizer| (*finalizer).to_owned()).collect();
        self.live.upsert(id(name), seen);
        self.answers.forget(&id(name));
    }

    pub fn gone(&mut self, name: &str) {
        self.live.remove(&id(name));
    }

    pub fn dry_run(&mut self, name: &str, answer: DryRun) {
        let live = self.live.get(&id(name)).map(|seen| (seen.uid.clone(), seen.resource_version.clone()));
        let content = self.wanted.iter().find(|(wanted, _)| wanted == name).unwrap().1.clone();
        let ignored = model::definition::Ignored::of(&self.application().ignore, &id(name));
        let manifest = diff::applied_digest(&wanted(name, &content), &ignored);
        let key = DryRunKey { id: id(name), live, manifest };
        self.answers.dry_ran(key, answer, self.now);
    }

    pub fn fingerprint_of(&self, name: &str) -> model::Fingerprint {
        let Body::Held(value) = &self.live.get(&id(name)).unwrap().body else { panic!("dropped") };
        diff::record(value, &wanted(name, "m"), MANAGER).unwrap()
    }

    pub fn policy(&mut self, change: impl FnOnce(&mut SyncPolicy)) {
        let mut assignment = Assignment::clone(self.snapshot.assignment.as_ref().unwrap());
        change(&mut assignment.application.sync);
        self.snapshot.assignment = Some(Arc::new(assignment));
    }

    /// The application has that namespace, which is made if it is missing.
    pub fn namespace(&mut self, name: &str) {
        let mut assignment = Assignment::clone(self.snapshot.assignment.as_ref().unwrap());
        assignment.application.namespace = Some(name.to_owned());
        self.snapshot.assignment = Some(Arc::new(assignment));
    }

    /// The newest plan.
    pub fn plan(&self) -> SyncPlan {
        plan_of(self.own())
    }

    pub fn take_over(&mut self) {
        let mut assignment = Assignment::clone(self.snapshot.assignment.as_ref().unwrap());
        assignment.application.first_contact = FirstContact::TakeOver;
        self.snapshot.assignment = Some(Arc::new(assignment));
    }

    pub fn ignore(&mut self, pointer: &str) {
        let mut assignment = Assignment::clone(self.snapshot.assignment.as_ref().unwrap());
        let pointers = vec![pointer.to_owned()];
        assignment.application.ignore =
            vec![model::definition::IgnoreRule { pointers, ..Default::default() }];
        self.snapshot.assignment = Some(Arc::new(assignment));
    }

    pub fn source(&mut self, change: impl FnOnce(&mut SourceState)) {
        let found = PathOutcome::Found {
            closure: Digest::of(b"closure"),
            artifact: Digest::of(b"artifact"),
            notes: vec![],
        };
        let mut state = SourceState {
            observation: 1,
            revision: Some(ObservedRevision {
                commit: "a".repeat(40).parse().unwrap(),
                reference: "refs/heads/main".into(),
                paths: Table::default(),
                origin: None,
            }),
            failure: None,
            handled: vec![],
        };
        change(&mut state);
        let paths = BTreeMap::from([("shop".to_owned(), found)]);
        self.snapshot.source = Some(Arc::new(SourceFacts { state, paths }));
    }

    pub fn request(&mut self, kind: RequestKind) {
        let id = format!("request-{}", self.told.len()).parse().unwrap();
        self.snapshot.requests = Arc::new(vec![Request { id, kind, at: self.now, by: Default::default() }]);
    }

    /// One more besides.
    pub fn also(&mut self, kind: RequestKind) {
        let id = format!("also-{:04}", self.told.len()).parse().unwrap();
        let mut requests = Vec::clone(&self.snapshot.requests);
        requests.push(Request { id, kind, at: self.now, by: Default::default() });
        self.snapshot.requests = Arc::new(requests);
    }

    pub fn request_after_fetch(&mut self) -> RequestId {
        let fetch: RequestId = "fetch-0001".parse().unwrap();
        self.request(RequestKind::Sync { after: Some(fetch.clone()) });
        fetch
    }

    pub fn answered(&self) -> Option<RequestOutcome> {
        self.own().handled.last().map(|done| done.outcome.clone())
    }

    fn change_sync(&mut self, change: impl FnOnce(&mut SyncFacts)) {
        let mut sync = SyncFacts::clone(self.snapshot.sync.as_ref().unwrap());
        sync.n += 1;
        sync.at = self.now;
        change(&mut sync);
        self.snapshot.sync = Some(Arc::new(sync));
    }

    pub fn stage(&mut self, stage: SyncStage) {
        self.change_sync(|sync| sync.state.stage = stage);
    }

    /// The applier has taken the newest plan.
    pub fn taken(&mut self) {
        let planned = self.own().plan.clone().unwrap();
        self.change_sync(|sync| {
            (sync.state.generation, sync.state.plan) = (planned.generation, planned.digest);
        });
    }

    pub fn origin(&mut self, origin: Origin) {
        self.change_sync(|sync| sync.objects.values_mut().for_each(|row| row.origin = origin));
    }

    pub fn superseded(&mut self, in_a_row: u32) {
        self.change_sync(|sync| sync.state.superseded = in_a_row);
    }

    pub fn outcome(&mut self, name: &str, outcome: ObjectOutcome) {
        self.change_sync(|sync| sync.objects.get_mut(&id(name)).unwrap().outcome = outcome);
    }

    pub fn forget_log(&mut self) {
        self.snapshot.sync = None;
        self.snapshot.own = None;
    }

    pub fn later(&mut self, seconds: i64) {
        self.now = Timestamp::from_millis(self.now.as_millis() + seconds * 1_000);
    }

    pub fn own(&self) -> &TargetState {
        &self.snapshot.own.as_ref().unwrap().state
    }

    /// What was seen around, whatever it was looked at for.
    pub fn around(&self) -> Around {
        let applied = self.snapshot.sync.iter().flat_map(|sync| sync.objects.keys());
        let wanted = self.wanted.iter().map(|(name, _)| id(name));
        let live = self.live.of_application(&self.target.application).map(|(id, _)| id.clone());
        Around {
            definitions_n: self.snapshot.definitions_n + self.around_of,
            about: applied.cloned().chain(wanted).chain(live).collect(),
            neighbours: self.neighbours.clone(),
            leaving: self.stock.0,
            objects: self.stock.1,
        }
    }

    /// The application left the set, in which it had that policy.
    pub fn leave(&mut self, policy: Deletion) {
        let mut application = self.application();
        application.deletion = policy;
        self.snapshot.assignment = None;
        self.snapshot.definitions_n += 1;
        self.snapshot.left = Some(Arc::new(Left { application, since: self.now }));
    }

    /// Nothing is left in the inventory.
    pub fn emptied(&mut self) {
        self.change_sync(|sync| sync.objects.clear());
    }

    /// The applier has carried out the newest plan, after which these are left in the inventory.
    pub fn emptied_but(&mut self, names: &[&str]) {
        let planned = self.own().plan.clone().unwrap();
        let at = self.now;
        self.change_sync(|sync| {
            sync.state.generation = planned.generation;
            sync.state.stage = SyncStage::Finished { at, outcome: SyncOutcome::Succeeded };
            sync.objects.retain(|id, _| names.contains(&id.name.as_str()));
        });
    }

    /// The object carries the mark of another application.
    pub fn marked(&mut self, name: &str, application: &str) {
        self.see(name, "20", "m");
        let mut seen = self.live.get(&id(name)).unwrap().clone();
        seen.application = application.parse().unwrap();
        self.live.upsert(id(name), seen);
    }

    fn decide(&self) -> Next {
        decide(&self.facts(&self.snapshot, &self.around()), self.now)
    }

    pub fn facts<'a>(&'a self, snapshot: &'a Snapshot, around: &'a Around) -> Facts<'a> {
        Facts {
            target: &self.target,
            snapshot,
            desired: self.desired.as_ref(),
            unreadable: self.unreadable.as_ref(),
            around: Some(around),
            live: &self.live,
            answers: &self.answers,
            cluster: &self.cluster,
            rebuilt_prune: self.rebuilt_prune,
            finds: self.finds,
            silence: plan::patience::SILENCE,
        }
    }

    /// The digest of the plan that the guard holds back: what an approval names.
    pub fn planned_digest(&self) -> Digest {
        let open = Application {
            guard: model::definition::Guard { max_prune_percent: 99, ..Default::default() },
            ..self.application()
        };
        let mut assignment = Assignment::clone(self.snapshot.assignment.as_ref().unwrap());
        assignment.application = open;
        let mut snapshot = self.snapshot.clone();
        snapshot.assignment = Some(Arc::new(assignment));
        let around = self.around();
        let facts = self.facts(&snapshot, &around);
        let Next::Append(_, state) = decide(&facts, self.now) else { panic!("there is a plan to approve") };
        state.plan.unwrap().digest
    }

    fn application(&self) -> Application {
        self.snapshot.assignment.as_ref().unwrap().application.clone()
    }

    /// The next decision as text; an appended state becomes the newest one.
    pub fn step(&mut self) -> String {
        let next = self.decide();
        let text = match &next {
            Next::Rest { wake: None } => "rest".to_owned(),
            Next::Rest { wake: Some(at) } => format!("rest +{} s", at.since(self.now).as_secs()),
            Next::Load => "load".to_owned(),
            Next::LookAround(_) => "look around".to_owned(),
            Next::Observe(kinds) => format!("observe {}", kinds[0]),
            Next::Ask(questions) => questions.iter().map(question).collect::<Vec<_>>().join(", "),
            Next::Preview(due) => format!("preview {}", due.plan.steps.len()),
            Next::Append(kind, state) => {
                let new_plan = kind.word() == "SyncPlanned";
                match (&state.refused, new_plan) {
                    (Some(failure), _) => format!("{} {:?} {}", kind.word(), state.status, failure.code),
                    (None, true) => format!("{} {:?}: {}", kind.word(), state.status, plan_text(state)),
                    (None, false) => {
                        format!("{} {:?} {}", kind.word(), state.status, state.health.status.word())
                    }
                }
            }
        };
        if let Next::Append(_, state) = next {
            let n = self.snapshot.own.as_ref().map_or(0, |own| own.n) + 1;
            let event = Digest::of(b"own").to_string().parse().unwrap();
            self.snapshot.own = Some(Arc::new(Versioned { event, n, state: *state }));
        }
        self.told.push(text.clone());
        text
    }

    /// Steps on, letting time pass, until a plan is made; the seconds that took, or `None` if it never is.
    pub fn until_planned(&mut self) -> Option<u64> {
        let began = self.now;
        for _ in 0..20 {
            let next = self.decide();
            let text = self.step();
            if text.starts_with("SyncPlanned") {
                return Some(self.now.since(began).as_secs());
            }
            match next {
                Next::Rest { wake: Some(at) } => self.now = at,
                Next::Rest { wake: None } => return None,
                Next::Load
                | Next::LookAround(_)
                | Next::Observe(_)
                | Next::Ask(_)
                | Next::Preview(_)
                | Next::Append(..) => {}
            }
        }
        panic!("no rest: {:?}", self.told);
    }
}

fn question(question: &Question) -> String {
    match question {
        Question::Provenance(id, _) => format!("ask whether the history names {}", id.name),
        Question::Existence(id) => format!("ask whether {} exists", id.name),
        Question::DryRun(key) => format!("ask whether an apply changes {}", key.id.name),
    }
}

fn plan_of(state: &TargetState) -> SyncPlan {
    let Content::Inline(bytes) = &state.plan.as_ref().unwrap().plan else { panic!("a small plan") };
    SyncPlan::decode(bytes).unwrap()
}

fn plan_text(state: &TargetState) -> String {
    let plan = plan_of(state);
    let word = |action: &Action| match action {
        Action::Create => "create",
        Action::Apply { .. } => "apply",
        Action::Prune { .. } => "prune",
        Action::Forget => "forget",
        Action::Record { .. } => "record",
        Action::Receive { .. } => "receive",
        Action::GiveBack { .. } => "give back",
        Action::Orphan { .. } => "orphan",
    };
    let steps: Vec<String> = plan
        .steps
        .iter()
        .map(|step| format!("{} {} {:?}", word(&step.action), step.id.name, step.reason))
        .collect();
    steps.join(", ")
}
