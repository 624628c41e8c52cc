//! What applications read from a source.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Application, DefinitionSet, SourceName,
    definition::{Rendering, SourcePath},
};

/// Every path that some application reads from one source, spelled as the application spells it, with the
/// values files that it names besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading(pub(super) BTreeMap<String, BTreeSet<String>>);

impl Reading {
    /// Lists what is read from each source of the set; sources that nobody reads are left out.
    pub fn of_set(set: &DefinitionSet) -> BTreeMap<SourceName, Self> {
        let mut all: BTreeMap<SourceName, Self> = BTreeMap::new();
        for application in set.applications() {
            let SourcePath { name, path } = &application.source;
            let files = all.entry(name.clone()).or_default().0.entry(path.clone()).or_default();
            files.extend(values_files(application).iter().cloned());
        }
        if let Some(SourcePath { name, path }) = set.fleet_folder() {
            all.entry(name.clone()).or_default().0.entry(path.clone()).or_default();
        }
        all
    }

    /// The paths in order, each with the values files named for it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.0.iter().map(|(path, files)| (path.as_str(), files))
    }

    /// Number of paths.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody reads anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn values_files(application: &Application) -> &[String] {
    match &application.rendering {
        Rendering::Helm(helm) => &helm.values_files,
        Rendering::Detect | Rendering::Plain(_) | Rendering::Kustomize => &[],
    }
}
