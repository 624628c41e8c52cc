//! The guard: how much one plan may delete without a person's word.

use model::definition::Guard;

use crate::{
    Existence, InventoryObject, Provenance, Situation, SyncPlan, generated::Generated, planner::DesiredObject,
};

/// Inventories below this size are too small for a share to mean anything.
const SHARE_FROM_OBJECTS: usize = 4;

/// Says why a plan is not published without a person's word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is desired, and all that is there would go.
    #[error("the revision holds no object, and {inventory} would be pruned")]
    Everything {
        /// Objects that are there.
        inventory: usize,
    },
    /// All that we have on a cluster would go with the applications that leave it.
    #[error("all {objects} objects on the cluster would be deleted with the applications that leave it")]
    WholeCluster {
        /// Objects in all inventories of the cluster.
        objects: usize,
    },
    /// More than the guard's share of a cluster would go with the applications that leave it.
    #[error(
        "{leaving} of {objects} objects on the cluster would be deleted with the applications that leave it; the guard allows {percent} %"
    )]
    ShareOfCluster {
        /// Objects of applications that leave it and are deleted with them.
        leaving: usize,
        /// Objects in all inventories of the cluster.
        objects: usize,
        /// The guard's share.
        percent: u8,
    },
    /// More than the guard's share would go.
    #[error("{prunes} of {inventory} objects would be pruned; the guard allows {percent} %")]
    Share {
        /// Objects that would be pruned.
        prunes: usize,
        /// Objects that are there.
        inventory: usize,
        /// The guard's share.
        percent: u8,
    },
}

impl Refusal {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Everything { .. } | Self::WholeCluster { .. } => "GUARD-EVERYTHING",
            Self::Share { .. } | Self::ShareOfCluster { .. } => "GUARD-SHARE",
        }
    }

    /// What a person can do.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Everything { .. } => {
                "check the path and the revision; to delete everything, remove the application with deletion: delete"
            }
            Self::Share { .. } => "check the revision, or raise guard.maxPrunePercent",
            Self::WholeCluster { .. } | Self::ShareOfCluster { .. } => {
                "check the definitions, or put the applications back"
            }
        }
    }
}

/// What a plan is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock<'a> {
    /// The target's own objects.
    Target {
        /// How many are there: what is gone, and what others put there, would only make the share look small.
        there: usize,
        /// What it desires.
        desired: &'a [DesiredObject],
    },
    /// All that we have on a cluster, because one set of definitions lets many applications go at once.
    Cluster {
        /// Objects of the applications that leave it and are deleted with them, this one among them.
        leaving: usize,
        /// Objects in all inventories.
        objects: usize,
    },
}

impl<'a> Stock<'a> {
    /// What a target has.
    pub fn of(situation: &Situation<'a>) -> Self {
        let is_there =
            |object: &&InventoryObject| matches!(situation.live.get(&object.id), Some(Existence::Ours(_)));
        let strays = situation.strays.iter().filter(|stray| match stray.provenance {
            Provenance::Own(_) => true,
            Provenance::Unknown => false,
        });
        let there = situation.inventory.iter().filter(is_there).count() + strays.count();
        Self::Target { there, desired: situation.desired }
    }
}

/// Judges a plan.
///
/// # Errors
/// If a person has to be asked (permanent until the plan or the consent changes).
pub fn guard(plan: &SyncPlan, stock: Stock<'_>, guard: &Guard) -> Result<(), Refusal> {
    let prunes = plan.prunes().count();
    let percent = guard.max_prune_percent;
    let over = |part, whole| is_over(percent, part, whole);
    match stock {
        _ if prunes == 0 => Ok(()),
        Stock::Target { there, desired: [] } if prunes >= there => {
            Err(Refusal::Everything { inventory: there })
        }
        Stock::Target { there, desired } => {
            let generated = Generated::of(desired);
            let lost = plan.prunes().filter(|step| !generated.succeed(&step.id)).count();
            // A single one gives way to another under a new name all the time; all of several is a wrong path.
            let is_all = there > 1 && lost >= there;
            match is_all || over(lost, there) {
                true => Err(Refusal::Share { prunes: lost, inventory: there, percent }),
                false => Ok(()),
            }
        }
        Stock::Cluster { leaving, objects } if leaving >= objects => Err(Refusal::WholeCluster { objects }),
        Stock::Cluster { leaving, objects } if over(leaving, objects) => {
            Err(Refusal::ShareOfCluster { leaving, objects, percent })
        }
        Stock::Cluster { .. } => Ok(()),
    }
}

/// Whether a part is more than that share of the whole, where a share means anything.
pub(crate) fn is_over(percent: u8, part: usize, whole: usize) -> bool {
    whole >= SHARE_FROM_OBJECTS && part * 100 > usize::from(percent) * whole
}
