//! Whether a status still counts: who evaluated it, how long ago, and whether that is too long.

use std::time::Duration;

use model::Aggregate;

use crate::{Member, evaluated::Ages, ownership::owner};

/// How old a status may be until it is stale: three sweeps of a minute.
pub const STALE_AFTER: Duration = Duration::from_secs(180);

/// A member of a group, and what it told with its newest heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who.
    pub member: Member,
    /// How long ago it evaluated what.
    pub ages: Ages,
}

/// How far the statuses of a cluster's targets can be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// They were true that long ago, and are looked at regularly.
    Fresh {
        /// Who evaluated them.
        by: String,
        /// How long ago.
        age: Duration,
    },
    /// They were true that long ago, and nobody has looked since: whatever they say, it may be otherwise.
    Stale {
        /// Who evaluated them last.
        by: String,
        /// How long ago.
        age: Duration,
    },
    /// Nobody who is there has evaluated them.
    Unknown {
        /// Whose task it is; `None`: nobody is there.
        owner: Option<String>,
    },
}

/// Judges the statuses of a cluster's targets, or that of a source, by the reports of the members that evaluate. Of
/// several who looked, the one counts who did so last: what changes hands has been evaluated nonetheless.
pub fn freshness(what: &Aggregate, reports: &[Report], bound: Duration) -> Freshness {
    let looked = reports.iter().filter_map(|report| Some((report.ages.of(what)?, &report.member)));
    match looked.min() {
        Some((age, by)) if age <= bound => Freshness::Fresh { by: by.name.clone(), age },
        Some((age, by)) => Freshness::Stale { by: by.name.clone(), age },
        None => {
            let members = reports.iter().map(|report| &report.member);
            let owner = owner(what.partition(), members);
            Freshness::Unknown { owner: owner.map(|owner| owner.name.clone()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(180);

    fn cluster() -> Aggregate {
        Aggregate::Cluster("eu-1".parse().unwrap())
    }

    fn report(name: &str, age: Option<u64>) -> Report {
        Report { member: Member::new(name), ages: Ages::one(&cluster(), age.map(Duration::from_secs)) }
    }

    #[test]
    fn who_looked_last_counts_and_age_alone_makes_stale() {
        let fresh = |by: &str, age| Freshness::Fresh { by: by.into(), age: Duration::from_secs(age) };
        let stale = |by: &str, age| Freshness::Stale { by: by.into(), age: Duration::from_secs(age) };
        let cases = [
            (vec![("a", Some(0))], fresh("a", 0)),
            (vec![("a", Some(180))], fresh("a", 180)),
            (vec![("a", Some(181))], stale("a", 181)),
            (vec![("a", Some(200))], stale("a", 200)),
            // A differ that others replace while it hangs, and one that has just taken over.
            (vec![("a", Some(300)), ("b", Some(5))], fresh("b", 5)),
            (vec![("a", Some(20)), ("b", None)], fresh("a", 20)),
            (vec![("a", Some(300)), ("b", None)], stale("a", 300)),
            (vec![("a", None)], Freshness::Unknown { owner: Some("a".into()) }),
            (vec![], Freshness::Unknown { owner: None }),
        ];
        for (told, expected) in cases {
            let reports: Vec<Report> = told.into_iter().map(|(name, age)| report(name, age)).collect();
            assert_eq!(freshness(&cluster(), &reports, BOUND), expected, "{reports:?}");
        }
    }

    #[test]
    fn whose_task_it_is_is_told_by_the_function_that_shares_it_out() {
        let reports: Vec<Report> = ["a", "b", "c"].map(|name| report(name, None)).into();
        let members: Vec<Member> = reports.iter().map(|report| report.member.clone()).collect();
        let owner = owner(cluster().partition(), &members).unwrap();
        let expected = Freshness::Unknown { owner: Some(owner.name.clone()) };
        assert_eq!(freshness(&cluster(), &reports, BOUND), expected);
    }
}
