//! A differ that reads definitions from renders of a fleet repository, written here by hand.

use std::sync::Arc;

use bus::{Log, now};
use differ::{Bootstrap, Error};
use events::{
    Content, Draft, Event, EventType,
    state::{DefinitionsState, DesiredState, RenderInputs, RenderState},
};
use manifest::{DesiredSet, InstallKey, SetOptions, parse_file};
use model::{
    Aggregate, Commit, DefinitionSet, SourceName,
    definition::{Fleet, Git, GitAuth, Reference},
};
use testkit::eventually;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{BOUND, Scene, config};

fn fleet() -> Fleet {
    let reference = Reference::Default;
    let git = Git {
        url: "/fleet".into(),
        reference,
        auth: GitAuth::None,
        ca_file: None,
        proxy: None,
        verify: None,
    };
    Fleet { git, path: ".".into(), poll_ms: 1_000 }
}

fn cluster(name: &str) -> String {
    format!(
        "apiVersion: driftless.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\n\
         spec: {{kubeconfig: {{file: /nowhere}}}}\n"
    )
}

fn commit(observation: u64) -> Commit {
    format!("{observation:040}").parse().unwrap()
}

/// A good render of these documents at that observation.
fn rendered(yaml: &str, observation: u64) -> RenderState {
    let key = InstallKey::from_bytes([7; 32]);
    let documents = parse_file("all.yaml", yaml.as_bytes()).unwrap();
    let set =
        DesiredSet::build(documents, SetOptions { key: &key, default_namespace: "default" }).unwrap().set;
    RenderState {
        made_from: RenderInputs {
            source: SourceName::fleet(),
            observation,
            commit: commit(observation),
            closure: None,
            engine: "plain 1".into(),
            key_id: "k".into(),
        },
        desired: Some(DesiredState {
            digest: set.digest(),
            objects: set.objects().len() as u32,
            manifests: Content::Inline(set.encode()),
            secrets: None,
            commit: commit(observation),
            observation,
            notes: vec![],
        }),
        failure: None,
    }
}

async fn append(log: &Arc<dyn Log>, state: &RenderState) {
    let (aggregate, _) = plan::fleet_render(&DefinitionSet::default().read_from(fleet())).unwrap();
    let newest = log.newest(&aggregate).await.unwrap();
    let draft =
        Draft::after(newest.as_ref(), aggregate, (EventType::DesiredStateRendered, now()), state).unwrap();
    log.append(vec![draft]).await.pop().unwrap().unwrap();
}

/// What was put in force or refused so far, oldest first: names of clusters, or the code of the refusal.
async fn told(log: &Arc<dyn Log>) -> Vec<String> {
    let history = log.history(&Aggregate::Definitions, 99).await.unwrap();
    let words = |event: &Event| {
        let state: DefinitionsState = events::decode(event.draft.format, &event.draft.payload).unwrap();
        let Content::Inline(bytes) = &state.set else { panic!("{state:?}") };
        let set = DefinitionsState::decode_set(bytes).unwrap();
        assert_eq!(set.fleet(), Some(fleet()));
        let names: Vec<&str> = set.clusters().iter().map(|cluster| cluster.name.as_str()).collect();
        let refused = state.rejected.map(|failure| format!(" but {}", failure.code)).unwrap_or_default();
        names.join(" ") + &refused
    };
    history.iter().rev().map(words).collect()
}

async fn until(log: &Arc<dyn Log>, expected: &[&str]) {
    let what = format!("{expected:?}");
    eventually(BOUND, &what, async || (told(log).await == expected).then_some(())).await;
}

struct Differ(JoinHandle<Result<(), Error>>, CancellationToken);

impl Differ {
    fn start(log: &Arc<dyn Log>) -> Self {
        let stop = CancellationToken::new();
        let config = differ::Config { bootstrap: Some(Bootstrap::Fleet(fleet())), ..config() };
        Self(tokio::spawn(differ::run(log.clone(), config, stop.clone())), stop)
    }

    async fn stop(self) {
        self.1.cancel();
        timeout(BOUND, self.0).await.unwrap().unwrap().unwrap();
    }
}

/// What is judged again after a restart is no news, and what is older than what was judged counts no more.
#[tokio::test(flavor = "multi_thread")]
async fn each_revision_of_the_fleet_is_told_once_and_none_comes_back() {
    let scene = Scene::new().await;
    let log = &scene.log;
    let differ = Differ::start(log);
    until(log, &[""]).await;
    append(log, &rendered(&cluster("eu"), 4)).await;
    until(log, &["", "eu"]).await;
    differ.stop().await;
    // The same definitions at another commit, while nobody looks.
    append(log, &rendered(&(cluster("eu") + "# as before\n"), 5)).await;
    let differ = Differ::start(log);
    append(log, &rendered("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", 6)).await;
    until(log, &["", "eu", "eu but DEFINITION-KIND"]).await;
    // What a renderer that slept says late.
    append(log, &rendered(&cluster("old"), 3)).await;
    append(log, &rendered(&(cluster("eu") + "---\n" + &cluster("us")), 7)).await;
    until(log, &["", "eu", "eu but DEFINITION-KIND", "eu us"]).await;
    differ.stop().await;
}

/// The definitions of these documents are in force, and their blob is gone.
async fn lose(log: &Arc<dyn Log>, yaml: &str) {
    let reading = ::fleet::read(&parse_file("all.yaml", yaml.as_bytes()).unwrap());
    let set = reading.set.unwrap().read_from(fleet());
    let state = DefinitionsState {
        digest: DefinitionSet::digest(&DefinitionsState::encode_set(&set).unwrap()),
        set: Content::Blob(model::Digest::of(b"gone")),
        rejected: None,
        commit: Some(commit(4)),
        observation: 4,
        consent: Default::default(),
    };
    let draft =
        Draft::after(None, Aggregate::Definitions, (EventType::DefinitionsChanged, now()), &state).unwrap();
    log.append(vec![draft]).await.pop().unwrap().unwrap();
}

/// Never an empty set in their place, which would let everything go.
#[tokio::test(flavor = "multi_thread")]
async fn definitions_that_are_lost_are_made_again_from_the_same_revision_or_not_at_all() {
    let (scene, other) = (Scene::new().await, Scene::new().await);
    let told_again = |log: Arc<dyn Log>| async move {
        let newest = log.newest(&Aggregate::Definitions).await.unwrap().unwrap();
        let state: DefinitionsState = events::decode(newest.draft.format, &newest.draft.payload).unwrap();
        let Content::Inline(bytes) = &state.set else { return None };
        let set = DefinitionsState::decode_set(bytes).unwrap();
        Some((newest.n(), set.clusters().len(), state.observation))
    };
    lose(&scene.log, &cluster("eu")).await;
    append(&scene.log, &rendered(&cluster("eu"), 4)).await;
    // Git has gone on since.
    append(&scene.log, &rendered(&(cluster("eu") + "---\n" + &cluster("us")), 5)).await;
    let differ = Differ::start(&scene.log);
    eventually(BOUND, "the newer revision", async || {
        (told_again(scene.log.clone()).await? == (3, 2, 5)).then_some(())
    })
    .await;
    differ.stop().await;

    lose(&other.log, &cluster("eu")).await;
    append(&other.log, &rendered(&cluster("us"), 4)).await;
    let Differ(differ, _) = Differ::start(&other.log);
    let ended = timeout(BOUND, differ).await.unwrap().unwrap();
    assert!(matches!(ended, Err(Error::DefinitionsLost { .. })), "{ended:?}");
    assert_eq!(told_again(other.log.clone()).await, None, "nothing was put in force");
}
