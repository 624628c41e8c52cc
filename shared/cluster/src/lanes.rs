//! Connections for watches: the next one is made when the ones before it carry all that they may.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ClusterError;

/// Watches on one connection. Source: API server, `http2-max-streams-per-connection`: 100 unless somebody sets it;
/// what goes beyond waits without a word. Below it, because a watch that has ended leaves its place late.
const LANE_WATCHES: usize = 64;

/// Connections.
const LANES: usize = 8;

/// Most watches of one client; more are refused. 8 kinds in each of 64 namespaces; each costs the API server some
/// tens of kilobytes.
pub const WATCHES_MAX: usize = LANES * LANE_WATCHES;

/// Connections for watches.
pub(crate) struct Lanes {
    make: Make,
    lanes: Mutex<Vec<Lane>>,
}

/// Prepares a connection; it comes up with its first request.
type Make = Box<dyn Fn() -> Result<kube::Client, ClusterError> + Send + Sync>;

struct Lane {
    client: kube::Client,
    places: Arc<Semaphore>,
}

/// A place on a connection, for as long as it is held.
pub(crate) struct Place {
    pub(crate) client: kube::Client,
    _permit: OwnedSemaphorePermit,
}

impl Lanes {
    pub(crate) fn new(make: Make) -> Self {
        Self { make, lanes: Mutex::default() }
    }

    /// A place on the first connection that has one, or on a new one.
    pub(crate) fn take(&self, request: &str) -> Result<Place, ClusterError> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        for lane in lanes.iter() {
            if let Ok(permit) = Arc::clone(&lane.places).try_acquire_owned() {
                return Ok(Place { client: lane.client.clone(), _permit: permit });
            }
        }
        if lanes.len() < LANES {
            let (client, places) = ((self.make)()?, Arc::new(Semaphore::new(LANE_WATCHES)));
            lanes.push(Lane { client: client.clone(), places: Arc::clone(&places) });
            if let Ok(permit) = places.try_acquire_owned() {
                return Ok(Place { client, _permit: permit });
            }
        }
        Err(ClusterError::TooManyWatches { request: request.to_owned() })
    }
}
