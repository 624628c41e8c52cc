//! What one commit leads to.

use crate::scene::{Scene, files};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_becomes_manifests_of_those_it_touches() {
    let scene = Scene::new().await;
    let first = scene.commit(&[files("one", 1), files("two", 1)].concat());
    scene.define(&names(&["one", "two"])).await;
    scene.wait(2, "both rendered", |state| state.desired.is_some()).await;
    for (name, event, state) in scene.renders().await {
        assert_eq!((event.n(), state.made_from.commit.as_str()), (1, &*first), "{name}");
        assert_eq!(state.desired.unwrap().objects, 4);
    }

    let second = scene.commit(&files("two", 2));
    let seen = scene.look("request-1").await;
    assert_eq!(seen.revision.unwrap().commit.as_str(), second);
    scene.wait(1, "the one touched", |state| state.made_from.commit.as_str() == second).await;
    let renders = scene.renders().await;
    let shown: Vec<(&str, u64)> = renders.iter().map(|(name, event, _)| (&**name, event.n())).collect();
    assert_eq!(shown, [("one", 1), ("two", 2)]);
    // The chain of causes leads back to the request.
    assert_eq!(renders[1].1.draft.correlation.as_deref(), Some("change-1"));

    scene.commit(&[("readme.md".to_owned(), "nothing to render".to_owned())]);
    let third = scene.look("request-2").await;
    assert_eq!(third.observation, seen.observation + 1);
    scene.commit(&files("one", 2));
    scene.look("request-3").await;
    scene.wait(1, "the other one", |state| state.made_from.observation == seen.observation + 2).await;
    let renders = scene.renders().await;
    assert_eq!((renders[0].1.n(), renders[1].1.n()), (2, 2), "the readme rendered nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_commit_is_told_with_file_and_line_and_a_good_one_heals() {
    let scene = Scene::new().await;
    scene.commit(&files("one", 1));
    scene.define(&names(&["one"])).await;
    scene.wait(1, "rendered", |state| state.desired.is_some()).await;
    let good = scene.renders().await.remove(0).2.desired;

    scene.commit(&[("one/0.yaml".to_owned(), "apiVersion: v1\nkind: [\n".to_owned())]);
    scene.look("request-1").await;
    scene.wait(1, "the failure", |state| state.failure.is_some()).await;
    let bad = scene.renders().await.remove(0).2;
    assert!(bad.failure.as_ref().unwrap().message.starts_with("one/0.yaml:"), "{:?}", bad.failure);
    assert_eq!(bad.desired, good);

    scene.commit(&files("one", 1));
    scene.look("request-2").await;
    scene.wait(1, "health", |state| state.failure.is_none()).await;
    assert_eq!(scene.renders().await.remove(0).2.desired, good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_restarts_all_the_time_loses_nothing_and_doubles_nothing() {
    let scene = Scene::shaky().await;
    let commit = scene.commit(&files("one", 1));
    scene.define(&names(&["one"])).await;
    scene.wait(1, "rendered", |state| state.desired.is_some()).await;
    let (_, event, state) = scene.renders().await.remove(0);
    assert_eq!((event.n(), state.made_from.commit.as_str()), (1, &*commit));
    let source = "shop".parse().unwrap();
    assert_eq!(scene.log.history(&model::Aggregate::Source(source), 9).await.unwrap().len(), 1);
}
