//! Scenarios of the decision, told as what it asks for next.

mod awaited;
mod behind;
mod crowd;
mod full;
mod illegible;
mod missing;
mod pause;
mod reach;
mod release;
mod rotation;
mod unanswered;
mod upkeep;
mod world;

use std::sync::Arc;

use events::state::{Handled, ObjectOutcome, RequestKind, RequestOutcome, SyncOutcome, SyncStage};
use model::{Failure, RetryClass, Timestamp};
use plan::{Provenance, RebuiltPrune};
use world::{World, failure, id};

use super::*;
use crate::{
    Finds,
    answers::{DryRun, Found, Recreation},
};

#[test]
fn a_new_target_is_read_watched_and_planned() {
    let mut world = World::new(&["a", "b"]);
    assert_eq!(world.step(), "load");
    world.load();
    assert_eq!(world.step(), "observe v1 ConfigMap");
    world.pending();
    assert_eq!(world.step(), "rest");
    world.listed();
    assert_eq!(world.step(), "SyncPlanned OutOfSync: create a New, create b New");
    assert_eq!(world.step(), "rest +600 s", "the applier has the plan now");
}

#[test]
fn a_kind_that_came_with_a_sync_is_looked_for_once_after_it() {
    let mut world = World::synced(&["a"]);
    world.not_served();
    world.load();
    assert_eq!(world.step(), "observe v1 ConfigMap", "an object of it was written");
    world.looked_for();
    assert_eq!(world.step(), "SyncPlanned Drifted: create a Missing", "its definition is gone again");
    let mut world = World::synced(&["a"]);
    world.not_served();
    world.looked_for();
    world.answers.forget_uncertain();
    world.load();
    assert_eq!(world.step(), "observe v1 ConfigMap", "every sweep looks again");
    world.listed();
    world.touch("a", "10");
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
}

#[test]
fn what_was_applied_and_is_as_left_is_in_sync() {
    let mut world = World::synced(&["a", "b"]);
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
    assert_eq!(world.step(), "rest");
    assert!(world.desired.is_none(), "an in-sync target needs no manifests");
}

#[test]
fn a_later_version_with_the_same_fingerprint_is_in_sync() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.touch("a", "12");
    assert_eq!(world.step(), "rest");
}

#[test]
fn an_earlier_version_is_neither_drift_nor_settled() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.edit("a", "9", "other");
    assert_eq!(world.step(), "load");
    world.load();
    assert_eq!(world.step(), "HealthChanged Unknown Healthy");
}

#[test]
fn an_edit_is_a_question_then_drift_then_a_heal() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.edit("a", "12", "other");
    assert_eq!(world.step(), "load");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "DriftDetected Drifted Healthy");
    assert_eq!(world.step(), "SyncPlanned Drifted: apply a Drift");
}

#[test]
fn a_dry_run_without_difference_is_recorded_not_healed() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.edit("a", "12", "other");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a");
    let same = DryRun::Same(world.fingerprint_of("a"));
    world.dry_run("a", same);
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
    assert_eq!(world.own().refreshed.len(), 1);
    world.desired = None;
    assert_eq!(world.step(), "rest", "the recorded fingerprint counts from now on");
}

#[test]
fn detect_only_reports_and_leaves_alone() {
    let mut world = World::synced(&["a"]);
    world.policy(|policy| policy.self_heal = false);
    world.edit("a", "12", "other");
    world.load();
    world.step();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "DriftDetected Drifted Healthy");
    assert_eq!(world.step(), "rest");
}

/// Another actor changes the field again; the seconds until it is healed, or `None`: it is left.
fn fight(world: &mut World, field: &str) -> Option<u64> {
    contend(world, world::changes(&[field]))
}

fn contend(world: &mut World, answer: DryRun) -> Option<u64> {
    let version = (100 + world.told.len()).to_string();
    world.edit("a", &version, "other");
    world.load();
    world.step();
    world.dry_run("a", answer);
    let waited = world.until_planned();
    if waited.is_some() {
        world.applied();
    }
    waited
}

/// Another actor takes a field that we own, at its value; the seconds until it is taken back, or `None`: it is left.
fn fight_for_ownership(world: &mut World) -> Option<u64> {
    contend(world, world::lost(&["data.k"]))
}

fn contests(world: &World) -> usize {
    world.told.iter().filter(|told| told.starts_with("DriftContested")).count()
}

#[test]
fn a_fight_backs_off_and_ends_in_silence() {
    let mut world = World::synced(&["a"]);
    world.step();
    let waits: Vec<_> = (0..6).map(|_| fight(&mut world, "data.k")).collect();
    assert_eq!(waits, [Some(0), Some(2), Some(6), Some(18), Some(54), None]);
    assert!(world.told.contains(&"DriftContested Contested Healthy".to_owned()), "{:?}", world.told);
    let events::Table::Inline(drift) = &world.own().drift else { panic!("a short table") };
    assert_eq!(
        (&*drift[0].fields, &*drift[0].managers),
        (&["data.k".into()][..], &["kubectl-edit".into()][..])
    );
    // Neither time nor further edits end the silence.
    for _ in 0..5 {
        world.later(1_000);
        assert_eq!(fight(&mut world, "data.k"), None);
    }
    assert_eq!(contests(&world), 1, "{:?}", world.told);
}

#[test]
fn a_fight_for_ownership_backs_off_in_silence_and_ends_as_one_about_a_value() {
    let mut world = World::synced(&["a"]);
    world.step();
    let waits: Vec<_> = (0..5).map(|_| fight_for_ownership(&mut world)).collect();
    assert_eq!(waits, [Some(0), Some(2), Some(6), Some(18), Some(54)]);
    assert!(world.told.iter().all(|told| !told.starts_with("Drift")), "{:?}", world.told);
    assert_eq!(fight_for_ownership(&mut world), None);
    let events::Table::Inline(drift) = &world.own().drift else { panic!("a short table") };
    assert_eq!((&*drift[0].fields[0], &*drift[0].managers[0]), ("data.k", "kubectl-edit"));
    world.later(1_000);
    assert_eq!(fight_for_ownership(&mut world), None);
    assert_eq!(contests(&world), 1, "{:?}", world.told);
}

#[test]
fn a_contest_ends_when_desired_state_changes() {
    let mut world = World::synced(&["a"]);
    world.step();
    while fight(&mut world, "data.k").is_some() {}
    world.render(&[("a", "m"), ("b", "m")]);
    assert_eq!(fight(&mut world, "data.k"), Some(0));
    assert_eq!(fight(&mut world, "data.k"), Some(2));
}

#[test]
fn after_a_long_peace_a_fight_starts_anew() {
    let mut world = World::synced(&["a"]);
    world.step();
    assert_eq!([fight(&mut world, "data.k"), fight(&mut world, "data.k")], [Some(0), Some(2)]);
    world.later(601);
    assert_eq!(fight(&mut world, "data.k"), Some(0));
}

#[test]
fn two_fields_in_turn_are_two_fights_that_both_back_off() {
    let mut world = World::synced(&["a"]);
    world.step();
    let waits: Vec<_> = ["data.k", "data.l", "data.k", "data.l"].map(|field| fight(&mut world, field)).into();
    assert_eq!(waits, [Some(0), Some(0), Some(2), Some(0)], "the wait for one counts for the other");
    while fight(&mut world, "data.k").is_some() {}
    assert!(fight(&mut world, "data.l").is_some());
}

#[test]
fn absence_is_a_question() {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.gone("a");
    assert_eq!(world.step(), "load");
    world.load();
    assert_eq!(world.step(), "ask whether a exists");
    let forbidden = failure("CLUSTER-FORBIDDEN", RetryClass::Permanent);
    world.answers.found(id("a"), Found::Unknown(forbidden), world.now);
    assert_eq!(world.step(), "PlanRefused Unknown CLUSTER-FORBIDDEN");
    world.answers.found(id("a"), Found::Absent, world.now);
    assert_eq!(world.step(), "DriftDetected Drifted Missing");
    assert_eq!(world.step(), "SyncPlanned Drifted: create a Missing");
}

#[test]
fn what_a_watch_has_yet_to_tell_is_awaited_within_bounds_not_asked_for() {
    let mut world = World::synced(&["a"]);
    world.told_up_to("9", "a");
    assert_eq!(world.step(), "rest +5 s", "the watch has not come to version 10, which the sync wrote");
    world.told_up_to("10", "a");
    assert_eq!(world.step(), "load", "it has, and does not show the object");
    world.load();
    assert_eq!(world.step(), "ask whether a exists");
    let mut stuck = World::synced(&["a"]);
    stuck.told_up_to("9", "a");
    stuck.now = stuck.now.plus(std::time::Duration::from_secs(5));
    assert_eq!(stuck.step(), "load", "a watch that is stuck hides nothing for long");
}

#[test]
fn a_new_desired_state_is_tried_before_it_is_planned() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.render(&[("a", "new")]);
    assert_eq!(world.step(), "load");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a");
    let refused = DryRun::Refused(failure("CLUSTER-INVALID", RetryClass::Permanent));
    world.dry_run("a", refused);
    assert_eq!(world.step(), "PlanRefused OutOfSync CLUSTER-INVALID");
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
}

#[test]
fn the_guard_stops_a_plan_until_a_person_approves_just_this_one() {
    let mut world = World::synced(&["a", "b", "c", "d"]);
    world.step();
    world.render(&[("a", "m")]);
    world.load();
    assert_eq!(world.step(), "PlanRefused OutOfSync GUARD-SHARE");
    assert_eq!(world.step(), "rest");
    let digest = world.planned_digest();
    world.request(RequestKind::Approve { plan: model::Digest::of(b"another") });
    assert_eq!(world.step(), "HealthChanged OutOfSync GUARD-SHARE", "the request is answered: refused");
    world.request(RequestKind::Approve { plan: digest });
    assert_eq!(world.step(), "SyncPlanned OutOfSync: prune b Orphan, prune c Orphan, prune d Orphan");
    let outcomes: Vec<_> = world.own().handled.iter().map(|handled| &handled.outcome).collect();
    assert!(matches!(outcomes[..], [RequestOutcome::Refused(_), RequestOutcome::Noted]), "{outcomes:?}");
}

#[test]
fn an_approval_of_another_plan_is_answered_however_many_answers_are_kept() {
    let mut world = World::synced(&["a"]);
    world.step();
    for _ in 0..events::state::REQUESTS_MAX + 3 {
        world.request(RequestKind::Approve { plan: model::Digest::of(b"another") });
        assert_eq!(world.step(), "HealthChanged InSync Healthy");
        assert!(matches!(world.answered(), Some(RequestOutcome::Refused(_))));
    }
}

#[test]
fn an_approval_is_answered_once_and_holds_up_no_request_behind_it() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.request(RequestKind::Approve { plan: model::Digest::of(b"what has passed by itself") });
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
    assert!(matches!(world.own().handled[..], [Handled { outcome: RequestOutcome::Refused(_), .. }]));
    assert_eq!(world.step(), "rest");
    world.request(RequestKind::Sync { after: None });
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
    assert!(matches!(world.own().handled[1..], [Handled { outcome: RequestOutcome::InSync, .. }]));
}

fn running() -> SyncStage {
    SyncStage::Running { since: Timestamp::from_millis(0), instance: "x".into() }
}

#[test]
fn an_edit_that_overtakes_the_report_is_judged_by_the_report() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.stage(running());
    world.outcome("a", ObjectOutcome::Pending);
    world.edit("a", "12", "other");
    assert_eq!(world.step(), "rest +600 s", "no result yet: held back");
    world.applied();
    assert_eq!(world.step(), "rest", "the report tells the same contents");
    world.edit("a", "13", "another");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a", "later than the report: a question");
}

#[test]
fn a_running_sync_is_asked_to_stop_once_when_desired_moved_on() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.stage(running());
    assert_eq!(world.step(), "rest +600 s", "it does what is wanted");
    world.render(&[("a", "new")]);
    assert_eq!(world.step(), "SupersedeRequested InSync Healthy");
    assert_eq!(world.own().supersede, Some(1));
    assert_eq!(world.step(), "rest +600 s");
    world.stage(SyncStage::Superseded { at: world.now });
    world.load();
    world.step();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
    assert_eq!(world.own().supersede, None);
}

#[test]
fn after_three_that_gave_way_the_running_sync_finishes() {
    for (in_a_row, asked) in [(2, "SupersedeRequested InSync Healthy"), (3, "rest +600 s")] {
        let mut world = World::synced(&["a"]);
        world.step();
        world.stage(running());
        world.superseded(in_a_row);
        world.render(&[("a", "new")]);
        assert_eq!(world.step(), asked);
    }
}

#[test]
fn a_silent_applier_stalls_the_target_and_no_second_plan_starts() {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.stage(running());
    world.later(599);
    world.edit("b", "12", "other");
    assert_eq!(world.step(), "rest +1 s", "held back until the bound");
    world.later(1);
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes b", "judged again");
    world.dry_run("b", world::changes(&["data.k"]));
    assert_eq!(world.step(), "PlanRefused Stalled TARGET-STALLED");
    assert_eq!(world.own().drift.len(), 1);
    assert_eq!(world.step(), "rest", "told once, and nothing is planned");
    world.request(RequestKind::Sync { after: None });
    world.step();
    assert!(matches!(world.answered(), Some(RequestOutcome::Failed(_))), "who asks learns it");
    world.stage(running());
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy", "a sign of life");
    assert_eq!(world.step(), "rest +600 s");
}

#[test]
fn a_plan_that_nobody_takes_stalls_too() {
    let mut world = World::new(&["a"]);
    world.load();
    world.listed();
    assert_eq!(world.step(), "SyncPlanned OutOfSync: create a New");
    world.later(600);
    assert_eq!(world.step(), "PlanRefused Stalled TARGET-STALLED");
    assert_eq!(world.step(), "rest");
}

#[test]
fn a_plan_that_was_rejected_as_stale_is_made_again() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.stage(SyncStage::Rejected { reason: "desired".into() });
    world.render(&[("a", "new")]);
    world.load();
    world.step();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
}

/// The rejection of the one before makes this one stale. To plan again at once would make the next one stale by the
/// rejection of this one.
#[test]
fn a_plan_that_was_overtaken_is_rejected_before_the_next_one_is_made() {
    let mut world = World::changed();
    world.step();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
    world.stage(SyncStage::Rejected { reason: "the plan before".into() });
    assert_eq!(world.step(), "rest +600 s");
    world.taken();
    world.stage(SyncStage::Rejected { reason: "it was made after sync event 1".into() });
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
}

#[test]
fn a_failed_sync_is_tried_again_when_it_is_due() {
    let mut world = World::synced(&["a"]);
    world.step();
    let outcome = SyncOutcome::Failed { failure: failure("APPLY-TIMEOUT", RetryClass::Transient) };
    world.stage(SyncStage::Finished { at: world.now, outcome });
    world.outcome("a", ObjectOutcome::Failed(failure("APPLY-TIMEOUT", RetryClass::Transient)));
    world.load();
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy");
    assert_eq!(world.step(), "rest +5 s");
    world.later(5);
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Unfinished");
}

#[test]
fn who_asks_gets_a_try_of_its_own_and_its_answer_whatever_clocks_say() {
    for (ahead, behind) in [(3_600_000, 0), (0, 3_600_000)] {
        let mut world = World::synced(&["a"]);
        world.step();
        let failed = failure("APPLY-INVALID", RetryClass::Permanent);
        let fails = |world: &mut World| {
            let outcome = SyncOutcome::Failed { failure: failed.clone() };
            let at = Timestamp::from_millis(world.now.as_millis() + ahead - behind);
            world.stage(SyncStage::Finished { at, outcome });
            world.outcome("a", ObjectOutcome::Failed(failed.clone()));
        };
        fails(&mut world);
        world.load();
        world.step();
        world.request(RequestKind::Sync { after: None });
        assert_eq!(world.step(), "ask whether an apply changes a", "the failure was before it");
        world.dry_run("a", world::changes(&["data.k"]));
        assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Unfinished");
        world.taken();
        fails(&mut world);
        world.step();
        assert_eq!(world.answered(), Some(RequestOutcome::Failed(failed)), "that was its try");
    }
}

#[test]
fn a_request_waits_for_what_follows_from_its_fetch() {
    let mut world = World::synced(&["a"]);
    world.step();
    let fetch = world.request_after_fetch();
    assert_eq!(world.step(), "rest +30 s", "the source has not been fetched since");
    world.source(|source| source.handled.push(fetch));
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
    assert_eq!(world.answered(), Some(RequestOutcome::InSync));
}

#[test]
fn a_request_learns_why_it_cannot_be_done() {
    let mut world = World::synced(&["a"]);
    world.step();
    let fetch = world.request_after_fetch();
    world.source(|source| {
        source.handled.push(fetch);
        source.failure = Some(failure("GIT-AUTH", RetryClass::Permanent));
    });
    world.step();
    assert_eq!(world.answered(), Some(RequestOutcome::Failed(failure("GIT-AUTH", RetryClass::Permanent))));
}

#[test]
fn a_dead_cluster_answers_a_request_after_three_attempts() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.request(RequestKind::Sync { after: None });
    let dead = |attempts| Failure { attempts, ..failure("CLUSTER-UNREACHABLE", RetryClass::Transient) };
    world.cluster = ClusterStanding::Unreachable(dead(1));
    assert_eq!(world.step(), "rest");
    world.cluster = ClusterStanding::Unreachable(dead(3));
    world.step();
    assert_eq!(world.answered(), Some(RequestOutcome::Failed(dead(3))));
}

#[test]
fn without_a_log_the_cluster_vouches_for_the_inventory() {
    let mut world = World::synced(&["a", "b"]);
    world.forget_log();
    world.render(&[("a", "m")]);
    world.load();
    world.step();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Found, record b Found");
}

#[test]
fn what_came_from_another_source_is_neither_written_nor_deleted() {
    let found = |told: Option<&str>| {
        let mut world = World::synced(&["a", "b"]);
        world.from = told.map(ToOwned::to_owned);
        ["a", "b"].into_iter().for_each(|name| world.touch(name, "12"));
        world.forget_log();
        world.finds = Finds::OfSource;
        world.rebuilt_prune = RebuiltPrune::Confirmed;
        world.render(&[("a", "m")]);
        world.load();
        world
    };
    let mut world = found(Some("another-1a2b3c4d"));
    assert_eq!(world.step(), "PlanRefused OutOfSync SOURCE-OTHER");
    world.take_over();
    world.step();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Found");
    // In the state folder of the other one: the inventory is recorded, and not ours.
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.from = Some("another-1a2b3c4d".into());
    ["a", "b"].into_iter().for_each(|name| world.touch(name, "12"));
    world.finds = Finds::OfSource;
    world.render(&[("a", "m")]);
    world.load();
    assert_eq!(world.step(), "PlanRefused OutOfSync SOURCE-OTHER");
    for ours in [None, Some("repo")] {
        let mut world = found(ours);
        world.step();
        world.dry_run("a", world::changes(&["data.k"]));
        assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Found, prune b Orphan", "{ours:?}");
    }
}

#[test]
fn a_rebuilt_inventory_is_pruned_once_a_command_confirms_it() {
    let mut world = World::synced(&["a", "b", "c", "d"]);
    world.origin(events::state::Origin::Rebuilt);
    world.step();
    world.render(&[("a", "m"), ("b", "m"), ("c", "m")]);
    world.load();
    assert_eq!(world.step(), "rest", "nobody vouches for it");
    world.request(RequestKind::ConfirmInventory);
    world.step();
    assert_eq!(world.answered(), Some(RequestOutcome::Confirmed));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: prune d Orphan");
}

#[test]
fn a_restored_cluster_is_judged_by_contents_alone() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.restored();
    world.listed();
    world.touch("a", "3");
    assert_eq!(world.step(), "rest", "the version is lower, the contents are the same");
}

#[test]
fn a_stray_is_read_and_traced_before_anything_is_done_about_it() {
    for (provenance, then) in [
        (Provenance::Own(plan::Origin::Created), "SyncPlanned OutOfSync: prune zombie Stray"),
        (Provenance::Own(plan::Origin::Adopted), "rest"),
        (Provenance::Unknown, "HealthChanged InSync Healthy"),
    ] {
        let mut world = World::synced(&["a", "b", "c"]);
        world.step();
        world.stray("zombie");
        assert_eq!(world.step(), "load");
        world.load();
        assert_eq!(world.step(), "ask whether zombie exists");
        world.found("zombie");
        assert_eq!(world.step(), "ask whether the history names zombie");
        world.answers.traced(id("zombie"), "uid-zombie".into(), provenance);
        assert_eq!(world.step(), then);
        let told: Vec<&str> = world.own().strays.iter().map(|stray| stray.id.name.as_str()).collect();
        let expected: &[&str] = if provenance == Provenance::Unknown { &["zombie"] } else { &[] };
        assert_eq!(told, expected);
    }
}

#[test]
fn a_reported_stray_is_told_once_and_until_it_is_gone() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.stray("zombie");
    world.load();
    world.step();
    world.found("zombie");
    world.answers.traced(id("zombie"), "uid-zombie".into(), Provenance::Unknown);
    world.step();
    world.desired = None;
    assert_eq!(world.step(), "rest");
    world.answers.forget_uncertain();
    assert_eq!(world.step(), "load", "every sweep looks again");
    world.gone("zombie");
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
    assert!(world.own().strays.is_empty());
}

#[test]
fn what_was_just_pruned_and_is_still_shown_is_no_stray() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.stray("pruned");
    world.load();
    assert_eq!(world.step(), "ask whether pruned exists");
    world.answers.found(id("pruned"), Found::Absent, world.now);
    assert_eq!(world.step(), "rest");
}

#[test]
fn an_unknown_kind_refuses_the_plan() {
    let mut world = World::new(&["a"]);
    world.load();
    world.unknown_kind("a");
    assert_eq!(world.step(), "PlanRefused OutOfSync PLAN-UNKNOWN-KIND");
}

#[test]
fn a_kind_that_cannot_be_watched_is_neither_missing_nor_pruned() {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.unavailable();
    world.render(&[("a", "m")]);
    world.load();
    assert_eq!(world.step(), "HealthChanged Unknown Healthy");
    world.listed();
    assert_eq!(world.step(), "SyncPlanned OutOfSync: prune b Orphan");
}

#[test]
fn what_may_not_be_listed_is_unknown_for_that_reason_until_it_may() {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.forbidden();
    world.render(&[("a", "m"), ("c", "m")]);
    world.load();
    assert_eq!(world.step(), "PlanRefused Unknown CLUSTER-FORBIDDEN", "b is not pruned, c not created");
    assert_eq!(world.step(), "rest", "the watch tells when it may");
    world.request(RequestKind::Sync { after: None });
    world.step();
    let Some(RequestOutcome::Failed(told)) = world.answered() else { panic!("{:?}", world.told) };
    assert_eq!(told.code, "CLUSTER-FORBIDDEN", "whoever asks learns it at once");
    world.request(RequestKind::Preview { after: None });
    world.step();
    let failed = |it: &events::state::Handled| matches!(it.outcome, RequestOutcome::Failed(_));
    assert_eq!(world.own().handled.iter().filter(|it| failed(it)).count(), 2, "{:?}", world.told);
    world.listed();
    assert_eq!(world.step(), "SyncPlanned OutOfSync: create c New, prune b Orphan");
}

#[test]
fn a_preview_shows_that_the_server_did_not_say_and_does_not_ask_for_ever() {
    let mut world = World::new(&["a"]);
    world.load();
    world.listed();
    world.request(RequestKind::Preview { after: None });
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.dry_run("a", DryRun::Unknown(failure("CLUSTER-NOT-FOUND", RetryClass::Stale)));
    assert_eq!(world.step(), "preview 1");
}

#[test]
fn a_plan_with_a_change_tries_its_creates_too() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.render(&[("a", "new"), ("b", "m")]);
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a, ask whether an apply changes b");
    world.dry_run("a", world::changes(&["data.k"]));
    world.dry_run("b", DryRun::Refused(failure("CLUSTER-INVALID", RetryClass::Permanent)));
    assert_eq!(world.step(), "PlanRefused OutOfSync CLUSTER-INVALID");
    world.dry_run("b", world::changes(&[]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed, create b New");
}

#[test]
fn a_field_that_never_changes_refuses_the_plan_unless_the_manifest_consents() {
    let mut world = World::changed();
    assert_eq!(world.step(), "ask whether an apply changes a");
    let immutable = |recreation| DryRun::Immutable {
        failure: failure("APPLY-IMMUTABLE", RetryClass::Permanent),
        recreation,
        after: Default::default(),
    };
    world.dry_run("a", immutable(Recreation::Refused));
    assert_eq!(world.step(), "PlanRefused OutOfSync APPLY-IMMUTABLE");
    world.dry_run("a", immutable(Recreation::Allowed));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Recreate");
}

#[test]
fn a_rule_that_comes_is_applied_and_read_anew() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.edit("a", "12", "other");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.ignore("/data/k");
    assert_eq!(world.step(), "load", "what was read under the old rules does not count");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a", "the preflight of a changed manifest");
    world.dry_run("a", world::lost(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
}

#[test]
fn a_request_whose_fetch_does_not_come_holds_nothing_up_for_long() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.request_after_fetch();
    assert_eq!(world.step(), "rest +30 s");
    world.later(30);
    world.edit("a", "12", "other");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a", "it is looked after meanwhile");
    world.later(3600);
    world.step();
    let Some(RequestOutcome::Failed(failure)) = world.answered() else { panic!("{:?}", world.answered()) };
    assert_eq!(failure.code, "REQUEST-UNFETCHED");
}

#[test]
fn as_many_answers_as_are_kept_fit_into_one_event() {
    let mut world = World::synced(&["a"]);
    world.step();
    let mut state = world.own().clone();
    let failure = |i: i64| model::Failure {
        code: "RENDER-FAILED".into(),
        message: "é".repeat(1_000),
        remedy: "correct it".into(),
        class: model::RetryClass::Permanent,
        at: model::Timestamp::from_millis(i),
        attempts: 1,
    };
    for i in 0..40 {
        let outcome = match i % 2 {
            0 => RequestOutcome::Failed(failure(i)),
            _ => RequestOutcome::Previewed(events::Content::Inline(vec![7; 4096])),
        };
        requests::record(&mut state, &format!("request-{i}").parse().unwrap(), outcome);
    }
    assert!(events::encode(&state).unwrap().len() < 20 * 1024);
    let newest: Vec<_> = state.handled.iter().rev().take(2).map(|handled| &handled.outcome).collect();
    let [RequestOutcome::Previewed(content), RequestOutcome::Failed(failed)] = newest[..] else {
        panic!("{newest:?}")
    };
    assert_eq!((content, failed), (&events::Content::Inline(vec![7; 4096]), &failure(38)));
}
