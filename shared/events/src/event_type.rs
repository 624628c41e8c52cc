//! What can happen, aggregate by aggregate.

use std::str::FromStr;

use model::AggregateKind;
use serde::{Deserialize, Serialize};

/// Says that a word names no event type; met when a newer process wrote to the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no event type known here")]
pub struct UnknownEventType(String);

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident of $kind:ident,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventType {
            $($(#[$doc])* $name,)*
        }

        impl EventType {
            /// All types.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The kind of aggregate that it belongs to.
            pub const fn aggregate_kind(self) -> AggregateKind {
                match self {
                    $(Self::$name => AggregateKind::$kind,)*
                }
            }
        }

        impl FromStr for EventType {
            type Err = UnknownEventType;
            fn from_str(word: &str) -> Result<Self, UnknownEventType> {
                match word {
                    $(stringify!($name) => Ok(Self::$name),)*
                    _ => Err(UnknownEventType(word.chars().take(80).collect())),
                }
            }
        }
    };
}

event_types! {
    /// A source resolves to a revision.
    RevisionObserved of Source,
    /// A source could not be fetched or resolved; the last good revision stands.
    SourceFailed of Source,
    /// A new complete set of definitions is in force.
    DefinitionsChanged of Definitions,
    /// A set was refused; the last good one stays in force.
    DefinitionsRejected of Definitions,
    /// A desired state was rendered.
    DesiredStateRendered of Render,
    /// A render failed; the last good desired state stands.
    RenderFailed of Render,
    /// A cluster answers.
    ClusterConnected of Cluster,
    /// A cluster does not answer, or refuses us.
    ClusterUnreachable of Cluster,
    /// A cluster answers with an older state than was seen before.
    ClusterRestored of Cluster,
    /// A plan is ready for the applier.
    SyncPlanned of Target,
    /// A plan was not published, or a person's word is needed first.
    PlanRefused of Target,
    /// Live state moved on fields that we own.
    DriftDetected of Target,
    /// Drift went away.
    DriftResolved of Target,
    /// Another actor keeps undoing our heals; we stopped.
    DriftContested of Target,
    /// The health of a target is another.
    HealthChanged of Target,
    /// All objects of a wave are healthy.
    WaveHealthy of Target,
    /// A wave did not become healthy within its bound.
    WaveUnhealthy of Target,
    /// A running sync should stop at its next wave.
    SupersedeRequested of Target,
    /// The target is no longer ours.
    TargetReleased of Target,
    /// A plan is about to be executed: inventory and plan are recorded.
    SyncStarted of Sync,
    /// A plan was refused as stale.
    PlanRejected of Sync,
    /// A wave was applied.
    WaveApplied of Sync,
    /// Some objects were applied.
    SyncProgressed of Sync,
    /// A sync came to its end.
    SyncFinished of Sync,
    /// A sync stopped because a newer plan was waiting.
    SyncSuperseded of Sync,
    /// Someone asked for a sync.
    SyncRequested of Command,
    /// Someone asked for quiet.
    PauseRequested of Command,
    /// Someone asked for an earlier revision.
    RollbackRequested of Command,
    /// Someone approved a plan.
    PlanApproved of Command,
    /// Handled requests were dropped.
    CommandsHandled of Command,
    /// Nothing names the aggregate any more.
    SourceRetired of Source,
    /// Nothing names the aggregate any more.
    RenderRetired of Render,
    /// Nothing names the aggregate any more.
    ClusterRetired of Cluster,
    /// Nothing names the aggregate any more.
    TargetRetired of Target,
    /// Nothing names the aggregate any more.
    SyncRetired of Sync,
}

impl EventType {
    /// Whether it is the last event of its aggregate's life, which is kept only for a time.
    pub const fn retires(self) -> bool {
        matches!(
            self,
            Self::SourceRetired
                | Self::RenderRetired
                | Self::ClusterRetired
                | Self::TargetRetired
                | Self::SyncRetired
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_retirements_retire() {
        for kind in EventType::ALL {
            assert_eq!(kind.retires(), kind.word().ends_with("Retired"), "{kind:?}");
        }
    }

    #[test]
    fn words_round_trip() {
        for kind in EventType::ALL {
            assert_eq!(kind.word().parse(), Ok(*kind));
        }
        assert!("Nothing".parse::<EventType>().is_err());
    }
}
