//! Clusters on which not everything may be seen or done.

use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    api::core,
    platform::{BOUND, Platform},
    rights::{ALL, User, rule},
    scene::Scene,
    shop,
};

/// Applications, each a folder of its name, on one cluster as that user sees it.
fn definitions(scene: &Scene, user: &User<'_>, applications: &[(&str, &str)]) -> Value {
    let kubeconfig = json!({"file": user.kubeconfig(), "context": null});
    let application = |(name, namespace): &(&str, &str)| {
        json!({"name": format!("{}-{name}", scene.name), "source": {"name": "shop", "path": name},
            "namespace": namespace})
    };
    json!({
        "sources": [{"name": "shop", "git": {"url": scene.repository.url()}, "pollMs": 1000}],
        "clusters": [{"name": "eu", "kubeconfig": kubeconfig, "namespace": format!("{}-platform", scene.name)}],
        "applications": applications.iter().map(application).collect::<Vec<_>>(),
    })
}

/// Waits until the status of an application is as wanted.
async fn until(platform: &Platform<'_>, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let of = |it: &Value| it["application"].as_str().is_some_and(|it| it.ends_with(&format!("-{name}")));
    let look = async || platform.statuses().into_iter().find(|it| of(it) && holds(it));
    eventually(BOUND, &format!("{name}: {what}"), look).await
}

async fn in_sync(platform: &Platform<'_>, name: &str) -> Value {
    until(platform, name, "in sync", |it| it["sync"] == "InSync" && it["evaluated"]["state"] == "Fresh").await
}

/// Edits a ConfigMap by hand, and waits until that is undone.
async fn heals(scene: &Scene, namespace: &str, name: &str) {
    let path = core(namespace, "configmaps", name);
    scene.api.edit(&path, json!({"data": {"from": "somebody"}}));
    let healed = async || (scene.api.object(&path)["data"]["from"] == "git").then_some(());
    eventually(BOUND, "the edit to be undone", healed).await;
}

#[tokio::test]
async fn a_kind_that_may_not_be_listed_is_unknown_to_who_uses_it_and_to_nobody_else() {
    let scene = Scene::new();
    let commit = scene.repository.commit(&[
        ("plain/a.yaml", &shop::config("plain")),
        ("secretive/a.yaml", &shop::config("beside")),
        ("secretive/s.yaml", shop::SECRET),
    ]);
    let user = User::new(&scene);
    let everything_else = [
        rule("", "namespaces configmaps", ALL),
        rule("coordination.k8s.io", "leases", "get create update delete"),
    ];
    user.may_everywhere(&everything_else);
    let applications = [("plain", scene.name.as_str()), ("secretive", &scene.name)];
    let platform = Platform::of(&scene, definitions(&scene, &user, &applications), &[]).await;
    in_sync(&platform, "plain").await;
    let status = until(&platform, "secretive", "unknown, and why", |it| {
        it["sync"] == "Unknown" && it["problem"]["code"] == "CLUSTER-FORBIDDEN"
    })
    .await;
    let (message, remedy) =
        (status["problem"]["message"].to_string(), status["problem"]["remedy"].to_string());
    assert!(message.contains("cannot list resource") && message.contains("secrets"), "{message}");
    assert!(remedy.contains("get, list and watch on Secret"), "{remedy}");
    assert_eq!(status["evaluated"]["state"], "Fresh", "it is known that it is not known: {status}");
    heals(&scene, &scene.name, "plain").await;
    heals(&scene, &scene.name, "beside").await;

    user.may_everywhere(&[&everything_else[..], &[rule("", "secrets", ALL)]].concat());
    let synced = in_sync(&platform, "secretive").await;
    assert_eq!(synced["revision"], commit.as_str());
    assert!(scene.api.get(&core(&scene.name, "secrets", "login")).is_some());
}
