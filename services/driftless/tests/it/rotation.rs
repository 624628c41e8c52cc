//! The install key is replaced by a new one.

use std::fs;

use bus::LogConfig;
use events::{
    EventType, Table,
    state::{SyncState, SyncStatus, TargetState, decode},
};
use model::{Aggregate, Digest, TargetId};
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    apart,
    api::{core, deployment, version},
    canary::{self, base64},
    scene::Scene,
    shop,
};

/// Puts a new key in front of the others.
fn rotate(scene: &Scene) {
    let file = scene.state().join("key");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{}\n{text}", "5e".repeat(32))).unwrap();
}

/// Takes away all keys but the first.
fn forget_old_keys(scene: &Scene) {
    let file = scene.state().join("key");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.lines().next().unwrap()).unwrap();
}

fn objects(scene: &Scene) -> Vec<Value> {
    let name = &scene.name;
    let all = [
        core(name, "secrets", "login"),
        core(name, "configmaps", "settings"),
        core(name, "services", "web"),
        deployment(name, "web"),
    ];
    all.iter().map(|path| scene.api.object(path)).collect()
}

/// What was told of the target so far, oldest first.
async fn told(scene: &Scene) -> Vec<(EventType, TargetState)> {
    let log = bus::open(LogConfig::embedded(scene.state().join("log"))).await.unwrap();
    let mut watch = log.watch(bus::Filter::kinds(&[model::AggregateKind::Target])).await.unwrap();
    let Some(Ok(bus::WatchItem::Event(newest))) = watch.next().await else { panic!("no target") };
    let Aggregate::Target(TargetId { application, .. }) = newest.aggregate() else { panic!("no target") };
    assert_eq!(application.as_str(), scene.name);
    let mut events = log.history(newest.aggregate(), bus::HISTORY_MAX).await.unwrap();
    events.reverse();
    let read =
        |event: &events::Event| (event.draft.kind, decode(event.draft.format, &event.draft.payload).unwrap());
    events.iter().map(read).collect()
}

#[tokio::test]
async fn a_rotated_key_is_no_drift_and_writes_nothing() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    // One object has another version than the recorded one, and is as we left it.
    let login = core(&scene.name, "secrets", "login");
    scene.api.edit(&login, json!({"metadata": {"annotations": {"example.com/on-call": "eve"}}}));
    let (before, known) = (objects(&scene), told(&scene).await.len());

    rotate(&scene);
    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 0, "{diff}");
    let mut said = vec![diff, scene.sync(&[]), scene.sync(&[])];
    assert!(!said[1].err.contains("configured") && !said[1].err.contains("unchanged "), "{}", said[1]);
    assert_eq!(objects(&scene), before, "nothing is written");
    for (kind, state) in told(&scene).await.split_off(known) {
        assert!(state.status == SyncStatus::InSync && state.drift.is_empty(), "{kind:?}: {state:?}");
    }
    // Everything is recorded under the new key: the old one can go.
    forget_old_keys(&scene);
    let planned = told(&scene).await.last().and_then(|(_, state)| state.plan.clone());
    said.push(scene.sync(&[]));
    assert_eq!(
        told(&scene).await.last().and_then(|(_, state)| state.plan.clone()),
        planned,
        "no plan follows"
    );
    assert_eq!(objects(&scene), before, "nothing is written");

    scene.api.edit(&login, json!({"stringData": {"password": shop::CANARY_LIVE}}));
    let diff = scene.run("diff", &[]);
    assert!(diff.exit == 1 && diff.out.contains("password") && diff.out.contains("***"), "{diff}");
    said.extend([diff, scene.sync(&[])]);
    assert_eq!(scene.api.object(&login)["data"]["password"], base64(shop::CANARY.as_bytes()).as_str());
    let changed = shop::SECRET.replace(shop::CANARY, "a-later-password");
    scene.repository.commit(&[("deploy/secret.yaml", &changed)]);
    said.push(scene.sync(&[]));
    assert_eq!(scene.api.object(&login)["data"]["password"], base64(b"a-later-password").as_str());
    canary::nothing_shows(&scene, &said).await;
}

#[tokio::test]
async fn a_drift_while_the_key_is_rotated_is_found_and_nothing_else_is_written() {
    let scene = Scene::new();
    let other = shop::SECRET.replace("name: login", "name: other");
    scene.repository.commit(&shop::FILES);
    scene.repository.commit(&[("deploy/other.yaml", &other)]);
    scene.sync(&[]);
    let untouched = core(&scene.name, "secrets", "other");
    let login = core(&scene.name, "secrets", "login");
    scene.api.edit(&login, json!({"stringData": {"password": shop::CANARY_LIVE}}));
    let before = scene.api.object(&untouched);

    rotate(&scene);
    let diff = scene.run("diff", &[]);
    assert!(diff.exit == 1 && diff.out.contains("Secret") && diff.out.contains("login"), "{diff}");
    assert!(!diff.out.contains("other"), "{diff}");
    let healed = scene.sync(&[]);
    assert_eq!(scene.api.object(&login)["data"]["password"], base64(shop::CANARY.as_bytes()).as_str());
    assert_eq!(version(&scene.api.object(&untouched)), version(&before), "{healed}");
    let kinds: Vec<EventType> = told(&scene).await.into_iter().map(|(kind, _)| kind).collect();
    assert!(kinds.contains(&EventType::DriftDetected), "{kinds:?}");
    canary::nothing_shows(&scene, &[diff, healed]).await;
}

/// Digest of the manifest of the Secret that was applied.
fn manifest(sync: &SyncState) -> Digest {
    let Table::Inline(rows) = &sync.objects else { panic!("few objects") };
    rows.iter().find(|row| row.id.kind == "Secret").unwrap().manifest.unwrap()
}

/// Roles that share a log get the new key one after the other, and the renderer first: who cannot open what it made says
/// which key is missing.
#[tokio::test]
async fn roles_that_are_given_the_key_one_after_the_other() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let mut services = apart::start(&scene).await;
    let settled = async || {
        let (target, sync, render) = services.states().await?;
        let applied =
            sync.applied == render.desired.map(|desired| desired.digest) && target.refused.is_none();
        (applied && target.status == SyncStatus::InSync).then_some(sync.applied)
    };
    let first = eventually(apart::BOUND, "in sync", settled).await;
    let before = objects(&scene);
    let keys = format!("{}\n{}\n", "5e".repeat(32), apart::key());
    services.start(&scene, "renderer", &keys);
    eventually(apart::BOUND, "which key is missing", async || {
        let (target, ..) = services.states().await?;
        assert!(matches!(target.status, SyncStatus::InSync | SyncStatus::Unknown), "{target:?}");
        target.refused.filter(|refused| refused.code == "SEAL-KEY" && !refused.remedy.is_empty())
    })
    .await;
    services.start(&scene, "differ", &keys);
    eventually(apart::BOUND, "an applier that waits for the key", async || {
        services.logged("applier").contains("waits until it can be read").then_some(())
    })
    .await;
    let (target, sync, _) = services.states().await.unwrap();
    assert!(target.refused.is_none() && sync.applied == first, "nothing failed: {target:?} {sync:?}");
    services.start(&scene, "applier", &keys);
    services.start(&scene, "fetcher", &keys);
    let settled = async || {
        let (target, sync, render) = services.states().await?;
        assert!(matches!(target.status, SyncStatus::InSync | SyncStatus::Unknown), "{target:?}");
        let applied =
            sync.applied == render.desired.map(|desired| desired.digest) && target.refused.is_none();
        (applied && sync.applied != first).then_some(manifest(&sync))
    };
    let recorded = eventually(apart::BOUND, "recorded under the new key", settled).await;
    assert_ne!(recorded, manifest(&sync), "the manifest has another digest");
    assert_eq!(objects(&scene), before, "nothing is written");
    let changed = shop::SECRET.replace(shop::CANARY, "a-later-password");
    scene.repository.commit(&[("deploy/secret.yaml", &changed)]);
    let login = core(&scene.name, "secrets", "login");
    let later = base64(b"a-later-password");
    eventually(apart::BOUND, "the change", async || {
        (scene.api.object(&login)["data"]["password"] == later.as_str()).then_some(())
    })
    .await;
}

/// The key of another installation, or one of which somebody thought that it is the newest.
#[tokio::test]
async fn a_role_with_a_strangers_key_does_not_start() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    let mut services = apart::start(&scene).await;
    let rendered = async || Some(services.states().await?.2.made_from.key_id);
    let of_log = eventually(apart::BOUND, "a render", rendered).await;
    let new = "5e".repeat(32);
    for role in ["fetcher", "renderer", "differ", "applier"] {
        let said = services.refused(&scene, role, &new).await;
        assert!(said.contains("STATE-KEY") && said.contains(&of_log) && !said.contains(&new), "{said}");
    }
    // Rotated: who has only the old one is a stranger by then.
    let both = format!("{new}\n{}\n", apart::key());
    services.start(&scene, "fetcher", &both);
    services.start(&scene, "renderer", &both);
    let anew = async || (services.states().await?.2.made_from.key_id != of_log).then_some(());
    eventually(apart::BOUND, "a render under the new key", anew).await;
    let said = services.refused(&scene, "renderer", &apart::key()).await;
    assert!(said.contains("STATE-KEY"), "{said}");
}

/// Not a rotation: the old key is gone. What is sealed comes back from Git; nothing says that the values are the same.
#[tokio::test]
async fn a_replaced_key_loses_nothing() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let before = objects(&scene);
    rotate(&scene);
    forget_old_keys(&scene);
    let told = scene.sync(&[]);
    assert_eq!(objects(&scene), before, "{told}");
}
