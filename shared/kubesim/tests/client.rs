//! The client of driftless against the simulator, over the wire.

use std::time::Duration;

use cluster::{Apply, ClusterClient};
