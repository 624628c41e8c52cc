//! Kubeconfigs in Secrets of the cluster that the platform runs in.

use std::fs;

use serde_json::json;
use testkit::eventually;

use crate::{
    api::core,
    canary::{base64, files_below},
    platform::{BOUND, Platform},
    rights::{ALL, User, home, rule},
    scene::Scene,
    scoped::{definitions, heals, in_sync, leases, only},
    shop,
};

/// What a pod of that user finds around it.
fn pod(scene: &Scene, user: &User<'_>) -> Vec<(&'static str, String)> {
    let folder = scene.folder().join("account");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("token"), user.token()).unwrap();
    fs::write(folder.join("namespace"), home(scene)).unwrap();
    fs::copy(scene.kubeconfig().with_file_name("ca.crt"), folder.join("ca.crt")).unwrap();
    let text = fs::read_to_string(scene.kubeconfig()).unwrap();
    let server = text.split_once("server: https://").unwrap().1.lines().next().unwrap();
    let (host, port) = server.trim().split_once(':').unwrap();
    vec![
        ("KUBERNETES_SERVICE_HOST", host.to_owned()),
        ("KUBERNETES_SERVICE_PORT", port.to_owned()),
        ("DRIFTLESS_SERVICE_ACCOUNT", folder.display().to_string()),
        ("DRIFTLESS_LOG", "trace".to_owned()),
    ]
}

/// Puts the kubeconfig of a user into the Secret.
fn hold(scene: &Scene, user: &User<'_>) {
    let value = base64(&fs::read(user.kubeconfig()).unwrap());
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "eu-1"},
        "data": {"kubeconfig": value}});
    scene.api.apply(&core(&home(scene), "secrets", "eu-1"), "kubectl", secret);
}

fn shown_nowhere(scene: &Scene, users: &[User<'_>]) {
    let mut files = vec![scene.folder().join("up.log")];
    files_below(&scene.state(), &mut files);
    files_below(&scene.folder().join("tmp"), &mut files);
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for token in users.iter().map(User::token) {
            // The signature alone would do to forge the rest.
            let signature = token.rsplit('.').next().unwrap();
            for form in [signature.to_owned(), base64(signature.as_bytes())] {
                let shown = bytes.windows(form.len()).any(|at| at == form.as_bytes());
                assert!(!shown, "{}", file.display());
            }
        }
    }
}

#[tokio::test]
async fn a_kubeconfig_in_a_secret_is_followed_and_shown_nowhere() {
    let scene = Scene::new();
    scene.repository.commit(&[("plain/a.yaml", &shop::config("plain"))]);
    scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": scene.name}}));
    let users = ["reader", "first", "second", "third"].map(|name| User::named(&scene, name));
    let [reader, first, second, third] = &users;
    let mut may_read = rule("", "secrets", "get");
    may_read["resourceNames"] = json!(["eu-1"]);
    reader.may(&home(&scene), &[may_read]);
    let rules = [rule("", "configmaps", ALL), leases()];
    for user in [first, second, third] {
        user.may(&scene.name, &rules);
    }
    let kubeconfig = json!({"secret": {"name": "eu-1"}});
    let all = definitions(&scene, kubeconfig, &[("plain", &scene.name)]);
    let all = only(all, std::slice::from_ref(&scene.name));
    hold(&scene, first);
    let platform = Platform::within(&scene, all, (&[], &pod(&scene, reader))).await;
    in_sync(&platform, "plain").await;
    // Both that connect read it again, though nothing is refused.
    hold(&scene, second);
    let read = || platform.said().matches("the Secret of the kubeconfig holds others now").count();
    eventually(BOUND, "both to read it", async || (read() >= 2).then_some(())).await;
    first.may(&scene.name, &[]);
    heals(&scene, &scene.name, "plain").await;
    // Refused: what it holds now is read at once.
    hold(&scene, third);
    second.leave();
    heals(&scene, &scene.name, "plain").await;
    assert!(platform.said().contains("TRACE"), "everything is logged");
    assert_eq!(platform.stop(), 0);
    shown_nowhere(&scene, &users);
}
