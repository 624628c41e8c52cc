use model::definition::{Deletion, FirstContact, GitAuth, Reference, Rendering, SecretRef};

use super::*;
use crate::{Files, point};

const SOURCE: &str = "apiVersion: driftless.dev/v1alpha1\nkind: Source\nmetadata: {name: shop}\n\
                      spec: {git: {url: \"https://git.example/shop.git\"}}\n";
const CLUSTER: &str = "apiVersion: driftless.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu, labels: {env: prod}}\n\
                       spec: {kubeconfig: {file: eu.yaml}}\n";
const APPLICATION: &str = "apiVersion: driftless.dev/v1alpha1\nkind: Application\nmetadata: {name: shop}\n\
                           spec:\n  source: {name: shop}\n  targets: {}\n";

fn reading(text: &str) -> Reading {
    let documents = manifest::parse_file("fleet.yaml", text.as_bytes()).unwrap();
    let mut reading = read(&documents);
    point(&mut reading.problems, &Files::from([("fleet.yaml", text.as_bytes())]));
    reading
}

fn set(parts: &[&str]) -> DefinitionSet {
    let reading = reading(&parts.join("---\n"));
    reading.set.unwrap_or_else(|| panic!("{:?}", reading.problems))
}

fn told(text: &str) -> Vec<String> {
    let problems = reading(text).problems;
    problems.iter().map(|problem| format!("{} {problem}; {}", problem.code, problem.remedy)).collect()
}

/// What is wrong with one document: the only thing.
#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(told(text), [expected], "{text}");
    assert_eq!(reading(text).set, None);
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_model() {
    let set = set(&[SOURCE, CLUSTER, APPLICATION]);
    let json = serde_json::json!({
        "sources": [{"name": "shop", "git": {"url": "https://git.example/shop.git"}}],
        "clusters": [{"name": "eu", "labels": {"env": "prod"}, "kubeconfig": {"file": "eu.yaml", "context": null}}],
        "applications": [{"name": "shop", "source": {"name": "shop", "path": "."}}],
    });
    let expected: DefinitionSet = serde_json::from_value(json).unwrap();
    assert_eq!(set, expected);
}

#[test]
fn everything_that_can_be_said_arrives() {
    let source = "apiVersion: driftless.dev/v1alpha1\nkind: Source\nmetadata: {name: shop, annotations: {a: b}}\nspec:\n  \
                  poll: 5m\n  git:\n    url: https://git.example/shop.git\n    semver: ^1.4\n    auth: {basic: \
                  {username: bot, passwordFrom: {env: TOKEN}}}\n    caFile: ca.pem\n    proxy: http://proxy:3128\n";
    let application = "apiVersion: driftless.dev/v1alpha1\nkind: Application\nmetadata: {name: shop}\nspec:\n  \
                       source: {name: shop, path: chart}\n  helm: {releaseName: web, valuesFiles: [prod.yaml], \
                       values: {replicas: 2}, pinNonDeterministic: true}\n  targets: {matchLabels: {env: prod}}\n  \
                       namespace: shop\n  sync: {auto: false}\n  deletion: delete\n  guard: {maxPrunePercent: 50}\n  \
                       ignore: [{kind: Deployment, pointers: [/spec/replicas], managers: [hpa]}]\n  \
                       firstContact: takeOver\n  overrides: [{targets: {matchLabels: {region: eu}}, path: eu, \
                       valuesFiles: [eu.yaml], values: {replicas: 3}}]\n";
    let set = set(&[source, CLUSTER, application]);
    let source = &set.sources()[0];
    assert_eq!(source.poll_ms, 300_000);
    assert_eq!(source.git.reference, Reference::Semver("^1.4".into()));
    let password = SecretRef::Env("TOKEN".into());
    assert_eq!(source.git.auth, GitAuth::Basic { username: "bot".into(), password });
    let application = &set.applications()[0];
    let Rendering::Helm(helm) = &application.rendering else { panic!("{application:?}") };
    assert_eq!(helm.values, "{\"replicas\":2}");
    assert_eq!((helm.release_name.as_deref(), helm.pin_non_deterministic), (Some("web"), true));
    assert!(!application.sync.auto && application.sync.prune && application.sync.self_heal);
    assert_eq!((application.deletion, application.first_contact), (Deletion::Delete, FirstContact::TakeOver));
    assert_eq!(application.ignore[0].managers, ["hpa"]);
    let different = &application.overrides[0];
    assert_eq!(different.targets.match_labels["region"], "eu");
    assert_eq!((different.path.as_deref(), different.values.as_str()), (Some("eu"), "{\"replicas\":3}"));
    assert_eq!(different.values_files, ["eu.yaml"]);
}

#[test]
fn fields_that_do_not_fit_are_pointed_at() {
    let spec =
        |spec: &str| APPLICATION.replace("  targets: {}\n", spec) + "---\n" + SOURCE + "---\n" + CLUSTER;
    for (text, expected) in [
        (
            "  taregts: {}\n  targets: {}\n",
            "DEFINITION-FIELD fleet.yaml:6:3: Application shop: spec.taregts is not a \
            field; did you mean targets?",
        ),
        (
            "  targets: {labels: {}}\n",
            "DEFINITION-FIELD fleet.yaml:6:13: Application shop: spec.targets.labels is not a \
            field; the fields here: matchLabels",
        ),
        ("", "DEFINITION-FIELD fleet.yaml:4:1: Application shop: spec.targets is missing; add it"),
        (
            "  targets: null\n",
            "DEFINITION-FIELD fleet.yaml:6:3: Application shop: spec.targets is missing; add it",
        ),
        (
            "  targets: {matchLabels: {v: 1}}\n",
            "DEFINITION-FIELD fleet.yaml:6:27: Application shop: \
            spec.targets.matchLabels.v has to be text, and is a number; put it in quotes",
        ),
        (
            "  targets: {}\n  deletion: orphans\n",
            "DEFINITION-FIELD fleet.yaml:7:3: Application shop: spec.deletion has \
            to be orphan or delete; write orphan",
        ),
        (
            "  targets: {}\n  sync: {auto: no-}\n",
            "DEFINITION-FIELD fleet.yaml:7:10: Application shop: spec.sync.auto \
            has to be true or false, and is text; correct it",
        ),
        (
            "  targets: {}\n  guard:\n    maxPrunePercent: 100\n",
            "DEFINITION-FIELD fleet.yaml:8:5: Application shop: \
            spec.guard.maxPrunePercent has to be 0 to 99; choose a number between",
        ),
        (
            "  targets: {}\n  ignore: [{kinds: x}]\n",
            "DEFINITION-FIELD fleet.yaml:7:13: Application shop: \
            spec.ignore[0].kinds is not a field; did you mean kind?",
        ),
        (
            "  targets: {}\n  ignore: {}\n",
            "DEFINITION-FIELD fleet.yaml:7:3: Application shop: spec.ignore has to be a \
            list, and is a map; correct it",
        ),
    ] {
        refused(&spec(text), expected);
    }
    let unnamed = SOURCE.replace("{name: shop}", "{}");
    refused(&unnamed, "DEFINITION-FIELD fleet.yaml:3:1: metadata.name is missing; add it");
}

#[test]
fn values_that_cannot_be_are_pointed_at() {
    let git = |git: &str| SOURCE.replace("{url: \"https://git.example/shop.git\"}", git);
    for (text, expected) in [
        (SOURCE.replace("shop}", "Shop}"), "metadata.name: this is not a name"),
        (
            SOURCE.replace("shop}", "shop, annotations: {driftless.dev/sensitive: /spec}}"),
            "a secret value has no place",
        ),
        (SOURCE.replace("shop}", "shop, annotations: {helm.sh/hook: test}}"), "a definition is no hook"),
        (
            SOURCE.replace("shop}", "shop, annotations: {argocd.argoproj.io/hook: Skip}}"),
            "a definition is no hook",
        ),
        (SOURCE.replace("shop}", "driftless-fleet}"), "metadata.name: driftless-fleet is what the fleet"),
        (SOURCE.replace("spec: {", "spec: {poll: soon, "), "spec.poll: this is not a duration"),
        (SOURCE.replace("spec: {", "spec: {poll: 0s, "), "spec.poll: this is less than a second"),
        (git("{url: x, branch: a, tag: b}"), "spec.git: branch and tag exclude each other"),
        (git("{url: x, semver: latest}"), "spec.git.semver: this is not a range"),
        (git("{url: x, commit: abc}"), "spec.git.commit: this is not a commit"),
        (git("{url: x, auth: {}}"), "spec.git.auth: it says nothing"),
        (git("{url: x, auth: {bearer: {tokenFrom: {}}}}"), "spec.git.auth.bearer.tokenFrom: it says nothing"),
        (git("{url: \"https://a:hunter2@git.example/x\"}"), "spec.git.url: the address or its proxy shows"),
        (CLUSTER.replace("env: prod", "env: pro d"), "metadata.labels.env: its value"),
        (CLUSTER.replace("spec: {", "spec: {namespace: A, "), "spec.namespace: this is not a namespace"),
    ] {
        let told = told(&text);
        assert!(told.len() == 1 && told[0].starts_with("DEFINITION-VALUE fleet.yaml:"), "{told:?}");
        assert!(told[0].contains(expected) && !told[0].contains("hunter2"), "{expected}: {told:?}");
    }
    let spec =
        |spec: &str| APPLICATION.replace("source: {name: shop}", spec) + "---\n" + SOURCE + "---\n" + CLUSTER;
    for (text, expected) in [
        ("source: {name: shop, path: ../x}", "spec.source.path: it leads out"),
        ("source: {name: shop}\n  namespace: a_b", "spec.namespace: this is not a namespace"),
        (
            "source: {name: shop}\n  plain: {}\n  kustomize: {}",
            "spec: plain and kustomize exclude each other",
        ),
        ("source: {name: shop}\n  helm: {values: {a: [{b: null}]}}", "spec.helm.values: a null in it"),
        ("source: {name: shop}\n  overrides: [{targets: {}}]", "spec.overrides[0]: it says nothing"),
        (
            "source: {name: shop}\n  overrides: [{targets: {}, values: {a: 1}}]",
            "spec.overrides[0]: values are for",
        ),
        (
            "source: {name: shop}\n  overrides: [{targets: {}, path: a/../../b}]",
            "spec.overrides[0].path: it leads out",
        ),
        (
            "source: {name: shop}\n  helm: {}\n  overrides: [{targets: {}, values: {a: null, b: 1}}]",
            "spec.overrides[0].values: a null in it",
        ),
        ("source: {name: shop}\n  ignore: [{pointers: [a]}]", "spec.ignore[0]: \"a\" is not a JSON pointer"),
    ] {
        let told = told(&spec(text));
        assert!(told.len() == 1 && told[0].contains(expected), "{expected}: {told:?}");
    }
}

#[test]
fn what_is_no_definition_is_named() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\n";
    refused(
        secret,
        "DEFINITION-KIND fleet.yaml:1:1: Secret token: this is not a definition: a fleet folder holds \
        nothing else; move it to the folder of an application; definitions are Source, Cluster, Application of \
        driftless.dev/v1alpha1",
    );
    refused(
        &SOURCE.replace("kind: Source", "kind: source"),
        "DEFINITION-KIND fleet.yaml:2:1: source shop: \
        driftless.dev/v1alpha1 has no such kind; did you mean Source?",
    );
    refused(
        &SOURCE.replace("v1alpha1", "v2"),
        "DEFINITION-KIND fleet.yaml:1:1: Source shop: this version of \
        definitions is not known here; write driftless.dev/v1alpha1, or use the driftless that knows it",
    );
    assert_eq!(told("- 1\n").len(), 1);
    refused(
        "",
        "DEFINITION-EMPTY there is no definition; check the path; to define nothing, leave one Source",
    );
}

#[test]
fn the_whole_set_is_checked_and_everything_is_told() {
    let lost = APPLICATION
        .replace("{name: shop}\n  targets", "{name: shpo}\n  targets")
        .replace("name: shop}", "name: b}");
    let text = [SOURCE, APPLICATION, &lost, SOURCE, "apiVersion: v1\nkind: Pod\n"].join("---\n");
    let told = told(&text);
    let expected = [
        "DEFINITION-REFERENCE fleet.yaml:17:12: Application b: there is no Source shpo; did you mean shop?",
        "DEFINITION-DUPLICATE fleet.yaml:22:12: Source shop: this name is taken already at fleet.yaml:1; rename or \
         remove one of the two",
    ];
    assert_eq!(told[..2], expected);
    assert!(told[2].starts_with("DEFINITION-KIND fleet.yaml:25:1: this is not a definition"), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[test]
fn an_application_that_goes_nowhere_is_only_a_warning() {
    let text = APPLICATION.replace("targets: {}", "targets: {matchLabels: {env: test}}");
    let text = [SOURCE, CLUSTER, &text].join("---\n");
    let found = reading(&text);
    assert_eq!(found.errors().count(), 0);
    assert!(found.set.is_some());
    assert_eq!(found.problems[0].code, "DEFINITION-TARGETS");
    assert_eq!(found.problems[0].line, 16);
}

/// Two that target one cluster and namespace are as good as any.
#[test]
fn applications_may_share_a_namespace() {
    let other = APPLICATION.replace("{name: shop}\nspec:", "{name: other}\nspec:\n  namespace: shop");
    let one = APPLICATION.replace("spec:", "spec:\n  namespace: shop");
    assert_eq!(set(&[SOURCE, CLUSTER, &one, &other]).applications().len(), 2);
}

/// The renderer puts a mark on every object, takes nulls away, and the files that it came from are found again.
#[test]
fn rendered_documents_say_the_same_and_are_pointed_at() {
    let written = [SOURCE, CLUSTER, APPLICATION].join("---\n");
    let mut documents = manifest::parse_file("fleet.yaml", written.as_bytes()).unwrap();
    for document in &mut documents {
        document.value["metadata"]["labels"]["driftless.dev/application"] = "driftless-fleet".into();
        (document.file, document.line) = (String::new(), 0);
    }
    assert_eq!(read(&documents).set, Some(set(&[SOURCE, CLUSTER, APPLICATION])));
    documents[2].value["spec"]["namespace"] = 7.into();
    let text = written.replace("  targets: {}\n", "  targets: {}\n  namespace: 7\n");
    let files = Files::from([("a/fleet.yaml", text.as_bytes()), ("readme.md", b"kind: [")]);
    crate::find(&mut documents, &files);
    let mut problems = read(&documents).problems;
    point(&mut problems, &files);
    assert_eq!(
        problems[0].to_string(),
        "a/fleet.yaml:17:3: Application shop: spec.namespace has to be text, and is a \
        number"
    );
}

#[test]
fn a_cluster_may_be_restricted_to_namespaces() {
    use model::definition::{ClusterResources, OWN_NAMESPACE, Reach};
    let cluster = |more: &str| CLUSTER.replace("{file: eu.yaml}", &format!("{{file: eu.yaml}}, {more}"));
    let read = |more: &str| {
        let set = set(&[SOURCE, &cluster(more), APPLICATION]);
        (set.clusters()[0].namespace.clone(), set.clusters()[0].reach.clone())
    };
    let only = |names: &[&str], cluster_resources| Reach::Only {
        namespaces: names.iter().map(|name| (*name).to_owned()).collect(),
        cluster_resources,
    };
    let (refused_ones, allowed) = (ClusterResources::Refused, ClusterResources::Allowed);
    assert_eq!(read("clusterResources: true"), (OWN_NAMESPACE.into(), Reach::Whole));
    assert_eq!(
        read("namespaces: [b, a]"),
        ("b".into(), only(&["b", "a"], refused_ones)),
        "the Lease is in b"
    );
    let said = read("namespaces: [b, a], namespace: a, clusterResources: true");
    assert_eq!(said, ("a".into(), only(&["b", "a"], allowed)));
    for (more, expected) in [
        ("namespaces: []", "spec.namespaces: a cluster that is restricted to namespaces needs at least one"),
        ("namespaces: [a, a]", "spec.namespaces: namespace a stands here twice"),
        ("namespaces: [a], namespace: b", "spec.namespaces: namespace b, in which the Lease is kept"),
        ("namespaces: [a, B]", "spec.namespaces[1]: "),
        ("clusterResources: false", "spec.clusterResources: is of use only beside namespaces"),
    ] {
        let told = told(&[SOURCE, &cluster(more), APPLICATION].join("---\n"));
        assert!(told.len() == 1 && told[0].contains(&format!("Cluster eu: {expected}")), "{told:?}");
    }
}

#[test]
fn a_kubeconfig_may_be_in_a_secret() {
    let cluster = |kubeconfig: &str| CLUSTER.replace("{file: eu.yaml}", kubeconfig);
    let set =
        set(&[SOURCE, &cluster("{secret: {name: eu-1, namespace: fleet}, context: admin}"), APPLICATION]);
    let kubeconfig = &set.clusters()[0].kubeconfig;
    let secret = kubeconfig.secret.as_ref().unwrap();
    let said = (secret.name.as_str(), secret.namespace.as_deref(), secret.key.as_str());
    assert_eq!(said, ("eu-1", Some("fleet"), "kubeconfig"));
    for (kubeconfig, expected) in [
        ("{secret: {name: eu-1}, file: eu.yaml}", "spec.kubeconfig: file and secret exclude each other"),
        ("{secret: {name: a/b}}", "spec.kubeconfig.secret.name: this is not the name of an object"),
    ] {
        let told = told(&[SOURCE, &cluster(kubeconfig), APPLICATION].join("---\n"));
        assert!(told.len() == 1 && told[0].contains(&format!("Cluster eu: {expected}")), "{told:?}");
    }
}
