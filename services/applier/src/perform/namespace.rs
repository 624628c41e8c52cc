//! The namespace of an application, or of a platform's Lease: created if it is missing, plain, not ours, never pruned.

use cluster::{Apply, ClusterError, Force, Mode};
use model::{ApiVersion, RetryClass};
use plan::{Action, Reason, Stage, Step};
use tokio::time::{Instant, sleep};

use super::clusters::Connected;
use crate::{
    CustodyError,
    decide::{
        body,
        step::{ATTEMPTS_MAX, WAIT_FIRST},
    },
};

/// What a namespace is made before.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before {
    /// Before there is custody: the Lease is to live in it.
    Custody,
    /// Before the steps of a plan; custody is asked, as before every step.
    Steps,
}

/// Makes sure that the namespace is there. One that may not be created by us is perhaps there all the same: then
/// the steps will tell.
pub(super) async fn ensure(
    connected: &Connected,
    name: &str,
    (manager, before): (&str, Before),
) -> Result<(), CustodyError> {
    let mut attempt = 1;
    loop {
        let start_by = match before {
            Before::Custody => None,
            Before::Steps => Some(connected.custody.permit()?),
        };
        match create(connected, name, (manager, start_by)).await {
            Ok(())
            | Err(
                ClusterError::Moved { .. }
                | ClusterError::AlreadyExists { .. }
                | ClusterError::Forbidden { .. },
            ) => return Ok(()),
            // What there was no room for in time was not sent.
            Err(ClusterError::Late { .. }) => {}
            Err(error) if error.class() == RetryClass::Transient && attempt < ATTEMPTS_MAX => {
                sleep(WAIT_FIRST * attempt).await;
                attempt += 1;
            }
            Err(error) => return Err(CustodyError::Cluster(error)),
        }
    }
}

async fn create(
    connected: &Connected,
    name: &str,
    (manager, start_by): (&str, Option<Instant>),
) -> Result<(), ClusterError> {
    let id = body::namespace_id(name);
    let api_version = ApiVersion { group: String::new(), version: "v1".into() };
    let (stage, action, reason) = (Stage::Foundation, Action::Create, Reason::New);
    let step = Step { id: id.clone(), api_version, stage, action, reason };
    let served = connected.served().await;
    let resource = served.resource(&step, connected.client.address())?;
    let body = body::namespace(name);
    let (force, mode) = (Force::No, Mode::Real);
    let request = Apply { resource, id: &id, body: &body, manager, force, mode, start_by };
    connected.client.apply(&request).await.map(|_| ())
}
