//! Who may import whom (docs: design, "Workspace"). Arrows point down only, and services do not know each other.

use crate::package::{Dependency, Kind, Package};
use crate::{Tree, Violation};

const RULE: &str = "crate-edge";

/// Each shared crate with what it may import of ours. Whoever may import a crate may import what that one
/// builds on.
const SHARED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("manifest", &["model"]),
    ("diff", &["model", "manifest"]),
    ("health", &["model", "manifest"]),
    ("plan", &["model", "manifest", "diff", "health"]),
    ("fleet", &["model", "manifest"]),
    ("events", &["model"]),
    ("bus", &["model", "events"]),
    ("cluster", &["model", "manifest"]),
    ("source", &["model", "manifest"]),
    ("engine", &["model", "manifest"]),
    ("ledger", &["model", "manifest"]),
    ("telemetry", &["model", "manifest"]),
    ("kubesim", &["model", "manifest"]),
];

/// For tests only: nothing that is shipped may import it.
const KIT: &str = "testkit";
/// The simulator is for tests too, but for the one binary, which has it behind `driftless demo`.
const SIMULATOR: &str = "kubesim";
/// The one binary, the only one that knows the services.
const BINARY: &str = "driftless";

pub fn edges(tree: &Tree) -> Vec<Violation> {
    let mut found: Vec<_> = tree.packages.iter().filter_map(unknown).collect();
    for package in &tree.packages {
        for dependency in &package.dependencies {
            let ours = tree.packages.iter().find(|other| other.name == dependency.name);
            if let Some(imported) = ours.filter(|imported| !may_import(package, imported, dependency)) {
                found.push(Violation {
                    rule: RULE,
                    path: package.manifest.clone(),
                    line: dependency.line,
                    item: "-".to_owned(),
                    problem: format!("{} may not import {}", package.name, imported.name),
                    fix: "move the code to where the edges of the design allow it, or pass what it needs as a value",
                });
            }
        }
    }
    found
}

/// A new shared crate needs a place in the table before it can have edges.
fn unknown(package: &Package) -> Option<Violation> {
    let known = package.layer() != "shared" || package.name == KIT || row(&package.name).is_some();
    (!known).then(|| Violation {
        rule: RULE,
        path: package.manifest.clone(),
        line: 1,
        item: "-".to_owned(),
        problem: format!("the shared crate {} has no row in the table of edges", package.name),
        fix: "add it to SHARED in tests/architecture/src/edges.rs, with the design",
    })
}

fn may_import(package: &Package, imported: &Package, dependency: &Dependency) -> bool {
    let for_tests = dependency.kind == Kind::Dev && [KIT, SIMULATOR].contains(&imported.name.as_str());
    let shared = imported.layer() == "shared";
    for_tests
        || match package.layer() {
            "shared" if package.name == KIT => shared,
            "shared" => row(&package.name).is_some_and(|row| row.contains(&imported.name.as_str())),
            "services" if package.name == BINARY => imported.name != KIT,
            "services" => shared && ![KIT, SIMULATOR].contains(&imported.name.as_str()),
            // Tests, load tests: they may know everything.
            _ => true,
        }
}

fn row(name: &str) -> Option<&'static [&'static str]> {
    SHARED.iter().find(|(package, _)| *package == name).map(|(_, imports)| *imports)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package `from` with one dependency on `to`; both in their folders.
    fn found(from: &str, table: &str, to: &str) -> Vec<String> {
        let manifest = |folder: &str, dependencies: &str| {
            let name = folder.rsplit('/').next().unwrap();
            (format!("{folder}/Cargo.toml"), format!("[package]\nname = \"{name}\"\n{dependencies}"))
        };
        let name = to.rsplit('/').next().unwrap();
        let (from, to) = (manifest(from, &format!("[{table}]\n{name}.workspace = true\n")), manifest(to, ""));
        let tree = Tree::of(&[(&from.0, &from.1), (&to.0, &to.1)]);
        edges(&tree).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn refused(from: &str, table: &str, to: &str) {
        let found = found(from, table, to);
        assert!(found.len() == 1 && found[0].contains(":4: [crate-edge]"), "{from} {table} {to}: {found:?}");
    }

    #[track_caller]
    fn allowed(from: &str, table: &str, to: &str) {
        assert_eq!(found(from, table, to), [""; 0], "{from} {table} {to}");
    }

    #[test]
    fn shared_crates_import_downwards_only() {
        allowed("shared/plan", "dependencies", "shared/diff");
        refused("shared/diff", "dependencies", "shared/plan");
        refused("shared/diff", "build-dependencies", "shared/plan");
        refused("shared/diff", "dev-dependencies", "shared/plan");
        refused("shared/model", "dependencies", "services/differ");
    }

    #[test]
    fn only_the_binary_knows_the_services() {
        allowed("services/driftless", "dependencies", "services/differ");
        refused("services/applier", "dependencies", "services/differ");
        refused("services/applier", "dev-dependencies", "services/differ");
        allowed("services/applier", "dependencies", "shared/cluster");
    }

    #[test]
    fn what_is_for_tests_is_not_shipped() {
        for (from, to) in [("shared/bus", "shared/testkit"), ("services/driftless", "shared/testkit")] {
            refused(from, "dependencies", to);
            allowed(from, "dev-dependencies", to);
        }
        refused("services/differ", "dependencies", "shared/kubesim");
        allowed("services/driftless", "dependencies", "shared/kubesim");
        allowed("tests/cluster", "dependencies", "services/differ");
    }

    #[test]
    fn a_shared_crate_without_a_row_is_found() {
        let tree = Tree::of(&[("shared/novel/Cargo.toml", "[package]\nname = \"novel\"\n")]);
        assert!(edges(&tree)[0].problem.contains("novel has no row"));
    }
}
