//! The guard: how much one plan may delete without a person's word.

use model::definition::Guard;

use crate::SyncPlan;

/// Inventories below this size are too small for a share to mean anything.
const SHARE_FROM_OBJECTS: usize = 4;

/// Says why a plan is not published without a person's word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is desired, and something is in the inventory.
    #[error("the revision holds no object, and {inventory} would be pruned")]
    Everything {
        /// Objects in the inventory.
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
        /// Objects in the inventory.
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
            Self::Share { .. } => {
                "check the revision; if it is meant, approve the plan or raise guard.maxPrunePercent"
            }
            Self::WholeCluster { .. } | Self::ShareOfCluster { .. } => {
                "check the definitions: put the applications back, or approve the plan if it is meant"
            }
        }
    }
}

/// What a plan is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock {
    /// The target's own inventory, of that size, strays included.
    Inventory(usize),
    /// All that we have on a cluster, because one set of definitions lets many applications go at once.
    Cluster {
        /// Objects of the applications that leave it and are deleted with them, this one among them.
        leaving: usize,
        /// Objects in all inventories.
        objects: usize,
    },
}

/// Judges a plan.
///
/// # Errors
/// If a person has to be asked (permanent until the plan or the consent changes).
pub fn guard(plan: &SyncPlan, stock: Stock, guard: &Guard) -> Result<(), Refusal> {
    let prunes = plan.prunes().count();
    let percent = guard.max_prune_percent;
    let over = |part, whole| is_over(percent, part, whole);
    match stock {
        _ if prunes == 0 => Ok(()),
        Stock::Inventory(inventory) if prunes >= inventory => Err(Refusal::Everything { inventory }),
        Stock::Inventory(inventory) if over(prunes, inventory) => {
            Err(Refusal::Share { prunes, inventory, percent })
        }
        Stock::Cluster { leaving, objects } if leaving >= objects => Err(Refusal::WholeCluster { objects }),
        Stock::Cluster { leaving, objects } if over(leaving, objects) => {
            Err(Refusal::ShareOfCluster { leaving, objects, percent })
        }
        Stock::Inventory(_) | Stock::Cluster { .. } => Ok(()),
    }
}

/// Whether a part is more than that share of the whole, where a share means anything.
pub(crate) fn is_over(percent: u8, part: usize, whole: usize) -> bool {
    whole >= SHARE_FROM_OBJECTS && part * 100 > usize::from(percent) * whole
}
