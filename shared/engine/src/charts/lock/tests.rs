//! Tables about locks. The digests are what helm 3.22 wrote.

use manifest::{File, FileMode};

use super::*;

/// `>=1.0.0 <2` at a repository: what helm hashed.
const RANGE: &str = "6f2fcee0cf2f5244b2f1baae1d4a3046a2f9aa49a1a6531a7ebbea8d66402e88";
const URL: &str = "http://127.0.0.1:18999";

fn artifact(files: &[(&str, String)]) -> Artifact {
    let file = |text: &str| File { mode: FileMode::Regular, bytes: text.into() };
    Artifact::from_files(files.iter().map(|(path, text)| ((*path).to_owned(), file(text)))).unwrap()
}

fn chart(dependency: &str) -> String {
    format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: [{dependency}]\n")
}

fn chart_lock(entry: &str, digest: &str) -> String {
    format!("dependencies: [{entry}]\ndigest: sha256:{digest}\n")
}

/// What follows from one dependency, its entry in the lock and the lock's digest.
fn of(dependency: &str, entry: &str, digest: &str) -> Result<Vec<String>, ChartError> {
    let files = [("app/Chart.yaml", chart(dependency)), ("app/Chart.lock", chart_lock(entry, digest))];
    let found = locked(&artifact(&files), "app")?;
    Ok(found.iter().map(|(place, locked)| format!("{place} {}", locked.shown())).collect())
}

#[test]
fn a_lock_counts_if_helm_wrote_it_for_these_dependencies() {
    let entry = format!("{{name: dep, version: 1.2.3, repository: '{URL}'}}");
    for (more, digest) in [
        ("version: '>=1.0.0 <2'", RANGE),
        ("version: 1.2.3", "293c4b91612f558a070ba7618eaaf7958d4bf88441aab46469bd871891ba592f"),
        ("version: 1.2.3, alias: other", "7be4e55c13cc0f7aaa759767a8890309fe2d24219d48356a728c1721a8193129"),
        (
            "version: 1.2.3, condition: a.b",
            "b7ae4269bf9904a67bac37b6d6e314c2aac4c650786263612d1e0312818114b3",
        ),
        ("version: 1.2.3, tags: [a]", "5a7e4530e0cf6b70473eba268efab27f0bc6b9d719b3caf312669aa00ab48404"),
        (
            "version: 1.2.3, import-values: [data]",
            "52289dfbbb007af3db939b9c785445e0c343819f77b352400813d8993d5a523d",
        ),
        (
            "version: 1.2.3, import-values: [{parent: true, child: x}]",
            "419ecfbd443cfe024bb90e03816b61654e59034f721e309d21bbbcd86b5811ff",
        ),
    ] {
        let dependency = format!("{{name: dep, repository: '{URL}', {more}}}");
        let found = of(&dependency, &entry, digest).unwrap_or_else(|error| panic!("{more}: {error}"));
        assert_eq!(found, [format!("app/charts/dep-1.2.3.tgz dep 1.2.3 in {URL}")]);
        let error = of(&dependency, &entry, &RANGE.replace('6', "7")).unwrap_err();
        assert_eq!(error.code(), "CHART-LOCK", "{more}");
    }
    // The author's machine knew the repository by a name.
    let named = "{name: dep, repository: '@mine', version: '>=1.0.0 <2'}";
    assert_eq!(of(named, &entry, RANGE).unwrap().len(), 1);
}

#[test]
fn without_a_lock_nothing_is_guessed() {
    let remote = format!("{{name: dep, version: ^1, repository: '{URL}'}}");
    let error = locked(&artifact(&[("app/Chart.yaml", chart(&remote))]), "app").unwrap_err();
    assert_eq!(error.code(), "CHART-LOCK");
    assert!(error.to_string().contains("app") && error.remedy().contains("helm dependency update"));
    // What lies in Git needs none.
    for (dependency, file) in [
        (remote.as_str(), "app/charts/dep-1.0.0.tgz"),
        (remote.as_str(), "app/charts/dep/Chart.yaml"),
        ("{name: dep, repository: 'file://../dep'}", "dep/Chart.yaml"),
        ("{name: dep}", "app/x"),
    ] {
        let files = [("app/Chart.yaml", chart(dependency)), (file, String::new())];
        assert_eq!(locked(&artifact(&files), "app").unwrap(), BTreeMap::new(), "{dependency} {file}");
    }
    let plain = artifact(&[("app/x.yaml", String::new()), ("app/requirements.yaml", chart(&remote))]);
    assert_eq!(locked(&plain, "app").unwrap(), BTreeMap::new(), "it is no chart");
}

#[test]
fn a_chart_beside_is_completed_by_its_own_lock() {
    let (repository, range) = (URL, "'>=1.0.0 <2'");
    let remote = format!("{{name: dep, version: {range}, repository: '{repository}'}}");
    let entry = format!("{{name: dep, version: 1.2.3, repository: '{repository}'}}");
    let files = [
        ("app/Chart.yaml", chart("{name: lib, repository: 'file://../lib'}")),
        (
            "lib/Chart.yaml",
            chart(&remote)
                .replace("dependencies: [", "dependencies: [{name: app, repository: 'file://../app'}, "),
        ),
        ("lib/Chart.lock", chart_lock(&entry, RANGE)),
    ];
    let error = locked(&artifact(&files), "app").unwrap_err();
    assert!(error.to_string().contains("\"lib\""), "{error}");
    let files = [files[0].clone(), ("lib/Chart.yaml", chart(&remote)), files[2].clone()];
    let found = locked(&artifact(&files), "app").unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["lib/charts/dep-1.2.3.tgz"]);
}

#[test]
fn what_helm_would_read_otherwise_is_refused() {
    let good = [("name", "dep"), ("version", "1.2.3"), ("repository", "https://h/charts")];
    let entry = |key: &str, value: &str| {
        let fields =
            good.map(|(name, text)| (name.to_owned(), Value::from(if name == key { value } else { text })));
        Value::Object(fields.into_iter().collect())
    };
    for (key, value) in [
        ("name", "-x"),
        ("name", "../x"),
        ("name", "a/b"),
        ("name", ""),
        ("version", "^1.2.3"),
        ("version", "1.x"),
        ("version", "*"),
        ("version", ""),
        ("version", "1.2.3/../../x"),
        ("repository", "ftp://h/charts"),
        ("repository", "https://user:pw@h/charts"),
        ("repository", "https://h/charts?token=x"),
        ("repository", "https://h/a b"),
        ("repository", "@mine"),
    ] {
        let error = usable("app", &entry(key, value)).unwrap_err();
        assert_eq!(error.code(), "CHART-ADDRESS", "{key} {value}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
    for (key, value) in [("version", "v1.2.3-rc.1+x"), ("version", "1.2"), ("repository", "oci://h:5000/a")] {
        assert!(usable("app", &entry(key, value)).is_ok(), "{key} {value}");
    }
}

#[test]
fn the_host_of_a_repository_is_known() {
    for (repository, loopback, registry) in [
        ("oci://localhost:5000/a", true, Some("localhost:5000")),
        ("oci://[::1]:5000/a", true, Some("[::1]:5000")),
        ("oci://127.0.0.1/a", true, Some("127.0.0.1")),
        ("oci://localhost.example/a", false, Some("localhost.example")),
        ("https://h/a", false, None),
    ] {
        let locked = Locked { name: "a".into(), version: "1".into(), repository: repository.into() };
        assert_eq!((locked.is_loopback(), locked.registry()), (loopback, registry), "{repository}");
    }
}

#[test]
fn only_so_many_charts_are_brought() {
    let of = |count: usize| {
        let entry = |i: usize| format!("{{name: dep-{i}, version: 1.2.3, repository: '{URL}'}}");
        let entries = (0..count).map(entry).collect::<Vec<_>>().join(", ");
        let listed = listed(&artifact(&[("app/Chart.yaml", chart(&entries))]), "app");
        let told = digest(&Value::from(vec![hashed(&listed), hashed(&listed)])).replace("sha256:", "");
        let files = [("app/Chart.yaml", chart(&entries)), ("app/Chart.lock", chart_lock(&entries, &told))];
        locked(&artifact(&files), "app").map(|found| found.len())
    };
    assert_eq!(of(CHARTS_MAX).unwrap(), CHARTS_MAX);
    assert!(of(CHARTS_MAX + 1).unwrap_err().to_string().contains("64"));
}
