//! What a Helm chart names outside its folder: dependencies by `file://`.

use serde_json::Value;

use super::{
    Entry, Files, Subcharts,
    walk::{Doubt, Walk},
};

/// Source: Helm, "Charts", field `dependencies`; `requirements.yaml` is its place in charts of version 1.
const FILES: [&str; 2] = ["Chart.yaml", "requirements.yaml"];

/// Whether the chart in a folder names others. A file that cannot be read names none: helm refuses it.
pub(super) fn subcharts(files: &impl Files, folder: &str) -> Subcharts {
    let names = |name: &str| {
        let path = if folder.is_empty() { (*name).to_owned() } else { format!("{folder}/{name}") };
        // A link is followed only where the chart is rendered.
        let Some(Entry::File(_)) = files.find(&path) else { return files.find(&path).is_some() };
        let documents = files.bytes(&path).and_then(|bytes| manifest::parse_file(&path, &bytes).ok());
        let list = documents.as_ref().and_then(|documents| documents.first()?.value.get("dependencies"));
        list.and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    };
    if FILES.iter().any(|name| names(name)) { Subcharts::Named } else { Subcharts::None }
}

/// Follows the chart in a folder, if there is one. Dependencies from repositories of charts are no part of Git;
/// values files are the application's.
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
