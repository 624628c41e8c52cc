//! The facts that a decision is made from.

use std::time::Duration;

use model::{Digest, Failure, TargetId};
use plan::RebuiltPrune;

use crate::{
    Finds,
    answers::Answers,
    desired::Desired,
    known::{Around, Snapshot},
    live::LiveView,
};

/// Whether the cluster of a target answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterStanding {
    /// Nothing is known yet.
    Connecting,
    /// It answers, and everything that carries our label has been listed once.
    Connected,
    /// It does not, or refuses us.
    Unreachable(Failure),
}

/// A desired state that cannot be read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its digest.
    pub digest: Digest,
    /// Why, and when that was seen.
    pub failure: Failure,
}

/// Everything that a decision about one target reads.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Which target.
    pub target: &'a TargetId,
    /// What the log says.
    pub snapshot: &'a Snapshot,
    /// The desired state, if it is loaded.
    pub desired: Option<&'a Desired>,
    /// Why the newest desired state cannot be loaded, if it cannot.
    pub unreadable: Option<&'a Unreadable>,
    /// What the other targets of the cluster say, if that was looked at.
    pub around: Option<&'a Around>,
    /// What the watches have shown.
    pub live: &'a LiveView,
    /// What the API server has answered.
    pub answers: &'a Answers,
    /// Whether it answers at all.
    pub cluster: &'a ClusterStanding,
    /// Whether a person allowed prunes of a rebuilt inventory.
    pub rebuilt_prune: RebuiltPrune,
    /// Which objects with our mark are ours.
    pub finds: Finds,
    /// How long the applier may be silent about a plan.
    pub silence: Duration,
}
