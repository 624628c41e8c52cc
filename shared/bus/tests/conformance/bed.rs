//! Where a log under test lives, and what can befall it.

use std::{path::Path, sync::Arc, time::Duration};

use bus::{Log, LogConfig, OpenError, log::RETIRED_TTL};
use redb::ReadableTable as _;

pub enum Bed {
    Embedded(tempfile::TempDir),
}

impl Bed {
    pub async fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().unwrap())
    }

    pub async fn open(&self) -> Arc<dyn Log> {
        self.try_open(RETIRED_TTL).await.unwrap()
    }

    pub async fn open_with_ttl(&self, retired_ttl: Duration) -> Arc<dyn Log> {
        self.try_open(retired_ttl).await.unwrap()
    }

    pub async fn try_open(&self, retired_ttl: Duration) -> Result<Arc<dyn Log>, OpenError> {
        bus::open(self.config(retired_ttl)).await
    }

    pub fn config(&self, ttl: Duration) -> LogConfig {
        match self {
            Self::Embedded(folder) => {
                let mut config = LogConfig::embedded(folder.path());
                if let LogConfig::Embedded(embedded) = &mut config {
                    embedded.retired_ttl = ttl;
                }
                config
            }
        }
    }

    pub fn folder(&self) -> &Path {
        match self {
            Self::Embedded(folder) => folder.path(),
        }
    }
}

impl Bed {
    /// Changes the stored bytes of a blob behind the log's back.
    pub async fn corrupt_blob(&self, log: Arc<dyn Log>, digest: &model::Digest) -> Arc<dyn Log> {
        drop(log);
        match self {
            Self::Embedded(folder) => {
                let table: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("chunks");
                let database = redb::Database::open(folder.path().join("log.redb")).unwrap();
                let write = database.begin_write().unwrap();
                let mut key = digest.as_bytes().to_vec();
                key.extend(1_u32.to_be_bytes());
                let mut chunks = write.open_table(table).unwrap();
                let mut chunk = chunks.get(key.as_slice()).unwrap().unwrap().value().to_vec();
                chunk[100] ^= 1;
                chunks.insert(key.as_slice(), chunk.as_slice()).unwrap();
                drop(chunks);
                write.commit().unwrap();
            }
        }
        self.open().await
    }
}
