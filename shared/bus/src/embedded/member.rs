//! Membership inside one process: whoever holds it is there.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::{Member, Membership, membership};

/// The groups of this process.
#[derive(Default)]
pub(super) struct Groups(Mutex<HashMap<String, Arc<watch::Sender<BTreeSet<Member>>>>>);

impl Groups {
    pub(super) fn join(&self, group: &str, member: Member) -> Membership {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let members = groups.entry(group.to_owned()).or_default().clone();
        members.send_if_modified(|members| members.insert(member.clone()));
        Membership::new(members.subscribe(), Held { members, member })
    }
}

struct Held {
    members: Arc<watch::Sender<BTreeSet<Member>>>,
    member: Member,
}

impl membership::Held for Held {
    /// Whoever lives in this process dies with it; there is nobody left to be told.
    fn abandon(&mut self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.members.send_if_modified(|members| members.remove(&self.member));
    }
}
