//! The gateway as callers see it, over a log in a folder.

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode},
    response::Response,
};
use events::{
    Draft, EventId, EventType,
    state::{Asker, CommandState, REQUESTS_MAX, RequestKind, State},
};
use futures::{FutureExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use model::{Application, Cluster, CommandScope, Digest, Source};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::Token;

mod described;

const SECRET: &str = "a-webhook-secret";

struct Scene {
    gateway: Arc<Gateway>,
    _folder: tempfile::TempDir,
}

fn parsed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Sources of one repository, and an application `web` of the first one on `eu`.
fn set(sources: &[&str]) -> DefinitionSet {
    let source =
        |name: &&str| parsed::<Source>(json!({"name": name, "git": {"url": "https://git.example/shop.git"}}));
    let cluster: Cluster = parsed(json!({"name": "eu", "kubeconfig": {"file": null, "context": null}}));
    let web: Application = parsed(json!({"name": "web", "source": {"name": sources[0], "path": "deploy"}}));
    DefinitionSet::new(sources.iter().map(source).collect(), vec![cluster], vec![web]).unwrap()
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let log = bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap();
        let config = Config { webhook_secret: Token::new(SECRET), ..Config::default() };
        Self { gateway: Arc::new(Gateway::new(log, config)), _folder: folder }
    }

    /// Listed, with these sources and `web` in force.
    async fn with(sources: &[&str]) -> Self {
        let scene = Self::new().await;
        scene.gateway.listed.send_replace(true);
        let defined = scene.gateway.picture_mut().define(1, Arc::new(set(sources)), Told::default());
        scene.gateway.tell(defined);
        scene
    }

    async fn ask(&self, request: Request<Body>) -> Response {
        crate::api::routes(self.gateway.clone()).oneshot(request).await.unwrap()
    }

    /// Status and document of an answer.
    async fn told(&self, request: Request<Body>) -> (StatusCode, Value) {
        let answer = self.ask(request).await;
        let status = answer.status();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("no document: {body:?}")))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.told(request(Method::GET, path, Body::empty())).await
    }

    async fn push(&self) -> (StatusCode, Value) {
        let body = json!({"url": "https://git.example/shop"}).to_string();
        self.pushed("generic", "x-driftless-signature-256", body).await
    }

    async fn pushed(&self, provider: &str, header: &'static str, body: String) -> (StatusCode, Value) {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let mac: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = match header {
            "x-hub-signature-256" | "x-driftless-signature-256" => format!("sha256={mac}"),
            "x-gitlab-token" => SECRET.to_owned(),
            _ => mac,
        };
        let mut request = request(Method::POST, &format!("/webhook/{provider}"), Body::from(body));
        request.headers_mut().insert(header, signature.parse().unwrap());
        self.told(request).await
    }

    async fn pending(&self, source: &str) -> CommandState {
        let aggregate = Aggregate::Command(CommandScope::Source(source.parse().unwrap()));
        let newest = self.gateway.log.newest(&aggregate).await.unwrap().unwrap();
        events::decode(newest.draft.format, &newest.draft.payload).unwrap()
    }

    async fn append<S: State + Serialize>(&self, aggregate: Aggregate, kind: EventType, state: &S) {
        let appended = self.gateway.log.append(vec![draft(aggregate, kind, state)]).await;
        assert!(appended[0].is_ok(), "{appended:?}");
    }
}

fn draft<S: State + Serialize>(aggregate: Aggregate, kind: EventType, state: &S) -> Draft {
    Draft::after(None, aggregate, (kind, now()), state).unwrap()
}

fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    request.header("content-type", "application/json").body(body).unwrap()
}

#[tokio::test]
async fn who_asks_before_the_log_is_listed_waits_for_it() {
    let scene = Scene::new().await;
    let mut answer = scene.ask(request(Method::GET, "/api/v1/targets", Body::empty())).boxed();
    assert!((&mut answer).now_or_never().is_none(), "nothing is told of what is not known");
    scene.gateway.listed.send_replace(true);
    assert_eq!(answer.await.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_refusal_is_a_document() {
    let scene = Scene::with(&["shop"]).await;
    let requests = "/api/v1/targets/eu/web/requests";
    let large = format!(r#"{{"kind": "Sync", "id": "{}"}}"#, "a".repeat(100_000));
    for (method, path, body, status, code) in [
        (Method::GET, "/api/v1/nothing", "", 404, "API-NOT-FOUND"),
        (Method::GET, "/api/v1/targets/eu/none", "", 404, "API-NOT-FOUND"),
        (Method::DELETE, "/api/v1/targets", "", 405, "API-REQUEST"),
        (Method::GET, requests, "", 405, "API-REQUEST"),
        (Method::GET, "/api/v1/targets?clutser=eu", "", 400, "API-REQUEST"),
        (Method::GET, "/api/v1/applications/web/log?limit=x", "", 400, "API-REQUEST"),
        (Method::GET, "/api/v1/targets/eu/%FF", "", 400, "API-REQUEST"),
        (Method::POST, requests, "{", 400, "API-REQUEST"),
        (Method::POST, requests, r#"{"kind": "Explode"}"#, 400, "API-REQUEST"),
        (Method::POST, requests, &large, 413, "API-REQUEST"),
        (Method::GET, "/webhook/github", "", 405, "API-REQUEST"),
    ] {
        let (found, document) = scene.told(request(method, path, Body::from(body.to_owned()))).await;
        assert_eq!((found.as_u16(), &document["problem"]["code"]), (status, &json!(code)), "{document}");
        assert!(document["version"] == 1 && document["problem"]["remedy"] != "", "{document}");
    }
    let mut untyped = request(Method::POST, requests, Body::from(r#"{"kind": "Sync"}"#));
    untyped.headers_mut().remove("content-type");
    let (status, document) = scene.told(untyped).await;
    assert_eq!((status.as_u16(), &document["problem"]["code"]), (415, &json!("API-REQUEST")));
}

#[tokio::test]
async fn pushes_keep_nobody_out_and_one_full_source_keeps_no_other_from_being_told() {
    let scene = Scene::with(&["full", "shop"]).await;
    let person = |i: usize| events::state::Request {
        id: format!("request-{i:03}").parse().unwrap(),
        kind: RequestKind::Fetch,
        at: now(),
        by: Asker::Person,
    };
    let full = CommandState { pending: (0..REQUESTS_MAX).map(person).collect() };
    let aggregate = Aggregate::Command(CommandScope::Source("full".parse().unwrap()));
    scene.append(aggregate, EventType::SyncRequested, &full).await;
    for _ in 0..3 {
        let (status, told) = scene.push().await;
        assert_eq!((status, &told["sources"]), (StatusCode::ACCEPTED, &json!(["shop"])), "{told}");
        assert_eq!(told["missed"][0]["source"], "full");
        assert_eq!(told["missed"][0]["problem"]["code"], "API-PENDING");
    }
    assert_eq!(scene.pending("shop").await.pending.len(), 1, "the newest push stands for those before");
    let alone = Scene::with(&["full"]).await;
    let aggregate = Aggregate::Command(CommandScope::Source("full".parse().unwrap()));
    alone.append(aggregate, EventType::SyncRequested, &full).await;
    assert_eq!(alone.push().await.0, StatusCode::TOO_MANY_REQUESTS, "the host may try again");
}

#[tokio::test]
async fn a_status_counts_only_while_somebody_sees_commits_and_renders_them() {
    let scene = Scene::with(&["shop"]).await;
    let ages = async || {
        scene.gateway.look_for_others().await;
        scene.gateway.evaluations_mut().unattended.is_some()
    };
    let join = async |group: &str| {
        let member = bus::Member::new("one");
        scene.gateway.log.join(group, member, std::time::Duration::from_secs(60)).await.unwrap()
    };
    assert!(ages().await, "nobody is there");
    let _fetcher = join("fetcher").await;
    assert!(ages().await, "nobody renders");
    let renderer = join("renderer").await;
    assert!(!ages().await);
    renderer.leave().await;
    assert!(ages().await);
}

#[tokio::test]
async fn a_source_says_who_looked_at_it_and_how_long_ago() {
    let scene = Scene::with(&["shop"]).await;
    let told = async || {
        scene.gateway.look_for_others().await;
        scene.get("/api/v1/sources").await.1["sources"][0]["evaluated"].take()
    };
    assert_eq!(told().await, json!({"state": "Unknown", "by": null, "seconds": null}), "nobody is there");
    let member = bus::Member::new("one");
    let fetcher =
        scene.gateway.log.join("fetcher", member, std::time::Duration::from_secs(60)).await.unwrap();
    let (evaluated, shop) = (fetcher.evaluated(), Aggregate::Source("shop".parse().unwrap()));
    evaluated.begin(shop.clone());
    assert_eq!(told().await["state"], "Unknown", "it has not looked yet");
    let seconds = |seconds| tokio::time::Instant::now() - std::time::Duration::from_secs(seconds);
    evaluated.followed(tokio::time::Instant::now());
    for (ago, state) in [(500, "Stale"), (5, "Fresh")] {
        evaluated.done(&shop, seconds(ago));
        assert_eq!(told().await, json!({"state": state, "by": "one", "seconds": ago}));
    }
    evaluated.retain(|_| false);
    assert_eq!(told().await["state"], "Unknown", "it is another's now");
}

#[tokio::test]
async fn every_host_is_heard_as_it_signs_and_writes() {
    let scene = Scene::with(&["shop"]).await;
    let push = json!({"repository": {"clone_url": "https://git.example/shop"}}).to_string();
    let project = json!({"project": {"git_http_url": "https://git.example/shop"}}).to_string();
    // GitHub sends a form unless somebody chooses otherwise.
    let form: String = push.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for (provider, header, body) in [
        ("github", "x-hub-signature-256", push.clone()),
        ("github", "x-hub-signature-256", format!("payload={form}")),
        ("gitlab", "x-gitlab-token", project),
        ("gitea", "x-gitea-signature", push.clone()),
    ] {
        let (status, told) = scene.pushed(provider, header, body).await;
        assert_eq!((status, &told["sources"]), (StatusCode::ACCEPTED, &json!(["shop"])), "{provider} {told}");
    }
    let (status, _) = scene.pushed("gitea", "x-hub-signature-256", push).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "signed as another host does");
}

#[tokio::test]
async fn an_id_that_asked_for_something_else_is_refused() {
    let scene = Scene::with(&["shop"]).await;
    let ask = async |kind: &str| {
        let body = json!({"id": "request-001", "kind": kind}).to_string();
        scene.told(request(Method::POST, "/api/v1/targets/eu/web/requests", Body::from(body))).await
    };
    assert_eq!(ask("Pause").await.0, StatusCode::ACCEPTED);
    assert_eq!(ask("Pause").await.0, StatusCode::ACCEPTED);
    let (status, document) = ask("Resume").await;
    assert_eq!((status, &document["problem"]["code"]), (StatusCode::CONFLICT, &json!("API-REQUEST-ID")));
}

#[tokio::test]
async fn definitions_that_cannot_be_read_are_told_and_read_once_they_can_be() {
    let scene = Scene::with(&["shop"]).await;
    let bytes = DefinitionsState::encode_set(&set(&["other"])).unwrap();
    let digest = Digest::of(&bytes);
    let state = DefinitionsState {
        digest,
        set: Content::Blob(digest),
        rejected: None,
        commit: None,
        observation: 0,
        consent: Default::default(),
    };
    let draft = Draft { n: 2, ..draft(Aggregate::Definitions, EventType::DefinitionsChanged, &state) };
    let event = Event { id: EventId::derive("log", &draft), sequence: 1, draft };
    let mut unreadable = None;
    scene.gateway.take(&event, &mut unreadable).await;
    for path in ["targets", "sources", "clusters", "applications"] {
        let (status, list) = scene.get(&format!("/api/v1/{path}")).await;
        assert_eq!((status, &list["unread"]["problem"]["code"]), (StatusCode::OK, &json!("API-UNREAD")));
        assert!(list["unread"]["since"].is_string() && list[path][0].is_object(), "what was known stays");
    }
    let (status, document) = scene.get("/api/v1/targets/eu/new").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "it may be there");
    assert_eq!(document["problem"]["code"], "API-UNREAD");

    scene.gateway.log.put_blob(bytes.into()).await.unwrap();
    let (n, state) = unreadable.unwrap();
    assert!(scene.gateway.define(n, state).await.is_none());
    let (_, list) = scene.get("/api/v1/sources").await;
    assert_eq!((&list["unread"], &list["sources"][0]["name"]), (&Value::Null, &json!("other")));
}

#[tokio::test]
async fn who_watches_is_told_everything_then_changes_and_anew_when_too_slow() {
    let scene = Scene::with(&["shop"]).await;
    let mut stream =
        scene.ask(request(Method::GET, "/api/v1/events", Body::empty())).await.into_body().into_data_stream();
    let mut next = async || {
        let told = stream.next().now_or_never().flatten()?.unwrap();
        let text = String::from_utf8(told.to_vec()).unwrap();
        Some(text.lines().next()?.strip_prefix("event: ")?.to_owned())
    };
    assert_eq!(
        [next().await, next().await, next().await],
        [Some("target".into()), Some("listed".into()), None]
    );
    let none = || Arc::new(DefinitionSet::default());
    let gone = scene.gateway.picture_mut().define(2, none(), Told::default());
    scene.gateway.tell(gone.clone());
    scene.gateway.tell(gone);
    assert_eq!([next().await, next().await], [Some("gone".into()), None], "what is no news is not told");
    for n in 3..3000 {
        let set = if n % 2 == 0 { none() } else { Arc::new(set(&["shop"])) };
        let changed = scene.gateway.picture_mut().define(n, set, Told::default());
        scene.gateway.tell(changed);
    }
    let anew = [next().await, next().await, next().await, next().await];
    assert_eq!(anew, [Some("anew".into()), Some("target".into()), Some("listed".into()), None]);
}

#[tokio::test]
async fn only_so_many_watch() {
    let scene = Scene::with(&["shop"]).await;
    let mut watching = vec![];
    let refused = loop {
        let answer = scene.ask(request(Method::GET, "/api/v1/events", Body::empty())).await;
        if answer.status() != StatusCode::OK {
            break answer.status();
        }
        watching.push(answer);
    };
    assert_eq!((refused, watching.len()), (StatusCode::SERVICE_UNAVAILABLE, 256));
    watching.pop();
    let answer = scene.ask(request(Method::GET, "/api/v1/events", Body::empty())).await;
    assert_eq!(answer.status(), StatusCode::OK, "who leaves makes room");
}
