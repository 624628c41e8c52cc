//! Membership inside one process: whoever holds it is there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{
    Member, Membership,
    membership::{self, Roll},
};

/// The groups of this process.
#[derive(Default)]
pub(super) struct Groups(Mutex<HashMap<String, Arc<watch::Sender<Roll>>>>);

impl Groups {
    pub(super) fn join(&self, group: &str, member: Member, ttl: Duration) -> Membership {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let roll = groups.entry(group.to_owned()).or_default().clone();
        roll.send_if_modified(|roll| roll.members.insert(member.clone()));
        let held = Held { roll: roll.clone(), member: member.clone() };
        Membership::new((member, ttl), roll.subscribe(), held)
    }
}

struct Held {
    roll: Arc<watch::Sender<Roll>>,
    member: Member,
}

#[async_trait]
impl membership::Held for Held {
    /// Whoever lives in this process goes unnoticed by nobody.
    async fn leave(&mut self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.roll.send_if_modified(|roll| roll.members.remove(&self.member));
    }
}
