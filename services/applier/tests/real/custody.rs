//! A Lease that is held, taken away, or out of reach: nothing is written without it.

use std::{sync::Arc, time::Duration};

use applier::{Config, Custody, Scope};
use bus::Share;
use cluster::{Lease, LeaseClaim};
use model::RetryClass;
use serde_json::json;
use testkit::eventually;
use tokio::sync::watch;

use crate::{
    bed::{BOUND, Bed, apply, create, failure, key, succeeded},
    interrupted::held,
};

fn custody(bed: &Bed) -> Arc<Custody> {
    Custody::of(&bed.target.application, &bed.namespace, "this-run".to_owned())
}

fn holding(custody: &Arc<Custody>) -> Config {
    Config { scope: Scope::Application(Arc::clone(custody)), ..Config::new(key(), "one", Share::Sole) }
}

/// Writes the Lease as another run that believes it to be over.
async fn take_away(bed: &Bed) {
    let name = format!("driftless-{}", bed.target.application);
    let taken = async || {
        let seen = bed.kube.lease(&bed.namespace, &name).await.unwrap().unwrap();
        let (life, now) = (Duration::from_secs(60), bus::now());
        let (holder, annotations) = (Some("another-run"), &Default::default());
        let claim = LeaseClaim { namespace: &bed.namespace, name: &name, holder, annotations, life, now };
        bed.kube.claim_lease(&claim, Some(&seen)).await.ok()
    };
    eventually(BOUND, "the Lease is taken away", taken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_lost_its_lease_writes_nothing_more() {
    let mut bed = Bed::new().await;
    let (custody, map) = (custody(&bed), bed.config_map("a", json!({"x": "1"})));
    bed.desire(std::slice::from_ref(&map)).await;
    let _applier = bed.start_as(holding(&custody));
    assert!(succeeded(&bed.execute(vec![create(&map)]).await));
    let before = bed.get(&map).await.unwrap();

    take_away(&bed).await;
    // It finds out when it renews, which is long before the one that it had is over.
    eventually(BOUND, "it notices", async || custody.check().err()).await;
    let (changed, second) = (bed.config_map("a", json!({"x": "2"})), bed.config_map("b", json!({"x": "1"})));
    bed.desire(&[changed.clone(), second.clone()]).await;
    let failed = failure(&bed.execute(vec![apply(&changed, &before), create(&second)]).await);
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-LOST", RetryClass::Transient));
    assert!(failed.message.contains(&bed.namespace), "{}", failed.message);
    assert!(!failed.remedy.is_empty());
    assert_eq!(bed.get(&map).await.unwrap().resource_version, before.resource_version);
    assert!(bed.get(&second).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_waits_while_the_lease_is_lost_is_not_begun() {
    let mut bed = Bed::new().await.with_namespace().await;
    let (custody, map) = (custody(&bed), bed.config_map("a", json!({"x": "1"})));
    bed.desire(std::slice::from_ref(&map)).await;
    // Somebody may still be writing to the cluster, so that the create has to wait.
    let (claim, share) = watch::channel(held(Duration::from_secs(3600)));
    let _applier = bed.start_as(Config { share: Share::Of(share), ..holding(&custody) });
    let generation = bed.plan(vec![create(&map)]).await;
    eventually(BOUND, "the Lease is held", async || custody.check().ok()).await;
    bed.until("the sync", |state| state.generation == generation).await;
    take_away(&bed).await;
    eventually(BOUND, "it notices", async || custody.check().err()).await;
    claim.send_replace(held(Duration::ZERO));
    let failed = failure(&bed.finished(generation).await);
    assert_eq!(failed.code, "CUSTODY-LOST");
    assert!(bed.get(&map).await.is_none());
}

/// The Lease of the application.
async fn lease(bed: &Bed) -> Option<Lease> {
    bed.kube.lease(&bed.namespace, &format!("driftless-{}", bed.target.application)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_written_at_the_last_moment_is_given_back_unless_it_is_somebody_elses() {
    let bed = Bed::new().await.with_namespace().await;
    for (writer, left) in [("this-run", None), ("another-run", Some("another-run"))] {
        let custody = custody(&bed);
        custody.take_at(&bed.cluster(), key()).await.unwrap();
        // As a renewal whose answer is not awaited.
        let seen = lease(&bed).await.unwrap();
        let name = format!("driftless-{}", bed.target.application);
        let (namespace, name, annotations) = (&*bed.namespace, &*name, &Default::default());
        let (life, now) = (Duration::from_secs(60), bus::now());
        let claim = LeaseClaim { namespace, name, holder: Some(writer), annotations, life, now };
        bed.kube.claim_lease(&claim, Some(&seen)).await.unwrap();
        custody.give_back().await;
        assert_eq!(lease(&bed).await.and_then(|lease| lease.holder).as_deref(), left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_may_hold_no_lease_writes_nothing() {
    let mut bed = Bed::without_rights().await.with_namespace().await;
    bed.grant_viewer(&bed.namespace, ("", &["configmaps", "namespaces"])).await;
    let map = bed.config_map("a", json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&map)).await;
    let _applier = bed.start_as(holding(&custody(&bed)));
    let failed = failure(&bed.execute(vec![create(&map)]).await);
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-FORBIDDEN", RetryClass::Permanent));
    for word in ["viewer", "leases", &bed.namespace] {
        assert!(failed.message.contains(word), "{word}: {}", failed.message);
    }
    assert!(failed.remedy.contains("leases.coordination.k8s.io"), "{}", failed.remedy);
    assert!(bed.get(&map).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_holds_no_lease_in_the_namespace_of_an_application() {
    let mut bed = Bed::without_rights().await.with_namespace().await;
    bed.grant_viewer(&bed.namespace, ("", &["configmaps", "namespaces"])).await;
    let map = bed.config_map("a", json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&map)).await;
    let _applier = bed.start("one");
    let state = bed.execute(vec![create(&map)]).await;
    assert!(succeeded(&state), "{state:?}");
}
