//! A user of the API server who may do what he is granted, and no more.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::scene::Scene;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// All that driftless does with objects.
pub const ALL: &str = "get list watch create patch delete";

/// A service account with a kubeconfig.
pub struct User<'s> {
    scene: &'s Scene,
    kubeconfig: PathBuf,
}

/// What may be done with resources of a group.
pub fn rule(group: &str, resources: &str, verbs: &str) -> Value {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    json!({"apiGroups": [group], "resources": words(resources), "verbs": words(verbs)})
}

impl<'s> User<'s> {
    /// One with the rights of all who are known: to see what is served.
    pub fn new(scene: &'s Scene) -> Self {
        let home = home(scene);
        scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": home}}));
        let accounts = format!("/api/v1/namespaces/{home}/serviceaccounts");
        scene.api.create(&accounts, json!({"metadata": {"name": "robot"}}));
        let token = token(scene);
        let kubeconfig = scene.kubeconfig_with(&[("token:", &format!("token: {token}}}"))]).into();
        Self { scene, kubeconfig }
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Grants this in a namespace, in place of what was granted there before.
    pub fn may(&self, namespace: &str, rules: &[Value]) {
        self.bind(&format!("{RBAC}/namespaces/{namespace}"), "Role", rules);
    }

    /// Grants this on the whole cluster, in place of what was granted there before.
    pub fn may_everywhere(&self, rules: &[Value]) {
        self.bind(RBAC, "ClusterRole", rules);
    }

    fn bind(&self, place: &str, kind: &str, rules: &[Value]) {
        let (api, name) = (&self.scene.api, &self.scene.name);
        let (version, roles) = ("rbac.authorization.k8s.io/v1", format!("{}s", kind.to_lowercase()));
        let role = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "rules": rules});
        api.apply(&format!("{place}/{roles}/{name}"), "kubectl", role);
        let subject = json!({"kind": "ServiceAccount", "name": "robot", "namespace": home(self.scene)});
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
        let binding = json!({"apiVersion": version, "kind": format!("{kind}Binding"),
            "metadata": {"name": name}, "subjects": [subject], "roleRef": role});
        api.apply(&format!("{place}/{}bindings/{name}", kind.to_lowercase()), "kubectl", binding);
    }
}

/// The namespace of the account, in which nothing else is.
pub fn home(scene: &Scene) -> String {
    format!("{}-home", scene.name)
}

/// A new token of the account.
pub fn token(scene: &Scene) -> String {
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/robot/token", home(scene));
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    scene.api.post(&path, request)["status"]["token"].as_str().unwrap().to_owned()
}
