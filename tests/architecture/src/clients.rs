//! Each foreign system has one crate that knows its client; all others go through that crate.

use crate::package::Kind;
use crate::{Tree, Violation};

/// A client with the shared crates that may depend on it. A trailing `*` stands for any ending.
const CLIENTS: &[(&str, &[&str])] = &[
    ("async-nats", &["bus"]),
    ("redb", &["bus", "ledger"]),
    ("tlog_tiles", &["ledger"]),
    ("signed_note", &["ledger"]),
    ("ed25519-dalek", &["ledger"]),
    ("kube*", &["cluster"]),
    ("k8s-openapi", &["cluster"]),
    ("gix*", &["source"]),
    ("opentelemetry*", &["telemetry"]),
    ("tracing-opentelemetry", &["telemetry"]),
];

pub fn clients(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in tree.packages.iter().filter(|package| !matches!(package.layer(), "tests" | "loadtest")) {
        // A crate's own tests may hold it against the real client.
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev) {
            let ours = tree.packages.iter().any(|other| other.name == dependency.name);
            let client = CLIENTS.iter().find(|(client, _)| !ours && covers(client, &dependency.name));
            if let Some((client, owners)) =
                client.filter(|(_, owners)| !owners.contains(&package.name.as_str()))
            {
                found.push(Violation {
                    rule: "foreign-client",
                    path: package.manifest.clone(),
                    line: dependency.line,
                    item: "-".to_owned(),
                    problem: format!(
                        "{} names {client}, which belongs to {}",
                        package.name,
                        owners.join(" and ")
                    ),
                    fix: "call the owning crate; if it lacks something, add it there in our own words",
                });
            }
        }
    }
    found
}

fn covers(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &str, dependencies: &str) -> Vec<String> {
        let (_, name) = folder.rsplit_once('/').unwrap();
        let manifest = format!("[package]\nname = \"{name}\"\n{dependencies}");
        let kubesim = ("shared/kubesim/Cargo.toml", "[package]\nname = \"kubesim\"\n");
        let tree = Tree::of(&[(&format!("{folder}/Cargo.toml"), &manifest), kubesim]);
        clients(&tree).into_iter().map(|violation| violation.problem).collect()
    }

    #[test]
    fn a_client_outside_its_crate_is_found() {
        assert_eq!(
            found("services/differ", "[dependencies]\nkube-client = \"5\"\n"),
            ["differ names kube*, which belongs to cluster"]
        );
        assert_eq!(
            found("shared/plan", "[dependencies]\nredb = \"4\"\n"),
            ["plan names redb, which belongs to bus and ledger"]
        );
    }

    #[test]
    fn trees_and_signatures_are_the_ledgers() {
        for (folder, dependency) in [
            ("services/auditor", "tlog_tiles"),
            ("shared/bus", "signed_note"),
            ("services/gateway", "ed25519-dalek"),
        ] {
            assert_eq!(
                found(folder, &format!("[dependencies]\n{dependency} = \"1\"\n")).len(),
                1,
                "{dependency}"
            );
            let of_ledger = format!("[dependencies]\n{dependency}.workspace = true\n");
            assert_eq!(found("shared/ledger", &of_ledger), [""; 0]);
        }
    }

    #[test]
    fn owners_tests_and_crates_of_ours_may() {
        assert_eq!(found("shared/cluster", "[dependencies]\nkube.workspace = true\n"), [""; 0]);
        assert_eq!(found("tests/cluster", "[dependencies]\nasync-nats.workspace = true\n"), [""; 0]);
        assert_eq!(found("shared/plan", "[dev-dependencies]\nkube.workspace = true\n"), [""; 0]);
        assert_eq!(found("services/driftless", "[dependencies]\nkubesim.workspace = true\n"), [""; 0]);
    }
}
