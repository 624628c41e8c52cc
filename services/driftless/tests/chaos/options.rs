//! How much chaos is wanted: little by default, more by environment, which `tests/chaos-run` sets.

use std::{env, str::FromStr};

use testkit::cluster::{TestCluster, real};

/// Clusters that other tests use too, one after the other.
const SHARED: &str = "cluster fleet driftless";

/// A number from the environment, such as `DRIFTLESS_CHAOS_ROUNDS`.
pub fn number<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(format!("DRIFTLESS_CHAOS_{name}")).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("DRIFTLESS_CHAOS_{name}: {text:?} is no number")))
}

/// The seed to begin with: that of the environment, or any.
pub fn seed() -> u64 {
    number("SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()))
}

/// Whether a person looks on: what a failed run leaves behind is kept then.
pub fn by_hand() -> bool {
    env::var_os("DRIFTLESS_CHAOS_KEEP").is_some()
}

/// So many clusters: those that the environment names, or shared ones.
pub fn clusters(count: usize) -> Vec<TestCluster> {
    let names = env::var("DRIFTLESS_CHAOS_CLUSTERS").unwrap_or_else(|_| SHARED.to_owned());
    let clusters: Vec<TestCluster> = names.split_whitespace().take(count).map(real).collect();
    assert_eq!(clusters.len(), count, "of clusters in {names:?}");
    clusters
}
