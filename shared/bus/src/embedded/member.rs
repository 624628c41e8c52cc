//! Membership inside one process: whoever holds it is there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::watch, time::Instant};

use crate::{
    Evaluated, Member, Membership, Report,
    membership::{self, Roll},
};

/// The groups of this process.
#[derive(Default)]
pub(super) struct Groups(Mutex<HashMap<String, Arc<Group>>>);

/// Who is there, and what each has evaluated.
#[derive(Default)]
struct Group {
    roll: watch::Sender<Roll>,
    evaluated: Mutex<BTreeMap<Member, Evaluated>>,
}

impl Groups {
    fn group(&self, group: &str) -> Arc<Group> {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.entry(group.to_owned()).or_default().clone()
    }

    pub(super) fn join(&self, group: &str, member: Member, ttl: Duration) -> Membership {
        let (group, evaluated) = (self.group(group), Evaluated::default());
        group.evaluated().insert(member.clone(), evaluated.clone());
        group.roll.send_if_modified(|roll| roll.members.insert(member.clone()));
        let roll = group.roll.subscribe();
        Membership::new((member.clone(), ttl), evaluated, roll, Held { group, member })
    }

    pub(super) fn reports(&self, group: &str) -> Vec<Report> {
        let (group, now) = (self.group(group), Instant::now());
        let report = |(member, evaluated): (&Member, &Evaluated)| Report {
            member: member.clone(),
            ages: evaluated.ages(now),
        };
        group.evaluated().iter().map(report).collect()
    }
}

impl Group {
    fn evaluated(&self) -> MutexGuard<'_, BTreeMap<Member, Evaluated>> {
        self.evaluated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Held {
    group: Arc<Group>,
    member: Member,
}

#[async_trait]
impl membership::Held for Held {
    /// Whoever lives in this process goes unnoticed by nobody.
    async fn leave(&mut self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.group.evaluated().remove(&self.member);
        self.group.roll.send_if_modified(|roll| roll.members.remove(&self.member));
    }
}
