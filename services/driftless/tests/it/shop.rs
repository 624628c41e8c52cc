//! The manifests of a small shop: four kinds, one of them a Secret.

/// What the Secret holds; must be seen nowhere but in the cluster and in the repository.
pub const CANARY: &str = "canary-4f1c-first-password";
/// What an edit in the cluster puts there.
pub const CANARY_LIVE: &str = "canary-9b2e-edited-password";

pub const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: blue, size: large}\n";
pub const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: canary-4f1c-first-password}\n";
pub const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n";
pub const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: 'registry.example/web:1.0'}
";

/// Folder `deploy` with all of them.
pub const FILES: [(&str, &str); 4] = [
    ("deploy/config.yaml", CONFIG),
    ("deploy/secret.yaml", SECRET),
    ("deploy/service.yaml", SERVICE),
    ("deploy/deployment.yaml", DEPLOYMENT),
];

/// A ConfigMap of that name.
pub fn config(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{from: git}}\n")
}
