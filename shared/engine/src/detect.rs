//! What kind of folder a path is.

use manifest::Artifact;

/// How manifests are made from a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Plain YAML and JSON files.
    Plain,
    /// A kustomization.
    Kustomize,
    /// A Helm chart.
    Helm,
}

/// Source: kustomize, `api/konfig/general.go`, RecognizedKustomizationFileNames.
pub(crate) const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What the folder is: a chart if it holds `Chart.yaml`, a kustomization if it holds one of its names, else
/// plain files. `path` is relative and clean; empty is the root. Pure.
pub fn detect(artifact: &Artifact, path: &str) -> Kind {
    let holds = |name: &str| artifact.get(&inside(path, name)).is_some();
    if holds("Chart.yaml") {
        Kind::Helm
    } else if KUSTOMIZATIONS.iter().any(|name| holds(name)) {
        Kind::Kustomize
    } else {
        Kind::Plain
    }
}

/// The path of something in a folder.
pub(crate) fn inside(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The files at and below a folder, with their paths relative to it.
pub(crate) fn below<'a>(
    artifact: &'a Artifact,
    folder: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str, &'a manifest::File)> {
    let prefix = inside(folder, "");
    artifact
        .files()
        .range(prefix.clone()..)
        .take_while(move |(path, _)| path.starts_with(&prefix))
        .map(move |(path, file)| (path.as_str(), path[folder.len()..].trim_start_matches('/'), file))
}

#[cfg(test)]
mod tests {
    use manifest::{File, FileMode};

    use super::*;

    #[test]
    fn names_decide_and_a_chart_comes_first() {
        let file = || File { mode: FileMode::Regular, bytes: Vec::new() };
        for (files, path, expected) in [
            (vec!["a/x.yaml"], "a", Kind::Plain),
            (vec!["a/kustomization.yaml"], "a", Kind::Kustomize),
            (vec!["a/kustomization.yml"], "a", Kind::Kustomize),
            (vec!["a/Kustomization"], "a", Kind::Kustomize),
            (vec!["a/Chart.yaml", "a/kustomization.yaml"], "a", Kind::Helm),
            (vec!["Chart.yaml"], "", Kind::Helm),
            (vec!["ab/Chart.yaml", "a/b/Chart.yaml"], "a", Kind::Plain),
        ] {
            let artifact =
                Artifact::from_files(files.iter().map(|path| ((*path).to_owned(), file()))).unwrap();
            assert_eq!(detect(&artifact, path), expected, "{files:?}");
        }
    }
}
