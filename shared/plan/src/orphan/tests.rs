use model::definition::{Deletion as Policy, Guard};

use super::*;
use crate::{
    Activity, Neighbour, Refusal, Rendered, Stock, Verdict, guard,
    neighbour::tests::neighbour,
    plan,
    planner::tests::{World, applied, id, ours, wanted, world},
};

const WEB: &str = "ConfigMap/web";

/// `web` is in our inventory and desired no more; `keep` stays.
fn moving() -> World {
    world(
        vec![wanted("ConfigMap/keep", "m")],
        vec![applied("ConfigMap/keep", "m"), applied(WEB, "m")],
        vec![ours("ConfigMap/keep", Verdict::InSync), ours(WEB, Verdict::InSync)],
    )
}

/// The mark on an object is that of application `other`.
fn theirs(text: &str) -> (ObjectId, Existence) {
    (id(text), Existence::Theirs { uid: format!("uid-{text}"), application: "other".parse().unwrap() })
}

#[test]
fn what_another_target_desires_is_handed_over_not_deleted() {
    let mut world = moving();
    world.neighbours = vec![neighbour("other", &[WEB], &[])];
    assert_eq!(world.plan(), "hold ConfigMap/web HandOver");
    world.live.extend([theirs(WEB)]);
    assert_eq!(world.plan(), "hold ConfigMap/web HandOver", "its result is not in the log");
    world.neighbours = vec![neighbour("other", &[WEB], &[WEB])];
    assert_eq!(world.plan(), "give back ConfigMap/web HandOver");
    world.live.extend([ours(WEB, Verdict::InSync)]);
    assert_eq!(world.plan(), "hold ConfigMap/web HandOver", "a late write of ours took it back");
}

#[test]
fn who_desires_it_receives_it_once_it_is_free() {
    let mut world = world(vec![wanted(WEB, "m")], vec![], vec![theirs(WEB)]);
    let giver = |rendered, activity, desired: &[&str]| {
        vec![Neighbour { rendered, activity, ..neighbour("other", desired, &[WEB]) }]
    };
    for (neighbours, expected) in [
        (giver(Rendered::Yes, Activity::Idle, &[]), "receive ConfigMap/web HandOver"),
        (giver(Rendered::Yes, Activity::Syncing, &[]), "hold ConfigMap/web HandOver"),
        (giver(Rendered::Pending, Activity::Idle, &[]), "hold ConfigMap/web HandOver"),
        (giver(Rendered::Failed, Activity::Idle, &[]), "hold ConfigMap/web HandOver"),
        // Desired twice, or marked by nobody of ours: a first contact, which the API server refuses.
        (giver(Rendered::Yes, Activity::Idle, &[WEB]), "namespace shop\ncreate ConfigMap/web New"),
        (vec![], "namespace shop\ncreate ConfigMap/web New"),
    ] {
        world.neighbours = neighbours;
        assert_eq!(world.plan(), expected, "{:?}", world.neighbours);
    }
    // A late write of the giver's took it back: it is received again.
    world.inventory = vec![applied(WEB, "m")];
    world.neighbours = giver(Rendered::Yes, Activity::Idle, &[]);
    assert_eq!(world.plan(), "receive ConfigMap/web HandOver");
}

#[test]
fn what_lost_its_mark_on_the_way_is_received_all_the_same() {
    let nobodys = |uid: &str| (id(WEB), Existence::NotOurs { uid: uid.to_owned() });
    let begun = InventoryObject { uid: None, manifest: None, ..applied(WEB, "m") };
    let mut world = world(vec![wanted(WEB, "m")], vec![begun], vec![nobodys("uid-ConfigMap/web")]);
    world.neighbours = vec![neighbour("other", &[], &[WEB])];
    assert_eq!(world.plan(), "receive ConfigMap/web HandOver");
    // Another object, one that is desired there too, and one that we lost ourselves.
    world.live.extend([nobodys("another")]);
    assert_eq!(world.plan(), "namespace shop\ncreate ConfigMap/web Unfinished");
    world.live.extend([nobodys("uid-ConfigMap/web")]);
    world.neighbours = vec![neighbour("other", &[WEB], &[WEB])];
    assert_eq!(world.plan(), "namespace shop\ncreate ConfigMap/web Unfinished");
    world.inventory = vec![applied(WEB, "m")];
    world.neighbours = vec![neighbour("other", &[], &[WEB])];
    assert_eq!(world.plan(), "apply ConfigMap/web Drift");
}

/// Forgotten before every render is known, it would be nobody's when another target turns out to want it.
#[test]
fn what_lost_its_mark_is_forgotten_only_when_nobody_wants_it() {
    let mut world = moving();
    world.live.insert(id(WEB), Existence::NotOurs { uid: "uid-ConfigMap/web".to_owned() });
    for (rendered, desired, expected) in [
        (Rendered::Pending, &[][..], "hold ConfigMap/web AwaitsRender"),
        (Rendered::Yes, &[WEB], "hold ConfigMap/web HandOver"),
        (Rendered::Yes, &[], "forget ConfigMap/web NotOurs"),
    ] {
        world.neighbours = vec![Neighbour { rendered, ..neighbour("other", desired, &[]) }];
        assert_eq!(world.plan(), expected);
    }
}

#[test]
fn a_prune_waits_for_every_render_of_its_revision() {
    for (rendered, expected) in [
        (Rendered::Yes, "prune ConfigMap/web Orphan"),
        (Rendered::Pending, "hold ConfigMap/web AwaitsRender"),
        (Rendered::Failed, "hold ConfigMap/web AwaitsRender"),
    ] {
        let mut world = moving();
        world.neighbours = vec![Neighbour { rendered, ..neighbour("other", &[], &[]) }];
        assert_eq!(world.plan(), expected);
        if rendered == Rendered::Failed {
            world.neighbours[0].namespaces = BTreeSet::from(["elsewhere".to_owned()]);
            assert_eq!(world.plan(), "prune ConfigMap/web Orphan");
        }
    }
}

/// What the first plan of a rebuilt target leaves out is a stray for ever.
#[test]
fn what_was_found_is_recorded_whatever_it_waits_for() {
    let mut world = moving();
    world.inventory[1].origin = Origin::Found;
    let waits_for =
        |rendered, desired: &[&str]| vec![Neighbour { rendered, ..neighbour("other", desired, &[]) }];
    for neighbours in [vec![], waits_for(Rendered::Pending, &[]), waits_for(Rendered::Yes, &[WEB])] {
        world.neighbours = neighbours;
        assert_eq!(world.plan(), "record ConfigMap/web Found", "{:?}", world.neighbours);
    }
    world.neighbours.clear();
    world.live.insert(id(WEB), Existence::Unknown);
    assert_eq!(world.plan(), "record ConfigMap/web Found");
}

#[test]
fn one_uid_is_never_pruned_under_another_group() {
    let old = || {
        let mut old = applied("Ingress/web", "m");
        old.id.group = "extensions".into();
        old
    };
    let seen = |id: ObjectId, uid: &str| {
        let live = LiveObject { uid: uid.into(), deletion: Deletion::None, verdict: Verdict::InSync };
        (id, Existence::Ours(live))
    };
    let mut world = world(
        vec![wanted("Ingress/web", "m"), wanted("ConfigMap/keep", "m")],
        vec![old(), applied("ConfigMap/keep", "m")],
        vec![ours("ConfigMap/keep", Verdict::InSync), seen(old().id, "uid-Ingress/web")],
    );
    world.live.extend([seen(id("Ingress/web"), "uid-Ingress/web")]);
    assert_eq!(world.plan(), "apply Ingress/web Found\nforget Ingress/web SameObject");
    // Equal names alone say nothing: a Service of Knative is another object.
    world.live.extend([seen(id("Ingress/web"), "another")]);
    assert_eq!(world.plan(), "apply Ingress/web Found\nprune Ingress/web Orphan");
    world.live.insert(id("Ingress/web"), Existence::Unknown);
    assert_eq!(world.plan(), "hold Ingress/web LiveUnknown\nhold Ingress/web LiveUnknown");

    // The same, desired by another target.
    world.desired.remove(0);
    world.live.extend([seen(id("Ingress/web"), "uid-Ingress/web")]);
    world.neighbours = vec![neighbour("other", &["Ingress/web"], &[])];
    assert_eq!(world.plan(), "hold Ingress/web HandOver");
    world.live.extend([seen(id("Ingress/web"), "another")]);
    assert_eq!(world.plan(), "prune Ingress/web Orphan");
}

/// What is released: one object of each sort.
fn leaving(policy: Policy) -> World {
    let texts = ["Namespace/shop", "PersistentVolumeClaim/data", "ConfigMap/adopted", WEB];
    let mut inventory: Vec<_> = texts.iter().map(|text| applied(text, "m")).collect();
    inventory[2].origin = Origin::Adopted;
    let mut world = world(vec![], inventory, texts.iter().map(|text| ours(text, Verdict::InSync)).collect());
    world.release = Some(policy);
    world
}

#[test]
fn a_released_target_is_orphaned_or_deleted_by_its_policy() {
    assert_eq!(
        leaving(Policy::Orphan).plan(),
        "orphan PersistentVolumeClaim/data Released\norphan ConfigMap/adopted Released\n\
         orphan ConfigMap/web Released\norphan Namespace/shop Released"
    );
    // What needs a person's word is never deleted: it stays, without our mark. That pruning is off says nothing.
    let mut deleted = leaving(Policy::Delete);
    deleted.application.sync.prune = false;
    assert_eq!(
        deleted.plan(),
        "orphan PersistentVolumeClaim/data Released\norphan ConfigMap/adopted Released\n\
         prune ConfigMap/web Released\norphan Namespace/shop Released"
    );
    deleted.inventory[3].origin = Origin::Rebuilt;
    assert!(deleted.plan().ends_with("hold ConfigMap/web PruneUnconfirmed"));
}

#[test]
fn a_renamed_application_hands_its_objects_over() {
    for policy in [Policy::Orphan, Policy::Delete] {
        let mut world = moving();
        world.desired.clear();
        world.release = Some(policy);
        world.neighbours = vec![Neighbour { rendered: Rendered::Pending, ..neighbour("renamed", &[], &[]) }];
        assert_eq!(world.plan(), "hold ConfigMap/keep AwaitsRender\nhold ConfigMap/web AwaitsRender");
        let both = ["ConfigMap/keep", WEB];
        world.neighbours = vec![neighbour("renamed", &both, &[])];
        assert_eq!(world.plan(), "hold ConfigMap/keep HandOver\nhold ConfigMap/web HandOver");
        world.neighbours = vec![neighbour("renamed", &both, &both)];
        world.live = both.iter().map(|text| theirs(text)).collect();
        assert_eq!(world.plan(), "give back ConfigMap/keep HandOver\ngive back ConfigMap/web HandOver");
    }
}

#[test]
fn the_guard_of_a_release_counts_the_objects_of_the_cluster() {
    let world = leaving(Policy::Delete);
    let released = plan(&world.situation());
    let judged = |leaving, objects, percent| {
        guard(
            &released,
            Stock::Cluster { leaving, objects },
            &Guard { max_prune_percent: percent, ..Guard::default() },
        )
    };
    for (leaving, objects, percent, expected) in [
        (4, 40, 30, Ok(())),
        (12, 40, 30, Ok(())),
        (13, 40, 30, Err(Refusal::ShareOfCluster { leaving: 13, objects: 40, percent: 30 })),
        (2, 3, 30, Ok(())),
        (3, 4, 30, Err(Refusal::ShareOfCluster { leaving: 3, objects: 4, percent: 30 })),
        (40, 40, 99, Err(Refusal::WholeCluster { objects: 40 })),
        (1, 1, 99, Err(Refusal::WholeCluster { objects: 1 })),
    ] {
        assert_eq!(judged(leaving, objects, percent), expected, "{leaving} of {objects}");
    }
    let kept = plan(&leaving_orphaned().situation());
    assert_eq!(guard(&kept, Stock::Cluster { leaving: 4, objects: 4 }, &Guard::default()), Ok(()));
}

fn leaving_orphaned() -> World {
    leaving(Policy::Orphan)
}
