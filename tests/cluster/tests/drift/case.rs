//! One object: applied, edited by others, compared, brought back, several times over.

use cluster::{Apply, ClusterClient, ClusterError, Force, Live, Mode, Resource, Scope};
use diff::{Verdict, judge, matches, record};
use manifest::{InstallKey, Manifest, canonical_json, normalise, redact};
use model::{Fingerprint, Gvk, ObjectId, RetryClass};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

use crate::{
    MANAGER, ROUNDS,
    edits::Target,
    foreign::{Foreign, collection},
    kinds::{Kind, Place},
    report::{Counts, Failure},
    template::draw,
    unkept,
};

/// What all objects share.
pub struct Bench {
    pub client: ClusterClient,
    pub foreign: Foreign,
    pub kinds: Vec<Kind>,
    pub namespace: String,
    pub key: InstallKey,
}

/// Applies that a manifest may need until one more changes nothing.
const SETTLING_MAX: usize = 3;

/// Edits tried until the server takes one: one that it refuses shows nothing.
const TRIES_MAX: usize = 3;

/// Reads tried until the server answers one.
const READS_MAX: usize = 6;

/// What the dry-run says.
enum Truth {
    InSync,
    /// Applying gives us back fields, or changes these values, or is refused for good.
    Drift(String),
    /// The object is what is wanted, up to empty containers that the server does not keep, but the server
    /// refuses the bytes that name them.
    RefusedOverNothing,
    /// The server did not say: no verdict.
    Unknown(String),
}

struct Object<'b> {
    bench: &'b Bench,
    kind: &'b Kind,
    seed: u64,
    rng: StdRng,
    resource: Resource,
    id: ObjectId,
    path: String,
    collection: String,
    /// Normalised, with its secrets.
    body: Value,
    /// Without them.
    desired: Value,
    counts: Counts,
}

/// Runs all rounds of the object of this seed.
pub async fn run(bench: &Bench, seed: u64) -> Counts {
    let mut rng = StdRng::seed_from_u64(seed);
    let kind = bench.kinds.choose(&mut rng).unwrap();
    let name = format!("{}-{seed:x}", bench.namespace);
    let mut object = Object::new(bench, kind, (seed, name), rng);
    let mut recorded = object.begin().await;
    for _ in 0..ROUNDS {
        let Some(fingerprint) = recorded else { break };
        recorded = object.round(fingerprint).await;
    }
    bench.foreign.delete(&object.path).await;
    object.counts
}

impl<'b> Object<'b> {
    fn new(bench: &'b Bench, kind: &'b Kind, (seed, name): (u64, String), rng: StdRng) -> Self {
        let gvk = Gvk { api_version: kind.api_version.parse().unwrap(), kind: kind.kind.into() };
        let (scope, namespace) = match kind.place {
            Place::Namespace => (Scope::Namespaced, Some(bench.namespace.clone())),
            Place::Apart => (Scope::Namespaced, Some(format!("{}-apart", bench.namespace))),
            Place::Cluster => (Scope::Cluster, None),
        };
        let id = ObjectId { group: gvk.api_version.group.clone(), kind: kind.kind.into(), namespace, name };
        let collection = collection(kind, &bench.namespace);
        let path = format!("{collection}/{}", id.name);
        let resource = Resource { gvk, plural: kind.plural.into(), scope, verbs: vec![] };
        let counts = Counts::default();
        let (body, desired) = (Value::Null, Value::Null);
        Self { bench, kind, seed, rng, resource, id, path, collection, body, desired, counts }
    }

    /// Draws manifests until the server takes one, and applies it.
    async fn begin(&mut self) -> Option<Fingerprint> {
        for _ in 0..10 {
            self.draw_manifest();
            if let Some(recorded) = self.apply_and_settle().await {
                return Some(recorded);
            }
        }
        None
    }

    fn draw_manifest(&mut self) {
        let mut body = json!({"apiVersion": self.kind.api_version, "kind": self.kind.kind});
        let drawn = draw(&self.kind.template, &mut self.rng);
        body.as_object_mut().unwrap().extend(drawn.as_object().unwrap().clone());
        let metadata = json!({"name": self.id.name, "labels": {"app": {"$pick": ["a", "b"]}, "?x.dev/y": ""},
            "?annotations": {"$pick": [{}, {"a": "1"}, {"b": "2", "a": "1"}]},
            "?finalizers": {"$pick": [[], [], {"$some": ["x.dev/a", "x.dev/b", "x.dev/c"]}]}});
        body["metadata"] = draw(&metadata, &mut self.rng);
        if let Some(namespace) = &self.id.namespace {
            body["metadata"]["namespace"] = namespace.clone().into();
        }
        let mut body = Manifest::from_value(body, None).unwrap().value;
        normalise(&mut body);
        self.desired = redact(body.clone(), &self.bench.key, &[]).0.into_value();
        self.body = body;
    }

    async fn apply(&self, mode: Mode) -> Result<Value, ClusterError> {
        self.apply_body(&self.body, mode).await
    }

    async fn apply_body(&self, body: &Value, mode: Mode) -> Result<Value, ClusterError> {
        let request = Apply {
            resource: &self.resource,
            id: &self.id,
            body,
            manager: MANAGER,
            force: Force::Yes,
            mode,
            start_by: None,
        };
        self.bench.client.apply(&request).await.map(|applied| applied.object.value.into_value())
    }

    /// The object as it is. A machine that is busy may take longer than a call may.
    async fn get(&self) -> Option<Value> {
        for _ in 0..READS_MAX {
            match self.bench.client.get(&self.resource, &self.id).await {
                Err(error) if error.class() == RetryClass::Transient => {}
                read => return read.unwrap().map(|live: Live| live.value.into_value()),
            }
        }
        panic!("no answer to any of {READS_MAX} reads")
    }

    /// Applies until a dry-run finds nothing left to do; the fingerprint of the last answer.
    async fn apply_and_settle(&mut self) -> Option<Fingerprint> {
        for _ in 0..SETTLING_MAX {
            let Ok(applied) = self.apply(Mode::Real).await else {
                self.counts.refused += 1;
                return None;
            };
            let Ok(dry) = self.apply(Mode::DryRun).await else {
                self.counts.refused += 1;
                return None;
            };
            if judge(&applied, &dry, MANAGER) == Verdict::InSync {
                return record(&applied, &self.desired, MANAGER);
            }
        }
        self.counts.unsettled.push(self.kind.kind);
        None
    }

    /// The verdict of a dry-run of the same bytes on the same object.
    async fn truth(&mut self, live: &Value) -> Truth {
        match self.apply(Mode::DryRun).await {
            Ok(dry) => match judge(live, &dry, MANAGER) {
                Verdict::InSync => Truth::InSync,
                Verdict::OwnershipDrift => Truth::Drift("ownership".into()),
                Verdict::Drift(changes) => Truth::Drift(format!("{changes:?}")),
            },
            // As the differ takes it: what is refused for good cannot be as we want it.
            Err(error) if error.class() == RetryClass::Permanent => {
                self.counts.blocked += 1;
                if self.only_unkept_empties_are_missing(live).await {
                    Truth::RefusedOverNothing
                } else {
                    Truth::Drift(format!("{error}"))
                }
            }
            Err(error) => Truth::Unknown(format!("{} {error}", self.kind.kind)),
        }
    }

    /// Whether the same manifest, without the empty containers that `live` lacks, changes nothing. The server
    /// takes `{}` for no map when it stores one, and for a change when it guards an immutable field.
    async fn only_unkept_empties_are_missing(&self, live: &Value) -> bool {
        let mut body = self.body.clone();
        if !unkept::strip(&mut body, live) {
            return false;
        }
        let dry = self.apply_body(&body, Mode::DryRun).await;
        dry.is_ok_and(|dry| match judge(live, &dry, MANAGER) {
            // Naming fewer fields gives up the ownership of those that were left out: nothing else may move.
            Verdict::InSync | Verdict::OwnershipDrift => true,
            Verdict::Drift(_) => false,
        })
    }

    /// One case. Returns the fingerprint to compare with next time; `None` if the object is of no more use.
    async fn round(&mut self, mut recorded: Fingerprint) -> Option<Fingerprint> {
        let before = self.get().await;
        let edits = self.edit().await;
        let Some(live) = self.get().await else {
            return self.begin().await;
        };
        let says_same = matches(&recorded, &live, MANAGER);
        let truth = self.truth(&live).await;
        self.counts.case(self.kind);
        match truth {
            Truth::InSync if says_same => self.counts.in_sync += 1,
            Truth::InSync => recorded = self.settle(&live, &edits).await?,
            Truth::RefusedOverNothing if says_same => {
                self.counts.refused_over_nothing.push(format!("{} {edits:?}", self.kind.kind));
            }
            // A false alarm here ends as the refusal does: the differ shows it, and a person acts.
            Truth::Drift(_) | Truth::RefusedOverNothing if !says_same => {
                self.counts.drift += 1;
                return self.heal().await;
            }
            Truth::RefusedOverNothing => {}
            Truth::Drift(why) => {
                let failure = self.failure(format!("says in sync, but: {why}"), (before, &live), edits);
                self.counts.false_sync.push(failure);
                return None;
            }
            Truth::Unknown(why) => {
                self.counts.unknown.push(why);
                return None;
            }
        }
        // Sometimes the manifest changes, while the traces of others stay.
        if self.rng.random_bool(0.2) { self.begin().await } else { Some(recorded) }
    }

    async fn edit(&mut self) -> Vec<String> {
        let mut log = Vec::new();
        let target = Target {
            foreign: &self.bench.foreign,
            kind: self.kind,
            path: &self.path,
            collection: &self.collection,
            desired: &self.body,
        };
        for _ in 0..[0, 1, 1, 1, 2, 3][self.rng.random_range(0..6)] {
            for _ in 0..TRIES_MAX {
                let (edit, taken) = target.edit(&mut self.rng, &mut log).await;
                self.counts.edited(edit, taken);
                if taken {
                    break;
                }
            }
        }
        log
    }

    /// A false alarm: the dry-run found nothing to do. What is recorded now has to match what the server gives
    /// out next, so that one dry-run ends it.
    async fn settle(&mut self, live: &Value, edits: &[String]) -> Option<Fingerprint> {
        self.counts.false_drift.push(format!("{} {edits:?}", self.kind.kind));
        let next = self.get().await?;
        let recorded =
            record(live, &self.desired, MANAGER).filter(|recorded| matches(recorded, &next, MANAGER));
        if recorded.is_none() {
            let failure = self.failure("a false alarm stays".into(), (None, live), edits.to_vec());
            self.counts.unsettled_alarm.push(failure);
        }
        recorded
    }

    async fn heal(&mut self) -> Option<Fingerprint> {
        match self.apply_and_settle().await {
            Some(recorded) => Some(recorded),
            None => {
                self.bench.foreign.delete(&self.path).await;
                self.begin().await
            }
        }
    }

    fn failure(&self, what: String, (before, live): (Option<Value>, &Value), edits: Vec<String>) -> Failure {
        let shown = |value: &Value| String::from_utf8_lossy(&canonical_json(value)).into_owned();
        Failure {
            seed: self.seed,
            what,
            desired: shown(&self.desired),
            before: before.as_ref().map(shown).unwrap_or_default(),
            edits,
            live: shown(live),
        }
    }
}
