//! Definitions from a fleet repository, through the services: what is good is in force, what is bad changes nothing.

use events::state::DefinitionsState;
use serde_json::json;
use testkit::eventually;

use crate::{
    apart::{self, BOUND, Services},
    api::{Api, core, version},
    repository::Repository,
    scene::Scene,
};

pub const LABEL: &str = "driftless.dev/application";

/// The fleet of a scene: one source, one cluster, and applications of the scene's namespace.
pub fn definitions(scene: &Scene, applications: &[&str]) -> String {
    let (name, repository, kubeconfig) = (&scene.name, scene.repository.url(), scene.kubeconfig().display());
    let application = |application: &&str| {
        format!(
            "---\napiVersion: driftless.dev/v1alpha1\nkind: Application\nmetadata:\n  name: {name}-{application}\nspec:\n  \
             source: {{name: shop, path: {application}}}\n  targets: {{matchLabels: {{env: test}}}}\n  namespace: {name}\n"
        )
    };
    let applications: String = applications.iter().map(application).collect();
    format!(
        "apiVersion: driftless.dev/v1alpha1\nkind: Source\nmetadata: {{name: shop}}\nspec: {{git: {{url: {repository}}}, \
         poll: 1s}}\n---\napiVersion: driftless.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: eu, labels: {{env: test}}}}\n\
         spec: {{kubeconfig: {{file: {kubeconfig}}}, namespace: {name}-platform}}\n{applications}"
    )
}

pub fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{colour: blue}}\n")
}

async fn until(services: &Services, what: &str, is: impl Fn(&DefinitionsState) -> bool) -> DefinitionsState {
    eventually(BOUND, what, async || services.definitions().await.filter(|state| is(state))).await
}

async fn in_force(services: &Services, commit: &str) {
    let is = |state: &DefinitionsState| {
        state.rejected.is_none() && state.commit.as_ref().is_some_and(|found| found.to_string() == commit)
    };
    until(services, "the set to be in force", is).await;
}

/// Waits for a rejection that says this; the set of that commit stays in force.
async fn rejected(services: &Services, words: &str, commit: &str) {
    let is = |state: &DefinitionsState| {
        state.rejected.as_ref().is_some_and(|failure| failure.message.contains(words))
    };
    let state = until(services, words, is).await;
    assert_eq!(state.commit.unwrap().to_string(), commit);
}

/// Edits an object by hand, and waits until that is undone.
async fn heals(scene: &Scene, name: &str) {
    let path = core(&scene.name, "configmaps", name);
    scene.api.edit(&path, json!({"data": {"colour": "red"}}));
    let healed = async || (scene.api.object(&path)["data"]["colour"] == "blue").then_some(());
    eventually(BOUND, "the edit to be undone", healed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_repository_says_what_there_is() {
    let scene = Scene::new();
    scene.repository.commit(&[("one/a.yaml", &config_map("one")), ("two/a.yaml", &config_map("two"))]);
    let fleet = Repository::new();
    let good = definitions(&scene, &["one", "two"]);
    let first = fleet.commit(&[("fleet/all.yaml", &good), ("readme.md", "x")]);
    let url = fleet.url() + "#main";
    let options = ["--fleet", &url, "--fleet-path", "fleet", "--fleet-poll", "1s"];
    let mut services = apart::start_with(&scene, &options).await;
    in_force(&services, &first).await;
    let object = |name: &str| scene.api.get(&core(&scene.name, "configmaps", name));
    for name in ["one", "two"] {
        eventually(BOUND, name, async || object(name)).await;
    }

    // A mistake in one definition: all of the last set stays in force, and is kept.
    fleet.commit(&[("fleet/all.yaml", &good.replacen("targets:", "taregts:", 1))]);
    rejected(&services, "fleet/all.yaml:17:3: ", &first).await;
    heals(&scene, "one").await;
    // A file that cannot be read at all.
    fleet.commit(&[("fleet/all.yaml", &good), ("fleet/more.yaml", "a: [")]);
    rejected(&services, "fleet/more.yaml:1:", &first).await;

    // What calls itself a hook does not leave in silence, and a null that takes a default away is not lost in silence.
    fleet.remove(&["fleet/more.yaml"]);
    let hook = good.replacen("metadata:\n", "metadata:\n  annotations: {helm.sh/hook: test}\n", 1);
    fleet.commit(&[("fleet/all.yaml", &hook)]);
    rejected(&services, "fleet/all.yaml:14:17: ", &first).await;
    let null = good.replacen("  targets:", "  helm: {values: {colour: null}}\n  targets:", 1);
    fleet.commit(&[("fleet/all.yaml", &null)]);
    rejected(&services, "a null in it would be lost", &first).await;

    // Corrected; from now on by a kustomization, of which mistakes are found too.
    let kustomization = "resources: [all.yaml]\n";
    let text = good.clone() + "  guard: {maxPrunePercent: 50}\n";
    let second = fleet.commit(&[("fleet/all.yaml", &text), ("fleet/kustomization.yaml", kustomization)]);
    in_force(&services, &second).await;
    fleet.commit(&[("fleet/all.yaml", &good.replacen("name: shop, path", "name: shpo, path", 1))]);
    rejected(&services, "fleet/all.yaml:16:12: ", &second).await;

    // An application that leaves is released by the policy that was in force: its objects stay, without our mark.
    let third = fleet.commit(&[("fleet/all.yaml", &definitions(&scene, &["one"]))]);
    in_force(&services, &third).await;
    let left = async || object("two")?["metadata"]["labels"].get(LABEL).is_none().then_some(());
    eventually(BOUND, "the object to be orphaned", left).await;
    assert_eq!(object("two").unwrap()["data"]["colour"], "blue");
    assert_eq!(object("one").unwrap()["metadata"]["labels"][LABEL], format!("{}-one", scene.name));

    // Another repository is refused, and what is in force stays; with a word it is read, and an empty one refused.
    let other = Repository::new();
    other.commit(&[("readme.md", "x")]);
    let url = other.url();
    let options = ["--fleet", &url, "--fleet-poll", "1s"];
    services.redefine(&scene, &options);
    eventually(BOUND, "the differ to refuse", async || (!services.runs("differ")).then_some(())).await;
    assert!(services.logged("differ").contains("error[FLEET-CHANGED]: definitions come from "));
    services.redefine(&scene, &[&options[..], &["--fleet-changed"]].concat());
    rejected(&services, "there is no definition", &third).await;
    heals(&scene, "one").await;
    let fourth = other.commit(&[("all.yaml", &(definitions(&scene, &["one"]) + "  deletion: delete\n"))]);
    in_force(&services, &fourth).await;
    // A differ that is told nothing follows the log.
    services.redefine(&scene, &[]);
    let fifth = other.commit(&[("all.yaml", &definitions(&scene, &["one"]))]);
    in_force(&services, &fifth).await;
}

/// Two clusters, each with what is meant for it; what only one is about changes nothing on the other.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_different_on_a_cluster_stands_beside_what_is_common() {
    let scene = Scene::new();
    let other = testkit::cluster::real("fleet");
    let colour = |colour: &str| config_map("one").replace("blue", colour);
    scene.repository.commit(&[("one/a.yaml", &colour("blue")), ("us/a.yaml", &colour("green"))]);
    let fleet = Repository::new();
    let us = format!(
        "---\napiVersion: driftless.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: us, labels: {{env: test, region: us}}}}\n\
         spec: {{kubeconfig: {{file: {}}}, namespace: {}-platform}}\n",
        other.kubeconfig_file().display(),
        scene.name
    );
    let overrides = "  overrides:\n  - {targets: {matchLabels: {region: us}}, path: us}\n";
    let first = fleet.commit(&[("all.yaml", &(definitions(&scene, &["one"]) + overrides + &us))]);
    let url = fleet.url();
    let services = apart::start_with(&scene, &["--fleet", &url, "--fleet-poll", "1s"]).await;
    in_force(&services, &first).await;
    let path = core(&scene.name, "configmaps", "one");
    let apis = [(&scene.api, "blue"), (&Api::of(other.kubeconfig_file()), "green")];
    for (api, colour) in apis {
        eventually(BOUND, colour, async || (api.get(&path)?["data"]["colour"] == colour).then_some(())).await;
    }
    let before = version(&scene.api.object(&path)).to_owned();
    scene.repository.commit(&[("us/a.yaml", &colour("red"))]);
    eventually(BOUND, "red", async || (apis[1].0.object(&path)["data"]["colour"] == "red").then_some(()))
        .await;
    assert_eq!(version(&scene.api.object(&path)), before);
}
