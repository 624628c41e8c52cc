//! The namespace of an application: created if it is missing, plain, not ours, never pruned.

use cluster::{Apply, ClusterError, Force, Mode};
use model::{ApiVersion, RetryClass};
use plan::{Action, Reason, Stage, Step};
use tokio::time::sleep;

use super::clusters::Connected;
use crate::decide::{
    body,
    step::{ATTEMPTS_MAX, WAIT_FIRST},
};

/// Makes sure that the namespace is there. One that may not be created by us is perhaps there all the same: then
/// the steps will tell.
pub(super) async fn ensure(connected: &Connected, name: &str, manager: &str) -> Result<(), ClusterError> {
    let mut attempt = 1;
    loop {
        match create(connected, name, manager).await {
            Ok(())
            | Err(
                ClusterError::Moved { .. }
                | ClusterError::AlreadyExists { .. }
                | ClusterError::Forbidden { .. },
            ) => return Ok(()),
            Err(error) if error.class() == RetryClass::Transient && attempt < ATTEMPTS_MAX => {
                sleep(WAIT_FIRST * attempt).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn create(connected: &Connected, name: &str, manager: &str) -> Result<(), ClusterError> {
    let id = body::namespace_id(name);
    let api_version = ApiVersion { group: String::new(), version: "v1".into() };
    let (stage, action, reason) = (Stage::Foundation, Action::Create, Reason::New);
    let step = Step { id: id.clone(), api_version, stage, action, reason };
    let served = connected.served().await;
    let resource = served.resource(&step, connected.client.address())?;
    let body = body::namespace(name);
    let (force, mode) = (Force::No, Mode::Real);
    let request = Apply { resource, id: &id, body: &body, manager, force, mode, start_by: None };
    connected.client.apply(&request).await.map(|_| ())
}
