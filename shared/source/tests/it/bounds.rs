//! Time and size of a fetch.

use std::time::{Duration, Instant};

use source::Limits;

use crate::{
    http_server::{Behaviour, Server},
    repository::{Scene, definition},
};

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
    let mut noise = String::new();
    let mut state = 1u64;
    while noise.len() < 60_000_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.push_str(&format!("{state:x}"));
    }
    scene.commit(&[("big.bin", &noise)]);
    let mirror = scene.mirror().with_limits(Limits { fetch_bytes: 1_000_000, ..Limits::default() });
    let error = mirror.fetch().unwrap_err();
    assert_eq!(error.code(), "GIT-TOO-LARGE", "{error}");
}
