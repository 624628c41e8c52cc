//! Many applications at once.

use std::time::Instant;

use events::state::ObservedPath;
use testkit::eventually;

use crate::scene::{BOUND, Scene, application, config_map};

/// Renders so many applications; returns what it took.
async fn render_fleet(scene: &Scene, size: usize) -> String {
    let names: Vec<String> = (0..size).map(|i| format!("app-{i:04}")).collect();
    let mut rows = Vec::new();
    for name in &names {
        let file = |i: usize| (format!("{name}/{i}.yaml"), config_map(&format!("{name}-{i}"), "1"));
        let files: Vec<(String, String)> = (0..4).map(file).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        rows.push(ObservedPath { path: name.clone(), outcome: scene.files(&files).await });
    }
    let definitions: Vec<String> = names.iter().map(|name| application(name, name)).collect();
    let definitions: Vec<&str> = definitions.iter().map(String::as_str).collect();
    scene.publish(1, rows).await;
    let start = (Instant::now(), cpu());
    scene.define(&definitions).await;
    let all = async || (scene.all_renders().await.len() == size).then_some(());
    eventually(BOUND, "every application", all).await;
    format!("{size} renders: {:?}, {} ms of CPU", start.0.elapsed(), cpu() - start.1)
}

/// Milliseconds of CPU that this process has used. Source: proc(5), fields utime and stime in 1/100 s.
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap() * 10).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_renderers_at_once_render_a_fleet_once() {
    let mut scene = Scene::new().await;
    let other = scene.start_another("other");
    render_fleet(&scene, 300).await;
    for event in scene.all_renders().await {
        assert_eq!(event.n(), 1, "{}", event.aggregate());
    }
    scene.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: run it with --release -- --ignored --nocapture"]
async fn a_thousand_applications_measured() {
    let took = render_fleet(&Scene::new().await, 1000).await;
    std::io::Write::write_all(&mut std::io::stderr(), took.as_bytes()).unwrap();
}
