//! Where a log under test lives, and what can befall it.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bus::{Log, LogConfig, OpenError, log::RETIRED_TTL};
use redb::ReadableTable as _;
use testkit::MemoryLog;

use crate::server::{Server, Settings};

pub enum Bed {
    Embedded(tempfile::TempDir),
    Nats(Server),
    /// What simulations run on, opened when it is first asked for.
    Memory(OnceLock<Arc<MemoryLog>>),
}

const KEPT_NOWHERE: &str = "a log in memory is kept nowhere";

impl Bed {
    pub async fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().unwrap())
    }

    pub async fn nats() -> Self {
        Self::Nats(Server::start(Settings::default()).await)
    }

    pub fn memory() -> Self {
        Self::Memory(OnceLock::new())
    }

    /// A server that acknowledges before it flushes, for tests of other things that would take too long.
    pub async fn without_flushes(self) -> Self {
        match self {
            Self::Embedded(_) | Self::Memory(_) => self,
            Self::Nats(_) => {
                Self::Nats(Server::start(Settings { sync: "\"2m\"", ..Settings::default() }).await)
            }
        }
    }

    pub async fn open(&self) -> Arc<dyn Log> {
        self.try_open(RETIRED_TTL).await.unwrap()
    }

    pub async fn open_with_ttl(&self, retired_ttl: Duration) -> Arc<dyn Log> {
        self.try_open(retired_ttl).await.unwrap()
    }

    pub async fn try_open(&self, retired_ttl: Duration) -> Result<Arc<dyn Log>, OpenError> {
        if let Self::Memory(log) = self {
            return Ok(log.get_or_init(|| MemoryLog::with_retired_ttl("memory", retired_ttl)).clone());
        }
        bus::open(self.config(retired_ttl)).await
    }

    /// Kills the server, where there is one, and starts it again.
    pub async fn restart_server(&self) {
        match self {
            Self::Embedded(_) => {}
            Self::Nats(server) => {
                server.kill();
                server.run().await;
            }
            Self::Memory(_) => panic!("{KEPT_NOWHERE}"),
        }
    }

    /// Where another process finds it.
    pub fn place(&self) -> String {
        match self {
            Self::Embedded(folder) => format!("embedded={}", folder.path().display()),
            Self::Nats(server) => format!("nats={}", server.url()),
            Self::Memory(_) => panic!("{KEPT_NOWHERE}"),
        }
    }

    pub fn config(&self, ttl: Duration) -> LogConfig {
        let mut config = match self {
            Self::Embedded(folder) => LogConfig::embedded(folder.path()),
            Self::Nats(server) => LogConfig::nats(server.url()),
            Self::Memory(_) => panic!("{KEPT_NOWHERE}"),
        };
        match &mut config {
            LogConfig::Embedded(embedded) => embedded.retired_ttl = ttl,
            LogConfig::Nats(nats) => nats.retired_ttl = ttl,
        }
        config
    }

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
            Self::Nats(server) => {
                let client = async_nats::connect(server.url()).await.unwrap();
                let jetstream = async_nats::jetstream::new(client);
                let blobs = jetstream.get_stream("BLOBS").await.unwrap();
                let part = format!("blob.part.{digest}.*.1");
                let found = blobs.get_last_raw_message_by_subject(&part).await.unwrap();
                let mut bytes = found.payload.to_vec();
                bytes[100] ^= 1;
                jetstream.publish(found.subject, bytes.into()).await.unwrap().await.unwrap();
            }
            Self::Memory(_) => panic!("{KEPT_NOWHERE}"),
        }
        self.open().await
    }
}

impl Bed {
    /// Gives the newest event of an aggregate a type that nobody here knows.
    pub async fn spoil_newest(&self, log: Arc<dyn Log>, newest: &events::Event) -> Arc<dyn Log> {
        drop(log);
        match self {
            Self::Embedded(folder) => {
                let table: redb::TableDefinition<u64, &[u8]> = redb::TableDefinition::new("events");
                let database = redb::Database::open(folder.path().join("log.redb")).unwrap();
                let write = database.begin_write().unwrap();
                let mut events = write.open_table(table).unwrap();
                let mut bytes = events.get(newest.sequence).unwrap().unwrap().value().to_vec();
                let word = newest.draft.kind.word().as_bytes();
                let at = bytes.windows(word.len()).position(|window| window == word).unwrap();
                bytes[at] = b'Z';
                events.insert(newest.sequence, bytes.as_slice()).unwrap();
                drop(events);
                write.commit().unwrap();
            }
            Self::Nats(server) => {
                let client = async_nats::connect(server.url()).await.unwrap();
                let jetstream = async_nats::jetstream::new(client);
                let stream = jetstream.get_stream("LOG").await.unwrap();
                let found = stream.get_raw_message(newest.sequence).await.unwrap();
                let mut headers = found.headers.clone();
                headers.insert("ce-type", "FromTheFuture");
                headers.insert("n", (newest.n() + 1).to_string());
                headers.insert("before", newest.sequence.to_string());
                headers.insert("Nats-Expected-Last-Subject-Sequence", newest.sequence.to_string());
                let sent = jetstream.publish_with_headers(found.subject, headers, found.payload).await;
                sent.unwrap().await.unwrap();
            }
            Self::Memory(_) => panic!("{KEPT_NOWHERE}"),
        }
        self.open().await
    }
}
