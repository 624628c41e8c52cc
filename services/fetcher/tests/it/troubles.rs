//! What becomes of a source when its repository changes under it, or cannot be read: the state says what and
//! what to do, and the last good revision stands.

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use events::{
    EventType,
    state::{PathOutcome, SourceState},
};
use model::{
    Digest, Source,
    definition::{GitAuth, Reference, SecretRef, Signers},
};
use testkit::{
    eventually,
    git_server::{Behaviour, Server, closed_port},
};

use crate::{
    repository::Repository,
    scene::{BOUND, Scene, application, source},
};

/// A repository with one commit, and a fetcher that follows a reference in it.
async fn following(reference: Reference) -> (Repository, Scene) {
    let repository = Repository::new();
    repository.commit(&[("a/x.yaml", "x: 1")]);
    repository.git(&["tag", "v1.0.0"]);
    let mut shop = source("shop", &repository.url());
    shop.git.reference = reference;
    (repository, fetching(shop).await)
}

async fn fetching(shop: Source) -> Scene {
    let scene = Scene::new().await;
    scene.define(vec![shop], vec![application("one", "shop", "a")]).await;
    scene
}

fn commit(state: &SourceState) -> &str {
    state.revision.as_ref().unwrap().commit.as_str()
}

/// Looks, and expects this failure, a remedy, and the last good revision beside it.
async fn fails(scene: &Scene, request: &str, code: &str) -> SourceState {
    let before = scene.newest("shop").await.and_then(|(_, state)| state.revision);
    let state = scene.look("shop", request).await;
    let failure = state.failure.as_ref().unwrap_or_else(|| panic!("{request}: {state:?}"));
    assert_eq!(failure.code, code, "{request}: {failure:?}");
    assert!(!failure.remedy.is_empty() && !failure.message.is_empty(), "{failure:?}");
    assert_eq!(state.revision, before, "the last good revision stands");
    assert_eq!(scene.newest("shop").await.unwrap().0.draft.kind, EventType::SourceFailed);
    state
}

/// Looks, and expects this commit and no failure.
async fn sees(scene: &Scene, request: &str, expected: &str) -> SourceState {
    let state = scene.look("shop", request).await;
    assert_eq!((state.failure.as_ref(), commit(&state)), (None, expected), "{request}");
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_range_follows_the_highest_tag_in_it() {
    let (repository, scene) = following(Reference::Semver("~1.2".into())).await;
    fails(&scene, "request-1", "GIT-REF").await;
    let second = repository.commit(&[("a/x.yaml", "x: 2")]);
    repository.git(&["tag", "v1.2.3"]);
    let state = sees(&scene, "request-2", &second).await;
    assert_eq!(state.revision.unwrap().reference, "v1.2.3");
    repository.commit(&[("a/x.yaml", "x: 3")]);
    repository.git(&["tag", "v2.0.0"]);
    sees(&scene, "request-3", &second).await;
    let fourth = repository.commit(&[("a/x.yaml", "x: 4")]);
    repository.git(&["tag", "v1.2.10"]);
    sees(&scene, "request-4", &fourth).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moved_is_followed_and_one_that_is_gone_is_told() {
    let (repository, scene) = following(Reference::Tag("v1.0.0".into())).await;
    scene.look("shop", "request-1").await;
    let second = repository.commit(&[("a/x.yaml", "x: 2")]);
    repository.git(&["tag", "--force", "v1.0.0"]);
    sees(&scene, "request-2", &second).await;
    repository.git(&["tag", "--delete", "v1.0.0"]);
    let state = fails(&scene, "request-3", "GIT-REF").await;
    assert!(state.failure.unwrap().message.contains("v1.0.0"));
    assert_eq!(state.observation, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_default_branch_is_followed() {
    let (repository, scene) = following(Reference::Default).await;
    scene.look("shop", "request-1").await;
    repository.git(&["branch", "--move", "main", "trunk"]);
    let second = repository.commit(&[("a/x.yaml", "x: 2")]);
    let state = sees(&scene, "request-2", &second).await;
    assert_eq!(state.revision.unwrap().reference, "trunk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_branch_is_told_until_it_is_back() {
    let (repository, scene) = following(Reference::Branch("main".into())).await;
    scene.look("shop", "request-1").await;
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.git(&["branch", "--delete", "--force", "main"]);
    let state = fails(&scene, "request-2", "GIT-REF").await;
    let message = state.failure.unwrap().message;
    assert!(message.contains("main") && message.contains("other"), "{message}");
    repository.git(&["checkout", "--quiet", "-b", "main"]);
    let third = repository.commit(&[("a/x.yaml", "x: 3")]);
    sees(&scene, "request-3", &third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_push_is_a_revision_like_any_other_and_never_goes_back_in_count() {
    let (repository, scene) = following(Reference::Default).await;
    let first = scene.look("shop", "request-1").await;
    let second = repository.commit(&[("a/x.yaml", "x: 2")]);
    sees(&scene, "request-2", &second).await;
    repository.git(&["reset", "--quiet", "--hard", commit(&first)]);
    let back = sees(&scene, "request-3", commit(&first)).await;
    assert_eq!(back.observation, 3, "the same commit again is another observation");
    assert_eq!(scene.rows(&back).await, scene.rows(&first).await, "and the same files");
    let other = repository.commit(&[("a/x.yaml", "x: 4")]);
    sees(&scene, "request-4", &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_is_told_until_the_first_commit() {
    let repository = Repository::new();
    let scene = fetching(source("shop", &repository.url())).await;
    let state = fails(&scene, "request-1", "GIT-EMPTY").await;
    assert_eq!(state.observation, 0);
    let first = repository.commit(&[("a/x.yaml", "x: 1")]);
    sees(&scene, "request-2", &first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_the_right_one_needs_no_restart() {
    let repository = Repository::new();
    let first = repository.commit(&[("a/x.yaml", "x: 1")]);
    let authorization = Some(format!("Basic {}", BASE64_STANDARD.encode("ada:right")));
    let server = Server::start(Behaviour::Smart { root: repository.path().to_owned(), authorization });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "canary-wrong").unwrap();
    let mut shop = source("shop", &format!("http://{}/.git", server.address));
    shop.git.auth = GitAuth::Basic { username: "ada".into(), password: SecretRef::File(file.clone()) };
    let scene = fetching(shop).await;
    let state = fails(&scene, "request-1", "GIT-AUTH").await;
    assert!(!format!("{state:?}").contains("canary-wrong"), "{state:?}");

    fs::write(&file, "right").unwrap();
    sees(&scene, "request-2", &first).await;
    fs::remove_file(&file).unwrap();
    fails(&scene, "request-3", "GIT-SECRET").await;
    fs::write(&file, "wrong again").unwrap();
    fails(&scene, "request-4", "GIT-AUTH").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_host_is_told_with_its_address() {
    let port = closed_port();
    let url = format!("http://127.0.0.1:{port}/shop.git");
    let scene = fetching(source("shop", &url)).await;
    let state = fails(&scene, "request-1", "GIT-UNREACHABLE").await;
    assert!(state.failure.unwrap().message.contains(&url));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_served_stands_when_it_has_died() {
    let repository = Repository::new();
    let first = repository.commit(&[("a/x.yaml", "x: 1")]);
    let server = Server::start(Behaviour::Smart { root: repository.path().to_owned(), authorization: None });
    let scene = fetching(source("shop", &format!("http://{}/.git", server.address))).await;
    sees(&scene, "request-1", &first).await;
    server.die();
    let state = fails(&scene, "request-2", "GIT-UNREACHABLE").await;
    assert_eq!(commit(&state), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_git_only_points_to_is_noted_beside_the_path() {
    let repository = Repository::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let first = repository.commit(&[("a/x.yaml", "x: 1"), ("a/big.bin", pointer), ("b/y.yaml", "y: 1")]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{first},a/vendor")]);
    repository.git(&["commit", "--quiet", "--message", "a submodule"]);
    let mut scene = Scene::new().await;
    let applications = vec![application("one", "shop", "a"), application("two", "shop", "b")];
    scene.define(vec![source("shop", &repository.url())], applications).await;
    let state = scene.look("shop", "request-1").await;
    let codes = |rows: &[events::state::ObservedPath]| -> Vec<Vec<String>> {
        let notes = rows.iter().map(|row| match &row.outcome {
            PathOutcome::Found { notes, .. } => notes.iter().map(|note| note.code.clone()).collect(),
            PathOutcome::Failed(failure) => vec![failure.code.clone()],
        });
        notes.collect()
    };
    let rows = scene.rows(&state).await;
    assert_eq!(codes(&rows), [vec!["GIT-SUBMODULE".to_owned(), "GIT-LFS".to_owned()], vec![]]);
    let PathOutcome::Found { notes, .. } = &rows[0].outcome else { panic!("{rows:?}") };
    assert!(notes[0].message.contains("a/vendor") && notes[1].message.contains("a/big.bin"), "{notes:?}");
    // The next process tells the same, and so nothing.
    scene.stop().await;
    scene.start();
    let again = scene.look("shop", "request-2").await;
    assert_eq!((again.observation, scene.rows(&again).await), (1, rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_blobs_come_back_to_a_running_fetcher() {
    let repository = Repository::new();
    let paths: Vec<String> = (0..300).map(|i| format!("p{i:03}")).collect();
    let files: Vec<(String, &str)> = paths.iter().map(|path| (format!("{path}/x.yaml"), "x: 1")).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    repository.commit(&files);
    let scene = Scene::new().await;
    let applications = paths.iter().map(|path| application(path, "shop", path)).collect();
    scene.define(vec![source("shop", &repository.url())], applications).await;
    let first = scene.look("shop", "request-1").await;
    let before = scene.rows(&first).await;
    // All of them: the artifacts, and the pages that name them.
    let far = model::Timestamp::from_millis(i64::MAX);
    assert!(scene.log.sweep_blobs(&Default::default(), far).await.unwrap().blobs > 2);

    let second = scene.look("shop", "request-2").await;
    assert_eq!((second.observation, &second.revision), (first.observation, &first.revision));
    assert_eq!(scene.rows(&second).await, before);
    for row in before {
        let PathOutcome::Found { artifact, .. } = row.outcome else { panic!("{row:?}") };
        assert_eq!(scene.artifact(&artifact).await.files().len(), 1);
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => bytes_below(&entry.path()),
            false => entry.metadata().unwrap().len(),
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_of_forced_pushes_keeps_the_mirror_bounded() {
    let (repository, scene) = following(Reference::Default).await;
    scene.look("shop", "request-000").await;
    repository.git(&["config", "gc.auto", "0"]);
    let mut state = 7_u64;
    let mut noise = || -> String {
        let digits = (0..1_250).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{:08x}", state >> 32)
        });
        digits.collect()
    };
    let mut most = 0;
    for round in 1..=60 {
        // Each replaces the one before, which nothing reaches any more.
        repository.git(&["reset", "--quiet", "--hard", "v1.0.0"]);
        let pushed = repository.commit(&[("a/noise.yaml", &noise())]);
        sees(&scene, &format!("request-{round:03}"), &pushed).await;
        most = most.max(bytes_below(&scene.folder.path().join("mirrors")));
    }
    // 60 pushes bring 6 kB each. From 50 packs on they become one, which holds only what is reached.
    let last = bytes_below(&scene.folder.path().join("mirrors"));
    assert!(most < 52 * 10_000 && last < 16 * 10_000, "{most} bytes at most, {last} at last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_nobody_trusted_has_signed_is_not_followed() {
    let repository = Repository::new();
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("alice");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()])
        .status();
    assert!(made.unwrap().success());
    let public = fs::read_to_string(keys.path().join("alice.pub")).unwrap();
    let signing = format!("user.signingkey={}", key.display());
    let signed =
        ["-c", "gpg.format=ssh", "-c", &signing, "commit", "--quiet", "--allow-empty", "-S", "-m", "x"];
    repository.commit(&[("a/x.yaml", "x: 1")]);
    repository.git(&signed);
    let first = repository.git(&["rev-parse", "HEAD"]).trim().to_owned();

    let mut shop = source("shop", &repository.url());
    shop.git.verify = Some(Signers { ssh: format!("alice@example.com {public}"), ..Signers::default() });
    let scene = fetching(shop.clone()).await;
    sees(&scene, "request-1", &first).await;
    let second = repository.commit(&[("a/x.yaml", "x: 2")]);
    let state = fails(&scene, "request-2", "GIT-SIGNATURE").await;
    assert!(state.failure.unwrap().message.contains(&second));
    // Who is trusted is looked up anew, though the commit is the same.
    shop.git.verify = None;
    scene.define(vec![shop.clone()], vec![application("one", "shop", "a")]).await;
    sees(&scene, "request-3", &second).await;
    shop.git.verify =
        Some(Signers { ssh: "bob@example.com ssh-ed25519 AAAA".to_owned(), ..Signers::default() });
    scene.define(vec![shop], vec![application("one", "shop", "a")]).await;
    fails(&scene, "request-4", "GIT-SIGNATURE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_of_charts_that_says_nothing_holds_up_no_other_source() {
    let silent = Server::start(Behaviour::Silent);
    let dependency =
        format!(r#"{{"name":"dep","version":"1.2.3","repository":"http://{}"}}"#, silent.address);
    // As helm writes it.
    let digest = Digest::of(format!("[[{dependency}],[{dependency}]]").as_bytes());
    let chart = format!("apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{dependency}]\n");
    let lock = format!("dependencies: [{dependency}]\ndigest: sha256:{digest}\n");
    let repository = Repository::new();
    repository.commit(&[("chart/Chart.yaml", &chart), ("chart/Chart.lock", &lock), ("a/x.yaml", "x: 1")]);
    let scene = Scene::new().await;
    let sources = ["a-chart", "shop"].map(|name| source(name, &repository.url())).into();
    let applications = vec![application("chart", "a-chart", "chart"), application("one", "shop", "a")];
    scene.define(sources, applications).await;
    scene.wait("shop", "what it holds", |state| state.revision.is_some()).await;
    eventually(BOUND, "the chart to be asked for", async || (silent.requests() > 0).then_some(())).await;
    assert!(scene.newest("a-chart").await.is_none(), "it waits for its chart");
}
