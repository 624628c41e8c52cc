//! The cluster as an independent client sees it: curl against the API server.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// The API server, as administrator.
pub struct Api {
    server: String,
    token: String,
    authority: PathBuf,
}

impl Api {
    /// From a kubeconfig as tests/cluster-up writes it.
    pub fn of(kubeconfig: &Path) -> Self {
        let text = fs::read_to_string(kubeconfig).unwrap();
        let after = |key: &str| {
            let rest = text.split_once(key).unwrap().1;
            rest.split(['\n', '}']).next().unwrap().trim().to_owned()
        };
        Self {
            server: after("server:"),
            token: after("token:"),
            authority: kubeconfig.with_file_name("ca.crt"),
        }
    }

    /// The object at a path, if it is there.
    pub fn get(&self, path: &str) -> Option<Value> {
        match self.ask("GET", path, "application/json", None) {
            (200, body) => Some(serde_json::from_str(&body).unwrap()),
            (404, _) => None,
            (status, body) => panic!("GET {path}: {status} {body}"),
        }
    }

    /// The object at a path, which has to be there.
    #[track_caller]
    pub fn object(&self, path: &str) -> Value {
        self.get(path).unwrap_or_else(|| panic!("{path} is not there"))
    }

    /// What `kubectl edit` sends.
    #[track_caller]
    pub fn edit(&self, path: &str, patch: Value) {
        let path = format!("{path}?fieldManager=kubectl-edit");
        let (status, body) =
            self.ask("PATCH", &path, "application/strategic-merge-patch+json", Some(patch.to_string()));
        assert_eq!(status, 200, "{body}");
    }

    /// What `kubectl apply --server-side --field-manager MANAGER` sends.
    #[track_caller]
    pub fn apply(&self, path: &str, manager: &str, object: Value) {
        let path = format!("{path}?fieldManager={manager}");
        let (status, body) =
            self.ask("PATCH", &path, "application/apply-patch+yaml", Some(object.to_string()));
        assert!(matches!(status, 200 | 201), "{body}");
    }

    /// What `kubectl create` sends, to the path of the collection.
    #[track_caller]
    pub fn create(&self, collection: &str, object: Value) {
        self.post(&format!("{collection}?fieldManager=kubectl-create"), object);
    }

    /// Posts an object, and answers what came of it.
    #[track_caller]
    pub fn post(&self, path: &str, object: Value) -> Value {
        let (status, body) = self.ask("POST", path, "application/json", Some(object.to_string()));
        assert_eq!(status, 201, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    #[track_caller]
    pub fn delete(&self, path: &str) {
        let (status, body) = self.ask("DELETE", path, "application/json", None);
        assert_eq!(status, 200, "{body}");
    }

    /// The metrics of the API server.
    pub fn metrics(&self) -> String {
        self.ask("GET", "/metrics", "application/json", None).1
    }

    fn ask(&self, method: &str, path: &str, content: &str, body: Option<String>) -> (u16, String) {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--request",
            method,
            "--write-out",
            "\n%{http_code}",
        ]);
        curl.arg("--cacert").arg(&self.authority);
        // On standard input, not on the command line: the token is in no list of processes.
        curl.args(["--config", "-", &format!("{}{path}", self.server)]);
        let mut child = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut config = format!("header = \"Authorization: Bearer {}\"\n", self.token);
        if let Some(body) = body {
            let body = body.replace('\\', "\\\\").replace('"', "\\\"");
            config.push_str(&format!("header = \"Content-Type: {content}\"\ndata-binary = \"{body}\"\n"));
        }
        child.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }
}

/// `metadata.resourceVersion`: equal means that nobody wrote the object.
pub fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}

/// `/api/v1/namespaces/NAMESPACE/KIND/NAME`.
pub fn core(namespace: &str, kind: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/{kind}/{name}")
}

/// `/apis/apps/v1/namespaces/NAMESPACE/deployments/NAME`.
pub fn deployment(namespace: &str, name: &str) -> String {
    format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
}
