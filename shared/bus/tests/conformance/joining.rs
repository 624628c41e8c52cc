//! Membership.

use std::{collections::BTreeSet, time::Duration};

use bus::{Member, Membership};

use crate::{bed::Bed, samples::*};

const TTL: Duration = Duration::from_secs(1);

pub async fn until(membership: &mut Membership, expected: &[&str]) {
    let expected: BTreeSet<Member> = expected.iter().map(|name| Member::new(*name)).collect();
    within(async {
        while membership.members() != expected {
            membership.changed().await;
        }
    })
    .await;
}

pub async fn members_see_each_other_come_and_go(bed: Bed) {
    let log = bed.open().await;
    let mut a = log.join("differ", Member::new("a"), TTL).await.unwrap();
    assert_eq!(a.members(), [Member::new("a")].into());
    let mut b = log.join("differ", Member::new("b.example"), TTL).await.unwrap();
    assert_eq!(b.members().len(), 2, "who joins sees at once who is there");
    until(&mut a, &["a", "b.example"]).await;
    let mut stranger = log.join("applier", Member::new("a"), TTL).await.unwrap();
    until(&mut stranger, &["a"]).await;
    a.leave().await;
    until(&mut b, &["b.example"]).await;
    let heavy = Member { name: "c".into(), weight: 7 };
    let c = log.join("differ", heavy.clone(), TTL).await.unwrap();
    within(async {
        while !b.members().contains(&heavy) {
            b.changed().await;
        }
    })
    .await;
    drop(c);
    until(&mut b, &["b.example"]).await;
}

/// A member that is alive stays one for longer than its time to live.
pub async fn heartbeats_keep_members(bed: Bed) {
    let log = bed.open().await;
    let mut a = log.join("differ", Member::new("a"), TTL).await.unwrap();
    let b = log.join("differ", Member::new("b"), TTL).await.unwrap();
    until(&mut a, &["a", "b"]).await;
    let watched = tokio::time::timeout(TTL * 3, a.changed()).await;
    assert!(watched.is_err(), "nobody left, but the members are {:?}", a.members());
    drop(b);
    until(&mut a, &["a"]).await;
}
