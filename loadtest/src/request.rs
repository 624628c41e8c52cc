//! Asks the source to look now, as the gateway would for a webhook.

use std::{sync::Arc, time::SystemTime};

use bus::Log;
use events::{
    Draft, EventType,
    state::{Asker, CommandState, Request, RequestId, RequestKind},
};
use model::{Aggregate, CommandScope, Timestamp};

use crate::{Fault, fleet};

/// Replaces the pending request of the source; the id of the new one.
pub async fn fetch(log: &Arc<dyn Log>) -> Result<RequestId, Fault> {
    let aggregate = Aggregate::Command(CommandScope::Source(fleet::source_name()?));
    let newest = log.newest(&aggregate).await?;
    let id: RequestId = format!("{:032x}", rand::random::<u128>()).parse()?;
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let at = Timestamp::from_millis(since_epoch.as_millis().try_into()?);
    let pending = vec![Request { id: id.clone(), kind: RequestKind::Fetch, at, by: Asker::Person }];
    let told = (EventType::SyncRequested, at);
    let draft = Draft::after(newest.as_ref(), aggregate, told, &CommandState { pending })?;
    for appended in log.append(vec![draft]).await {
        appended?;
    }
    Ok(id)
}
