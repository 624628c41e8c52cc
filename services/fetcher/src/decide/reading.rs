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
        let mut read = |application: &Application| {
            let SourcePath { name, path } = &application.source;
            let wanted = all.entry(name.clone()).or_default().0.entry(path.clone()).or_default();
            wanted.values_files.extend(values_files(application).iter().cloned());
            wanted.subcharts = wanted.subcharts.max(subcharts(application));
        };
        for application in set.applications() {
            read(application);
            if !application.overrides.is_empty() {
                let clusters = set.clusters().iter().filter(|cluster| application.targets.selects(cluster));
                clusters.for_each(|cluster| read(&application.on(cluster)));
            }
        }
        if let Some(SourcePath { name, path }) = set.fleet_folder() {
            let wanted = all.entry(name.clone()).or_default().0.entry(path.clone()).or_default();
            // It may be a chart of definitions.
            wanted.subcharts = Subcharts::Read;
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

#[cfg(test)]
mod tests {
    use model::{
        Cluster, Source,
        definition::{Fleet, Git, Helm, Kubeconfig, Override},
    };

    use super::*;

    fn git() -> Git {
        let (reference, auth) = (Default::default(), Default::default());
        Git { url: "a".into(), reference, auth, ca_file: None, proxy: None, verify: None }
    }

    fn cluster(name: &str, region: &str) -> Cluster {
        let labels = BTreeMap::from([("region".to_owned(), region.to_owned())]);
        let (kubeconfig, namespace) = (Kubeconfig::default(), "driftless".to_owned());
        Cluster { name: name.parse().unwrap(), labels, kubeconfig, namespace, reach: Default::default() }
    }

    /// One application with a chart in `chart`; in one region with another folder and more values.
    fn shop() -> Application {
        let mut different =
            Override { path: Some("eu".into()), values_files: vec!["eu.yaml".into()], ..Override::default() };
        different.targets.match_labels.insert("region".into(), "eu".into());
        Application {
            name: "shop".parse().unwrap(),
            source: SourcePath { name: "shop".parse().unwrap(), path: "chart".into() },
            rendering: Rendering::Helm(Helm { values_files: vec!["all.yaml".into()], ..Helm::default() }),
            targets: Default::default(),
            overrides: vec![different],
            namespace: None,
            sync: Default::default(),
            deletion: Default::default(),
            guard: Default::default(),
            ignore: vec![],
            first_contact: Default::default(),
        }
    }

    fn read(clusters: Vec<Cluster>) -> BTreeMap<String, Vec<String>> {
        let source = Source { name: "shop".parse().unwrap(), git: git(), poll_ms: 1 };
        let set = DefinitionSet::new(vec![source], clusters, vec![shop()]).unwrap();
        let set = set.read_from(Fleet { git: git(), path: "fleet".into(), poll_ms: 1 });
        let all = Reading::of_set(&set);
        let paths = all.values().flat_map(Reading::iter);
        paths.map(|(path, files)| (path.to_owned(), files.values_files.iter().cloned().collect())).collect()
    }

    #[test]
    fn what_clusters_read_and_the_fleet_repository_are_read() {
        let paths = |paths: &[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            paths.iter().map(|(path, files)| ((*path).to_owned(), owned(files))).collect()
        };
        let common: (&str, &[&str]) = ("chart", &["all.yaml"]);
        let fleet: (&str, &[&str]) = ("fleet", &[]);
        assert_eq!(read(vec![cluster("us", "us")]), paths(&[common, fleet]));
        let everywhere = read(vec![cluster("us", "us"), cluster("de", "eu"), cluster("fr", "eu")]);
        assert_eq!(everywhere, paths(&[common, fleet, ("eu", &["all.yaml", "eu.yaml"])]));
    }
}
