//! What a watch lets through.

use std::collections::BTreeSet;

use model::{Aggregate, AggregateKind, Partition};

/// The partitions of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitions {
    /// Every one.
    All,
    /// These.
    Some(BTreeSet<Partition>),
}

/// Aggregates of certain kinds in certain partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Kinds; none means nothing is let through.
    pub kinds: Vec<AggregateKind>,
    /// Partitions.
    pub partitions: Partitions,
}

impl Filter {
    /// Everything.
    pub fn all() -> Self {
        Self::kinds(&AggregateKind::ALL)
    }

    /// All aggregates of these kinds.
    pub fn kinds(kinds: &[AggregateKind]) -> Self {
        Self { kinds: kinds.to_vec(), partitions: Partitions::All }
    }

    /// Aggregates of these kinds in these partitions.
    pub fn partitions(kinds: &[AggregateKind], partitions: impl IntoIterator<Item = Partition>) -> Self {
        Self { kinds: kinds.to_vec(), partitions: Partitions::Some(partitions.into_iter().collect()) }
    }

    /// Whether the aggregate is let through.
    pub fn admits(&self, aggregate: &Aggregate) -> bool {
        self.admits_place(aggregate.kind(), aggregate.partition())
    }

    pub(crate) fn admits_place(&self, kind: AggregateKind, partition: Partition) -> bool {
        let partition = match &self.partitions {
            Partitions::All => true,
            Partitions::Some(set) => set.contains(&partition),
        };
        partition && self.kinds.contains(&kind)
    }
}
