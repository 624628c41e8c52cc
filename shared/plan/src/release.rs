//! Targets that leave the set of definitions, or the cluster: which policy releases them, and what a plan that
//! does so is made from.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Application, DefinitionSet, Digest, TargetId, Timestamp,
    definition::{Deletion, FirstContact, Guard, Rendering, Selector, SourcePath, SyncPolicy},
};

use crate::assign;

/// A target that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The application as it was in force last: its deletion policy decides, never that of a later set.
    pub application: Application,
    /// When the set came into force that does not have the target.
    pub since: Timestamp,
}

/// Looks for what was in force last for targets that left, in one set of definitions after the other, newest
/// first. The first one is the set in force, which has none of them.
#[derive(Debug)]
pub struct Search {
    open: BTreeSet<TargetId>,
    found: BTreeMap<TargetId, Left>,
    since: Option<Timestamp>,
    /// Whether every set so far could be read.
    sight: Sight,
}

/// Whether sets were skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// None was.
    Clear,
    /// One was: whatever is older may have been changed by it.
    Broken,
}

impl Search {
    /// For these targets.
    pub fn new(targets: BTreeSet<TargetId>) -> Self {
        Self { open: targets, found: BTreeMap::new(), since: None, sight: Sight::Clear }
    }

    /// Looks into the next older set, which came into force at that time.
    pub fn look(&mut self, at: Timestamp, set: &DefinitionSet) {
        if let Some(since) = self.since {
            for (target, assignment) in assign(set) {
                if self.open.remove(&target) {
                    let mut application = assignment.application;
                    if self.sight == Sight::Broken {
                        application.deletion = Deletion::default();
                    }
                    self.found.insert(target, Left { application, since });
                }
            }
        }
        self.since = Some(at);
    }

    /// The next older set, which came into force at that time, cannot be read. It may have been the last one with a target,
    /// and have said otherwise what becomes of its objects: nothing is deleted by what is older.
    pub fn miss(&mut self, at: Timestamp) {
        self.sight = Sight::Broken;
        self.since = Some(at);
    }

    /// Whether an older set can tell more.
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// What was found. Of a target that no set has any more only the name is known: it is orphaned, the default.
    pub fn into_found(mut self) -> BTreeMap<TargetId, Left> {
        for target in self.open {
            if let Some(application) = defined_no_more(&target) {
                let since = self.since.unwrap_or_default();
                self.found.insert(target, Left { application, since });
            }
        }
        self.found
    }
}

/// An application of which only the name is known. Always `Some`, as every name of an application is one of a
/// source.
pub fn defined_no_more(target: &TargetId) -> Option<Application> {
    Some(Application {
        name: target.application.clone(),
        source: SourcePath { name: target.application.as_str().parse().ok()?, path: String::new() },
        rendering: Rendering::default(),
        targets: Selector::default(),
        overrides: Vec::new(),
        namespace: None,
        sync: SyncPolicy::default(),
        deletion: Deletion::default(),
        guard: Guard::default(),
        ignore: Vec::new(),
        first_contact: FirstContact::default(),
    })
}

/// The slice of a target that is not in the definitions: with each new set its release is decided anew.
pub fn slice(definitions_n: u64) -> Digest {
    Digest::of_parts("slice", [b"left".as_slice(), &definitions_n.to_be_bytes()])
}

/// The desired state of a target that is not in the definitions.
pub fn nothing() -> Digest {
    Digest::of_parts("desired", [b"nothing".as_slice()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::tests::{application, cluster, source};

    fn set(applications: &[(&str, Deletion)]) -> DefinitionSet {
        let define = |(name, deletion): &(&str, Deletion)| {
            let mut defined = application(name);
            defined.deletion = *deletion;
            defined
        };
        let applications = applications.iter().map(define).collect();
        DefinitionSet::new(vec![source()], vec![cluster("eu", &[])], applications).unwrap()
    }

    fn target(name: &str) -> TargetId {
        TargetId { cluster: "eu".parse().unwrap(), application: name.parse().unwrap() }
    }

    #[test]
    fn the_policy_before_the_change_decides() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let (keep, delete) = (Deletion::Orphan, Deletion::Delete);
        let mut search = Search::new(["a", "c", "lost"].map(target).into());
        for (time, set) in [
            (at(40), set(&[("b", keep)])),
            (at(30), set(&[("b", keep), ("c", delete)])),
            (at(20), set(&[("a", delete), ("b", keep)])),
            (at(10), set(&[("a", keep), ("b", keep)])),
        ] {
            assert!(!search.is_done());
            search.look(time, &set);
        }
        let found = search.into_found();
        let told: Vec<_> = found
            .iter()
            .map(|(target, left)| (target.application.as_str(), left.application.deletion, left.since))
            .collect();
        assert_eq!(told, [("a", delete, at(30)), ("c", delete, at(40)), ("lost", keep, at(10))]);
    }

    #[test]
    fn nothing_is_deleted_by_a_set_that_is_older_than_one_that_cannot_be_read() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let delete = Deletion::Delete;
        let mut search = Search::new(["a", "b"].map(target).into());
        search.look(at(40), &set(&[]));
        search.look(at(30), &set(&[("b", delete)]));
        search.miss(at(20));
        search.look(at(10), &set(&[("a", delete), ("b", delete)]));
        let found = search.into_found();
        let told: Vec<_> = found.values().map(|left| (left.application.deletion, left.since)).collect();
        assert_eq!(told, [(Deletion::Orphan, at(20)), (delete, at(40))]);
    }

    #[test]
    fn no_more_is_read_than_needed() {
        let mut search = Search::new([target("a")].into());
        let delete = Deletion::Delete;
        for (set, done) in [(set(&[]), false), (set(&[("a", delete)]), true)] {
            search.look(Timestamp::default(), &set);
            assert_eq!(search.is_done(), done);
        }
    }
}
