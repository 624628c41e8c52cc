//! Where the real components are.

use std::{env, path::PathBuf};

/// The path of a real component: `etcd`, `kube-apiserver`, `nats-server`, `helm`, `kustomize`, …
///
/// # Panics
/// If it has not been built.
pub fn tool(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(
        path.exists(),
        "{name} is not at {}: tests/run builds it and then runs the tests",
        path.display()
    );
    path
}

/// `DRIFTLESS_TOOLS_BIN`, which tests/run sets; else where tests/tools/install puts them.
fn folder() -> PathBuf {
    if let Some(folder) = env::var_os("DRIFTLESS_TOOLS_BIN") {
        return folder.into();
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    cache.unwrap_or_default().join("driftless/bin")
}
