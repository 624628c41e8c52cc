//! An API server that throttles, refuses, breaks off, and forgets.

use events::{
    EventType, Table,
    state::{ObjectOutcome, SyncOutcome, SyncStage, SyncStatus},
};
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    hands::version,
    proxy::{Fault, Proxy, Request},
    scene::{BOUND, Scene, SelfHeal, config_map, config_maps, succeeded},
};

fn secret() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": {"a": "eA=="}})
}

async fn behind(proxy: &Proxy, manifests: &[Value]) -> Scene {
    let cluster = testkit::cluster::real("scenarios");
    Scene::behind(proxy.clone(), &cluster, SelfHeal::On, manifests).await
}

async fn proxy() -> Proxy {
    Proxy::before(&testkit::cluster::real("scenarios")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttling_server_gets_half_as_many_writes_at_a_time() {
    let scene = Scene::synced(SelfHeal::On, &config_maps(1)).await;
    let flying = async |count: usize| {
        eventually(BOUND, "writes in flight", async || (scene.proxy.flying() == count).then_some(())).await;
    };
    scene.proxy.hold_writes(true);
    scene.commit(&config_maps(41));
    scene.fetch().await;
    flying(16).await;
    scene.proxy.spoil(16, Fault::Answer(429, "retry-after: 3\r\n"), Request::is_write);
    scene.proxy.hold_writes(false);
    flying(0).await;
    // For three seconds nothing is sent: time to hold what comes then.
    scene.proxy.hold_writes(true);
    scene.proxy.most_flying();
    flying(8).await;
    scene.proxy.hold_writes(false);
    scene.sync_until("the end", |state| state.generation == 2 && succeeded(state)).await;
    // One more after each round that went well: 8 + 9 + 10 + 11 writes, and all are done.
    assert!((8..=12).contains(&scene.proxy.most_flying()));
    assert_eq!(scene.proxy.written().iter().filter(|write| write.contains("/configmaps/")).count(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_lost_answers_are_got_over_within_one_sync() {
    let proxy = proxy().await;
    for fault in [Fault::Answer(503, ""), Fault::Answer(500, ""), Fault::LoseAnswer, Fault::HangUp] {
        proxy.spoil(3, fault, |request| request.is_write() && request.is_about("configmaps"));
    }
    let maps = config_maps(30);
    let scene = behind(&proxy, &maps).await;
    scene.in_sync().await;
    assert_eq!(scene.count(EventType::SyncPlanned).await, 1);
    let rows = scene.rows().await;
    assert_eq!(rows.len(), maps.len());
    for row in rows {
        let live = scene.live(&scene.of(&config_map(&row.id.name, json!({})))).await;
        assert_eq!(row.uid.as_deref(), live["metadata"]["uid"].as_str(), "{}", row.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_forbidden_fails_alone() {
    let proxy = proxy().await;
    proxy.spoil(usize::MAX, Fault::Answer(403, ""), |request| {
        request.is_write() && request.is_about("secrets")
    });
    let scene = behind(&proxy, &[config_map("a", json!({})), secret()]).await;
    let state = scene.sync_until("the end", |state| matches!(state.stage, SyncStage::Finished { .. })).await;
    let SyncStage::Finished { outcome: SyncOutcome::Failed { failure }, .. } = state.stage else {
        panic!("{:?}", state.stage)
    };
    assert_eq!(failure.code, "CLUSTER-FORBIDDEN");
    let outcomes = |rows: Vec<events::state::AppliedObject>| -> Vec<(String, bool)> {
        let row = |row: &events::state::AppliedObject| {
            (row.id.name.clone(), matches!(row.outcome, ObjectOutcome::Failed(_)))
        };
        rows.iter().map(row).collect()
    };
    assert_eq!(outcomes(scene.rows().await), [("a".to_owned(), false), ("login".to_owned(), true)]);
}

/// That nothing comes of a question, or that nobody may ask it, says nothing about what is there.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_listed_is_not_pruned() {
    for fault in [Fault::Answer(403, ""), Fault::Answer(500, ""), Fault::Answer(503, ""), Fault::HangUp] {
        let proxy = proxy().await;
        let (a, b) = (config_map("a", json!({})), config_map("b", json!({})));
        let scene = behind(&proxy, &[a.clone(), b.clone(), secret()]).await;
        scene.in_sync().await;
        proxy.spoil(usize::MAX, fault, |request| request.is_about("secrets"));
        let asks = |request: &Request| request.method == "GET" && request.is_about("secrets");
        let before = proxy.count(asks);
        proxy.cut_watches();
        eventually(BOUND, "a failure", async || (proxy.count(asks) > before).then_some(())).await;
        scene.commit(&[config_map("a", json!({"new": "1"})), b]);
        scene.fetch().await;
        scene.seen("the change", &scene.of(&a), |live| live["data"]["new"] == "1").await;
        scene.sync_until("its end", succeeded).await;
        assert_eq!(proxy.count(|request| request.method == "DELETE"), 0, "{fault:?}");
        assert!(scene.hands.get(&scene.of(&secret())).await.is_some(), "{fault:?}");
        proxy.mend();
        let gone = async || scene.hands.get(&scene.of(&secret())).await.is_none().then_some(());
        eventually(BOUND, "the prune", gone).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_breaks_is_no_verdict_and_nothing_is_missed() {
    let maps = config_maps(5);
    let scene = Scene::synced(SelfHeal::On, &maps).await;
    let (told, written) = (scene.told().await.len(), scene.proxy.written().len());
    for fault in [Fault::Answer(410, ""), Fault::Answer(500, ""), Fault::HangUp] {
        scene.proxy.spoil(1, fault, |request| request.is_about("configmaps") && request.method == "GET");
    }
    let lists =
        |request: &Request| request.is_about("configmaps") && request.method == "GET" && !request.is_watch();
    let before = scene.proxy.count(lists);
    scene.proxy.cut_watches();
    scene.hands.edit(&scene.of(&maps[3]), "/data/from", "hand").await;
    scene.hands.delete(&scene.of(&maps[4])).await;
    for map in &maps[3..] {
        scene.seen("the heal", &scene.of(map), |live| live["data"]["from"] == "git").await;
    }
    scene.until("in sync", |state| state.status == SyncStatus::InSync && state.drift.is_empty()).await;
    assert!(scene.proxy.count(lists) > before, "it was listed again");
    assert_eq!(scene.proxy.written().len() - written, 2, "{:?}", scene.proxy.written());
    for (_, state) in &scene.told().await[told..] {
        let Table::Inline(drift) = &state.drift else { panic!("a short table") };
        assert!(drift.iter().all(|row| ["map-003", "map-004"].contains(&row.id.name.as_str())), "{drift:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_does_not_say_is_told_and_nothing_is_done_meanwhile() {
    let maps = config_maps(2);
    let scene = Scene::synced(SelfHeal::On, &maps).await;
    let writes = scene.proxy.written().len();
    scene.proxy.spoil(usize::MAX, Fault::Answer(500, ""), Request::is_dry_run);
    let red = scene.hands.edit(&scene.of(&maps[0]), "/data/from", "hand").await;
    let state = scene.until("why it is unknown", |state| state.refused.is_some()).await;
    assert_eq!((state.status, state.drift.is_empty()), (SyncStatus::Unknown, true));
    assert_eq!(state.refused.unwrap().code, "CLUSTER-SERVER");
    assert_eq!(version(&scene.live(&scene.of(&maps[0])).await), version(&red));
    scene.proxy.mend();
    scene.seen("the heal", &scene.of(&maps[0]), |live| live["data"]["from"] == "git").await;
    scene.until("in sync", |state| state.status == SyncStatus::InSync && state.refused.is_none()).await;
    assert_eq!(scene.proxy.written().len() - writes, 1, "{:?}", scene.proxy.written());

    // Git changes an object: whether the server would take that is not known either.
    scene.proxy.spoil(usize::MAX, Fault::Answer(500, ""), Request::is_dry_run);
    scene.commit(&[config_map("map-000", json!({"from": "git", "new": "1"})), maps[1].clone()]);
    scene.fetch().await;
    let state = scene.until("why it waits", |state| state.refused.is_some()).await;
    assert_eq!((state.status, scene.proxy.written().len() - writes), (SyncStatus::OutOfSync, 1));
    scene.proxy.mend();
    scene.seen("the change", &scene.of(&maps[0]), |live| live["data"]["new"] == "1").await;
    scene.until("in sync", |state| state.status == SyncStatus::InSync && state.refused.is_none()).await;
}
