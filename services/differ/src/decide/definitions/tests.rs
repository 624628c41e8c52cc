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
        consent: Consent::default(),
    };
    assert!(!is_past(&render(None), &state(0)));
    assert!(!is_past(&render(None), &state(7)));
    assert!(is_past(&render(None), &state(8)));
}

/// A set of one application that goes to the clusters of these names.
fn shop_on(clusters: &[&str]) -> DefinitionSet {
    let cluster = |name: &&str| {
        serde_json::from_value(
            serde_json::json!({"name": name, "kubeconfig": {"file": null, "context": null}}),
        )
    };
    let application = plan::release::defined_no_more(&shop("eu")).unwrap();
    let source = serde_json::json!({"name": "shop", "pollMs": 1_000, "git": {"url": "a"}});
    let clusters = clusters.iter().map(cluster).collect::<Result<_, _>>().unwrap();
    let source = serde_json::from_value(source).unwrap();
    DefinitionSet::new(vec![source], clusters, vec![application]).unwrap()
}

fn shop(cluster: &str) -> TargetId {
    TargetId { cluster: cluster.parse().unwrap(), application: "shop".parse().unwrap() }
}

fn approval(id: &str, plan: Digest) -> Request {
    let by = Default::default();
    Request { id: id.parse().unwrap(), kind: RequestKind::Approve { plan }, at: Timestamp::default(), by }
}

#[test]
fn a_set_that_lets_go_of_too_much_waits_for_the_approval_of_just_this_one() {
    let (current, next) = (shop_on(&["eu", "us"]), shop_on(&["eu"]));
    let inventories = BTreeMap::from([(shop("eu"), Some(5)), (shop("us"), Some(5))]);
    let judged = || Judged { set: Some((next.clone(), commit('a'))), rejected: None };
    let (this, other) = (Digest::of(b"this"), Digest::of(b"other"));
    let now = Timestamp::from_millis(5);
    let weighed = |judged, requests: &[Request], before: &Consent| {
        let scales = Scales { current: &current, inventories: &inventories, percent: 30, requests, before };
        weigh(judged, Some(this), scales, now)
    };
    let (refused, held) = weighed(judged(), &[], &Consent::default());
    let failure = refused.rejected.unwrap();
    assert_eq!((refused.set, held.held), (None, Some(this)));
    assert_eq!(failure.code, "GUARD-FLEET");
    assert!(
        failure.message.contains("5 of 10 objects") && failure.message.contains("us/shop"),
        "{failure:?}"
    );
    assert!(failure.remedy.ends_with(&format!("driftless approve {this}")));
    // Another one is not this one; who asked is answered nevertheless.
    let stale = approval("request-1", other);
    let (refused, consent) = weighed(judged(), std::slice::from_ref(&stale), &held);
    assert_eq!((refused.set, consent.held, &consent.handled), (None, Some(this), &vec![stale.id.clone()]));
    let fitting = approval("request-2", this);
    let asked = [stale, fitting.clone()];
    let (passed, done) = weighed(judged(), &asked, &consent);
    assert_eq!((passed, done.held, done.handled.len()), (judged(), None, 2));
    // What was consented to once is not consented to for ever.
    assert_eq!(weighed(judged(), &asked, &done).1.held, Some(this));
    // What cannot be read has to be mended, not approved.
    let unread = Judged { rejected: Some(failure_of_render()), ..judged() };
    let (refused, consent) = weighed(unread, &[], &Consent::default());
    assert_eq!((refused.set, refused.rejected, consent.held), (None, Some(failure_of_render()), None));
}

fn failure_of_render() -> Failure {
    failure("RENDER-FAILED")
}
