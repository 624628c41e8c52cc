//! What applications read from a source.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Application, DefinitionSet, SourceName,
    definition::{Rendering, SourcePath},
};

/// Every path that some application reads from one source, spelled as the application spells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading(pub(super) BTreeMap<String, Wanted>);

/// What is read at a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Values files that applications name besides.
    pub values_files: BTreeSet<String>,
    /// Whether the charts count that a chart there depends on.
    pub subcharts: Subcharts,
}

/// Whether what a chart depends on is read with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subcharts {
    /// No application renders the path as a chart.
    #[default]
    Ignored,
    /// Some application does, if it is one.
    Read,
}

impl Reading {
    /// Lists what is read from each source of the set; sources that nobody reads are left out.
    pub fn of_set(set: &DefinitionSet) -> BTreeMap<SourceName, Self> {
        let mut all: BTreeMap<SourceName, Self> = BTreeMap::new();
        for application in set.applications() {
            let SourcePath { name, path } = &application.source;
            let wanted = all.entry(name.clone()).or_default().0.entry(path.clone()).or_default();
            wanted.values_files.extend(values_files(application).iter().cloned());
            wanted.subcharts = wanted.subcharts.max(subcharts(application));
        }
        all
    }

    /// The paths in order, each with what is read there.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Wanted)> {
        self.0.iter().map(|(path, wanted)| (path.as_str(), wanted))
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

fn subcharts(application: &Application) -> Subcharts {
    match &application.rendering {
        Rendering::Helm(_) | Rendering::Detect => Subcharts::Read,
        Rendering::Plain(_) | Rendering::Kustomize => Subcharts::Ignored,
    }
}
