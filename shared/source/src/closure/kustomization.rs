//! What a kustomization names: resources, bases, patches, generators' files, charts.

use serde_json::{Map, Value};

use super::{
    Files,
    walk::{Doubt, Walk},
};

/// Source: kustomize, `api/konfig/general.go`, RecognizedKustomizationFileNames.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields that name nothing outside the file. Source: kustomize, `api/types/kustomization.go`.
const INWARD: [&str; 16] = [
    "apiVersion",
    "kind",
    "metadata",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "commonLabels",
    "commonAnnotations",
    "labels",
    "images",
    "imageTags",
    "replicas",
    "vars",
    "generatorOptions",
    "buildMetadata",
    "sortOptions",
];

/// Follows the kustomization in a folder, if there is one.
pub(super) fn follow<F: Files>(walk: &mut Walk<'_, F>, folder: &str) -> Result<(), Doubt> {
    for name in NAMES {
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if let Some(fields) = walk.document(&path)? {
            for (key, value) in &fields {
                field(walk, folder, (key, value), &fields)?;
            }
        }
    }
    Ok(())
}

fn field<F: Files>(
    walk: &mut Walk<'_, F>,
    folder: &str,
    (key, value): (&str, &Value),
    fields: &Map<String, Value>,
) -> Result<(), Doubt> {
    match key {
        key if INWARD.contains(&key) || is_empty(value) => Ok(()),
        "resources" | "components" | "bases" | "crds" | "configurations" => {
            texts(value, key)?.into_iter().try_for_each(|reference| walk.reference(folder, reference))
        }
        "patchesStrategicMerge" => {
            texts(value, key)?.into_iter().try_for_each(|patch| patch_or_path(walk, folder, patch))
        }
        "patches" | "patchesJson6902" | "replacements" => {
            items(value, key)?.iter().try_for_each(|item| named(walk, folder, (item, "path")))
        }
        "openapi" => named(walk, folder, (value, "path")),
        "configMapGenerator" | "secretGenerator" => {
            items(value, key)?.iter().try_for_each(|item| generator(walk, folder, item))
        }
        "helmGlobals" => Ok(()),
        "helmCharts" => items(value, key)?.iter().try_for_each(|item| {
            let home = fields.get("helmGlobals").and_then(|globals| globals.get("chartHome"));
            chart(walk, folder, (item, home.and_then(Value::as_str).unwrap_or("charts")))
        }),
        // Plug-ins (`generators`, `transformers`, `validators`) name files in ways of their own, and a field
        // that is not known may as well.
        other => Err(format!("the kustomization in {folder:?} uses {other:?}")),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn items<'v>(value: &'v Value, key: &str) -> Result<&'v [Value], Doubt> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{key:?} is no list"))
}

fn texts<'v>(value: &'v Value, key: &str) -> Result<Vec<&'v str>, Doubt> {
    let texts: Option<Vec<&str>> = items(value, key)?.iter().map(Value::as_str).collect();
    texts.ok_or_else(|| format!("{key:?} holds something else than paths"))
}

/// One field that names a file, if it is there.
fn named<F: Files>(walk: &mut Walk<'_, F>, folder: &str, (item, key): (&Value, &str)) -> Result<(), Doubt> {
    match item.get(key) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(path)) => walk.reference(folder, path),
        Some(_) => Err(format!("{key:?} is no path")),
    }
}

/// Kustomize tries the text as a file, then as a patch.
fn patch_or_path<F: Files>(walk: &mut Walk<'_, F>, folder: &str, patch: &str) -> Result<(), Doubt> {
    let inline = patch.contains('\n') || patch.contains(": ");
    if inline && !walk.exists(folder, patch) { Ok(()) } else { walk.reference(folder, patch) }
}

/// Source: kustomize, `api/types/kvpairsources.go`: `files` are `path` or `key=path`.
fn generator<F: Files>(walk: &mut Walk<'_, F>, folder: &str, item: &Value) -> Result<(), Doubt> {
    for key in ["files", "envs"] {
        match item.get(key) {
            None | Some(Value::Null) => {}
            Some(list) => {
                for text in texts(list, key)? {
                    let path = text.split_once('=').map_or(text, |(_, path)| path);
                    walk.reference(folder, path)?;
                }
            }
        }
    }
    named(walk, folder, (item, "env"))
}

/// Source: kustomize, `api/types/helmchartargs.go`.
fn chart<F: Files>(walk: &mut Walk<'_, F>, folder: &str, (item, home): (&Value, &str)) -> Result<(), Doubt> {
    let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
    if !walk.exists(folder, &format!("{home}/{name}")) {
        return Err(format!("the kustomization in {folder:?} takes the chart {name:?} from elsewhere"));
    }
    walk.reference(folder, home)?;
    walk.reference(folder, &format!("{home}/{name}"))?;
    named(walk, folder, (item, "valuesFile"))?;
    match item.get("additionalValuesFiles") {
        None | Some(Value::Null) => Ok(()),
        Some(list) => {
            let texts = texts(list, "additionalValuesFiles")?;
            texts.into_iter().try_for_each(|path| walk.reference(folder, path))
        }
    }
}
