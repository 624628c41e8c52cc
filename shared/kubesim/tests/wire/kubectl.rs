//! kubectl against the simulator.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::Fixture;

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'web:1'}]}
";

struct Kubectl<'a> {
    fixture: &'a Fixture,
}

impl Kubectl<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(testkit::tool("kubectl"));
        let cache = self.fixture.kubeconfig.with_file_name("cache");
        command.arg("--kubeconfig").arg(&self.fixture.kubeconfig).arg("--cache-dir").arg(cache).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it with an input; its output whether it succeeds or not.
    async fn run(&self, words: &[&str], input: &str) -> Output {
        let (mut command, input) = (self.command(words), input.to_owned());
        // It asks the simulator, which runs on this thread's runtime.
        let done = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            child.wait_with_output().unwrap()
        });
        done.await.unwrap()
    }

    async fn ok(&self, words: &[&str], input: &str) -> String {
        let output = self.run(words, input).await;
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn script(folder: &Path, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn it_applies_shows_differences_edits_and_deletes() {
    let fixture = Fixture::new().await;
    let kubectl = Kubectl { fixture: &fixture };
    let apply = ["apply", "--server-side", "-f", "-"];
    assert!(kubectl.ok(&apply, DEPLOYMENT).await.contains("deployment.apps/web serverside-applied"));
    assert!(kubectl.ok(&["get", "deploy", "web"], "").await.contains("web"));
    let replicas = ["get", "deploy/web", "-o", "jsonpath={.spec.replicas} {.spec.strategy.type}"];
    assert_eq!(kubectl.ok(&replicas, "").await, "2 RollingUpdate");

    let changed = DEPLOYMENT.replace("replicas: 2", "replicas: 3");
    let diff = kubectl.run(&["diff", "--server-side", "-f", "-"], &changed).await;
    let text = String::from_utf8_lossy(&diff.stdout).into_owned();
    assert_eq!(diff.status.code(), Some(1), "{}", String::from_utf8_lossy(&diff.stderr));
    assert!(text.contains("-  replicas: 2") && text.contains("+  replicas: 3"), "{text}");

    let editor = script(
        fixture.kubeconfig.parent().unwrap(),
        "editor",
        "#!/bin/sh\nsed -i 's/image: web:1/image: web:2/' \"$1\"\n",
    );
    let mut edit = kubectl.command(&["edit", "deploy/web"]);
    edit.env("KUBE_EDITOR", editor);
    let edited = tokio::task::spawn_blocking(move || edit.output().unwrap()).await.unwrap();
    assert!(edited.status.success(), "{}", String::from_utf8_lossy(&edited.stderr));
    let image = ["get", "deploy/web", "-o", "jsonpath={.spec.template.spec.containers[0].image}"];
    assert_eq!(kubectl.ok(&image, "").await, "web:2");

    let conflict =
        kubectl.run(&["apply", "--server-side", "--field-manager", "other", "-f", "-"], &changed).await;
    assert!(String::from_utf8_lossy(&conflict.stderr).contains("conflict"), "{conflict:?}");
    kubectl.ok(&["scale", "deploy/web", "--replicas", "5"], "").await;
    assert!(kubectl.ok(&replicas, "").await.starts_with("5 "));
    kubectl.ok(&["delete", "deploy/web"], "").await;
    assert!(!kubectl.run(&["get", "deploy/web"], "").await.status.success());
}

#[tokio::test]
async fn it_applies_from_the_client_and_makes_definitions() {
    let fixture = Fixture::new().await;
    let kubectl = Kubectl { fixture: &fixture };
    let apply = ["apply", "-f", "-"];
    assert!(kubectl.ok(&apply, DEPLOYMENT).await.contains("created"));
    assert!(kubectl.ok(&apply, DEPLOYMENT).await.contains("unchanged"));
    assert!(kubectl.ok(&apply, &DEPLOYMENT.replace("web:1", "web:2")).await.contains("configured"));
    let definition = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: carts.shop.example}
spec:
  group: shop.example
  scope: Namespaced
  names: {plural: carts, singular: cart, kind: Cart}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
";
    kubectl.ok(&apply, definition).await;
    kubectl.ok(&["wait", "--for=condition=Established", "crd/carts.shop.example", "--timeout=10s"], "").await;
    let cart = "{apiVersion: shop.example/v1, kind: Cart, metadata: {name: a}, spec: {size: 1}}";
    kubectl.ok(&["apply", "--server-side", "-f", "-"], cart).await;
    assert_eq!(kubectl.ok(&["get", "carts", "-o", "name"], "").await, "cart.shop.example/a\n");
    kubectl.ok(&apply, "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}").await;
    kubectl.ok(&["delete", "namespace", "shop", "--timeout=10s"], "").await;
}

#[tokio::test]
async fn it_watches() {
    let fixture = Fixture::new().await;
    let kubectl = Kubectl { fixture: &fixture };
    let mut watching = kubectl.command(&["get", "configmaps", "--watch", "-o", "name"]).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap());
    kubectl
        .ok(&["apply", "-f", "-"], "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}")
        .await;
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line
    });
    let line = tokio::time::timeout(std::time::Duration::from_secs(30), line).await.unwrap().unwrap();
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert_eq!(line, "configmap/a\n");
}
