//! Each rule is seen to fail on a planted violation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::Digest;

use super::*;
use crate::{
    HeldObject, HeldReason, Neighbour, Reason, Step,
    neighbour::tests::neighbour,
    planner::{
        Attempt, DesiredObject, Expiry, InventoryObject, LiveObject, Origin, RebuiltPrune, Retry, Verdict,
        plan as make, tests::application,
    },
};

fn config_map(name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: Some("shop".into()),
        name: name.into(),
    }
}

fn ours(uid: &str) -> Existence {
    Existence::Ours(LiveObject { uid: uid.into(), deletion: Deletion::None, verdict: Verdict::InSync })
}

/// `keep` is desired; `keep` and `orphan` are in the inventory; a good plan prunes `orphan`.
fn planted(change: impl FnOnce(&mut SyncPlan)) -> Vec<Violation> {
    let application = application("shop");
    let object = |name: &str| InventoryObject {
        id: config_map(name),
        api_version: "v1".parse().unwrap(),
        uid: Some(name.into()),
        manifest: Some(Digest::of(b"m")),
        origin: Origin::Created,
        attempt: Attempt::Done,
    };
    let desired = [DesiredObject {
        id: config_map("keep"),
        api_version: "v1".parse().unwrap(),
        manifest: Digest::of(b"new"),
        under_other_keys: Vec::new(),
        expiry: Expiry::Never,
    }];
    let inventory = [object("keep"), object("orphan"), object("theirs")];
    let live = BTreeMap::from([
        (config_map("keep"), ours("keep")),
        (config_map("orphan"), ours("orphan")),
        (config_map("dark"), Existence::Unknown),
        (config_map("foreign"), ours("foreign")),
        (config_map("theirs"), ours("theirs")),
    ]);
    let neighbours = [Neighbour {
        desired: Arc::new(BTreeSet::from([config_map("theirs")])),
        ..neighbour("other", &[], &[])
    }];
    let situation = Situation {
        application: &application,
        desired_digest: Digest::of(b"d"),
        desired: &desired,
        inventory: &inventory,
        strays: &[],
        live: &live,
        gates: &BTreeMap::new(),
        rebuilt_prune: RebuiltPrune::Unconfirmed,
        retry: Retry::Due,
        neighbours: &neighbours,
        release: None,
    };
    let mut plan = make(&situation);
    assert_eq!(check(&plan, &situation), []);
    change(&mut plan);
    check(&plan, &situation)
}

fn step(name: &str, stage: Stage, action: Action) -> Step {
    Step { id: config_map(name), api_version: "v1".parse().unwrap(), stage, action, reason: Reason::New }
}

#[test]
fn each_rule_fails_on_a_planted_violation() {
    let prune = |uid: &str| Action::Prune { uid: uid.into() };
    let held = HeldObject { id: config_map("keep"), reason: HeldReason::Contested };
    assert_eq!(planted(|plan| plan.held.push(held)), [Violation::Twice(config_map("keep"))]);
    assert_eq!(planted(|plan| plan.steps.reverse()), [Violation::Order(config_map("keep"))]);
    assert_eq!(
        planted(|plan| plan.steps.insert(1, step("foreign", Stage::PruneConfiguration, prune("foreign")))),
        [Violation::PruneOutsideInventory(config_map("foreign"))]
    );
    assert!(
        planted(|plan| plan.steps = vec![step("keep", Stage::PruneConfiguration, prune("keep"))])
            .contains(&Violation::PruneOfDesired(config_map("keep")))
    );
    assert_eq!(
        planted(|plan| plan.steps = vec![step("orphan", Stage::PruneConfiguration, prune("zombie"))]),
        [Violation::PruneOfAnotherUid(config_map("orphan"))]
    );
    assert_eq!(
        planted(|plan| plan.steps = vec![step("orphan", Stage::Configuration, Action::Create)]),
        [Violation::WriteOfUndesired(config_map("orphan"))]
    );
    assert!(
        planted(|plan| plan.steps = vec![step("dark", Stage::Configuration, Action::Create)])
            .contains(&Violation::WriteBlind(config_map("dark")))
    );
    let rekeyed = |name: &str| Step {
        reason: Reason::Rekeyed,
        ..step(name, Stage::Forget, Action::Record { uid: name.into() })
    };
    for name in ["keep", "orphan"] {
        let found = planted(|plan| plan.steps = vec![rekeyed(name)]);
        assert_eq!(found, [Violation::HiddenChange(config_map(name))], "other values, or none");
    }
    // It is held by the good plan: a hand-over is awaited.
    let orphan = Action::Orphan { uid: "theirs".into(), origin: crate::Origin::Created };
    for action in [prune("theirs"), orphan] {
        let found = planted(|plan| {
            plan.held.clear();
            plan.steps = vec![step("theirs", Stage::PruneConfiguration, action)];
        });
        assert_eq!(found, [Violation::LossOfWanted(config_map("theirs"))]);
    }
}
