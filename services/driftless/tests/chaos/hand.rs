//! What people do to a cluster: the real kubectl.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Somebody with every right on a cluster.
pub struct Hand {
    kubeconfig: PathBuf,
    namespace: String,
}

impl Hand {
    pub fn new(kubeconfig: &Path, namespace: &str) -> Self {
        Self { kubeconfig: kubeconfig.to_owned(), namespace: namespace.to_owned() }
    }

    /// Sets the value of an object, if it is there.
    pub fn edit(&self, name: &str) {
        self.may_miss(&["patch", "configmap", name, "--type=merge", r#"--patch={"data":{"v":"by hand"}}"#]);
    }

    /// Deletes an object, if it is there.
    pub fn delete(&self, name: &str) {
        self.may_miss(&["delete", "configmap", name, "--wait=false"]);
    }

    /// Deletes every object, so that another world finds the cluster as this one did.
    pub fn clear(&self) {
        self.may_miss(&["delete", "configmap", "--all", "--wait=false"]);
    }

    fn may_miss(&self, arguments: &[&str]) {
        let mut command = Command::new(testkit::tool("kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(["--namespace", &self.namespace]);
        // Not the one of whoever runs the tests.
        let Output { status, stderr, .. } =
            command.args(arguments).env_remove("KUBECONFIG").output().unwrap();
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(status.success() || stderr.contains("(NotFound)"), "{arguments:?}: {stderr}");
    }
}
