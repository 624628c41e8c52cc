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

/// Applications, each a folder of its name, on one cluster, all of it.
pub fn definitions(scene: &Scene, kubeconfig: Value, applications: &[(&str, &str)]) -> Value {
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

/// The kubeconfig of a user.
fn file(user: &User<'_>) -> Value {
    json!({"file": user.kubeconfig(), "context": null})
}

/// Waits until the status of an application is as wanted.
pub async fn until(platform: &Platform<'_>, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let of = |it: &Value| it["application"].as_str().is_some_and(|it| it.ends_with(&format!("-{name}")));
    let look = async || platform.statuses().into_iter().find(|it| of(it) && holds(it));
    eventually(BOUND, &format!("{name}: {what}"), look).await
}

pub async fn in_sync(platform: &Platform<'_>, name: &str) -> Value {
    until(platform, name, "in sync", |it| it["sync"] == "InSync" && it["evaluated"]["state"] == "Fresh").await
}

/// Edits a ConfigMap by hand, and waits until that is undone.
pub async fn heals(scene: &Scene, namespace: &str, name: &str) {
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
    let platform = Platform::of(&scene, definitions(&scene, file(&user), &applications), &[]).await;
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

/// Two namespaces, and a user who may do what an application needs in them alone.
fn two_namespaces(scene: &Scene) -> ([String; 2], User<'_>) {
    let namespaces = ["a", "b"].map(|letter| format!("{}-{letter}", scene.name));
    for name in &namespaces {
        scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": name}}));
    }
    let user = User::new(scene);
    user.may(&namespaces[0], &[rule("", "configmaps secrets", ALL), leases()]);
    user.may(&namespaces[1], &[rule("", "configmaps secrets", ALL)]);
    (namespaces, user)
}

pub fn leases() -> Value {
    rule("coordination.k8s.io", "leases", "get create update delete")
}

pub fn only(mut definitions: Value, namespaces: &[String]) -> Value {
    definitions["clusters"][0]["namespace"] = namespaces[0].as_str().into();
    definitions["clusters"][0]["reach"] = json!({"only": {"namespaces": namespaces}});
    definitions
}

fn config_in(name: &str, namespace: &str) -> String {
    shop::config(name).replace("{name: ", &format!("{{namespace: {namespace}, name: "))
}

#[tokio::test]
async fn a_platform_needs_no_right_outside_of_its_namespaces() {
    let scene = Scene::new();
    let ([a, b], user) = two_namespaces(&scene);
    let role =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: far}\nrules: []\n";
    scene.repository.commit(&[
        ("one/here.yaml", &shop::config("here")),
        ("one/there.yaml", &config_in("there", &b)),
        ("one/more.yaml", &config_in("more", &b)),
        ("two/secret.yaml", shop::SECRET),
        ("two/plain.yaml", &shop::config("plain")),
        ("far/config.yaml", &shop::config("far")),
        ("wide/role.yaml", role),
    ]);
    let elsewhere = format!("{}-elsewhere", scene.name);
    let applications = [("one", &*a), ("two", &b), ("far", &elsewhere), ("wide", &a)];
    let definitions = only(definitions(&scene, file(&user), &applications), &[a.clone(), b.clone()]);
    let platform = Platform::of(&scene, definitions.clone(), &[]).await;
    in_sync(&platform, "one").await;
    in_sync(&platform, "two").await;
    assert_eq!(scene.api.object(&core(&b, "configmaps", "there"))["data"]["from"], "git");
    heals(&scene, &a, "here").await;
    heals(&scene, &b, "there").await;

    // What lies elsewhere is refused before anything is tried.
    for (name, words) in [
        ("far", format!("spec.namespaces of Cluster eu ({a}, {b})")),
        ("wide", "ClusterRole.rbac.authorization.k8s.io far".into()),
    ] {
        let refused = until(&platform, name, "refused", |it| it["problem"]["code"] == "PLAN-REACH").await;
        assert!(refused["problem"]["message"].to_string().contains(&words), "{refused}");
    }
    assert!(scene.api.get(&format!("/api/v1/namespaces/{elsewhere}")).is_none());

    scene.repository.remove(&["one/more.yaml"]);
    let commit = scene.repository.commit(&[("one/here.yaml", &(shop::config("here") + "# seen\n"))]);
    let gone = async || scene.api.get(&core(&b, "configmaps", "more")).is_none().then_some(());
    eventually(BOUND, "the prune", gone).await;
    // Where the two are seen one after the other, the second changes nothing that is applied: it stays at the first.
    until(&platform, "one", "the commit", |it| it["sync"] == "InSync" && it["desired"] == commit.as_str())
        .await;

    // Rights are taken away in one namespace. An open watch outlives them, a new one does not.
    user.may(&b, &[rule("", "configmaps", ALL)]);
    assert_eq!(platform.stop(), 0);
    let platform = Platform::of(&scene, definitions, &[]).await;
    let unknown = |it: &Value| {
        let fresh = it["evaluated"]["state"] == "Fresh";
        fresh && it["sync"] == "Unknown" && it["problem"]["code"] == "CLUSTER-FORBIDDEN"
    };
    let told = until(&platform, "two", "unknown", unknown).await;
    let message = told["problem"]["message"].to_string();
    assert!(
        message.contains("cannot list resource") && message.contains(&format!("in the namespace \\\"{b}")),
        "{message}"
    );
    assert_eq!(told["health"], "Unknown");
    in_sync(&platform, "one").await;
    heals(&scene, &b, "plain").await;
    // What is not seen is not pruned, whatever Git says.
    scene.repository.remove(&["two/secret.yaml"]);
    let commit = scene.repository.commit(&[("two/plain.yaml", &(shop::config("plain") + "# again\n"))]);
    until(&platform, "two", "the commit rendered", |it| it["desired"] == commit.as_str()).await;
    heals(&scene, &b, "plain").await;
    let login = core(&b, "secrets", "login");
    assert!(scene.api.get(&login).is_some(), "it may be there still, and is");

    user.may(&b, &[rule("", "configmaps secrets", ALL)]);
    in_sync(&platform, "two").await;
    assert!(scene.api.get(&login).is_none(), "now it is seen, and pruned");
}

#[test]
fn a_run_needs_no_right_outside_of_its_namespace() {
    let scene = Scene::new();
    scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": scene.name}}));
    let user = User::new(&scene);
    user.may(&scene.name, &[rule("", "configmaps secrets", ALL), leases()]);
    let kubeconfig = user.kubeconfig().display().to_string();
    let run = |command: &str, options: &[&str]| {
        scene.run(command, &[&["--kubeconfig", &kubeconfig], options].concat())
    };
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG), ("deploy/secret.yaml", shop::SECRET)]);
    let diff = run("diff", &[]);
    assert!(diff.exit == 1 && diff.out.contains("+ create Secret"), "{diff}");
    let synced = run("sync", &[]);
    assert_eq!(synced.exit, 0, "{synced}");
    scene.api.edit(&core(&scene.name, "configmaps", "settings"), json!({"data": {"colour": "red"}}));
    let healed = run("sync", &[]);
    assert_eq!(healed.exit, 0, "{healed}");
    assert_eq!(scene.api.object(&core(&scene.name, "configmaps", "settings"))["data"]["colour"], "blue");

    // Without its state folder it finds again what is there.
    scene.repository.remove(&["deploy/secret.yaml"]);
    let state = scene.folder().join("another-state").display().to_string();
    let pruned = run("sync", &["--state", &state, "--prune"]);
    assert_eq!(pruned.exit, 0, "{pruned}");
    assert!(scene.api.get(&core(&scene.name, "secrets", "login")).is_none(), "{pruned}");

    // What the user may not list is told, and not waited for.
    scene.repository.commit(&[("deploy/web.yaml", shop::SERVICE)]);
    for command in ["diff", "sync"] {
        let told = run(command, &["--state", &state]);
        told.failed(if command == "diff" { 2 } else { 1 }, "CLUSTER-FORBIDDEN")
            .naming("services")
            .naming("list");
    }
    user.may(&scene.name, &[rule("", "configmaps secrets services", ALL), leases()]);
    let synced = run("sync", &["--state", &state]);
    assert_eq!(synced.exit, 0, "{synced}");
}
