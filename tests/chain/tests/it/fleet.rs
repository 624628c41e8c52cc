//! A thousand applications in one repository.

use std::{io::Write as _, time::Instant};

use crate::scene::{Scene, files};

/// Milliseconds of CPU that this process has used. Source: proc(5), fields utime and stime in 1/100 s.
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap() * 10).sum()
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let (start, before) = (Instant::now(), cpu());
    let done = work.await;
    let line = format!("{what}: {:?}, {} ms of CPU\n", start.elapsed(), cpu() - before);
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    done
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: run it with --release -- --ignored --nocapture"]
async fn a_thousand_applications_measured() {
    let scene = Scene::new().await;
    let names: Vec<String> = (0..1000).map(|i| format!("app-{i:04}")).collect();
    scene.commit(&names.iter().flat_map(|name| files(name, 1)).collect::<Vec<_>>());
    timed("1000 applications, first time", async {
        scene.define(&names).await;
        scene.wait(1000, "all rendered", |state| state.desired.is_some()).await;
    })
    .await;
    timed("a look without news", scene.look("request-1")).await;
    scene.commit(&files("app-0500", 2));
    timed("a commit that touches one", async {
        scene.look("request-2").await;
        scene.wait(1, "one rendered", |state| state.made_from.observation == 2).await;
    })
    .await;
    scene.commit(&names.iter().flat_map(|name| files(name, 3)).collect::<Vec<_>>());
    timed("a commit that touches all", async {
        scene.look("request-3").await;
        scene.wait(1000, "all rendered again", |state| state.made_from.observation == 3).await;
    })
    .await;
}
