//! A user of the API server who may do what he is granted, and no more.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::scene::Scene;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// All that driftless does with objects.
pub const ALL: &str = "get list watch create patch delete";

/// A service account with a kubeconfig.
pub struct User<'s> {
    scene: &'s Scene,
    name: String,
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
        Self::named(scene, "robot")
    }

    /// The same by another name, for whoever needs several.
    pub fn named(scene: &'s Scene, name: &str) -> Self {
        let home = home(scene);
        if scene.api.get(&format!("/api/v1/namespaces/{home}")).is_none() {
            scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": home}}));
        }
        let accounts = format!("/api/v1/namespaces/{home}/serviceaccounts");
        scene.api.create(&accounts, json!({"metadata": {"name": name}}));
        let kubeconfig = kubeconfig(scene, &home, name);
        Self { scene, name: name.to_owned(), kubeconfig }
    }

    /// What the token in its kubeconfig is.
    pub fn token(&self) -> String {
        let text = fs::read_to_string(&self.kubeconfig).unwrap();
        let rest = text.split_once("token: ").unwrap().1;
        rest.split('}').next().unwrap().to_owned()
    }

    /// It is gone, and its tokens with it.
    pub fn leave(&self) {
        let home = home(self.scene);
        self.scene.api.delete(&format!("/api/v1/namespaces/{home}/serviceaccounts/{}", self.name));
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
        let (api, name) = (&self.scene.api, &format!("{}-{}", self.scene.name, self.name));
        let (version, roles) = ("rbac.authorization.k8s.io/v1", format!("{}s", kind.to_lowercase()));
        let role = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "rules": rules});
        api.apply(&format!("{place}/{roles}/{name}"), "kubectl", role);
        let subject = json!({"kind": "ServiceAccount", "name": self.name, "namespace": home(self.scene)});
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

/// A kubeconfig with a new token of a service account.
pub fn kubeconfig(scene: &Scene, namespace: &str, account: &str) -> PathBuf {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let answer = scene.api.post(&path, request);
    let token = answer["status"]["token"].as_str().unwrap();
    let written = scene.kubeconfig_with(&[("token:", &format!("token: {token}}}"))]);
    let own = scene.folder().join(format!("kubeconfig-{account}"));
    fs::rename(written, &own).unwrap();
    own
}
