//! The guard of the fleet: how much one set of definitions may let go of without a person's word.

use std::collections::{BTreeMap, BTreeSet};

use model::{DefinitionSet, TargetId};

use crate::{Assignment, assign, guard::is_over};

/// Targets named in a message.
const NAMED_MAX: usize = 5;

/// What one set of definitions lets go of that the one before it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The targets with something of ours on them that leave, and how many objects that is.
    leaving: BTreeMap<TargetId, usize>,
    /// Targets that leave and whose objects nobody can count.
    uncounted: Vec<TargetId>,
    /// Objects of all targets of the set before.
    objects: usize,
}

/// Says why a set of definitions does not come into force without a person's word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DepartureRefusal {
    /// All that we have would go.
    #[error("all {objects} objects of the fleet would be let go of, as these leave: {targets}")]
    Everything {
        /// Objects of the fleet.
        objects: usize,
        /// Which targets leave.
        targets: String,
    },
    /// What would go is not known.
    #[error(
        "what these would let go of cannot be told, because their inventories cannot be read here: {targets}"
    )]
    Uncounted {
        /// Which targets leave.
        targets: String,
    },
    /// More than the share would go.
    #[error(
        "{leaving} of {objects} objects of the fleet would be let go of, as these leave: {targets}; \
         the guard allows {percent} %"
    )]
    Share {
        /// Objects that would go.
        leaving: usize,
        /// Objects of the fleet.
        objects: usize,
        /// Which targets leave.
        targets: String,
        /// The largest share.
        percent: u8,
    },
}

/// Compares two sets of definitions; `inventories` are the numbers of objects that are ours, by target, if known. Orphaned or
/// deleted, either way an object is no longer kept. What left earlier counts on neither side, nor does an application
/// that only got another name: whoever has the new one receives its objects.
pub fn departure(
    before: &DefinitionSet,
    next: &DefinitionSet,
    inventories: &BTreeMap<TargetId, Option<usize>>,
) -> Departure {
    let (before, next) = (assign(before), assign(next));
    let stays: BTreeSet<&TargetId> = next.keys().chain(renamed(&before, &next)).collect();
    let held = before.keys().filter_map(|target| {
        let objects = (*inventories.get(target)?)?;
        (objects > 0).then_some((target.clone(), objects))
    });
    let is_uncounted = |target: &TargetId| inventories.get(target).is_some_and(Option::is_none);
    let uncounted = before.keys().filter(|target| is_uncounted(target) && !stays.contains(target));
    let uncounted = uncounted.cloned().collect();
    let held: BTreeMap<TargetId, usize> = held.collect();
    let objects = held.values().sum();
    let leaving = held.into_iter().filter(|(target, _)| !stays.contains(target)).collect();
    Departure { leaving, uncounted, objects }
}

/// Targets that leave while another one arrives on their cluster which renders the same into the same namespace.
/// Each arrival takes the place of one.
fn renamed<'a>(
    before: &'a BTreeMap<TargetId, Assignment>,
    next: &BTreeMap<TargetId, Assignment>,
) -> Vec<&'a TargetId> {
    let mut arrivals: Vec<_> = next.iter().filter(|(target, _)| !before.contains_key(target)).collect();
    let leaves = before.iter().filter(|(target, _)| !next.contains_key(target));
    let mut successor = |(target, left): &(&TargetId, &Assignment)| {
        let (old, cluster) = (&left.application, &target.cluster);
        let at = arrivals.iter().position(|(target, arrival)| {
            let new = &arrival.application;
            target.cluster == *cluster
                && (&new.source, &new.rendering, &new.namespace)
                    == (&old.source, &old.rendering, &old.namespace)
        })?;
        Some(arrivals.swap_remove(at))
    };
    leaves.filter(|leaver| successor(leaver).is_some()).map(|(target, _)| target).collect()
}

impl Departure {
    /// Judges it; `percent` is the largest share of the objects that may leave.
    ///
    /// # Errors
    /// If a person has to be asked (permanent until the set or the consent changes).
    pub fn guard(&self, percent: u8) -> Result<(), DepartureRefusal> {
        if !self.uncounted.is_empty() {
            let targets = named(&self.uncounted.iter().collect::<Vec<_>>());
            return Err(DepartureRefusal::Uncounted { targets });
        }
        let (leaving, objects) = (self.leaving.values().sum::<usize>(), self.objects);
        if leaving == 0 {
            return Ok(());
        }
        if leaving >= objects {
            return Err(DepartureRefusal::Everything { objects, targets: self.named() });
        }
        if is_over(percent, leaving, objects) {
            return Err(DepartureRefusal::Share { leaving, objects, targets: self.named(), percent });
        }
        Ok(())
    }

    /// The targets with most objects first: they are what a person looks for.
    fn named(&self) -> String {
        let mut all: Vec<_> = self.leaving.iter().collect();
        all.sort_by_key(|(target, objects)| (std::cmp::Reverse(**objects), *target));
        named(&all.into_iter().map(|(target, _)| target).collect::<Vec<_>>())
    }
}

fn named(all: &[&TargetId]) -> String {
    let words: Vec<String> = all.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    match all.len().saturating_sub(NAMED_MAX) {
        0 => words.join(", "),
        more => format!("{} and {more} more", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::tests::{application, cluster, source};

    /// A set of that application on every cluster of `prod`, whatever the clusters are.
    fn set(clusters: &[(&str, &str)]) -> DefinitionSet {
        let mut shop = application("shop");
        shop.targets.match_labels.insert("env".into(), "prod".into());
        let clusters = clusters.iter().map(|(name, env)| cluster(name, &[("env", env)])).collect();
        DefinitionSet::new(vec![source()], clusters, vec![shop]).unwrap()
    }

    fn inventories(sizes: &[(&str, usize)]) -> BTreeMap<TargetId, Option<usize>> {
        let target =
            |name: &str| TargetId { cluster: name.parse().unwrap(), application: "shop".parse().unwrap() };
        sizes.iter().map(|(name, objects)| (target(name), Some(*objects))).collect()
    }

    #[test]
    fn a_slip_in_a_label_is_measured_in_objects() {
        let before = set(&[("eu", "prod"), ("us", "prod"), ("lab", "test")]);
        let typo = set(&[("eu", "prod"), ("us", "pord"), ("lab", "test")]);
        let all = set(&[("eu", "pord"), ("us", "pord"), ("lab", "test")]);
        for (next, sizes, refused) in [
            (&before, [("eu", 9), ("us", 9)], None),
            (&typo, [("eu", 8), ("us", 2)], None),
            (&typo, [("eu", 7), ("us", 3)], None),
            (
                &typo,
                [("eu", 6), ("us", 4)],
                Some(
                    "4 of 10 objects of the fleet would be let go of, as these leave: us/shop; the guard allows 30 %",
                ),
            ),
            // Too few for a share to mean anything, but never all of them.
            (&typo, [("eu", 1), ("us", 2)], None),
            (
                &typo,
                [("eu", 0), ("us", 1)],
                Some("all 1 objects of the fleet would be let go of, as these leave: us/shop"),
            ),
            (
                &all,
                [("eu", 6), ("us", 7)],
                Some("all 13 objects of the fleet would be let go of, as these leave: us/shop, eu/shop"),
            ),
            // Nothing was applied yet.
            (&all, [("eu", 0), ("us", 0)], None),
            // What is there of a target that left before is not let go of now.
            (&typo, [("lab", 99), ("us", 0)], None),
        ] {
            let told = departure(&before, next, &inventories(&sizes)).guard(30);
            assert_eq!(told.map_err(|refusal| refusal.to_string()).err().as_deref(), refused, "{sizes:?}");
        }
    }

    #[test]
    fn what_only_gets_another_name_is_not_let_go_of() {
        let with = |names: &[(&str, &str)]| {
            let applications = names.iter().map(|(name, path)| {
                let mut application = application(name);
                application.source.path = (*path).to_owned();
                application
            });
            DefinitionSet::new(vec![source()], vec![cluster("eu", &[])], applications.collect()).unwrap()
        };
        let before = with(&[("shop", "shop"), ("mail", "mail")]);
        let target =
            |name: &str| TargetId { cluster: "eu".parse().unwrap(), application: name.parse().unwrap() };
        let inventories = BTreeMap::from([(target("shop"), Some(50)), (target("mail"), Some(50))]);
        for (next, refused) in [
            (with(&[("store", "shop"), ("mail", "mail")]), None),
            (with(&[("store", "shop"), ("post", "mail")]), None),
            (with(&[("store", "elsewhere"), ("mail", "mail")]), Some("eu/shop")),
            // One does not take the place of two.
            (with(&[("store", "shop")]), Some("eu/mail")),
            (with(&[("mail", "mail")]), Some("eu/shop")),
        ] {
            let told = departure(&before, &next, &inventories).guard(30);
            let told = told.map_err(|refusal| refusal.to_string());
            match refused {
                None => assert_eq!(told, Ok(())),
                Some(target) => assert!(told.as_ref().is_err_and(|told| told.contains(target)), "{told:?}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_counted_is_not_let_go_of() {
        let (before, next) = (set(&[("eu", "prod"), ("us", "prod")]), set(&[("eu", "prod"), ("us", "pord")]));
        let mut inventories = inventories(&[("eu", 99), ("us", 1)]);
        assert_eq!(departure(&before, &next, &inventories).guard(30), Ok(()));
        inventories.values_mut().for_each(|objects| *objects = None);
        let refused = departure(&before, &next, &inventories).guard(30).unwrap_err();
        assert!(refused.to_string().ends_with(": us/shop"), "{refused}");
        assert_eq!(
            departure(&before, &before, &inventories).guard(30),
            Ok(()),
            "what stays is not asked about"
        );
    }

    #[test]
    fn a_consent_is_needed_for_all_however_much_is_allowed() {
        let (before, next) = (set(&[("eu", "prod"), ("us", "prod")]), set(&[("eu", "prod")]));
        let part = departure(&before, &next, &inventories(&[("eu", 1), ("us", 99)]));
        assert_eq!(part.guard(100), Ok(()));
        let all = departure(&before, &set(&[]), &inventories(&[("eu", 1), ("us", 99)]));
        assert!(all.guard(100).is_err());
    }

    #[test]
    fn a_message_names_the_largest_and_counts_the_others() {
        let names: Vec<String> = (0..8).map(|i| format!("c{i}")).collect();
        let clusters: Vec<_> = names.iter().map(|name| (name.as_str(), "prod")).collect();
        let sizes: Vec<_> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i + 1)).collect();
        let told = departure(&set(&clusters), &set(&[]), &inventories(&sizes)).guard(30).unwrap_err();
        assert!(
            told.to_string().ends_with("c7/shop, c6/shop, c5/shop, c4/shop, c3/shop and 3 more"),
            "{told}"
        );
    }
}
