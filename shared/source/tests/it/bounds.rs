//! Time and size of a fetch.

use std::time::{Duration, Instant};

use source::Limits;

use testkit::git_server::{Behaviour, Server};

use crate::repository::{Scene, definition, git};

#[test]
fn a_silent_server_costs_no_more_than_the_time_bound() {
    let scene = Scene::new();
    let server = Server::start(Behaviour::Silent);
    let limits = Limits { fetch: Duration::from_secs(1), ..Limits::default() };
    let mirror = scene.mirror_of(definition(&server.url())).unwrap().with_limits(limits);
    let start = Instant::now();
    let error = mirror.fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-TIMEOUT", "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    // The stuck thread is still there: no second one beside it.
    assert_eq!(mirror.fetch().unwrap_err().code(), "GIT-BUSY");
}

#[test]
fn a_fetch_that_is_too_large_is_stopped() {
    let scene = Scene::new();
    // What does not compress, and enough of it that the fetch outlasts a look at its size.
    let mut state = 1u64;
    let noise: Vec<u8> = (0..1_000_000)
        .flat_map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 16).to_be_bytes()
        })
        .collect();
    std::fs::write(scene.work_tree().join("big.bin"), noise).unwrap();
    for folder in [scene.work_tree(), scene.bare()] {
        git(&folder, &["config", "core.compression", "0"]);
    }
    scene.commit(&[]);
    let mirror = scene.mirror().with_limits(Limits { fetch_bytes: 1_000_000, ..Limits::default() });
    let error = mirror.fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-TOO-LARGE", "{error}");
}
