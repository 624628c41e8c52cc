//! Closures over an in-memory tree.

use std::collections::BTreeMap;

use super::{Closure, Entry, Files, closure};

/// Files by path; a content that begins with `->` is a link.
struct Tree(BTreeMap<String, String>);

impl Files for Tree {
    fn find(&self, path: &str) -> Option<Entry> {
        if let Some(text) = self.0.get(path) {
            let link = text.starts_with("->");
            return Some(if link { Entry::Elsewhere } else { Entry::File(text.clone()) });
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let inside: Vec<_> = self.0.iter().filter(|(path, _)| path.starts_with(&prefix)).collect();
        (!inside.is_empty()).then(|| Entry::Folder(format!("{inside:?}")))
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).map(|text| text.clone().into_bytes())
    }

    fn links(&self, folder: &str) -> Option<Vec<(String, String)>> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let inside = self.0.iter().filter(|(path, _)| path.starts_with(&prefix));
        let links =
            inside.filter_map(|(path, text)| Some((path.clone(), text.strip_prefix("->")?.to_owned())));
        Some(links.collect())
    }
}

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
}

fn of(files: &[(&str, &str)]) -> Closure {
    closure(&tree(files), "app", &[]).unwrap()
}

/// The roots for a kustomization in `app`, among a few files beside it.
fn roots(kustomization: &str) -> Vec<String> {
    let found = of(&[
        ("app/kustomization.yaml", kustomization),
        ("base/kustomization.yaml", "resources: [../deep, x.yaml]"),
        ("base/x.yaml", ""),
        ("deep/kustomization.yml", "resources: [../app]"),
        ("files/a.env", ""),
        ("files/b.txt", ""),
        ("patch.yaml", ""),
        ("home/web/Chart.yaml", "dependencies: [{name: lib, repository: 'file://../../lib'}]"),
        ("lib/Chart.yaml", "name: lib"),
        ("unrelated/x", ""),
    ]);
    assert_eq!(found.doubt, None, "{kustomization}");
    found.roots
}

#[test]
fn every_field_that_names_files_is_followed() {
    for (kustomization, expected) in [
        ("", vec!["app"]),
        ("resources: [./x.yaml]", vec!["app"]),
        ("resources: [../base]", vec!["app", "base", "deep"]),
        ("bases: [../base]", vec!["app", "base", "deep"]),
        ("components: [../deep]", vec!["app", "deep"]),
        ("resources: [../files/b.txt]", vec!["app", "files/b.txt"]),
        ("patches: [{path: ../patch.yaml, target: {kind: X}}, {patch: 'a: b'}]", vec!["app", "patch.yaml"]),
        ("patchesJson6902: [{path: ../patch.yaml}]", vec!["app", "patch.yaml"]),
        ("patchesStrategicMerge: [../patch.yaml, \"kind: X\\nmetadata: {}\"]", vec!["app", "patch.yaml"]),
        ("replacements: [{path: ../patch.yaml}, {source: {kind: X}}]", vec!["app", "patch.yaml"]),
        ("crds: [../patch.yaml]", vec!["app", "patch.yaml"]),
        ("configurations: [../patch.yaml]", vec!["app", "patch.yaml"]),
        ("openapi: {path: ../patch.yaml}", vec!["app", "patch.yaml"]),
        ("configMapGenerator: [{name: a, files: [k=../files/b.txt]}]", vec!["app", "files/b.txt"]),
        (
            "configMapGenerator: [{name: a, envs: [../files/a.env], literals: [a=b]}]",
            vec!["app", "files/a.env"],
        ),
        ("secretGenerator: [{name: a, env: ../files/a.env}]", vec!["app", "files/a.env"]),
        ("{helmGlobals: {chartHome: ../home}, helmCharts: [{name: web}]}", vec!["app", "home", "lib"]),
        (
            "{helmGlobals: {chartHome: ../home}, helmCharts: [{name: web, valuesFile: ../patch.yaml}]}",
            vec!["app", "home", "lib", "patch.yaml"],
        ),
        ("namespace: x\nimages: [{name: a}]\nlabels: []\ngenerators: []", vec!["app"]),
    ] {
        assert_eq!(roots(kustomization), expected, "{kustomization}");
    }
}

#[test]
fn any_doubt_is_the_whole_repository() {
    let many: String = (0..6000).map(|n| format!("- ../x{n}\n")).collect();
    for kustomization in [
        "resources: [",
        "resources: {a: b}",
        "resources: [{a: b}]",
        "resources: ['https://example.com/x.yaml']",
        "resources: ['github.com/owner/repository//path?ref=v1']",
        "resources: ['git@example.com:owner/repository']",
        "resources: [../..]",
        "resources: [/etc/passwd]",
        "resources: [../linked/x.yaml]",
        "resources: [../linked]",
        "generators: [x.yaml]",
        "transformers: [x.yaml]",
        "somethingNew: 1",
        "helmCharts: [{name: web, repo: 'https://charts.example.com'}]",
        "a: 1\n---\nb: 2",
        "- a",
        "a: &a [1]\nb: &b [*a,*a]\nnamespace: *c",
        &format!("resources:\n{many}"),
    ] {
        let found = of(&[("app/kustomization.yaml", kustomization), ("linked", "->base"), ("z", "")]);
        assert!(found.doubt.is_some(), "{kustomization}");
        assert_eq!(found.roots, [""]);
    }
}

#[test]
fn charts_and_values_files_are_followed() {
    let files = [
        ("app/Chart.yaml", "dependencies: [{name: c, repository: 'file://../common'}, {name: r}]"),
        ("common/Chart.yaml", ""),
        ("old/requirements.yaml", "dependencies: [{name: c, repository: 'file://../common'}]"),
        ("values/prod.yaml", ""),
        ("z", ""),
    ];
    let values = ["../values/prod.yaml".to_owned(), "values.yaml".to_owned()];
    let found = closure(&tree(&files), "app", &values).unwrap();
    assert_eq!(found.roots, ["app", "common", "values/prod.yaml"]);
    assert_eq!(closure(&tree(&files), "old", &[]).unwrap().roots, ["common", "old"]);
    let outside = ["../../x.yaml".to_owned()];
    assert!(closure(&tree(&files), "app", &outside).unwrap().doubt.is_some());
}

#[test]
fn charts_that_name_others_are_known() {
    use crate::Subcharts::{self, Named, None};
    let table: [(Vec<(&str, &str)>, Subcharts); 8] = [
        (vec![("app/Chart.yaml", "name: a")], None),
        (vec![("app/Chart.yaml", "dependencies: []")], None),
        (vec![("app/Chart.yaml", "dependencies: [{name: r, repository: 'https://h'}]")], Named),
        (vec![("app/Chart.yaml", "name: a"), ("app/requirements.yaml", "dependencies: [{name: r}]")], Named),
        (vec![("app/Chart.yaml", "->chart"), ("app/chart", "")], Named),
        (vec![("app/Chart.yaml", "dependencies: [")], None),
        (vec![("app/sub/Chart.yaml", "dependencies: [{name: r}]")], None),
        // Whether the rest is in doubt plays no part.
        (vec![("app/Chart.yaml", "dependencies: [{name: r}]"), ("app/out", "->/etc")], Named),
    ];
    for (files, expected) in table {
        let found = closure(&tree(&files), "app", &[]).unwrap();
        assert_eq!(found.subcharts, expected, "{files:?}");
    }
}

#[test]
fn what_is_missing_counts_when_it_appears() {
    let app = ("app/kustomization.yaml", "resources: [../late.yaml]");
    let (before, after) = (of(&[app, ("z", "")]), of(&[app, ("late.yaml", ""), ("z", "")]));
    assert_eq!(before.roots, ["app"]);
    assert_eq!(after.roots, ["app", "late.yaml"]);
    assert_ne!(before.digest, after.digest);
}

#[test]
fn links_stay_inside_or_widen() {
    for (target, inside) in [
        ("x.yaml", true),
        ("../app/x.yaml", true),
        ("sub/../x.yaml", false),
        ("../other/x.yaml", false),
        ("/etc/passwd", false),
        ("../../x", false),
    ] {
        let link = format!("->{target}");
        let found = of(&[("app/x.yaml", ""), ("app/link", &link), ("other/x.yaml", "")]);
        assert_eq!(found.doubt.is_none(), inside, "{target}");
    }
}

#[test]
fn cycles_end_and_the_root_may_be_the_folder() {
    let files = [("kustomization.yaml", "resources: [a]"), ("a/kustomization.yaml", "resources: [../]")];
    let found = closure(&tree(&files), "", &[]).unwrap();
    assert_eq!((found.roots, found.doubt), (vec![String::new()], None));
    assert_eq!(closure(&tree(&files), "nope", &[]), None);
}
