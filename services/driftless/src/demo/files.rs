//! What is in the repository of the demo: a fleet of three clusters, and a shop.

use std::{collections::BTreeMap, path::Path};

/// The clusters.
pub const CLUSTERS: [&str; 3] = ["eu-1", "us-1", "ap-1"];

/// The application, and the namespace that it is in.
pub const SHOP: &str = "shop";

/// Files by their path.
pub type Files = BTreeMap<String, String>;

/// Source, clusters and application, as anybody would write them.
pub fn fleet(repository: &Path, kubeconfig: impl Fn(&str) -> String) -> Files {
    let mut files = Files::new();
    let repository = repository.display();
    files.insert(
        "fleet/shop.yaml".to_owned(),
        format!(
            "apiVersion: driftless.dev/v1alpha1
kind: Source
metadata: {{name: demo}}
spec: {{git: {{url: '{repository}'}}, poll: 1s}}
---
apiVersion: driftless.dev/v1alpha1
kind: Application
metadata: {{name: shop}}
spec:
  source: {{name: demo, path: shop}}
  targets: {{matchLabels: {{env: prod}}}}
  namespace: shop
  sync: {{auto: true, prune: true, selfHeal: true}}
"
        ),
    );
    for name in CLUSTERS {
        let file = kubeconfig(name);
        let text = format!(
            "apiVersion: driftless.dev/v1alpha1
kind: Cluster
metadata: {{name: {name}, labels: {{env: prod}}}}
spec: {{kubeconfig: {{file: '{file}', context: {name}}}}}
"
        );
        files.insert(format!("fleet/{name}.yaml"), text);
    }
    files
}

/// The shop's manifests, by what each is about.
pub fn shop() -> Files {
    let mut files = Files::new();
    let mut add = |name: &str, text: String| files.insert(format!("shop/{name}.yaml"), text);
    add(
        "settings",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: blue, currency: EUR}\n"
            .into(),
    );
    add(
        "prices",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prices}\ndata: {apple: '3', pear: '4'}\n".into(),
    );
    add(
        "login",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: hunter2}\n".into(),
    );
    for (name, replicas) in [("web", 3), ("cart", 2), ("search", 2)] {
        add(name, workload(name, replicas));
    }
    files
}

/// A Deployment with its Service and its account.
fn workload(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      serviceAccountName: {name}
      containers:
      - {{name: {name}, image: 'registry.example/{name}:1.0', ports: [{{containerPort: 8080}}]}}
"
    )
}
