use events::{
    EventType,
    state::{Origin, ReleaseOutcome, SyncOutcome, SyncStage},
};
use model::definition::Deletion::{Delete, Orphan};
use serde_json::{Value, json};
use testkit::eventually;

use crate::scene::{BOUND, Scene, marks};

/// A commit takes an application out, and is reverted: its objects stay as they are, lose our mark, and get it back.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_leaves_keeps_its_objects_and_takes_them_back_when_it_returns() {
    let mut scene = Scene::new().await;
    let map = scene.config_map("map", json!({"x": "1", "y": "1"}));
    let other = scene.config_map("other", json!({"x": "1"}));
    scene.commit(&[("a", vec![map.clone(), other.clone()])]).await;
    scene.define(&[("a", "a", Orphan)]).await;
    scene.render("a", "a").await;
    scene.until_holds("a", &["map", "other"]).await;
    let before = scene.live(&map).await.unwrap();

    scene.define(&[]).await;
    let released = scene.until_released("a").await.released.unwrap();
    assert_eq!(released.outcome, ReleaseOutcome::Emptied);
    let after = scene.live(&map).await.unwrap();
    assert_eq!(after.uid, before.uid);
    assert_eq!(after.value.value()["data"], json!({"x": "1", "y": "1"}));
    assert_eq!(marks(&after), (None, vec![]));
    eventually(BOUND, "the sync to be retired", async || {
        let (event, _) = scene.sync_state("a").await?;
        (event.draft.kind == EventType::SyncRetired).then_some(())
    })
    .await;

    // One value is another by then, and one is gone.
    let map = scene.config_map("map", json!({"x": "2"}));
    scene.commit(&[("a", vec![map.clone(), other.clone()])]).await;
    scene.define(&[("a", "a", Orphan)]).await;
    scene.render("a", "a").await;
    scene.until_holds("a", &["map", "other"]).await;
    let back = scene.live(&map).await.unwrap();
    assert_eq!(back.uid, before.uid);
    assert_eq!(back.value.value()["data"]["x"], "2");
    assert_eq!(marks(&back).0, Some(scene.name("a").as_str()));
    let (_, state) = scene.sync_state("a").await.unwrap();
    let events::Table::Inline(rows) = state.objects else { panic!("a small inventory") };
    assert!(rows.iter().all(|row| row.origin == Origin::Created), "as ours as before: {rows:?}");
}

/// What somebody else made under the name meanwhile is his.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_returns_is_a_stranger_to_what_others_made() {
    let mut scene = Scene::new().await;
    let map = scene.config_map("map", json!({"x": "1"}));
    scene.commit(&[("a", vec![map.clone()])]).await;
    scene.define(&[("a", "a", Orphan)]).await;
    scene.render("a", "a").await;
    scene.until_holds("a", &["map"]).await;
    scene.define(&[]).await;
    scene.until_released("a").await;
    scene.replace(&map).await;

    scene.define(&[("a", "a", Orphan)]).await;
    let failure = eventually(BOUND, "the first contact to be refused", async || {
        let (_, state) = scene.sync_state("a").await?;
        let SyncStage::Finished { outcome: SyncOutcome::Failed { failure }, .. } = state.stage else {
            return None;
        };
        Some(failure)
    })
    .await;
    assert_eq!(failure.code, "APPLY-FIRST-CONTACT");
    assert_eq!(marks(&scene.live(&map).await.unwrap()).0, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_leaves_is_retired_once_nothing_of_ours_is_there() {
    let mut scene = Scene::new().await;
    let map = scene.config_map("map", json!({"x": "1"}));
    scene.commit(&[("a", vec![map.clone()])]).await;
    scene.define(&[("a", "a", Orphan)]).await;
    scene.render("a", "a").await;
    scene.until_holds("a", &["map"]).await;
    let before = scene.until_cluster(EventType::ClusterConnected).await;

    scene.define_nowhere(&[("a", "a", Orphan)]).await;
    let retired = scene.until_cluster(EventType::ClusterRetired).await;
    assert!(retired > before);
    let (last, _) = scene.target_state("a").await.unwrap();
    assert_eq!(last.draft.kind, EventType::TargetReleased, "first what is there, then the cluster");
    assert_eq!(marks(&scene.live(&map).await.unwrap()), (None, vec![]));

    // Defined again as it was: that it answers is news, though the last word before said the same.
    scene.define(&[]).await;
    let back = scene.until_cluster(EventType::ClusterConnected).await;
    assert_eq!(back, retired + 1);
}

/// Each application's policy says what becomes of its objects, also where not the application goes but its cluster.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_leaves_loses_what_its_applications_would_delete_and_no_more() {
    let mut scene = Scene::new().await;
    let kept: Vec<_> = ["k1", "k2", "k3"].map(|name| scene.config_map(name, json!({}))).into();
    let gone = scene.config_map("gone", json!({}));
    scene.commit(&[("keep", kept.clone()), ("go", vec![gone.clone()])]).await;
    let applications = [("keep", "keep", Orphan), ("go", "go", Delete)];
    scene.define(&applications).await;
    scene.render("keep", "keep").await;
    scene.render("go", "go").await;
    scene.until_holds("keep", &["k1", "k2", "k3"]).await;
    scene.until_holds("go", &["gone"]).await;

    scene.define_nowhere(&applications).await;
    scene.until_cluster(EventType::ClusterRetired).await;
    assert!(scene.live(&gone).await.is_none());
    for map in &kept {
        assert_eq!(marks(&scene.live(map).await.unwrap()), (None, vec![]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_before_the_change_deletes_under_the_guard_and_spares_what_needs_a_word() {
    let mut scene = Scene::new().await;
    let maps: Vec<_> = ["k1", "k2", "k3"].map(|name| scene.config_map(name, json!({}))).into();
    let gone = scene.config_map("gone", json!({}));
    let name = scene.name("space");
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    scene.commit(&[("keep", maps.clone()), ("go", vec![gone.clone(), space.clone()])]).await;
    scene.define(&[("keep", "keep", Delete), ("go", "go", Delete)]).await;
    scene.render("keep", "keep").await;
    scene.render("go", "go").await;
    scene.until_holds("keep", &["k1", "k2", "k3"]).await;
    scene.until_holds("go", &["gone", &name]).await;

    scene.define(&[("keep", "keep", Delete)]).await;
    scene.until_released("go").await;
    assert!(scene.live(&gone).await.is_none());
    let space = scene.live(&space).await.unwrap();
    assert!(!space.is_terminating());
    assert_eq!(marks(&space).0, None);

    // All that is left would go with the last one: a person has to be asked.
    scene.define(&[]).await;
    eventually(BOUND, "the refusal", async || {
        let (_, state) = scene.target_state("keep").await?;
        state.refused.filter(|failure| failure.code == "GUARD-EVERYTHING")
    })
    .await;
    assert!(scene.live(&maps[0]).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_application_hands_everything_over_without_a_deletion() {
    let mut scene = Scene::new().await;
    let map = scene.config_map("map", json!({"x": "1"}));
    scene.commit(&[("a", vec![map.clone()])]).await;
    scene.define(&[("old", "a", Delete)]).await;
    scene.render("old", "a").await;
    scene.until_holds("old", &["map"]).await;
    let uid = scene.live(&map).await.unwrap().uid;

    scene.define(&[("new", "a", Delete)]).await;
    eventually(BOUND, "the old one to wait for the new one", async || {
        let (_, state) = scene.target_state("old").await?;
        (state.status == events::state::SyncStatus::OutOfSync).then_some(())
    })
    .await;
    assert_eq!(marks(&scene.live(&map).await.unwrap()).0, Some(scene.name("old").as_str()));
    scene.render("new", "a").await;
    scene.until_released("old").await;
    scene.until_holds("new", &["map"]).await;
    let live = scene.live(&map).await.unwrap();
    assert_eq!(live.uid, uid);
    let (label, managers) = marks(&live);
    assert_eq!(label, Some(scene.name("new").as_str()));
    assert_eq!(managers, [format!("driftless:{}", scene.name("new"))]);
}

/// An object `x` of `a` with that data, which a commit moves to `b` with other data. `b` is not rendered yet, for which
/// `a` waits. Answers its uid, too.
async fn moving(before: Value, after: Value) -> (Scene, String) {
    let mut scene = Scene::new().await;
    let [x, moved] = [before, after].map(|data| scene.config_map("x", data));
    let [k1, k2] = ["k1", "k2"].map(|name| scene.config_map(name, json!({})));
    scene.commit(&[("a", vec![x.clone(), k1.clone()]), ("b", vec![k2.clone()])]).await;
    scene.define(&[("a", "a", Orphan), ("b", "b", Orphan)]).await;
    scene.render("a", "a").await;
    scene.render("b", "b").await;
    scene.until_holds("a", &["k1", "x"]).await;
    scene.until_holds("b", &["k2"]).await;
    let uid = scene.live(&x).await.unwrap().uid;
    scene.commit(&[("a", vec![k1]), ("b", vec![k2, moved])]).await;
    scene.render("a", "a").await;
    eventually(BOUND, "the prune to wait", async || {
        let (_, state) = scene.target_state("a").await?;
        (state.status == events::state::SyncStatus::OutOfSync).then_some(())
    })
    .await;
    (scene, uid)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_moves_in_one_commit_is_never_missing() {
    let (scene, uid) = moving(json!({"from": "a", "only": "a"}), json!({"from": "b"})).await;
    let x = scene.config_map("x", json!({}));
    assert_eq!(scene.live(&x).await.unwrap().uid, uid, "b is not rendered");
    scene.render("b", "b").await;
    scene.until_holds("a", &["k1"]).await;
    scene.until_holds("b", &["k2", "x"]).await;
    let live = scene.live(&x).await.unwrap();
    assert_eq!(live.uid, uid);
    assert_eq!(live.value.value()["data"], json!({"from": "b"}));
    assert_eq!(marks(&live).0, Some(scene.name("b").as_str()));
}

/// Whoever had it does not forget it for that, and whoever wants it knows it by its uid.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_loses_its_mark_on_the_way_arrives_all_the_same() {
    let (mut scene, uid) = moving(json!({"from": "git"}), json!({"from": "git"})).await;
    let x = scene.config_map("x", json!({"from": "git", "more": "git"}));
    scene.strip(&x).await;
    scene.render("b", "b").await;
    eventually(BOUND, "the first contact", async || {
        let (_, state) = scene.sync_state("b").await?;
        format!("{:?}", state.stage).contains("APPLY-FIRST-CONTACT").then_some(())
    })
    .await;
    // The same is tried again after minutes, something else at once.
    scene.commit(&[("b", vec![scene.config_map("k2", json!({})), x.clone()])]).await;
    scene.render("b", "b").await;
    scene.until_holds("b", &["k2", "x"]).await;
    scene.until_holds("a", &["k1"]).await;
    let live = scene.live(&x).await.unwrap();
    assert_eq!(live.uid, uid);
    assert_eq!(marks(&live).0, Some(scene.name("b").as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_that_fails_holds_back_only_what_may_be_in_its_namespaces() {
    let mut scene = Scene::new().await;
    let elsewhere = format!("{}-elsewhere", scene.namespace);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}});
    let [near, keep, k2] = ["near", "keep", "k2"].map(|name| scene.config_map(name, json!({})));
    let mut far = scene.config_map("far", json!({}));
    far["metadata"]["namespace"] = elsewhere.clone().into();
    let all = vec![namespace.clone(), near.clone(), far.clone(), keep.clone()];
    scene.commit(&[("a", all), ("b", vec![k2.clone()])]).await;
    scene.define(&[("a", "a", Orphan), ("b", "b", Orphan)]).await;
    scene.render("a", "a").await;
    scene.render("b", "b").await;
    scene.until_holds("a", &["keep", "near", "far", &elsewhere]).await;

    let changed = scene.config_map("k2", json!({"changed": "yes"}));
    scene.commit(&[("a", vec![namespace, keep]), ("b", vec![changed])]).await;
    scene.fail_to_render("b", "b").await;
    scene.render("a", "a").await;
    scene.until_holds("a", &["keep", "near", &elsewhere]).await;
    assert!(scene.live(&far).await.is_none());
    assert!(scene.live(&near).await.is_some(), "the other one may want it");
    scene.render("b", "b").await;
    scene.until_holds("a", &["keep", &elsewhere]).await;
    assert!(scene.live(&near).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_written_in_another_group_is_not_pruned_in_the_old_one() {
    let mut scene = Scene::new().await;
    let keep = scene.config_map("keep", json!({}));
    let metadata = json!({"name": "event", "namespace": scene.namespace});
    let about = json!({"kind": "ConfigMap", "namespace": scene.namespace, "name": "keep"});
    let old = json!({"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": about,
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingComponent": "example.com/test",
        "reportingInstance": "test", "action": "Test", "reason": "Test", "type": "Normal"});
    let new = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": metadata, "regarding": about,
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "example.com/test",
        "reportingInstance": "test", "action": "Test", "reason": "Test", "type": "Normal"});
    scene.commit(&[("a", vec![keep.clone(), old.clone()])]).await;
    scene.define(&[("a", "a", Orphan)]).await;
    scene.render("a", "a").await;
    scene.until_holds("a", &["keep", "event"]).await;
    let uid = scene.live(&old).await.unwrap().uid;

    scene.commit(&[("a", vec![keep, new.clone()])]).await;
    scene.render("a", "a").await;
    eventually(BOUND, "the event to be held in its new group alone", async || {
        let (_, state) = scene.sync_state("a").await?;
        let events::Table::Inline(rows) = state.objects else { panic!("a small inventory") };
        let groups: Vec<_> =
            rows.iter().filter(|row| row.id.kind == "Event").map(|row| &row.id.group).collect();
        (groups == ["events.k8s.io"]).then_some(())
    })
    .await;
    assert_eq!(scene.live(&new).await.unwrap().uid, uid);
}
