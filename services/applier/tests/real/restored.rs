//! Platforms on logs that were restored from a backup: which of them have the cluster.

use std::io::Cursor;

use bus::{
    LogConfig,
    archive::{Archive, Beside, export},
};
use cluster::Lease;
use futures::TryStreamExt;
use model::RetryClass;

use crate::{
    bed::Bed,
    platform::{append_many, created, refused, wait_for_lease},
};

async fn backup(bed: &Bed) -> Vec<u8> {
    let told = export(bed.log.clone(), Beside::default());
    told.map_ok(|part| part.to_vec()).try_concat().await.unwrap()
}

/// The platform on a log that is restored from that backup, beside the one that it was taken of.
async fn restored(bed: &Bed, backup: Vec<u8>) -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::check(Cursor::new(backup)).await.unwrap();
    archive.restore(LogConfig::embedded(folder.path())).await.unwrap();
    bed.on_log(folder).await
}

fn tells(lease: &Lease, key: &str) -> Option<String> {
    lease.annotations.get(&format!("driftless.dev/{key}")).cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_log_and_its_restored_copies_the_first_that_works_has_the_cluster_for_good() {
    let mut original = Bed::new().await;
    let applier = original.start("original");
    created(&mut original, "a").await;
    applier.stop().await;
    let backup = backup(&original).await;
    let mut copy = restored(&original, backup.clone()).await;
    let second = restored(&original, backup).await;
    let applier = copy.start("copy");
    created(&mut copy, "b").await;
    let name = copy.log.lineage().newest().unwrap().to_string();
    assert_eq!(tells(&copy.lease().await.unwrap(), "restoration"), Some(name));
    for (what, mut other) in [("original", original), ("second", second)] {
        let _applier = other.start(what);
        let failed = refused(&mut other, "c").await;
        assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-OTHER-COPY", RetryClass::Permanent));
        assert!(failed.remedy.contains("delete the Lease"), "{}", failed.remedy);
        append_many(&other).await;
        assert_eq!(refused(&mut other, "c").await.code, "CUSTODY-OTHER-COPY", "{what}");
    }
    created(&mut copy, "d").await;
    // A copy of the copy goes on in turn.
    applier.stop().await;
    let backup = self::backup(&copy).await;
    let mut third = restored(&copy, backup).await;
    let _applier = third.start("third");
    created(&mut third, "e").await;
    let _applier = copy.start("copy again");
    assert_eq!(refused(&mut copy, "f").await.code, "CUSTODY-OTHER-COPY");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_that_is_older_writes_nothing_however_much_it_appends() {
    let mut original = Bed::new().await;
    let applier = original.start("original");
    created(&mut original, "a").await;
    let backup = backup(&original).await;
    created(&mut original, "b").await;
    let (newest, _) = original.sync().await.unwrap();
    applier.stop().await;

    let mut copy = restored(&original, backup).await;
    let applier = copy.start("copy");
    let failed = refused(&mut copy, "c").await;
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-OLDER-LOG", RetryClass::Permanent));
    assert!(failed.message.contains(&newest.id.to_string()), "{}", failed.message);
    append_many(&copy).await;
    assert!(copy.sync().await.unwrap().0.n() > newest.n() + 256);
    assert_eq!(refused(&mut copy, "c").await.code, "CUSTODY-OLDER-LOG");
    applier.stop().await;
    let applier = copy.start("copy again");
    assert_eq!(refused(&mut copy, "c").await.code, "CUSTODY-OLDER-LOG");
    applier.stop().await;
    copy.delete_lease().await;
    let _applier = copy.start("copy at last");
    created(&mut copy, "d").await;
}

/// The cluster is told apart although no event tells of what was done last: the platform died before its Lease did.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_from_before_a_sync_during_which_the_platform_died_writes_nothing() {
    let mut original = Bed::new().await;
    let applier = original.start("original");
    created(&mut original, "a").await;
    wait_for_lease(&original, "an end of acting", |lease| tells(lease, "acting").is_none()).await;
    created(&mut original, "b").await;
    let told = original.lease().await.unwrap();
    assert!(tells(&told, "acting").is_some(), "{told:?}");
    let backup = backup(&original).await;
    created(&mut original, "c").await;
    applier.kill().await;
    let left = original.lease().await.unwrap();
    assert_eq!(tells(&left, "acted-on"), tells(&told, "acted-on"), "it is behind");
    let mut copy = restored(&original, backup).await;
    let _applier = copy.start("copy");
    let failed = refused(&mut copy, "d").await;
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-OLDER-LOG", RetryClass::Permanent));
    // The log that it was done from knows it, and goes on.
    let _applier = original.start("original again");
    created(&mut original, "e").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_waits_for_the_end_of_the_one_that_the_backup_is_of() {
    let mut original = Bed::new().await;
    let applier = original.start("original");
    created(&mut original, "a").await;
    wait_for_lease(&original, "an end of acting", |lease| tells(lease, "acting").is_none()).await;
    let backup = backup(&original).await;
    let mut copy = restored(&original, backup).await;
    let copying = copy.start("copy");
    let failed = refused(&mut copy, "b").await;
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-OTHER-LOG", RetryClass::Transient));
    copying.stop().await;
    applier.stop().await;
    let left = original.lease().await.unwrap();
    assert_eq!((left.holder.as_ref(), tells(&left, "acting")), (None, None), "{left:?}");
    let _copying = copy.start("copy again");
    created(&mut copy, "c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_had_the_cluster_before_a_new_one_writes_nothing() {
    let mut old = Bed::new().await;
    let applier = old.start("old");
    created(&mut old, "a").await;
    applier.stop().await;
    let backup = backup(&old).await;
    let mut new = Bed::beside(&old).await;
    let applier = new.start("new");
    created(&mut new, "b").await;
    applier.stop().await;
    let told = new.lease().await.unwrap();
    assert_eq!(tells(&told, "logs-before").as_deref(), Some(old.log.incarnation()));
    let copy = restored(&old, backup).await;
    for (what, mut other) in [("the old one", old), ("its copy", copy)] {
        let _applier = other.start(what);
        let failed = refused(&mut other, "c").await;
        assert_eq!(
            (failed.code.as_str(), failed.class),
            ("CUSTODY-OLDER-LOG", RetryClass::Permanent),
            "{what}"
        );
        assert!(failed.message.contains(new.log.incarnation()), "{}", failed.message);
    }
    assert_eq!(new.lease().await.unwrap(), told);
    let _applier = new.start("new again");
    created(&mut new, "d").await;
}
