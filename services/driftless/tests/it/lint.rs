//! `lint` and `schema`: what people run before they commit definitions.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{Told, told};

const SOURCE: &str = "apiVersion: driftless.dev/v1alpha1\nkind: Source\nmetadata:\n  name: shop\nspec:\n  git:\n    \
                      url: https://git.example/shop.git\n";
const CLUSTER: &str =
    "apiVersion: driftless.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: eu\nspec:\n  kubeconfig: {}\n";
const APPLICATION: &str = "apiVersion: driftless.dev/v1alpha1\nkind: Application\nmetadata:\n  name: shop\nspec:\n  \
                           source: {name: shop}\n  targets: {}\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Told {
    let mut run = Command::new(env!("CARGO_BIN_EXE_driftless"));
    run.current_dir(folder)
        .args(arguments)
        .env("DRIFTLESS_TOOLS_BIN", testkit::tool("helm").parent().unwrap());
    told(run)
}

#[test]
fn good_definitions_pass_in_silence() {
    let folder = folder(&[
        ("fleet/all.yaml", &[SOURCE, CLUSTER, APPLICATION].join("---\n")),
        ("fleet/readme.md", "x"),
    ]);
    let lint = run(folder.path(), &["lint", "fleet"]);
    assert_eq!((lint.exit, lint.out.as_str(), lint.err.as_str()), (0, "", ""), "{lint}");
    let lint = run(folder.path(), &["lint", "fleet", "-o", "json"]);
    assert_eq!((lint.exit, lint.out.as_str()), (0, "{\"version\":1,\"problems\":[]}\n"), "{lint}");
}

#[test]
fn everything_that_is_wrong_is_told_at_its_place() {
    let application = APPLICATION.replace("targets", "taregts").replace("{name: shop}", "{name: shpo}");
    let cluster = CLUSTER.replace("kubeconfig: {}", "kubeconfig: {}\n  namespace: A_B");
    let folder = folder(&[
        ("fleet/clusters/eu.yaml", cluster.as_str()),
        ("fleet/shop.yaml", &format!("{SOURCE}---\n{application}")),
        (
            "fleet/token.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {a: hunter2}\n",
        ),
    ]);
    let lint = run(folder.path(), &["lint", "fleet"]);
    let expected = "\
fleet/clusters/eu.yaml:7:3: error[DEFINITION-VALUE]: Cluster eu: spec.namespace: this is not a namespace
  help: use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit
fleet/shop.yaml:13:1: error[DEFINITION-FIELD]: Application shop: spec.targets is missing
  help: add it
fleet/shop.yaml:15:3: error[DEFINITION-FIELD]: Application shop: spec.taregts is not a field
  help: did you mean targets?
fleet/token.yaml:1:1: error[DEFINITION-KIND]: Secret token: this is not a definition: a fleet folder holds nothing else
  help: move it to the folder of an application; definitions are Source, Cluster, Application of driftless.dev/v1alpha1
";
    assert_eq!((lint.exit, lint.out.as_str(), lint.err.as_str()), (1, expected, ""), "{lint}");
    let json = run(folder.path(), &["lint", "fleet", "-o", "json"]);
    let document: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.exit, document["problems"].as_array().unwrap().len()), (1, 4), "{json}");
    let first = json!({
        "severity": "error", "code": "DEFINITION-VALUE", "file": "fleet/clusters/eu.yaml", "line": 7, "column": 3,
        "message": "Cluster eu: spec.namespace: this is not a namespace",
        "remedy": "use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit",
    });
    assert_eq!(document["problems"][0], first);
}

#[test]
fn a_warning_alone_is_no_failure() {
    let application = APPLICATION.replace("targets: {}", "targets: {matchLabels: {env: prod}}");
    let folder = folder(&[("all.yaml", &[SOURCE, CLUSTER, &application].join("---\n"))]);
    let lint = run(folder.path(), &["lint", "."]);
    assert_eq!(lint.exit, 0, "{lint}");
    assert!(
        lint.out.starts_with("./all.yaml:22:3: warning[DEFINITION-TARGETS]: Application shop: no cluster"),
        "{lint}"
    );
}

/// Every file that cannot be read is told, and nothing that may only follow from that.
#[test]
fn files_that_are_no_yaml_are_all_told() {
    let folder = folder(&[("a.yaml", "a: ["), ("b.yaml", "a: 1\na: 2\n"), ("c.yaml", APPLICATION)]);
    let lint = run(folder.path(), &["lint", "."]);
    let places: Vec<&str> = lint.out.lines().filter(|line| line.starts_with("./")).collect();
    assert_eq!((lint.exit, places.len()), (1, 2), "{lint}");
    assert!(
        places[0].starts_with("./a.yaml:1:") && places[1].starts_with("./b.yaml:2:1: error[MANIFEST-SYNTAX]")
    );
}

/// Overlays name what stands beside them, within the repository.
#[test]
fn a_kustomization_is_rendered_and_its_files_are_pointed_at() {
    let overlay = "resources: [../base]\n";
    let base = "resources: [all.yaml]\n";
    let files = |text: &str| {
        folder(&[
            (".git/HEAD", "ref: refs/heads/main\n"),
            ("prod/kustomization.yaml", overlay),
            ("base/kustomization.yaml", base),
            ("base/all.yaml", text),
        ])
    };
    let good = files(&[SOURCE, CLUSTER, APPLICATION].join("---\n"));
    let lint = run(good.path(), &["lint", "prod"]);
    assert_eq!((lint.exit, lint.out.as_str()), (0, ""), "{lint}");
    let bad = files(&[SOURCE, CLUSTER, &APPLICATION.replace("{name: shop}", "{name: shpo}")].join("---\n"));
    let lint = run(bad.path(), &["lint", "prod"]);
    assert_eq!(lint.exit, 1, "{lint}");
    assert!(lint.out.contains("base/all.yaml:21:12: error[DEFINITION-REFERENCE]"), "{lint}");
    let broken = folder(&[("kustomization.yaml", "resources: [missing.yaml]\n")]);
    let lint = run(broken.path(), &["lint", ".", "-o", "json"]);
    let document: Value = serde_json::from_str(&lint.out).unwrap();
    assert_eq!((lint.exit, document["failure"]["code"].as_str()), (1, Some("RENDER-FAILED")), "{lint}");
}

#[test]
fn what_is_no_folder_of_definitions_is_refused() {
    let folder = folder(&[("readme.md", "x")]);
    let lint = run(folder.path(), &["lint", "."]);
    assert!(
        lint.exit == 1 && lint.out.starts_with("error[DEFINITION-EMPTY]: there is no definition"),
        "{lint}"
    );
    let lint = run(folder.path(), &["lint", "missing"]);
    assert!(lint.exit == 2 && lint.err.starts_with("error[USAGE]: missing"), "{lint}");
}

#[test]
fn schemas_are_printed() {
    let folder = folder(&[]);
    let told = run(folder.path(), &["schema", "application"]);
    let schema: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.exit, schema["title"].as_str()), (0, Some("Application")), "{told}");
    assert_eq!(run(folder.path(), &["schema", "pod"]).exit, 2);
}

#[test]
fn what_only_the_renderer_minds_is_told_and_hooks_are_no_definitions() {
    let twice = format!("{SOURCE}---\n{CLUSTER}---\n{APPLICATION}");
    // More than an object may hold.
    let large = format!("{twice}  helm: {{values: {{a: {}}}}}\n", "x".repeat(3 << 20));
    let folder = folder(&[("all.yaml", &large)]);
    let lint = run(folder.path(), &["lint", "."]);
    assert!(
        lint.exit == 1 && lint.out.starts_with("./all.yaml:") && lint.out.contains("error[MANIFEST-OBJECT]"),
        "{lint}"
    );

    let hook = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: a\n  annotations: {helm.sh/hook: test}\n";
    let folder = self::folder(&[
        ("Chart.yaml", "apiVersion: v2\nname: fleet\nversion: 1.0.0\n"),
        ("templates/all.yaml", &twice),
        ("templates/hook.yaml", hook),
    ]);
    let lint = run(folder.path(), &["lint", "."]);
    assert_eq!((lint.exit, lint.out.as_str()), (0, ""), "{lint}");
}

#[test]
fn a_commit_is_checked_with_the_charts_that_it_is_locked_to() {
    let home = TempDir::new().unwrap();
    let charts = testkit::chart_repository::ChartRepository::start(home.path(), None);
    charts.publish("more", "1.2.3", &CLUSTER.replace("name: eu", "name: '{{ .Values.cluster }}'"));
    let url = charts.url();
    let repository = crate::repository::Repository::new();
    let fleet = repository.url();
    let chart = format!(
        "apiVersion: v2\nname: fleet\nversion: 1.0.0\n\
         dependencies: [{{name: more, version: 1.2.3, repository: '{url}'}}]\n"
    );
    let own = [SOURCE, APPLICATION].join("---\n");
    let files = [
        ("prod/Chart.yaml", chart.as_str()),
        ("prod/values.yaml", "more: {cluster: eu}\n"),
        ("prod/templates/all.yaml", &own),
    ];
    repository.commit(&files);
    let unlocked = run(home.path(), &["lint", "--fleet", &fleet, "--path", "prod"]);
    assert!(unlocked.exit == 1 && unlocked.err.contains("CHART-LOCK"), "{unlocked}");
    charts.lock(&repository.path().join("prod"));
    repository.commit(&[]);
    let good = run(home.path(), &["lint", "--fleet", &fleet, "--path", "prod"]);
    assert_eq!((good.exit, good.out.as_str(), good.err.as_str()), (0, "", ""), "{good}");
    repository.commit(&[("prod/values.yaml", "more: {cluster: A_B}\n")]);
    let bad = run(home.path(), &["lint", "--fleet", &format!("{fleet}#main"), "--path", "prod"]);
    assert!(bad.exit == 1 && bad.out.contains("A_B"), "{bad}");
    let nowhere = run(home.path(), &["lint", "--fleet", &fleet, "--path", "nowhere"]);
    assert!(nowhere.exit == 1 && nowhere.err.contains("GIT-PATH"), "{nowhere}");
}
