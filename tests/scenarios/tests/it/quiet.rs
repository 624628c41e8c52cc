//! What nothing hangs on costs the cluster nothing.

use std::time::Duration;

use crate::{
    proxy::Request,
    scene::{Scene, config_maps},
};

/// So often is everything looked at here.
const SWEEP: Duration = Duration::from_millis(300);

/// The cluster is held by a lease, and asked once a sweep whether it still answers, and whether it is still the one.
fn is_a_sign_of_life(request: &Request) -> bool {
    request.is_about("leases") || ["/version", "/api/v1/namespaces/kube-system"].contains(&&*request.path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_touches_no_application_and_a_look_at_everything_ask_for_nothing() {
    let scene = Scene::sweeping(SWEEP, &testkit::cluster::real("scenarios"), &config_maps(20)).await;
    scene.in_sync().await;
    // By then what followed from the first sync is over.
    scene.sweeps(2).await;
    let before = scene.proxy.paths(|request| !is_a_sign_of_life(request));
    scene.commit_beside().await;
    scene.sweeps(2).await;
    let after = scene.proxy.paths(|request| !is_a_sign_of_life(request));
    assert_eq!(after[before.len()..], [""; 0]);
}
