use std::collections::BTreeMap;

use model::{
    Application, Cluster, Digest, ObjectId, Source,
    definition::{Git, Kubeconfig},
};
use proptest::prelude::*;

use super::*;
use crate::{Activity, Rendered, Stock, check::check, guard::guard, neighbour::tests::neighbour};

pub(crate) fn source() -> Source {
    let git = Git {
        url: "file:///repo".into(),
        reference: Default::default(),
        auth: Default::default(),
        ca_file: None,
        verify: None,
        proxy: None,
    };
    Source { name: "repo".parse().unwrap(), git, poll_ms: 30_000 }
}

pub(crate) fn cluster(name: &str, labels: &[(&str, &str)]) -> Cluster {
    Cluster {
        name: name.parse().unwrap(),
        labels: labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        kubeconfig: Kubeconfig::default(),
        namespace: model::definition::OWN_NAMESPACE.to_owned(),
        reach: Default::default(),
    }
}

pub(crate) fn application(name: &str) -> Application {
    Application {
        name: name.parse().unwrap(),
        source: model::definition::SourcePath { name: "repo".parse().unwrap(), path: name.into() },
        rendering: Default::default(),
        targets: Default::default(),
        overrides: Vec::new(),
        namespace: Some("shop".into()),
        sync: Default::default(),
        deletion: Default::default(),
        guard: Default::default(),
        ignore: vec![],
        first_contact: Default::default(),
    }
}

/// `Kind/name`, namespaced unless the kind is a Namespace, CRD or ClusterRole.
pub(crate) fn id(text: &str) -> ObjectId {
    let (kind, name) = text.split_once('/').unwrap();
    let (group, scoped) = match kind {
        "Namespace" | "PersistentVolume" => ("", false),
        "CustomResourceDefinition" => ("apiextensions.k8s.io", false),
        "Deployment" => ("apps", true),
        "Job" => ("batch", true),
        "Ingress" => ("networking.k8s.io", true),
        _ => ("", true),
    };
    ObjectId {
        group: group.into(),
        kind: kind.into(),
        namespace: scoped.then(|| "shop".into()),
        name: name.into(),
    }
}

pub(crate) fn wanted(text: &str, manifest: &str) -> DesiredObject {
    let id = id(text);
    let expiry = if id.kind == "Job" { Expiry::AfterFinish } else { Expiry::Never };
    DesiredObject {
        id,
        api_version: "v1".parse().unwrap(),
        manifest: Digest::of(manifest.as_bytes()),
        under_other_keys: Vec::new(),
        expiry,
    }
}

pub(crate) fn applied(text: &str, manifest: &str) -> InventoryObject {
    InventoryObject {
        id: id(text),
        api_version: "v1".parse().unwrap(),
        uid: Some(format!("uid-{text}")),
        manifest: Some(Digest::of(manifest.as_bytes())),
        origin: Origin::Created,
        attempt: Attempt::Done,
    }
}

pub(crate) fn ours(text: &str, verdict: Verdict) -> (ObjectId, Existence) {
    let live = LiveObject { uid: format!("uid-{text}"), deletion: Deletion::None, verdict };
    (id(text), Existence::Ours(live))
}

#[derive(Debug)]
pub(crate) struct World {
    pub application: Application,
    pub desired: Vec<DesiredObject>,
    pub inventory: Vec<InventoryObject>,
    pub strays: Vec<Stray>,
    pub live: BTreeMap<ObjectId, Existence>,
    pub gates: BTreeMap<ObjectId, HealGate>,
    pub rebuilt_prune: RebuiltPrune,
    pub retry: Retry,
    pub neighbours: Vec<Neighbour>,
    pub release: Option<model::definition::Deletion>,
}

pub(crate) fn world(
    desired: Vec<DesiredObject>,
    inventory: Vec<InventoryObject>,
    live: Vec<(ObjectId, Existence)>,
) -> World {
    World {
        application: application("shop"),
        desired,
        inventory,
        strays: vec![],
        live: live.into_iter().collect(),
        gates: BTreeMap::new(),
        rebuilt_prune: RebuiltPrune::Unconfirmed,
        retry: Retry::Due,
        neighbours: vec![],
        release: None,
    }
}

impl World {
    pub(crate) fn situation(&self) -> Situation<'_> {
        Situation {
            application: &self.application,
            desired_digest: Digest::of(b"desired"),
            desired: &self.desired,
            inventory: &self.inventory,
            strays: &self.strays,
            live: &self.live,
            gates: &self.gates,
            rebuilt_prune: self.rebuilt_prune,
            retry: self.retry,
            neighbours: &self.neighbours,
            release: self.release,
        }
    }

    /// The plan as text, one step or held object a line.
    pub(crate) fn plan(&self) -> String {
        let situation = self.situation();
        let plan = plan(&situation);
        assert_eq!(check(&plan, &situation), []);
        let namespace = plan.namespace.iter().map(|name| format!("namespace {name}"));
        let steps = plan.steps.iter().map(|step| {
            let action = match &step.action {
                Action::Create => "create",
                Action::Apply { .. } => "apply",
                Action::Prune { .. } => "prune",
                Action::Forget => "forget",
                Action::Record { .. } => "record",
                Action::Receive { .. } => "receive",
                Action::GiveBack { .. } => "give back",
                Action::Orphan { .. } => "orphan",
            };
            format!("{action} {}/{} {:?}", step.id.kind, step.id.name, step.reason)
        });
        let held =
            plan.held.iter().map(|held| format!("hold {}/{} {:?}", held.id.kind, held.id.name, held.reason));
        namespace.chain(steps).chain(held).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn a_first_sync_creates_in_order() {
    let desired = ["Deployment/web", "ConfigMap/web", "Namespace/shop", "Service/web", "Widget/w"];
    let mut desired: Vec<_> = desired.iter().map(|text| wanted(text, "m")).collect();
    desired.push(wanted("CustomResourceDefinition/widgets", "m"));
    assert_eq!(
        world(desired, vec![], vec![]).plan(),
        "create Namespace/shop New\ncreate CustomResourceDefinition/widgets New\ncreate ConfigMap/web New\n\
         create Service/web New\ncreate Deployment/web New\ncreate Widget/w New"
    );
}

#[test]
fn the_namespace_is_created_only_if_nobody_describes_it() {
    let plan = world(vec![wanted("ConfigMap/a", "m")], vec![], vec![]).plan();
    assert_eq!(plan, "namespace shop\ncreate ConfigMap/a New");
}

#[test]
fn nothing_is_done_when_all_is_in_sync() {
    let world = world(
        vec![wanted("ConfigMap/a", "m")],
        vec![applied("ConfigMap/a", "m")],
        vec![ours("ConfigMap/a", Verdict::InSync)],
    );
    assert_eq!(world.plan(), "");
    assert_eq!(plan(&world.situation()).in_sync, 1);
}

#[test]
fn what_is_the_same_under_another_key_is_only_recorded() {
    let mut object = wanted("Secret/a", "new key");
    object.under_other_keys.push(Digest::of(b"old key"));
    let mut world =
        world(vec![object], vec![applied("Secret/a", "old key")], vec![ours("Secret/a", Verdict::InSync)]);
    assert_eq!(world.plan(), "record Secret/a Rekeyed");
    assert_eq!(plan(&world.situation()).changes().count(), 0);
    world.live = BTreeMap::from([ours("Secret/a", Verdict::Drifted)]);
    assert_eq!(world.plan(), "apply Secret/a Drift");
    world.live = BTreeMap::from([(id("Secret/a"), Existence::Absent)]);
    assert_eq!(world.plan(), "namespace shop\ncreate Secret/a Missing");
    world.inventory = vec![applied("Secret/a", "other values")];
    world.live = BTreeMap::from([ours("Secret/a", Verdict::InSync)]);
    assert_eq!(world.plan(), "apply Secret/a Changed");
}

#[test]
fn changes_orphans_and_drift() {
    let mut world = world(
        vec![wanted("ConfigMap/a", "new"), wanted("ConfigMap/d", "m"), wanted("ConfigMap/e", "m")],
        ["a", "b", "c", "d", "e"].iter().map(|name| applied(&format!("ConfigMap/{name}"), "m")).collect(),
        vec![
            ours("ConfigMap/a", Verdict::InSync),
            ours("ConfigMap/b", Verdict::InSync),
            (id("ConfigMap/c"), Existence::Absent),
            ours("ConfigMap/d", Verdict::Drifted),
            (id("ConfigMap/e"), Existence::Absent),
        ],
    );
    assert_eq!(
        world.plan(),
        "namespace shop\napply ConfigMap/a Changed\napply ConfigMap/d Drift\ncreate ConfigMap/e Missing\n\
         forget ConfigMap/c Gone\nprune ConfigMap/b Orphan"
    );
    world.application.sync.self_heal = false;
    world.application.sync.prune = false;
    assert_eq!(
        world.plan(),
        "apply ConfigMap/a Changed\nforget ConfigMap/c Gone\nhold ConfigMap/b PruneDisabled\n\
         hold ConfigMap/d HealDisabled\nhold ConfigMap/e HealDisabled"
    );
}

#[test]
fn a_gated_heal_is_held() {
    let mut world = world(
        vec![wanted("ConfigMap/a", "m"), wanted("ConfigMap/b", "m")],
        vec![applied("ConfigMap/a", "m"), applied("ConfigMap/b", "m")],
        vec![ours("ConfigMap/a", Verdict::Drifted), (id("ConfigMap/b"), Existence::Absent)],
    );
    world.gates.insert(id("ConfigMap/a"), HealGate::Backoff);
    world.gates.insert(id("ConfigMap/b"), HealGate::Contested);
    assert_eq!(world.plan(), "hold ConfigMap/a HealBackoff\nhold ConfigMap/b Contested");
}

#[test]
fn what_cannot_be_seen_is_neither_missing_nor_pruned() {
    let world = world(
        vec![wanted("ConfigMap/a", "m")],
        vec![applied("ConfigMap/a", "m"), applied("ConfigMap/b", "m"), applied("ConfigMap/c", "m")],
        vec![(id("ConfigMap/b"), Existence::Unknown)],
    );
    assert_eq!(
        world.plan(),
        "hold ConfigMap/a LiveUnknown\nhold ConfigMap/b LiveUnknown\nhold ConfigMap/c LiveUnknown"
    );
}

#[test]
fn an_object_of_ours_in_the_place_of_the_recorded_one_is_recorded() {
    let mut inventory = vec![applied("ConfigMap/a", "m")];
    inventory[0].uid = Some("gone".into());
    for (verdict, told) in [
        (Verdict::InSync, "apply ConfigMap/a Missing"),
        (Verdict::OwnershipLost, "apply ConfigMap/a Missing"),
        (Verdict::Drifted, "apply ConfigMap/a Drift"),
    ] {
        let world =
            world(vec![wanted("ConfigMap/a", "m")], inventory.clone(), vec![ours("ConfigMap/a", verdict)]);
        assert_eq!(world.plan(), told);
    }
}

#[test]
fn an_orphan_with_another_uid_is_forgotten_not_deleted() {
    let mut inventory = vec![applied("ConfigMap/a", "m"), applied("ConfigMap/keep", "m")];
    inventory[0].uid = Some("another".into());
    let world = world(
        vec![wanted("ConfigMap/keep", "m")],
        inventory,
        vec![ours("ConfigMap/a", Verdict::InSync), ours("ConfigMap/keep", Verdict::InSync)],
    );
    assert_eq!(world.plan(), "forget ConfigMap/a NotOurs");
}

#[test]
fn kinds_that_carry_data_adopted_and_rebuilt_objects_are_not_pruned() {
    let texts = ["Namespace/shop", "PersistentVolumeClaim/data", "ConfigMap/adopted", "ConfigMap/own"];
    let mut inventory: Vec<_> = texts.iter().map(|text| applied(text, "m")).collect();
    inventory[2].origin = Origin::Adopted;
    let live = texts.iter().map(|text| ours(text, Verdict::InSync)).collect();
    let mut world = world(vec![], inventory, live);
    assert_eq!(
        world.plan(),
        "prune ConfigMap/own Orphan\nhold ConfigMap/adopted PruneAdopted\nhold Namespace/shop PruneNeedsConsent\n\
         hold PersistentVolumeClaim/data PruneNeedsConsent"
    );
    world.application.guard.prune_adopted = true;
    world.application.guard.prune_kinds.insert(model::definition::GuardedKind::PersistentVolumeClaim);
    let told = world.plan();
    assert!(
        told.contains("prune ConfigMap/adopted Orphan") && told.contains("prune PersistentVolumeClaim/data")
    );
    assert!(told.contains("hold Namespace/shop PruneNeedsConsent"), "the others stay: {told}");
    world.application.guard = Default::default();
    world.inventory[3].origin = Origin::Rebuilt;
    assert!(world.plan().contains("hold ConfigMap/own PruneUnconfirmed"));
    world.inventory[3].origin = Origin::Found;
    assert!(world.plan().contains("record ConfigMap/own Found"));
    world.rebuilt_prune = RebuiltPrune::Confirmed;
    assert!(world.plan().contains("prune ConfigMap/own Orphan"));
}

#[test]
fn each_kind_that_takes_others_along_needs_consent_and_no_namesake_does() {
    for kind in ["Namespace", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition"] {
        let (text, keep) = (format!("{kind}/x"), "ConfigMap/keep");
        let mut inventory = vec![applied(&text, "m"), applied(keep, "m")];
        let live = || vec![ours(&text, Verdict::InSync), ours(keep, Verdict::InSync)];
        let world = |inventory, live| world(vec![wanted(keep, "m")], inventory, live).plan();
        assert_eq!(world(inventory.clone(), live()), format!("hold {text} PruneNeedsConsent"));
        // A kind of the same name in another group carries nothing.
        inventory[0].id.group = "example.com".into();
        let mut live = live();
        live[0].0.group = "example.com".into();
        assert_eq!(world(inventory, live), format!("prune {text} Orphan"));
    }
}

#[test]
fn a_finished_job_is_not_run_again_unless_it_changed() {
    let absent = || vec![(id("Job/migrate"), Existence::Absent)];
    let inventory = || vec![applied("Job/migrate", "m")];
    assert_eq!(
        world(vec![wanted("Job/migrate", "m")], inventory(), absent()).plan(),
        "hold Job/migrate JobExpired"
    );
    assert_eq!(
        world(vec![wanted("Job/migrate", "new")], inventory(), absent()).plan(),
        "namespace shop\ncreate Job/migrate Changed"
    );
}

#[test]
fn a_failed_step_waits_for_its_turn_unless_desired_changes() {
    let mut inventory = vec![applied("ConfigMap/a", "m")];
    inventory[0].attempt = Attempt::Unfinished;
    let live = || vec![ours("ConfigMap/a", Verdict::InSync)];
    let mut waiting = world(vec![wanted("ConfigMap/a", "m")], inventory.clone(), live());
    waiting.retry = Retry::Waiting;
    assert_eq!(waiting.plan(), "hold ConfigMap/a RetryBackoff");
    waiting.desired = vec![wanted("ConfigMap/a", "new")];
    assert_eq!(waiting.plan(), "apply ConfigMap/a Changed");
    waiting.retry = Retry::Due;
    waiting.desired = vec![wanted("ConfigMap/a", "m")];
    assert_eq!(waiting.plan(), "apply ConfigMap/a Unfinished");
}

#[test]
fn the_guard_counts_from_four_objects_and_never_allows_all() {
    let inventory =
        |count: usize| (0..count).map(|i| applied(&format!("ConfigMap/{i}"), "m")).collect::<Vec<_>>();
    let live = |count: usize| {
        (0..count).map(|i| ours(&format!("ConfigMap/{i}"), Verdict::InSync)).collect::<Vec<_>>()
    };
    // (rows of the inventory, of them there, of these kept, allowed)
    for (count, there, kept, allowed) in [
        (3, 3, 1, true),
        (3, 3, 0, false),
        (1, 1, 0, false),
        (4, 4, 3, true),
        (4, 4, 2, false),
        (10, 10, 7, true),
        (10, 10, 6, false),
        // What is gone makes no share smaller.
        (10, 4, 2, false),
        (2, 1, 0, false),
    ] {
        let desired = (0..kept).map(|i| wanted(&format!("ConfigMap/{i}"), "m")).collect();
        let mut world = world(desired, inventory(count), live(there));
        world.live.extend((there..count).map(|i| (id(&format!("ConfigMap/{i}")), Existence::Absent)));
        let situation = world.situation();
        let plan = plan(&situation);
        assert_eq!(plan.prunes().count(), there - kept);
        let verdict = guard(&plan, Stock::of(&situation), &world.application.guard);
        assert_eq!(verdict.is_ok(), allowed, "{kept} of {there} kept: {verdict:?}");
    }
}

#[test]
fn an_object_that_another_takes_the_place_of_is_not_lost() {
    let (old, new) = ("ConfigMap/web-2c4d6f8b9g", "ConfigMap/web-7k9m2t4bhd");
    // (before, desired, allowed)
    for (before, desired, allowed) in [
        (vec!["Job/migrate-1"], vec!["Job/migrate-2"], true),
        (
            vec![old, "Secret/web-2c4d6f8b9g", "Service/a", "Service/b"],
            vec![new, "Secret/web-7k9m2t4bhd", "Service/a", "Service/b"],
            true,
        ),
        (vec!["Service/a", "Service/b", "Service/c"], vec!["Service/x"], false),
        (vec!["Service/web-2c4d6f8b9g", "Job/a-2c4d6f8b9g"], vec!["Service/web-7k9m2t4bhd"], false),
        // Another name, another kind, another hash than kustomize makes: lost.
        (
            vec![old, "ConfigMap/x-2c4d6f8b9g", "Service/a", "Service/b"],
            vec![new, "Service/a", "Service/b"],
            true,
        ),
        (
            vec![old, "ConfigMap/x-2c4d6f8b9g", "Secret/web-2c4d6f8b9g", "Service/b"],
            vec![new, "Service/b"],
            false,
        ),
        (
            vec!["ConfigMap/web-1", "ConfigMap/api-1", "Service/a", "Service/b"],
            vec!["ConfigMap/web-2", "ConfigMap/api-2", "Service/a", "Service/b"],
            false,
        ),
    ] {
        let world = world(
            desired.iter().map(|text| wanted(text, "m")).collect(),
            before.iter().map(|text| applied(text, "m")).collect(),
            before.iter().map(|text| ours(text, Verdict::InSync)).collect(),
        );
        let situation = world.situation();
        let verdict = guard(&plan(&situation), Stock::of(&situation), &world.application.guard);
        assert_eq!(verdict.is_ok(), allowed, "{before:?} {desired:?}: {verdict:?}");
    }
}

fn any_existence(text: &'static str) -> impl Strategy<Value = Option<Existence>> {
    prop_oneof![
        Just(None),
        Just(Some(Existence::Absent)),
        Just(Some(Existence::Unknown)),
        Just(Some(Existence::NotOurs { uid: "other".into() })),
        Just(Some(Existence::Theirs { uid: format!("uid-{text}"), application: "near".parse().unwrap() })),
        Just(Some(ours(text, Verdict::InSync).1)),
        Just(Some(ours(text, Verdict::Drifted).1)),
        Just(Some(Existence::Ours(LiveObject {
            uid: "recreated".into(),
            deletion: Deletion::None,
            verdict: Verdict::Drifted
        }))),
    ]
}

const TEXTS: [&str; 6] = [
    "Namespace/shop",
    "ConfigMap/a",
    "Deployment/b",
    "PersistentVolumeClaim/c",
    "Job/d",
    "CustomResourceDefinition/e",
];

fn any_neighbour() -> impl Strategy<Value = Neighbour> {
    let some = || proptest::sample::subsequence(TEXTS.to_vec(), 0..=2);
    let rendered = [Rendered::Yes, Rendered::Yes, Rendered::Pending, Rendered::Failed];
    (some(), some(), proptest::sample::select(rendered.to_vec()), any::<bool>()).prop_map(
        |(desired, holds, rendered, busy)| Neighbour {
            rendered,
            activity: if busy { Activity::Syncing } else { Activity::Idle },
            ..neighbour("near", &desired, &holds)
        },
    )
}

prop_compose! {
    fn any_world()(
        rows in proptest::collection::vec((any::<[bool; 4]>(), 0..7_usize), TEXTS.len()),
        lives in TEXTS.map(any_existence),
        policy in any::<[bool; 4]>(),
        near in (any_neighbour(), proptest::option::of(any::<bool>())),
    ) -> World {
        let mut world = world(vec![], vec![], vec![]);
        for ((text, ([desired, inventory, changed, unfinished], _)), live) in TEXTS.iter().zip(rows).zip(lives) {
            if desired {
                world.desired.push(wanted(text, if changed { "new" } else { "m" }));
            }
            if inventory {
                let mut object = applied(text, "m");
                if unfinished {
                    object.attempt = Attempt::Unfinished;
                    object.uid = None;
                    object.origin = Origin::Found;
                }
                world.inventory.push(object);
            }
            world.live.extend(live.map(|live| (id(text), live)));
        }
        world.application.sync.prune = policy[0];
        world.application.sync.self_heal = policy[1];
        world.rebuilt_prune = if policy[2] { RebuiltPrune::Confirmed } else { RebuiltPrune::Unconfirmed };
        world.retry = if policy[3] { Retry::Due } else { Retry::Waiting };
        world.neighbours = vec![near.0];
        world.release = near.1.map(|delete| {
            world.desired.clear();
            if delete { model::definition::Deletion::Delete } else { model::definition::Deletion::Orphan }
        });
        world
    }
}

proptest! {
    #[test]
    fn every_plan_passes_the_checker_and_names_each_object_once(world in any_world()) {
        let situation = world.situation();
        let plan = plan(&situation);
        prop_assert_eq!(check(&plan, &situation), vec![]);
        let named = plan.steps.len() + plan.held.len() + plan.in_sync as usize;
        let mut all: Vec<_> = world.desired.iter().map(|o| &o.id).chain(world.inventory.iter().map(|o| &o.id)).collect();
        all.sort();
        all.dedup();
        prop_assert_eq!(named, all.len());
        prop_assert_eq!(SyncPlan::decode(&plan.encode()).unwrap(), plan);
    }

    #[test]
    fn nothing_is_lost_that_a_neighbour_desires_or_may_desire(world in any_world()) {
        let near = &world.neighbours[0];
        for step in plan(&world.situation()).steps {
            let lost = matches!(step.action, Action::Prune { .. } | Action::Orphan { .. });
            prop_assert!(!lost || !near.desired.contains(&step.id), "{step:?}");
            prop_assert!(!lost || near.rendered != Rendered::Pending, "{step:?}");
        }
    }
}

fn stray(text: &str, provenance: Provenance) -> Stray {
    Stray { id: id(text), api_version: "v1".parse().unwrap(), uid: format!("uid-{text}"), provenance }
}

#[test]
fn only_strays_of_our_own_history_are_pruned() {
    let kept = ["a", "b", "c"].map(|name| format!("ConfigMap/{name}"));
    let mut world = world(
        kept.iter().map(|text| wanted(text, "m")).collect(),
        kept.iter().map(|text| applied(text, "m")).collect(),
        kept.iter().map(|text| ours(text, Verdict::InSync)).collect(),
    );
    world.strays = vec![
        stray("ConfigMap/made", Provenance::Own(Origin::Created)),
        stray("ConfigMap/taken", Provenance::Own(Origin::Adopted)),
        stray("ConfigMap/foreign", Provenance::Unknown),
        stray("Namespace/made", Provenance::Own(Origin::Created)),
        // Seen before the inventory took it in.
        stray("ConfigMap/a", Provenance::Unknown),
    ];
    let text = world.plan();
    let stray = |name: &str| text.lines().filter(|line| line.contains(name)).collect::<Vec<_>>().join("\n");
    assert!(stray("ConfigMap/made").starts_with("prune"), "{text}");
    for (name, reason) in
        [("taken", "PruneAdopted"), ("foreign", "Stray"), ("Namespace/made", "PruneNeedsConsent")]
    {
        assert!(stray(name).contains(reason) && !stray(name).starts_with("prune"), "{text}");
    }
    world.application.sync.prune = false;
    assert!(!world.plan().contains("prune ConfigMap/made"));
}

#[test]
fn strays_count_for_the_guard_and_the_checker_knows_them() {
    let mut world = world(vec![], vec![], vec![]);
    world.strays = vec![stray("ConfigMap/made", Provenance::Own(Origin::Created))];
    let situation = world.situation();
    let plan = plan(&situation);
    assert!(guard(&plan, Stock::of(&situation), &world.application.guard).is_err(), "never everything");
    world.strays[0].provenance = Provenance::Unknown;
    assert_eq!(
        check(&plan, &world.situation()),
        [crate::Violation::PruneOutsideInventory(id("ConfigMap/made"))]
    );
}
