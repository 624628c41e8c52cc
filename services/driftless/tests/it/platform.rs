//! `driftless up` and the commands that ask it, as a person uses them: one process, no server beside it.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    api::{core, version},
    canary::files_below,
    scene::{Scene, Told, told},
    shop,
};

/// Longer than any wait on a loaded machine.
pub const BOUND: Duration = Duration::from_secs(60);

const SECRET: &str = "a-webhook-secret";
const TOKEN: &str = "an-api-token";

/// A running platform; killed when dropped.
pub struct Platform<'s> {
    scene: &'s Scene,
    process: Child,
    said: PathBuf,
    pub server: String,
}

/// One application on one cluster. The repository is looked at once an hour: only who is told sees a push.
pub fn definitions(scene: &Scene) -> Value {
    let kubeconfig = json!({"file": scene.kubeconfig(), "context": null});
    // Other tests are other platforms on the same cluster.
    let namespace = format!("{}-platform", scene.name);
    json!({
        "sources": [{"name": "shop", "git": {"url": scene.repository.url()}, "pollMs": 3_600_000}],
        "clusters": [{"name": "eu", "labels": {}, "kubeconfig": kubeconfig, "namespace": namespace}],
        "applications": [{
            "name": scene.name, "source": {"name": "shop", "path": "deploy"}, "namespace": scene.name,
            "sync": {"auto": true, "prune": false, "selfHeal": true},
        }],
    })
}

impl<'s> Platform<'s> {
    /// Starts one on a free port, and waits until it is ready.
    pub async fn up(scene: &'s Scene, options: &[&str]) -> Self {
        Self::of(scene, definitions(scene), options).await
    }

    /// The same with other definitions.
    pub async fn of(scene: &'s Scene, definitions: Value, options: &[&str]) -> Self {
        Self::within(scene, definitions, (options, &[])).await
    }

    /// The same in other surroundings.
    pub async fn within(
        scene: &'s Scene,
        definitions: Value,
        (options, surroundings): (&[&str], &[(&str, String)]),
    ) -> Self {
        fs::create_dir_all(scene.state()).unwrap();
        let file = scene.folder().join("definitions.json");
        fs::write(&file, definitions.to_string()).unwrap();
        let file = file.display().to_string();
        Self::start(scene, &[&["--definitions", &file], options].concat(), surroundings).await
    }

    /// The same, where these options say what is defined.
    pub async fn with(scene: &'s Scene, options: &[&str]) -> Self {
        Self::start(scene, options, &[]).await
    }

    async fn start(scene: &'s Scene, options: &[&str], surroundings: &[(&str, String)]) -> Self {
        fs::create_dir_all(scene.state()).unwrap();
        let said = scene.folder().join("up.log");
        let log = File::create(&said).unwrap();
        let mut run = scene.bare();
        run.args(["up", "--listen", "127.0.0.1:0"]);
        run.arg("--state").arg(scene.state()).args(options).env("HOOK", SECRET).env("API", TOKEN);
        run.envs(surroundings.iter().map(|(name, value)| (name, value)));
        run.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let process = run.spawn().unwrap();
        let address = || {
            let text = fs::read_to_string(&said).unwrap();
            Some(text.split_once("is up: ")?.1.split_once(' ')?.0.to_owned())
        };
        let server = eventually(BOUND, "its address", async || address()).await;
        let platform = Self { scene, process, said, server };
        let ready = async || (platform.curl("/readyz", &[]).0 == 200).then_some(());
        eventually(BOUND, "readiness", ready).await;
        platform
    }

    /// A command that asks it.
    pub fn ask(&self, words: &[&str]) -> Told {
        let mut run = self.scene.bare();
        run.args(words).args(["--server", &self.server]).env("API", TOKEN);
        told(run)
    }

    /// The status of the one target.
    pub fn status(&self) -> Value {
        self.statuses().swap_remove(0)
    }

    /// The statuses of all targets.
    pub fn statuses(&self) -> Vec<Value> {
        let told = self.ask(&["status", "-o", "json"]);
        assert_eq!(told.exit, 0, "{told}");
        serde_json::from_value(serde_json::from_str::<Value>(&told.out).unwrap()["targets"].take()).unwrap()
    }

    pub async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let look = async || Some(self.status()).filter(|status| holds(status));
        eventually(BOUND, what, look).await
    }

    pub async fn in_sync_at(&self, commit: &str) -> Value {
        self.until("in sync", |it| it["sync"] == "InSync" && it["revision"] == commit).await
    }

    /// Status and body of the answer at a path.
    pub fn curl(&self, path: &str, options: &[&str]) -> (u16, String) {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "20", "--write-out", "\n%{http_code}"]).args(options);
        let output = curl.arg(format!("{}{path}", self.server)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    /// Whether the process that goes by that name in the log is this one.
    pub fn is(&self, name: &str) -> bool {
        name.contains(&format!("-{}-", self.process.id()))
    }

    /// All that it has said.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(self) -> i32 {
        self.stop_by("-TERM")
    }

    /// The same by that signal.
    pub fn stop_by(mut self, signal: &str) -> i32 {
        let asked = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.process.wait().unwrap().code().unwrap()
    }
}

impl Drop for Platform<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let said = fs::read(&self.said).unwrap_or_default();
            let _ = std::io::stderr().write_all(&said);
        }
    }
}

/// What `openssl` makes of a body and a secret: an opinion that is not ours.
fn signature(body: &str) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-hmac", SECRET, "-r"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut openssl = openssl.spawn().unwrap();
    openssl.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    output.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_platform_hears_of_a_push_heals_an_edit_and_tells_what_happened() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &["--webhook-secret", "env:HOOK"]).await;
    platform.in_sync_at(&first).await;
    let table = platform.ask(&["status"]);
    assert!(table.out.contains("InSync") && table.out.contains(&first[..8]), "{table}");

    // A push, as each kind of host tells of it; what is not signed is not heard.
    let body = json!({"repository": {"clone_url": scene.repository.url()}}).to_string();
    let second = scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "green"))]);
    let unsigned = platform.curl("/webhook/github", &["--data", &body]);
    assert!(unsigned.0 == 403 && unsigned.1.contains("WEBHOOK-SIGNATURE"), "{unsigned:?}");
    let signed = format!("X-Hub-Signature-256: sha256={}", signature(&body));
    let heard = platform.curl("/webhook/github", &["--data", &body, "--header", &signed]);
    assert!(heard.0 == 202 && heard.1.contains(r#"["shop"]"#), "{heard:?}");
    platform.in_sync_at(&second).await;
    let other = json!({"repository": {"clone_url": "https://git.example/other.git"}}).to_string();
    let signed = format!("X-Hub-Signature-256: sha256={}", signature(&other));
    assert_eq!(platform.curl("/webhook/github", &["--data", &other, "--header", &signed]).0, 202);

    let settings = core(&scene.name, "configmaps", "settings");
    scene.api.edit(&settings, json!({"data": {"colour": "by hand"}}));
    let healed = async || (scene.api.object(&settings)["data"]["colour"] == "green").then_some(());
    eventually(BOUND, "the heal", healed).await;
    let log = async || {
        let told = platform.ask(&["log", &scene.name]);
        let order = ["RevisionObserved", "SyncFinished", "DriftDetected", "SyncFinished"];
        let mut rest = told.out.as_str();
        let in_order = order.iter().all(|word| match rest.split_once(word) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        });
        (in_order && told.out.contains("data.colour by kubectl-edit")).then_some(())
    };
    eventually(BOUND, "the story", log).await;
    let described = platform.ask(&["describe", &format!("eu/{}", scene.name)]);
    assert!(described.out.contains("Deployment.apps") && described.out.contains("shop: "), "{described}");
    for (kind, word) in [("sources", &second[..8]), ("clusters", "v1.36"), ("applications", "1/1")] {
        // What nobody has looked at yet does not count: the first report comes some seconds after the start.
        let listed = async || {
            let listed = platform.ask(&["get", kind]);
            assert_eq!(listed.exit, 0, "{listed}");
            listed.out.contains(word).then_some(())
        };
        eventually(BOUND, word, listed).await;
    }
    assert_eq!(platform.stop(), 0);
}

#[tokio::test]
async fn a_platform_is_paused_resumed_and_asked_for_a_sync() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &[]).await;
    platform.in_sync_at(&first).await;
    let paused = platform.ask(&["pause", &scene.name]);
    assert_eq!((paused.exit, paused.out), (0, format!("eu/{}: done\n", scene.name)));
    assert!(platform.ask(&["status"]).out.contains("InSync (paused)"));
    let settings = core(&scene.name, "configmaps", "settings");
    scene.api.edit(&settings, json!({"data": {"colour": "by hand"}}));
    platform.until("the drift", |it| it["sync"] == "Drifted" && it["drifted"] == 1).await;
    let resumed = platform.ask(&["resume", &format!("eu/{}", scene.name)]);
    assert_eq!(resumed.exit, 0, "{resumed}");
    platform.in_sync_at(&first).await;
    assert_eq!(scene.api.object(&settings)["data"]["colour"], "blue");

    // Nobody tells of this commit, and nobody would look for an hour.
    let second = scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "green"))]);
    let synced = platform.ask(&["sync", &scene.name, "-o", "json"]);
    assert_eq!(synced.exit, 0, "{synced}");
    let document: Value = serde_json::from_str(&synced.out).unwrap();
    assert_eq!(document["targets"][0]["outcome"], "InSync", "{document}");
    assert_eq!(platform.status()["revision"], second.as_str());

    scene.repository.commit(&[("deploy/config.yaml", "apiVersion: v1\nkind: [")]);
    let failed = platform.ask(&["sync", &scene.name]);
    assert!(failed.exit == 1 && failed.out.contains("MANIFEST-SYNTAX"), "{failed}");
    let none = platform.ask(&["sync", "nothing"]);
    none.failed(2, "API-NOT-FOUND");
}

#[tokio::test]
async fn a_platform_that_is_started_again_goes_on_where_it_was() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &[]).await;
    platform.in_sync_at(&first).await;
    let settings = core(&scene.name, "configmaps", "settings");
    let before = scene.api.object(&settings);
    assert_eq!(platform.stop(), 0);
    // What changes while nobody looks is found when somebody does.
    let login = core(&scene.name, "secrets", "login");
    scene.api.delete(&login);
    let platform = Platform::up(&scene, &[]).await;
    eventually(BOUND, "the heal", async || scene.api.get(&login)).await;
    platform.in_sync_at(&first).await;
    assert_eq!(
        version(&scene.api.object(&settings)),
        version(&before),
        "what is as it should be is not written"
    );
}

#[tokio::test]
async fn a_stranger_learns_nothing_and_changes_nothing() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let open =
        scene.bare().args(["up", "--listen", "0.0.0.0:0", "--state"]).arg(scene.state()).output().unwrap();
    assert!(open.status.code() == Some(2), "{open:?}");
    assert!(String::from_utf8_lossy(&open.stderr).contains("GATEWAY-OPEN"), "{open:?}");
    let options = ["--api-token", "env:API", "--webhook-secret", "env:HOOK"];
    let everything = [("DRIFTLESS_LOG", "trace".to_owned())];
    let platform = Platform::within(&scene, definitions(&scene), (&options, &everything)).await;
    for header in ["X: y", "Authorization: Bearer wrong"] {
        let refused = platform.curl("/api/v1/targets", &["--header", header]);
        assert!(refused.0 == 401 && refused.1.contains("API-TOKEN"), "{refused:?}");
    }
    let path = format!("/api/v1/targets/eu/{}/requests", scene.name);
    assert_eq!(platform.curl(&path, &["--json", r#"{"kind": "Pause"}"#]).0, 401);
    platform.ask(&["status"]).failed(1, "API-TOKEN");
    assert_eq!(platform.ask(&["status", "--api-token", "env:API"]).exit, 0);
    assert_eq!(platform.curl("/healthz", &[]).0, 200, "who looks after the process needs no token");

    // Nor does who reads what the platform writes, though it is heard with both.
    let body = json!({"repository": {"clone_url": scene.repository.url()}}).to_string();
    let signed = format!("X-Hub-Signature-256: sha256={}", signature(&body));
    let heard = platform.curl("/webhook/github", &["--data", &body, "--header", &signed]);
    assert_eq!(heard.0, 202, "{heard:?}");
    assert!(platform.said().contains("TRACE"), "everything is logged");
    assert_eq!(platform.stop(), 0);
    let mut files = vec![];
    files_below(scene.folder(), &mut files);
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for secret in [SECRET, TOKEN] {
            let shows = bytes.windows(secret.len()).any(|at| at == secret.as_bytes());
            assert!(!shows, "{secret} in {}", file.display());
        }
    }
}

#[tokio::test]
async fn where_no_platform_answers_that_is_told() {
    let scene = Scene::new();
    let mut run = scene.bare();
    run.args(["status", "--server", "http://127.0.0.1:1"]);
    told(run).failed(1, "API-UNREACHABLE").naming("driftless up");
}
