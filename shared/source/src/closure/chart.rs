//! What a Helm chart names outside its folder: dependencies by `file://`.

use serde_json::Value;

use super::{
    Files,
    walk::{Doubt, Walk},
};

/// Source: Helm, "Charts", field `dependencies`; `requirements.yaml` is its place in charts of version 1.
const FILES: [&str; 2] = ["Chart.yaml", "requirements.yaml"];

/// Follows the chart in a folder, if there is one. Dependencies from registries lie vendored in `charts/`,
/// within the folder; values files are the application's.
pub(super) fn follow<F: Files>(walk: &mut Walk<'_, F>, folder: &str) -> Result<(), Doubt> {
    for name in FILES {
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let Some(chart) = walk.document(&path)? else { continue };
        let Some(Value::Array(dependencies)) = chart.get("dependencies") else { continue };
        for dependency in dependencies {
            let repository = dependency.get("repository").and_then(Value::as_str).unwrap_or_default();
            if let Some(local) = repository.strip_prefix("file://") {
                walk.reference(folder, local)?;
            }
        }
    }
    Ok(())
}
