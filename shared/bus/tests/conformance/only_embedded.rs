//! What can befall only a log in a folder.

use std::{fs, path::Path};

use bus::{LogConfig, OpenError, Succession};
use bytes::Bytes;
use model::{RetryClass, Timestamp};
use redb::TableDefinition;

use crate::samples::*;

#[tokio::test]
async fn a_second_opener_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let log = bus::open(LogConfig::embedded(folder.path())).await.unwrap();
    let Err(error) = bus::open(LogConfig::embedded(folder.path())).await else { panic!("two have it") };
    assert!(matches!(&error, OpenError::InUse { holder: Some(pid), .. } if *pid == std::process::id()));
    assert_eq!((error.code(), error.class()), ("LOG-IN-USE", RetryClass::Permanent));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(log);
    bus::open(LogConfig::embedded(folder.path())).await.unwrap();
}

#[tokio::test]
async fn a_new_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a/b");
    let _log = bus::open(LogConfig::embedded(&folder)).await.unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from.join("log.redb"), to.join("log.redb")).unwrap();
}

#[tokio::test]
async fn a_wiped_or_older_log_is_noticed() {
    let (folder, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = || LogConfig::embedded(folder.path());
    let log = bus::open(config()).await.unwrap();
    append_many(&*log, &source(1), 5).await;
    drop(log);
    copy(folder.path(), backup.path());
    let log = bus::open(config()).await.unwrap();
    append_many(&*log, &source(1), 5).await;
    let seen = log.position().await.unwrap();
    assert_eq!(seen.sequence, 10);
    drop(log);

    let same = bus::open(config()).await.unwrap().position().await.unwrap();
    assert_eq!(seen.succession(&same), Succession::Continues);
    copy(backup.path(), folder.path());
    let older = bus::open(config()).await.unwrap().position().await.unwrap();
    assert_eq!(seen.succession(&older), Succession::Older);
    fs::remove_file(folder.path().join("log.redb")).unwrap();
    let other = bus::open(config()).await.unwrap().position().await.unwrap();
    assert_eq!(seen.succession(&other), Succession::Replaced);
}

#[tokio::test]
async fn a_newer_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(bus::open(LogConfig::embedded(folder.path())).await.unwrap());
    let database = redb::Database::open(folder.path().join("log.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let meta: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
    write.open_table(meta).unwrap().insert("layout", 99_u32.to_be_bytes().as_slice()).unwrap();
    write.commit().unwrap();
    drop(database);
    let opened = bus::open(LogConfig::embedded(folder.path())).await;
    assert!(matches!(opened.err(), Some(OpenError::NewerLayout { found: 99, known: 1 })));
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.redb"), b"not a log at all, but long enough to be looked at").unwrap();
    let opened = bus::open(LogConfig::embedded(folder.path())).await;
    assert!(matches!(opened.err(), Some(OpenError::Storage { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_gives_space_back() {
    let folder = tempfile::tempdir().unwrap();
    let log = bus::open(LogConfig::embedded(folder.path())).await.unwrap();
    append_many(&*log, &source(1), 3).await;
    let mut noise: u32 = 1;
    for _ in 0..10 {
        let random = |_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        };
        log.put_blob(Bytes::from((0..8_000_000).map(random).collect::<Vec<u8>>())).await.unwrap();
    }
    let size = || fs::metadata(folder.path().join("log.redb")).unwrap().len();
    let before = size();
    assert!(before > 75_000_000, "{before}");
    let swept = log.sweep_blobs(&Default::default(), Timestamp::from_millis(i64::MAX)).await.unwrap();
    assert_eq!(swept.blobs, 10);
    let after = size();
    assert!(after < before / 4, "{before} shrank only to {after}");
    assert_eq!(log.newest(&source(1)).await.unwrap().unwrap().n(), 3);
    append_many(&*log, &source(1), 1).await;
}
