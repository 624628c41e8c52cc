//! What the gateway says of itself: the description in full, the page in docs/, and the answers.

use std::collections::BTreeSet;

use super::*;

/// The page that people read.
const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md"));

/// "GET /api/v1/targets" and the like, as the description has them.
async fn described(scene: &Scene) -> BTreeSet<String> {
    let (status, document) = scene.get("/api/v1/openapi.json").await;
    assert_eq!((status, &document["openapi"]), (StatusCode::OK, &json!("3.1.0")));
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, methods): (&String, &Value)| {
        let methods: Vec<String> = methods.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(|method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

/// The same from the table of the page: `POST /webhook/github`, `gitlab` stands for both.
fn paged() -> BTreeSet<String> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    let mut found = BTreeSet::new();
    for (cell, _) in rows {
        let mut words = cell.split('`').map(str::trim).filter(|word| !word.is_empty() && *word != ",");
        let Some((method, path)) = words.next().and_then(|first| first.split_once(' ')) else { continue };
        found.insert(format!("{method} {path}"));
        if let Some((parent, _)) = path.rsplit_once('/') {
            found.extend(words.map(|word| format!("{method} {parent}/{word}")));
        }
    }
    found
}

#[tokio::test]
async fn the_page_and_the_description_name_the_same_paths() {
    let scene = Scene::with(&["shop"]).await;
    let as_paged = |path: &String| {
        let named = path
            .replace("{time}", "TIME")
            .replace("{cluster}", "CLUSTER")
            .replace("{application}", "APPLICATION");
        match named.strip_suffix("{provider}") {
            Some(start) => {
                ["github", "gitlab", "gitea", "generic"].map(|host| format!("{start}{host}")).into()
            }
            None => vec![named],
        }
    };
    let described: BTreeSet<String> = described(&scene).await.iter().flat_map(as_paged).collect();
    let mut paged = paged();
    for sign_of_life in ["GET /healthz", "GET /readyz"] {
        assert!(paged.remove(sign_of_life), "{sign_of_life}");
    }
    assert_eq!(described, paged);
}

#[tokio::test]
async fn what_is_described_is_there() {
    let scene = Scene::with(&["shop"]).await;
    for named in described(&scene).await {
        let (method, path) = named.split_once(' ').unwrap();
        let path = path
            .replace("{time}", "2026-11-27T00:00:00Z")
            .replace("{cluster}", "eu")
            .replace("{application}", "web")
            .replace("{provider}", "github");
        let status = scene.ask(request(method.parse().unwrap(), &path, Body::empty())).await.status();
        assert!(
            ![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&status),
            "{named}: {status}"
        );
    }
}

#[tokio::test]
async fn a_description_has_an_answer_for_each_status_and_a_form_for_each_document() {
    let scene = Scene::with(&["shop"]).await;
    let (_, document) = scene.get("/api/v1/openapi.json").await;
    let text = document.to_string();
    let named = text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let mut forms = 0;
    for name in named {
        assert!(document["components"]["schemas"][name].is_object(), "{name} is named and not described");
        forms += 1;
    }
    assert!(forms > 10, "{forms}");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let answers = described["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}: {answers:?}");
        }
    }
}

#[tokio::test]
async fn ready_is_who_has_listed_the_log_and_hears_from_it() {
    let scene = Scene::new().await;
    let ready = async || scene.ask(request(Method::GET, "/readyz", Body::empty())).await.status();
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE, "nothing is listed");
    scene.gateway.listed.send_replace(true);
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE, "the log was not asked who is there");
    scene.gateway.note(Some(vec![]));
    assert_eq!(ready().await, StatusCode::OK);
    let long_ago =
        tokio::time::Instant::now().checked_sub(SILENT + std::time::Duration::from_secs(1)).unwrap();
    scene.gateway.evaluations_mut().asked = Some(long_ago);
    scene.gateway.note(None);
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE, "the log does not answer any more");
    assert_eq!(scene.ask(request(Method::GET, "/healthz", Body::empty())).await.status(), StatusCode::OK);
}
