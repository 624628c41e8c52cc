//! `kill -9` of the process that writes and consumes.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
};

use bus::{Log, LogConfig};

use crate::{bed::Bed, feeding::next_event, samples::*};

const PLACE: &str = "BUS_CHILD_PLACE";
const WRITERS: usize = 6;

/// The other process: writes and consumes as fast as it can, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by a_killed_process_loses_nothing_acknowledged as another process"]
async fn child() {
    let log = open_place().await;
    for i in 0..WRITERS {
        tokio::spawn(write_for_ever(log.clone(), i));
    }
    let mut feed = log.feed("auditor").await.unwrap();
    loop {
        let mut last = 0;
        for _ in 0..20 {
            last = next_event(&mut feed).await.sequence;
        }
        feed.ack(last).await.unwrap();
        say(&format!("acked {last} 0"));
    }
}

async fn open_place() -> Arc<dyn Log> {
    let place = std::env::var(PLACE).expect("only run by its parent");
    let config = match place.split_once('=').unwrap() {
        ("embedded", folder) => LogConfig::embedded(folder),
        (_, url) => LogConfig::nats(url),
    };
    bus::open(config).await.unwrap()
}

/// Another process, which consumes one event after the other, and acknowledges every 10,000th up to the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by a_stopped_consumer_finds_all_of_a_busy_aggregate as another process"]
async fn consumer() {
    let mut feed = open_place().await.feed("auditor").await.unwrap();
    let mut acknowledged = 0;
    loop {
        let event = next_event(&mut feed).await;
        if event.n() % 10_000 == 0 && event.n() <= 50_000 {
            feed.ack(event.sequence).await.unwrap();
            acknowledged = event.n();
        }
        if event.n() == 60_000 {
            say(&format!("acked {acknowledged} 0"));
        }
    }
}

/// Runs that one until it has read more than it has acknowledged, kills it, and says up to which version it had.
pub fn consume_and_be_killed(place: &str) -> u64 {
    run_child_and_kill("surviving::consumer", place, 1).acked
}

async fn write_for_ever(log: Arc<dyn Log>, i: usize) {
    loop {
        let event = append_many(&*log, &target(i, 0), 1).await;
        say(&format!("stored {i} {}", event.n()));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("SAYS {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[derive(Default)]
struct Said {
    stored: BTreeMap<usize, u64>,
    acked: u64,
}

/// Lets the child run until it has said something `lines` times, kills it, and reads what it said to the end.
fn run_child_and_kill(child: &str, place: &str, lines: usize) -> Said {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture"])
        .env(PLACE, place)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = Said::default();
    let mut count = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((_, words)) = line.split_once("SAYS ") else { continue };
        let words: Vec<&str> = words.split(' ').collect();
        // The kill may cut the last line short.
        let [what, a, b] = words[..] else { continue };
        let (Ok(a), Ok(b)) = (a.parse::<u64>(), b.parse::<u64>()) else { continue };
        match what {
            "stored" => drop(said.stored.insert(a as usize, b)),
            _ => said.acked = a,
        }
        count += 1;
        if count == lines {
            child.kill().unwrap();
        }
    }
    assert!(count >= lines, "the child ended by itself");
    child.wait().unwrap();
    said
}

pub async fn a_killed_process_loses_nothing_acknowledged(bed: Bed) {
    let place = bed.place();
    for round in 1..=3 {
        let place = place.clone();
        let running =
            tokio::task::spawn_blocking(move || run_child_and_kill("surviving::child", &place, 300 * round));
        let said = running.await.unwrap();
        let log = bed.open().await;
        for (i, n) in &said.stored {
            let newest = log.newest(&target(*i, 0)).await.unwrap().unwrap();
            assert!(newest.n() >= *n, "{n} was acknowledged, {} is there", newest.n());
        }
        // The child may have acknowledged its very last event: this one is after it.
        let end = append_many(&*log, &target(WRITERS, 0), 1).await.sequence;
        let mut feed = log.feed("auditor").await.unwrap();
        let (mut first, mut expected) = (None, None);
        loop {
            let event = next_event(&mut feed).await;
            // One more acknowledgement may have been stored than was said.
            let first = *first.get_or_insert(event.sequence);
            assert!(first > said.acked && first <= said.acked + 21, "{first} after {}", said.acked);
            assert_eq!(event.sequence, expected.unwrap_or(event.sequence));
            expected = Some(event.sequence + 1);
            if event.sequence == end {
                break;
            }
        }
    }
}
