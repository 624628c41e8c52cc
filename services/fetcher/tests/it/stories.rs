//! What people see of a source.

use events::{EventType, state::PathOutcome};
use model::definition::{Helm, Plain, Reference, Rendering};

use crate::{
    repository::Repository,
    scene::{Scene, application, source},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_becomes_a_revision_with_the_closure_and_files_of_each_path() {
    let repository = Repository::new();
    let commit = repository.commit(&[("a/x.yaml", "x: 1"), ("b/y.yaml", "y: 1")]);
    let mut scene = Scene::new().await;
    let applications = vec![application("one", "shop", "a"), application("two", "shop", "b")];
    scene.define(vec![source("shop", &repository.url())], applications).await;

    let state = scene.wait("shop", "a revision", |state| state.revision.is_some()).await;
    let revision = state.revision.as_ref().unwrap();
    assert_eq!((state.observation, revision.commit.as_str()), (1, commit.as_str()));
    let rows = scene.rows(&state).await;
    assert_eq!(rows.iter().map(|row| row.path.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let PathOutcome::Found { artifact, .. } = &rows[0].outcome else { panic!("{rows:?}") };
    let artifact = scene.artifact(artifact).await;
    assert_eq!(artifact.files().keys().collect::<Vec<_>>(), ["a/x.yaml"]);
    assert_eq!(artifact.get("a/x.yaml").unwrap().bytes, b"x: 1");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_chart_depends_on_counts_only_where_it_is_rendered_as_one() {
    let repository = Repository::new();
    let chart = "name: web\ndependencies: [{name: dep, version: ^1, repository: 'https://charts.example'}]\n";
    repository.commit(&[("a/Chart.yaml", chart), ("b/x.yaml", "x: 1")]);
    let scene = Scene::new().await;
    let mut one = application("one", "shop", "a");
    one.rendering = Rendering::Plain(Plain::default());
    let two = application("two", "shop", "b");
    let shop = source("shop", &repository.url());
    scene.define(vec![shop.clone()], vec![one.clone(), two.clone()]).await;
    let first = scene.look("shop", "request-1").await;
    let rows = scene.rows(&first).await;
    assert!(matches!(rows[0].outcome, PathOutcome::Found { .. }), "{rows:?}");

    // The commit is the same, and what is read of it is not.
    one.rendering = Rendering::Helm(Helm::default());
    scene.define(vec![shop], vec![one, two]).await;
    let second = scene.wait("shop", "another look", |state| state.observation > first.observation).await;
    let rows = scene.rows(&second).await;
    let PathOutcome::Failed(failure) = &rows[0].outcome else { panic!("{rows:?}") };
    assert_eq!((&*failure.code, second.failure), ("CHART-LOCK", None));
    assert!(matches!(rows[1].outcome, PathOutcome::Found { .. }), "the other path does not care");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_elsewhere_keeps_closures_and_artifacts() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1"), ("b/y.yaml", "y: 1")]);
    let scene = Scene::new().await;
    let applications = vec![application("one", "shop", "a"), application("two", "shop", "b")];
    scene.define(vec![source("shop", &repository.url())], applications).await;
    let first = scene.look("shop", "request-1").await;
    let next = repository.commit(&[("b/y.yaml", "y: 2"), ("c/z.yaml", "z: 1")]);
    let second = scene.look("shop", "request-2").await;

    assert_eq!(second.revision.as_ref().unwrap().commit.as_str(), next);
    assert_eq!(second.observation, first.observation + 1);
    let (before, after) = (scene.rows(&first).await, scene.rows(&second).await);
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1], after[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_though_nothing_is_new_and_without_it_nothing_is_said() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1")]);
    let scene = Scene::new().await;
    let (shop, one) = (source("shop", &repository.url()), application("one", "shop", "a"));
    scene.define(vec![shop.clone()], vec![one.clone()]).await;
    let first = scene.wait("shop", "a revision", |state| state.revision.is_some()).await;
    let n = scene.newest("shop").await.unwrap().0.n();

    let asked = scene.ask("shop", "request-1").await;
    let second = scene.wait("shop", "an answer", |state| !state.handled.is_empty()).await;
    let (event, _) = scene.newest("shop").await.unwrap();
    assert_eq!((event.n(), event.draft.kind), (n + 1, EventType::RevisionObserved));
    assert_eq!(event.draft.cause, Some(asked.id));
    assert_eq!(event.draft.correlation.as_deref(), Some("change-1"));
    assert_eq!(event.draft.actor.as_deref(), Some("actor-1"));
    assert_eq!((second.observation, &second.revision), (first.observation, &first.revision));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_application_is_served_without_a_fetch() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1"), ("b/y.yaml", "y: 1")]);
    let scene = Scene::new().await;
    let shop = source("shop", &repository.url());
    scene.define(vec![shop.clone()], vec![application("one", "shop", "a")]).await;
    let first = scene.wait("shop", "a revision", |state| state.revision.is_some()).await;

    // Gone: a fetch would fail, and the state would say so.
    repository.hide();
    let applications = vec![application("one", "shop", "a"), application("two", "shop", "b")];
    scene.define(vec![shop], applications).await;
    let second = scene.wait("shop", "the second path", |state| state.observation == 2).await;
    assert_eq!(second.failure, None);
    assert_eq!(scene.rows(&second).await.len(), 2);
    assert_eq!(scene.rows(&second).await[0], scene.rows(&first).await[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_stands_beside_the_last_good_revision_until_it_passes() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1")]);
    let scene = Scene::new().await;
    scene.define(vec![source("shop", &repository.url())], vec![application("one", "shop", "a")]).await;
    let good = scene.look("shop", "request-1").await;

    repository.hide();
    let bad = scene.look("shop", "request-2").await;
    let failure = bad.failure.unwrap();
    assert!(failure.code.starts_with("GIT-") && !failure.remedy.is_empty(), "{failure:?}");
    assert_eq!(failure.attempts, 1);
    assert_eq!((bad.observation, &bad.revision), (good.observation, &good.revision));

    repository.show();
    let healed = scene.look("shop", "request-3").await;
    assert_eq!((healed.failure, &healed.revision), (None, &good.revision));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_path_fails_alone() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1")]);
    let scene = Scene::new().await;
    let applications = vec![application("one", "shop", "a"), application("two", "shop", "lost")];
    scene.define(vec![source("shop", &repository.url())], applications).await;
    let first = scene.look("shop", "request-1").await;
    let rows = scene.rows(&first).await;
    assert!(matches!(rows[0].outcome, PathOutcome::Found { .. }));
    let PathOutcome::Failed(failure) = &rows[1].outcome else { panic!("{rows:?}") };
    assert_eq!(failure.code, "GIT-PATH");
    assert_eq!(first.failure, None);

    repository.commit(&[("lost/z.yaml", "z: 1")]);
    let second = scene.look("shop", "request-2").await;
    assert!(matches!(scene.rows(&second).await[1].outcome, PathOutcome::Found { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_of_one_remote_share_a_mirror_and_each_follows_its_own_reference() {
    let repository = Repository::new();
    let old = repository.commit(&[("a/x.yaml", "x: 1")]);
    repository.git(&["tag", "v1.0.0"]);
    let new = repository.commit(&[("a/x.yaml", "x: 2")]);
    let scene = Scene::new().await;
    let mut stable = source("stable", &repository.url());
    stable.git.reference = Reference::Semver("^1".into());
    let applications = vec![application("one", "stable", "a"), application("two", "tip", "a")];
    scene.define(vec![stable, source("tip", &repository.url())], applications).await;
    let stable = scene.wait("stable", "a revision", |state| state.revision.is_some()).await;
    let tip = scene.wait("tip", "a revision", |state| state.revision.is_some()).await;
    assert_eq!(stable.revision.unwrap().commit.as_str(), old);
    assert_eq!(tip.revision.unwrap().commit.as_str(), new);
    assert_eq!(scene.mirrors(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_says_nothing_new_and_goes_on() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1")]);
    let mut scene = Scene::new().await;
    scene.define(vec![source("shop", &repository.url())], vec![application("one", "shop", "a")]).await;
    scene.wait("shop", "a revision", |state| state.revision.is_some()).await;
    scene.stop().await;
    let commit = repository.commit(&[("b/y.yaml", "y: 1")]);
    scene.start();
    let state = scene.wait("shop", "the next revision", |state| state.observation == 2).await;
    assert_eq!(state.revision.unwrap().commit.as_str(), commit);
    scene.look("shop", "request-1").await;
    let (event, _) = scene.newest("shop").await.unwrap();
    assert_eq!(event.n(), 3, "two revisions and an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_leaves_is_retired_and_counts_on_when_it_returns() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1")]);
    let scene = Scene::new().await;
    let (shop, one) = (source("shop", &repository.url()), application("one", "shop", "a"));
    scene.define(vec![shop.clone()], vec![one.clone()]).await;
    scene.look("shop", "request-1").await;
    scene.define(vec![], vec![]).await;
    let retired = async || {
        let (event, _) = scene.newest("shop").await?;
        (event.draft.kind == EventType::SourceRetired).then_some(())
    };
    testkit::eventually(crate::scene::BOUND, "its retirement", retired).await;
    scene.define(vec![shop], vec![one]).await;
    let back = scene.wait("shop", "a revision again", |state| state.observation == 2).await;
    assert!(back.revision.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_lie_sealed_in_the_log() {
    let canary = "canary-5f1c7a90";
    let repository = Repository::new();
    repository.commit(&[("a/secret.yaml", canary)]);
    let mut scene = Scene::new().await;
    scene.define(vec![source("shop", &repository.url())], vec![application("one", "shop", "a")]).await;
    scene.look("shop", "request-1").await;
    scene.stop().await;
    let log = scene.folder.path().join("log");
    let mut looked_at = 0;
    let mut folders = vec![log];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            looked_at += 1;
            let bytes = std::fs::read(entry.path()).unwrap();
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{}", entry.path().display());
        }
    }
    assert!(looked_at > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_artifacts_come_back_with_the_next_start_and_without_a_word() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1")]);
    let mut scene = Scene::new().await;
    scene.define(vec![source("shop", &repository.url())], vec![application("one", "shop", "a")]).await;
    let first = scene.look("shop", "request-1").await;
    scene.stop().await;
    let far = model::Timestamp::from_millis(i64::MAX);
    assert!(scene.log.sweep_blobs(&Default::default(), far).await.unwrap().blobs > 0);
    scene.start();
    let second = scene.look("shop", "request-2").await;
    assert_eq!((second.observation, &second.revision), (first.observation, &first.revision));
    let PathOutcome::Found { artifact, .. } = &scene.rows(&second).await[0].outcome else { panic!() };
    assert_eq!(scene.artifact(artifact).await.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_fetchers_at_once_tell_each_revision_once() {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 0")]);
    let mut scene = Scene::new().await;
    let other = scene.start_another("other");
    let sources = (0..8).map(|i| source(&format!("shop-{i}"), &repository.url())).collect();
    let applications = (0..8).map(|i| application(&format!("app-{i}"), &format!("shop-{i}"), "a")).collect();
    scene.define(sources, applications).await;
    for i in 0..8 {
        let name = format!("shop-{i}");
        let state = scene.wait(&name, "a revision", |state| state.revision.is_some()).await;
        assert_eq!(state.observation, 1, "{name}");
        let asked = scene.look(&name, "request-1").await;
        assert_eq!((asked.observation, &asked.revision), (1, &state.revision), "{name}");
    }
    scene.stop().await;
    other.stop().await;
}
