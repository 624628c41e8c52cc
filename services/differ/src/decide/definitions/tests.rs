use events::{
    Content,
    state::{DesiredState, RenderInputs},
};
use model::{
    Cluster, Digest,
    definition::{Fleet, Git, GitAuth, Reference},
};

use super::*;

fn fleet(url: &str) -> Fleet {
    let reference = Reference::Default;
    let git =
        Git { url: url.into(), reference, auth: GitAuth::None, ca_file: None, proxy: None, verify: None };
    Fleet { git, path: "fleet".into(), poll_ms: 1_000 }
}

fn set(cluster: &str) -> DefinitionSet {
    let cluster: Cluster = serde_json::from_value(
        serde_json::json!({"name": cluster, "kubeconfig": {"file": null, "context": null}}),
    )
    .unwrap();
    DefinitionSet::new(vec![], vec![cluster], vec![]).unwrap()
}

fn commit(digit: char) -> Commit {
    digit.to_string().repeat(40).parse().unwrap()
}

fn failure(code: &str) -> Failure {
    Failure {
        code: code.into(),
        message: "it failed".into(),
        remedy: String::new(),
        class: RetryClass::Permanent,
        at: Timestamp::from_millis(0),
        attempts: 3,
    }
}

/// A render of commit `b`, of which the last good desired state was first rendered from commit `a`.
fn render(failure: Option<Failure>) -> RenderState {
    let made_from = RenderInputs {
        source: model::SourceName::fleet(),
        observation: 7,
        commit: commit('b'),
        closure: None,
        engine: "plain 1".into(),
        key_id: "k".into(),
    };
    let desired = DesiredState {
        digest: Digest::of(b""),
        objects: 1,
        manifests: Content::Inline(vec![]),
        secrets: None,
        commit: commit('a'),
        observation: 6,
        notes: vec![],
    };
    RenderState { made_from, desired: Some(desired), failure }
}

fn reading(yaml: &str) -> Reading {
    ::fleet::read(&manifest::parse_file("fleet.yaml", yaml.as_bytes()).unwrap())
}

const GOOD: &str =
    "apiVersion: driftless.dev/v1alpha1\nkind: Cluster\nmetadata: {name: us}\nspec: {kubeconfig: {}}\n";
const BAD: &str = "apiVersion: v1\nkind: Pod\n";

#[test]
fn definitions_come_from_elsewhere_only_if_a_person_says_so() {
    let handed = || Bootstrap::Set(set("eu"));
    let from = |url: &str| Bootstrap::Fleet(fleet(url));
    let of_fleet = || Some(set("eu").read_from(fleet("a")));
    let mut branch = fleet("a");
    branch.git.reference = Reference::Branch("next".into());
    for (current, bootstrap, moved) in [
        (None, handed(), false),
        (None, from("a"), false),
        (Some(set("us")), handed(), false),
        (Some(DefinitionSet::default()), from("a"), false),
        (of_fleet(), from("a"), false),
        (of_fleet(), from("b"), true),
        (of_fleet(), Bootstrap::Fleet(branch), true),
        (of_fleet(), handed(), true),
        (Some(set("eu")), from("a"), true),
    ] {
        let refused = begin(current.clone(), &bootstrap, FleetChange::Refused);
        assert_eq!(refused.is_err(), moved, "{current:?} {bootstrap:?}");
        let begun = begin(current, &bootstrap, FleetChange::Allowed).unwrap();
        match bootstrap {
            Bootstrap::Set(set) => assert_eq!(begun, set),
            Bootstrap::Fleet(fleet) => assert_eq!(begun.fleet(), Some(fleet)),
        }
    }
    let told = begin(of_fleet(), &from("b"), FleetChange::Refused).unwrap_err();
    assert_eq!((told.before.as_str(), told.now.as_str()), ("a (fleet)", "b (fleet)"));
}

/// Until the repository has been read, nothing leaves.
#[test]
fn what_is_in_force_stays_when_the_repository_is_another() {
    let begun = begin(Some(set("eu")), &Bootstrap::Fleet(fleet("a")), FleetChange::Allowed).unwrap();
    assert_eq!(begun, set("eu").read_from(fleet("a")));
    // How it is reached may change without a word.
    let mut other = fleet("a");
    (other.poll_ms, other.git.proxy) = (9_000, Some("http://proxy:3128".into()));
    let reached = begin(Some(begun), &Bootstrap::Fleet(other.clone()), FleetChange::Refused).unwrap();
    assert_eq!(reached.fleet(), Some(other));
}

#[test]
fn a_good_set_is_in_force_with_the_commit_it_was_made_from() {
    let current = set("eu").read_from(fleet("a"));
    let judged = judge(&render(None), &current, Some(reading(GOOD)), Timestamp::from_millis(5));
    assert_eq!(judged, Judged { set: Some((set("us").read_from(fleet("a")), commit('a'))), rejected: None });
}

#[test]
fn a_bad_set_leaves_the_last_good_one_in_force_and_says_why() {
    let current = set("eu").read_from(fleet("a"));
    let judged = judge(&render(None), &current, Some(reading(BAD)), Timestamp::from_millis(5));
    assert_eq!(judged.set, None);
    let rejected = judged.rejected.unwrap();
    assert_eq!((rejected.code.as_str(), rejected.at.as_millis()), ("DEFINITION-KIND", 5));
    assert!(rejected.message.starts_with("fleet.yaml:1: this is not a definition"), "{}", rejected.message);
    let judged = judge(
        &render(None),
        &current,
        Some(reading(&format!("{BAD}---\n").repeat(11))),
        Timestamp::from_millis(5),
    );
    assert!(judged.rejected.unwrap().message.ends_with("; 3 more"));
}

/// A differ that slept over the last good revision learns of it together with the failure.
#[test]
fn a_failed_render_is_told_and_what_was_good_before_it_counts() {
    let current = set("eu").read_from(fleet("a"));
    let failed = render(Some(failure("RENDER-FAILED")));
    let judged = judge(&failed, &current, Some(reading(GOOD)), Timestamp::from_millis(5));
    assert_eq!(judged.set.unwrap().0, set("us").read_from(fleet("a")));
    assert_eq!(judged.rejected, Some(failure("RENDER-FAILED")));
    let never = RenderState { desired: None, ..failed };
    let judged = judge(&never, &current, None, Timestamp::from_millis(5));
    assert_eq!((judged.set, judged.rejected), (None, Some(failure("RENDER-FAILED"))));
}

#[test]
fn an_older_revision_is_never_judged_again() {
    let state = |observation| DefinitionsState {
        digest: Digest::of(b""),
        set: Content::Inline(vec![]),
        rejected: None,
        commit: None,
        observation,
    };
    assert!(!is_past(&render(None), &state(0)));
    assert!(!is_past(&render(None), &state(7)));
    assert!(is_past(&render(None), &state(8)));
}
