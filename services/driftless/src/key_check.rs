//! Whether a key is that of a log: with another one nothing in it can be opened, and everything is made anew, and
//! differently. Every render tells the key that redacted it.

use std::collections::BTreeSet;

use bus::{Filter, Log, WatchItem};
use events::{EventType, state::RenderState};
use manifest::InstallKey;
use model::AggregateKind;

use crate::{problem::Problem, state_folder::chain};

/// What becomes of a key that is not the log's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherKey {
    /// It is refused.
    Refused,
    /// It takes the other's place, which a person said is lost: everything is made anew from Git.
    Replaces,
}

impl OtherKey {
    /// As a command line says.
    pub fn of(replaced: bool) -> Self {
        if replaced { Self::Replaces } else { Self::Refused }
    }
}

/// Refuses a key under which nothing in the log was made, nor under a previous one of its file. A rotation makes renders
/// anew one by one, so one that fits is enough; a log without renders is anybody's.
pub async fn check(log: &dyn Log, key: &InstallKey, other: OtherKey) -> Result<(), Problem> {
    if other == OtherKey::Replaces {
        return Ok(());
    }
    let ours: BTreeSet<String> = key.all().map(InstallKey::key_id).collect();
    let mut theirs = None;
    let unreadable = |error: bus::ReadError| Problem::new(error.code(), chain(&error), error.remedy());
    let mut watch = log.watch(Filter::kinds(&[AggregateKind::Render])).await.map_err(unreadable)?;
    while let Some(item) = watch.next().await {
        let event = match item.map_err(unreadable)? {
            WatchItem::Event(event) if event.draft.kind != EventType::RenderRetired => event,
            WatchItem::Event(_) | WatchItem::Undecodable(_) => continue,
            WatchItem::Listed | WatchItem::Restarted { .. } => break,
        };
        match events::decode::<RenderState>(event.draft.format, &event.draft.payload) {
            Ok(state) if ours.contains(&state.made_from.key_id) => return Ok(()),
            Ok(state) => theirs = Some(state.made_from.key_id),
            // Told by whoever needs it.
            Err(_) => {}
        }
    }
    let Some(theirs) = theirs else { return Ok(()) };
    let message = format!(
        "what this log holds was made under the key {theirs}, which is not in the key file: that has {}",
        key.key_id()
    );
    let remedy = "give every role the key file of this log; if that is lost for good, say --key-replaced";
    Err(Problem::new("STATE-KEY", message, remedy))
}
