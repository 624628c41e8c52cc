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
            Self::Everything { .. } => "GUARD-EVERYTHING",
            Self::Share { .. } => "GUARD-SHARE",
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
        }
    }
}

/// Judges a plan over an inventory of that many objects, strays included.
///
/// # Errors
/// If a person has to be asked (permanent until the plan or the consent changes).
pub fn guard(plan: &SyncPlan, inventory: usize, guard: &Guard) -> Result<(), Refusal> {
    let prunes = plan.prunes().count();
    if prunes == 0 {
        return Ok(());
    }
    if prunes >= inventory {
        return Err(Refusal::Everything { inventory });
    }
    let over = prunes * 100 > usize::from(guard.max_prune_percent) * inventory;
    if inventory >= SHARE_FROM_OBJECTS && over {
        return Err(Refusal::Share { prunes, inventory, percent: guard.max_prune_percent });
    }
    Ok(())
}
