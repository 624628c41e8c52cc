//! The other targets of a cluster, as far as they decide about our orphans: what one of them desires is handed
//! over and never deleted, and nothing is deleted before it is known what they desire.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{ApplicationName, ObjectId};

use crate::Origin;

/// A target of the same cluster; our own may be among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its application.
    pub application: ApplicationName,
    /// Whether what it desires is known.
    pub rendered: Rendered,
    /// Whether its applier is at work.
    pub activity: Activity,
    /// What it desires, as far as is known; nothing if it leaves the set or the cluster.
    pub desired: Arc<BTreeSet<ObjectId>>,
    /// What it applied with success.
    pub holdings: Arc<BTreeMap<ObjectId, Holding>>,
    /// Namespaces that it targets.
    pub namespaces: BTreeSet<String>,
}

/// Whether what a target desires is known at the newest revision of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendered {
    /// It is.
    Yes,
    /// Not yet.
    Pending,
    /// It cannot be rendered there.
    Failed,
}

/// Whether a target's applier is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// No sync runs.
    Idle,
    /// A sync runs: it may still write what is desired no more.
    Syncing,
}

/// An object that a target applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Its uid.
    pub uid: String,
    /// How it became its.
    pub origin: Origin,
}

/// How far a hand-over is, seen by who gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Somebody desires it and has not received it.
    Open,
    /// Whoever desires it has applied it, and the log says so.
    Met,
}

/// Whether an object may be received from a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// It is handed over.
    Yes(Origin),
    /// It may be later.
    NotYet,
    /// No: it is desired there too, or there is no such target.
    No,
}

/// Whether a neighbour claims the object with this uid, under one of these ids.
pub fn claim(neighbours: &[Neighbour], ids: &[&ObjectId], uid: &str) -> Option<Claim> {
    let mut found = None;
    for neighbour in neighbours {
        for id in ids.iter().filter(|id| neighbour.desired.contains(**id)) {
            if neighbour.holdings.get(*id).is_some_and(|holding| holding.uid == uid) {
                return Some(Claim::Met);
            }
            found = Some(Claim::Open);
        }
    }
    found
}

/// Who applied the object with this uid.
pub fn holder<'a>(neighbours: &'a [Neighbour], uid: &str) -> Option<&'a ApplicationName> {
    let holds = |neighbour: &&Neighbour| neighbour.holdings.values().any(|holding| holding.uid == uid);
    neighbours.iter().find(holds).map(|neighbour| &neighbour.application)
}

/// Whether the target of that application hands an object over: it desires it no more, and neither its render
/// nor its applier can turn up with it again.
pub fn handed(neighbours: &[Neighbour], from: &ApplicationName, (id, uid): (&ObjectId, &str)) -> Handed {
    let Some(giver) = neighbours.iter().find(|neighbour| neighbour.application == *from) else {
        return Handed::No;
    };
    if giver.desired.contains(id) {
        return Handed::No;
    }
    match (giver.rendered, giver.activity) {
        (Rendered::Yes, Activity::Idle) => {
            let held = giver.holdings.values().find(|holding| holding.uid == uid);
            Handed::Yes(held.map_or(Origin::Rebuilt, |holding| holding.origin))
        }
        (Rendered::Pending | Rendered::Failed, _) | (Rendered::Yes, Activity::Syncing) => Handed::NotYet,
    }
}

/// Whether a neighbour that is not rendered may desire the object. One whose render fails holds back only what
/// is in a namespace that it targets, or in none.
pub fn awaits_render(neighbours: &[Neighbour], id: &ObjectId) -> bool {
    neighbours.iter().any(|neighbour| match neighbour.rendered {
        Rendered::Yes => false,
        Rendered::Pending => true,
        Rendered::Failed => {
            id.namespace.as_ref().is_none_or(|namespace| neighbour.namespaces.contains(namespace))
        }
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::planner::tests::id;

    /// A neighbour that is rendered and idle, and desires and holds these.
    pub(crate) fn neighbour(name: &str, desired: &[&str], holds: &[&str]) -> Neighbour {
        let holding =
            |text: &&str| (id(text), Holding { uid: format!("uid-{text}"), origin: Origin::Adopted });
        Neighbour {
            application: name.parse().unwrap(),
            rendered: Rendered::Yes,
            activity: Activity::Idle,
            desired: Arc::new(desired.iter().map(|text| id(text)).collect()),
            holdings: Arc::new(holds.iter().map(holding).collect()),
            namespaces: BTreeSet::from(["shop".to_owned()]),
        }
    }

    #[test]
    fn a_claim_is_met_when_the_log_has_the_result() {
        let a = id("ConfigMap/a");
        for (neighbours, expected) in [
            (vec![], None),
            (vec![neighbour("b", &[], &["ConfigMap/a"])], None),
            (vec![neighbour("b", &["ConfigMap/a"], &[])], Some(Claim::Open)),
            (vec![neighbour("b", &["ConfigMap/a"], &["ConfigMap/a"])], Some(Claim::Met)),
            (
                vec![
                    neighbour("b", &["ConfigMap/a"], &[]),
                    neighbour("c", &["ConfigMap/a"], &["ConfigMap/a"]),
                ],
                Some(Claim::Met),
            ),
        ] {
            assert_eq!(claim(&neighbours, &[&a], "uid-ConfigMap/a"), expected, "{neighbours:?}");
        }
        let other = [neighbour("b", &["ConfigMap/a"], &["ConfigMap/a"])];
        assert_eq!(claim(&other, &[&a], "another"), Some(Claim::Open), "it holds another object");
    }

    #[test]
    fn only_who_cannot_turn_up_with_it_again_hands_over() {
        let with = |rendered, activity, desired: &[&str]| Neighbour {
            rendered,
            activity,
            ..neighbour("a", desired, &["ConfigMap/a"])
        };
        let a = "ConfigMap/a";
        for (giver, expected) in [
            (with(Rendered::Yes, Activity::Idle, &[]), Handed::Yes(Origin::Adopted)),
            (with(Rendered::Yes, Activity::Syncing, &[]), Handed::NotYet),
            (with(Rendered::Pending, Activity::Idle, &[]), Handed::NotYet),
            (with(Rendered::Failed, Activity::Idle, &[]), Handed::NotYet),
            (with(Rendered::Yes, Activity::Idle, &[a]), Handed::No),
        ] {
            let found =
                handed(std::slice::from_ref(&giver), &"a".parse().unwrap(), (&id(a), "uid-ConfigMap/a"));
            assert_eq!(found, expected, "{giver:?}");
        }
        assert_eq!(handed(&[], &"a".parse().unwrap(), (&id(a), "u")), Handed::No);
    }

    #[test]
    fn a_failed_render_holds_back_its_namespaces_and_what_is_in_none() {
        let with = |rendered| [Neighbour { rendered, ..neighbour("b", &[], &[]) }];
        let mut elsewhere = id("ConfigMap/a");
        elsewhere.namespace = Some("elsewhere".into());
        for (rendered, shop, other, cluster) in [
            (Rendered::Yes, false, false, false),
            (Rendered::Pending, true, true, true),
            (Rendered::Failed, true, false, true),
        ] {
            let waits = |id: &ObjectId| awaits_render(&with(rendered), id);
            assert_eq!(
                (waits(&id("ConfigMap/a")), waits(&elsewhere), waits(&id("Namespace/x"))),
                (shop, other, cluster),
                "{rendered:?}"
            );
        }
    }
}
