//! Appends per second in a new folder, or on the NATS server whose address is given.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use std::{sync::Arc, time::Instant};

use bus::{Log, LogConfig};
use bytes::Bytes;
use events::{Draft, Event, EventType};
use model::{Aggregate, Timestamp};

/// Bytes of a payload: a plan of some objects.
const PAYLOAD: usize = 1024;

fn draft(writer: usize, before: Option<&Event>) -> Draft {
    Draft {
        aggregate: Aggregate::Source(format!("s-{writer}").parse().unwrap()),
        n: before.map_or(1, |event| event.n() + 1),
        previous: before.map(|event| event.id),
        kind: EventType::RevisionObserved,
        format: 1,
        time: Timestamp::default(),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload: Bytes::from(vec![7; PAYLOAD]),
    }
}

async fn write(log: Arc<dyn Log>, writer: usize, count: usize) {
    let aggregate = Aggregate::Source(format!("s-{writer}").parse().unwrap());
    let mut before = log.newest(&aggregate).await.unwrap();
    for _ in 0..count {
        let stored = log.append(vec![draft(writer, before.as_ref())]).await.pop().unwrap();
        before = Some(stored.unwrap());
    }
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let config = std::env::args().nth(1).map_or_else(|| LogConfig::embedded(folder.path()), LogConfig::nats);
    let log = bus::open(config).await.unwrap();
    for (in_flight, each) in [(1, 500), (64, 100), (1000, 20)] {
        let start = Instant::now();
        let writers = (0..in_flight).map(|writer| tokio::spawn(write(log.clone(), writer, each)));
        for done in futures::future::join_all(writers).await {
            done.unwrap();
        }
        let rate = (in_flight * each) as f64 / start.elapsed().as_secs_f64();
        println!("{in_flight:>5} in flight: {rate:>8.0} appends/s");
    }
}
