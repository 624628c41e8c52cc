//! What people see of a render.

use events::EventType;
use testkit::eventually;

use crate::scene::{BOUND, Path, Scene, application, config_map, ids};

#[tokio::test(flavor = "multi_thread")]
async fn files_become_manifests_with_our_mark() {
    let mut scene = Scene::new().await;
    scene.define(&[&application("one", "deploy")]).await;
    let files = [("deploy/a.yaml", &*config_map("a", "1")), ("deploy/readme.md", "no manifest")];
    scene.revision(1, &[("deploy", Path::Files(&files))]).await;

    let state = scene.rendered("one", 1).await;
    let desired = state.desired.unwrap();
    assert_eq!((desired.objects, desired.observation, desired.secrets), (1, 1, None));
    let set = scene.set(&desired).await;
    assert_eq!(ids(&set), ["ConfigMap a"]);
    assert_eq!(set.digest(), desired.digest);
    let labels = set.objects()[0].value.value().pointer("/metadata/labels").unwrap().clone();
    assert_eq!(labels, serde_json::json!({"driftless.dev/application": "one"}));
    let (event, _) = scene.newest("one").await.unwrap();
    assert_eq!(event.draft.kind, EventType::DesiredStateRendered);
    assert_eq!(event.draft.correlation.as_deref(), Some("change-1"));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_does_not_touch_the_files_renders_nothing() {
    let scene = Scene::new().await;
    scene.define(&[&application("one", "a"), &application("two", "b")]).await;
    let (a, b, c) = (config_map("a", "1"), config_map("b", "1"), config_map("b", "2"));
    let a = [("a/a.yaml", &*a)];
    scene.revision(1, &[("a", Path::Files(&a)), ("b", Path::Files(&[("b/b.yaml", &b)]))]).await;
    scene.rendered("one", 1).await;
    scene.rendered("two", 1).await;
    scene.revision(2, &[("a", Path::Files(&a)), ("b", Path::Files(&[("b/b.yaml", &c)]))]).await;
    scene.rendered("two", 2).await;
    // By now the first was decided about as well: both are woken by one event, in order.
    let (event, state) = scene.newest("one").await.unwrap();
    assert_eq!((event.n(), state.made_from.observation), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_files_with_an_equal_result_are_told_under_their_first_revision() {
    let scene = Scene::new().await;
    scene.define(&[&application("one", "a")]).await;
    let map = config_map("a", "1");
    scene.revision(1, &[("a", Path::Files(&[("a/a.yaml", &map)]))]).await;
    let first = scene.rendered("one", 1).await;
    let commented = format!("# a remark\n{map}");
    scene.revision(2, &[("a", Path::Files(&[("a/a.yaml", &commented)]))]).await;
    let second = scene.rendered("one", 2).await;
    assert_eq!(second.desired, first.desired);
    assert_ne!(second.made_from.closure, first.made_from.closure);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_yaml_fails_with_its_place_and_keeps_the_last_good_state() {
    let scene = Scene::new().await;
    scene.define(&[&application("one", "a")]).await;
    scene.revision(1, &[("a", Path::Files(&[("a/a.yaml", &config_map("a", "1"))]))]).await;
    let good = scene.rendered("one", 1).await;
    scene.revision(2, &[("a", Path::Files(&[("a/a.yaml", "kind: [\n")]))]).await;
    let bad = scene.rendered("one", 2).await;
    let failure = bad.failure.unwrap();
    assert_eq!(failure.code, "MANIFEST-SYNTAX");
    assert!(failure.message.starts_with("a/a.yaml:"), "{}", failure.message);
    assert_eq!(bad.desired, good.desired);
    let (event, _) = scene.newest("one").await.unwrap();
    assert_eq!(event.draft.kind, EventType::RenderFailed);

    scene.revision(3, &[("a", Path::Lost("there is no \"a\""))]).await;
    let lost = scene.rendered("one", 3).await;
    assert_eq!(lost.failure.unwrap().code, "GIT-PATH");
    assert_eq!((lost.desired, lost.made_from.closure), (good.desired.clone(), None));

    let twice = [("a/a.yaml", &*config_map("a", "1")), ("a/b.yaml", &config_map("a", "2"))];
    scene.revision(4, &[("a", Path::Files(&twice))]).await;
    let twice = scene.rendered("one", 4).await;
    let failure = twice.failure.unwrap();
    assert_eq!((failure.code.as_str(), twice.desired), ("MANIFEST-DUPLICATE", good.desired.clone()));
    assert!(
        failure.message.contains("a/a.yaml:1") && failure.message.contains("a/b.yaml:1"),
        "{}",
        failure.message
    );

    scene.revision(5, &[("a", Path::Files(&[("a/a.yaml", &config_map("a", "1"))]))]).await;
    let healed = scene.rendered("one", 5).await;
    assert_eq!((healed.failure, healed.desired), (None, good.desired));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_blob_is_awaited() {
    let scene = Scene::new().await;
    scene.define(&[&application("one", "a")]).await;
    let map = config_map("a", "1");
    let outcome = scene.files(&[("a/a.yaml", &map)]).await;
    let far = model::Timestamp::from_millis(i64::MAX);
    scene.log.sweep_blobs(&Default::default(), far).await.unwrap();
    scene.publish(1, vec![events::state::ObservedPath { path: "a".into(), outcome }]).await;
    let state = scene.rendered("one", 1).await;
    assert_eq!(state.failure.unwrap().code, "RENDER-FILES");
    scene.files(&[("a/a.yaml", &map)]).await;
    let good = async || scene.newest("one").await?.1.desired;
    eventually(BOUND, "another attempt", good).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_manifests_and_secrets_come_back_to_a_running_renderer() {
    let scene = Scene::new().await;
    scene.define(&[&application("one", "a"), &application("two", "b")]).await;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: canary}\n";
    // Too much for an event.
    let noise: String =
        (0..2_000).map(|i| model::Digest::of(&[i as u8, 7]).to_string()[..12].to_owned()).collect();
    let (map, small) = (config_map("a", &noise), config_map("b", "1"));
    let a = [("a/a.yaml", &*map), ("a/s.yaml", secret)];
    let b = [("b/b.yaml", &*small), ("b/s.yaml", secret)];
    scene.revision(1, &[("a", Path::Files(&a)), ("b", Path::Files(&b))]).await;
    let before = scene.rendered("one", 1).await.desired.unwrap();
    let other = scene.rendered("two", 1).await.desired.unwrap();
    assert_eq!((before.blobs().count(), other.blobs().count()), (2, 1));
    // All of them: the files, too, which the fetcher brings back.
    let far = model::Timestamp::from_millis(i64::MAX);
    scene.log.sweep_blobs(&Default::default(), far).await.unwrap();
    scene.files(&a).await;
    scene.files(&b).await;
    for blob in before.blobs().chain(other.blobs()) {
        let back = async || scene.log.has_blob(&blob).await.unwrap().then_some(());
        eventually(BOUND, "a lost blob", back).await;
    }
    let again = async || (scene.newest("one").await?.1.desired? == before).then_some(());
    eventually(BOUND, "the same desired state", again).await;
    assert!(scene.set(&before).await.objects().len() == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_renders_only_what_changed_meanwhile() {
    let mut scene = Scene::new().await;
    scene.define(&[&application("one", "a"), &application("two", "b")]).await;
    let (a, b, c) = (config_map("a", "1"), config_map("b", "1"), config_map("b", "2"));
    let a = [("a/a.yaml", &*a)];
    scene.revision(1, &[("a", Path::Files(&a)), ("b", Path::Files(&[("b/b.yaml", &b)]))]).await;
    scene.rendered("one", 1).await;
    scene.rendered("two", 1).await;
    scene.stop().await;
    scene.revision(2, &[("a", Path::Files(&a)), ("b", Path::Files(&[("b/b.yaml", &c)]))]).await;
    scene.start();
    scene.rendered("two", 2).await;
    assert_eq!(scene.newest("one").await.unwrap().0.n(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn renders_that_nobody_asks_for_any_more_are_retired() {
    let scene = Scene::new().await;
    let map = config_map("a", "1");
    scene.define(&[&application("one", "a")]).await;
    scene.revision(1, &[("a", Path::Files(&[("a/a.yaml", &map)]))]).await;
    scene.rendered("one", 1).await;
    let other = r#"{"name":"one","source":{"name":"shop","path":"a"},"namespace":"elsewhere"}"#;
    scene.define(&[other]).await;
    let probe = async || {
        let events = scene.renders("one").await;
        let mut kinds: Vec<EventType> = events.iter().map(|event| event.draft.kind).collect();
        kinds.sort();
        (kinds == [EventType::DesiredStateRendered, EventType::RenderRetired]).then_some(())
    };
    eventually(BOUND, "one render in force and one retired", probe).await;

    scene.define(&[&application("one", "a")]).await;
    // Which of the two is written last is open.
    let back = async || {
        let events = scene.renders("one").await;
        let of = |kind| events.iter().filter(move |event| event.draft.kind == kind).map(|event| event.n());
        let rendered: Vec<u64> = of(EventType::DesiredStateRendered).collect();
        let retired: Vec<u64> = of(EventType::RenderRetired).collect();
        (rendered == [3] && retired == [2]).then_some(())
    };
    eventually(BOUND, "the first parameters again, and the others retired", back).await;
}
