//! Charts that depend on charts of a repository: the lock in Git says which, and they are part of what a commit
//! means.

use std::fs;

use events::state::RenderState;
use model::RetryClass;
use testkit::chart_repository::ChartRepository;

use crate::scene::{Scene, files};

const DEP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'dep-{{ .Chart.Name }}-{{ .Values.word }}'}\n";

/// An application `web` whose chart depends on `dep` twice, and a plain one, `one`. What is locked is committed.
async fn scene() -> (Scene, ChartRepository) {
    let scene = Scene::new().await;
    let charts = ChartRepository::start(scene.folder.path(), None);
    charts.publish("dep", "1.2.3", DEP);
    let url = charts.url();
    let chart = format!(
        "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n\
         - {{name: dep, version: '>=1.0.0 <2', repository: '{url}'}}\n\
         - {{name: dep, version: '>=1.0.0 <2', repository: '{url}', alias: other, condition: other.used}}\n"
    );
    let values = "dep: {word: plain}\nother: {word: more, used: true}\n";
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n";
    scene.commit(&texts(&[
        ("web/Chart.yaml", &chart),
        ("web/values.yaml", values),
        ("web/templates/a.yaml", own),
    ]));
    charts.lock(&scene.repository().join("web"));
    scene.commit(&files("one", 1));
    (scene, charts)
}

fn texts(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

async fn define(scene: &Scene) {
    scene.define(&["one".to_owned(), "web".to_owned()]).await;
}

/// Waits until the chart fails so, with a remedy; the plain application does not care.
async fn fails(scene: &Scene, code: &str, word: &str) -> RenderState {
    let is = |state: &RenderState| {
        state.failure.as_ref().is_some_and(|failure| failure.code == code && failure.message.contains(word))
    };
    let state = scene.render("web", word, is).await;
    assert!(!state.failure.as_ref().unwrap().remedy.is_empty(), "{state:?}");
    scene.render("one", "the plain one", |state| state.failure.is_none() && state.desired.is_some()).await;
    state
}

fn is_good(state: &RenderState) -> bool {
    state.failure.is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_locked_is_fetched_once_and_rendered() {
    let (scene, charts) = scene().await;
    let before = charts.server.requests();
    define(&scene).await;
    let state = scene.render("web", "rendered", is_good).await;
    assert_eq!(Scene::objects(&state), ["dep-dep-plain", "dep-other-more", "web"]);
    assert_eq!(charts.server.requests() - before, 2, "one index, one archive");

    // The condition takes one away; nothing is fetched, and a look at the same commit fetches nothing either.
    let values = "dep: {word: plain}\nother: {word: more, used: false}\n";
    let commit = scene.commit(&texts(&[("web/values.yaml", values)]));
    scene.look("request-1").await;
    let state = scene.render("web", "the next", |state| state.made_from.commit.as_str() == commit).await;
    assert_eq!(
        (is_good(&state), Scene::objects(&state)),
        (true, vec!["dep-dep-plain".to_owned(), "web".to_owned()])
    );
    scene.look("request-2").await;
    assert_eq!(charts.server.requests() - before, 2);

    // A newer version counts once it is locked, and not before.
    charts.publish("dep", "1.3.0", &DEP.replace("dep-", "new-"));
    let commit = scene.commit(&texts(&[("web/values.yaml", "dep: {word: x}\nother: {used: false}\n")]));
    scene.look("request-3").await;
    let state = scene.render("web", "the third", |state| state.made_from.commit.as_str() == commit).await;
    assert_eq!(Scene::objects(&state), ["dep-dep-x", "web"]);
    charts.lock(&scene.repository().join("web"));
    let commit = scene.commit(&[]);
    scene.look("request-4").await;
    let state = scene.render("web", "the fourth", |state| state.made_from.commit.as_str() == commit).await;
    assert_eq!(Scene::objects(&state), ["new-dep-x", "web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_lock_that_fits_the_last_good_state_stands() {
    let (scene, charts) = scene().await;
    define(&scene).await;
    let good = scene.render("web", "rendered", is_good).await.desired;
    let requests = charts.server.requests();
    let lock = scene.repository().join("web/Chart.lock");
    let locked = fs::read_to_string(&lock).unwrap();

    fs::remove_file(&lock).unwrap();
    scene.commit(&[]);
    scene.look("request-1").await;
    let state = fails(&scene, "CHART-LOCK", "no readable Chart.lock").await;
    assert!(state.failure.unwrap().remedy.contains("helm dependency update"));
    assert_eq!(state.desired, good);

    let chart = fs::read_to_string(scene.repository().join("web/Chart.yaml")).unwrap();
    scene.commit(&texts(&[("web/Chart.lock", &locked), ("web/Chart.yaml", &chart.replace("<2", "<3"))]));
    scene.look("request-2").await;
    assert_eq!(fails(&scene, "CHART-LOCK", "out of sync").await.desired, good);
    assert_eq!(charts.server.requests(), requests, "what is not locked is not asked for");

    scene.commit(&texts(&[("web/Chart.yaml", &chart)]));
    scene.look("request-3").await;
    assert_eq!(scene.render("web", "health", is_good).await.desired.unwrap().digest, good.unwrap().digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_down_holds_up_nobody_else_and_is_tried_again() {
    let (scene, charts) = scene().await;
    define(&scene).await;
    let good = scene.render("web", "rendered", is_good).await.desired;
    charts.publish("dep", "1.3.0", &DEP.replace("dep-", "new-"));
    charts.lock(&scene.repository().join("web"));
    charts.hide();
    let commit = scene.commit(&files("one", 2));
    let seen = scene.look("request-1").await;
    assert_eq!((seen.failure, seen.revision.unwrap().commit.as_str()), (None, &*commit));
    let state = fails(&scene, "CHART-FETCH", "404").await;
    assert_eq!(state.failure.unwrap().class, RetryClass::Transient);
    assert_eq!(state.desired, good, "the last good state stands");
    scene.render("one", "the plain one", |state| state.made_from.commit.as_str() == commit).await;

    // The next poll is an hour away, and nobody asks.
    charts.show();
    let state = scene.render("web", "health", is_good).await;
    assert_eq!(Scene::objects(&state), ["new-dep-plain", "new-other-more", "web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_another_than_its_index_says_is_refused_until_it_is_mended() {
    let (scene, charts) = scene().await;
    let archive = charts.folder().join("dep-1.2.3.tgz");
    let good = fs::read(&archive).unwrap();
    charts.publish("dep", "1.3.0", DEP);
    fs::copy(charts.folder().join("dep-1.3.0.tgz"), &archive).unwrap();
    define(&scene).await;
    let state = fails(&scene, "CHART-ARCHIVE", "in the index").await;
    assert_eq!(state.failure.unwrap().class, RetryClass::Permanent);
    fs::write(&archive, good).unwrap();
    let state = scene.render("web", "health", is_good).await;
    assert_eq!(Scene::objects(&state), ["dep-dep-plain", "dep-other-more", "web"]);
}
