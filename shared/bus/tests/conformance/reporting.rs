//! What members tell of their work with their heartbeats.

use std::time::Duration;

use bus::{Freshness, Log, Member, Report, freshness};
use model::Aggregate;
use testkit::eventually;
use tokio::time::Instant;

use crate::{bed::Bed, samples::*};

const TTL: Duration = Duration::from_secs(1);

/// Longer than several heartbeats.
const FRESH: Duration = Duration::from_secs(2);

fn cluster(name: &str) -> Aggregate {
    Aggregate::Cluster(name.parse().unwrap())
}

async fn judged(log: &dyn Log, what: &str, is: impl Fn(&Freshness) -> bool) -> Freshness {
    let probe = async || {
        let judged = freshness(&cluster("eu-1"), &log.members("differ").await.unwrap(), FRESH);
        is(&judged).then_some(judged)
    };
    eventually(BOUND, what, probe).await
}

/// Whoever asks learns it, who is no member himself; and what is not evaluated again turns stale by itself.
pub async fn a_status_turns_stale_by_itself(bed: Bed) {
    let log = bed.open().await;
    assert_eq!(log.members("differ").await.unwrap(), []);
    let mut a = log.join("differ", Member::new("a"), TTL).await.unwrap();
    let _b = log.join("differ", Member::new("b.example"), TTL).await.unwrap();
    judged(&*log, "somebody is there", |it| matches!(it, Freshness::Unknown { owner: Some(_) })).await;
    let evaluated = a.evaluated();
    for name in ["eu-1", "eu-2", "eu-3"] {
        evaluated.begin(cluster(name));
    }
    let begun = Instant::now();
    evaluated.followed(begun);
    ["eu-1", "eu-2"].iter().for_each(|name| evaluated.done(&cluster(name), begun));
    judged(&*log, "fresh", |it| matches!(it, Freshness::Fresh { by, .. } if by == "a")).await;
    let stale = judged(&*log, "stale", |it| matches!(it, Freshness::Stale { .. })).await;
    let Freshness::Stale { by, age } = stale else { unreachable!() };
    assert!(by == "a" && age > FRESH && age <= begun.elapsed(), "{by} {age:?}");
    let reports = log.members("differ").await.unwrap();
    let of = |report: &Report, name| report.ages.of(&cluster(name));
    let [first, second] = &reports[..] else { panic!("two members: {reports:?}") };
    assert!(of(first, "eu-2").is_some() && of(first, "eu-3").is_none(), "{first:?}");
    assert_eq!((&second.member.name[..], of(second, "eu-1")), ("b.example", None));
    let again = Instant::now();
    evaluated.followed(again);
    evaluated.done(&cluster("eu-1"), again);
    judged(&*log, "fresh again", |it| matches!(it, Freshness::Fresh { .. })).await;
    assert_eq!(a.members().len(), 2, "who asks is no member, and what is told makes nobody a newcomer");
}

/// What a member told goes with it, whether it says so or is killed.
pub async fn nobody_stands_for_a_member_that_is_gone(bed: Bed) {
    let log = bed.open().await;
    for how in ["killed", "left"] {
        let a = log.join("differ", Member::new(how), TTL).await.unwrap();
        let (evaluated, now) = (a.evaluated(), Instant::now());
        evaluated.begin(cluster("eu-1"));
        evaluated.followed(now);
        evaluated.done(&cluster("eu-1"), now);
        judged(&*log, "fresh", |it| matches!(it, Freshness::Fresh { by, .. } if by == how)).await;
        assert_eq!(log.members("applier").await.unwrap(), []);
        if how == "left" {
            a.leave().await
        } else {
            drop(a)
        }
        judged(&*log, "nobody", |it| *it == Freshness::Unknown { owner: None }).await;
    }
}
