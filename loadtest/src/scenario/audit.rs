//! The audit ledger alone: so many entries in, then questions. No API server takes part.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use auditor::decide;
use bus::{FeedItem, LogConfig, Share};
use bytes::Bytes;
use events::{Draft, Event, EventId, EventType};
use ledger::{Batch, Dimension, Key, Ledger, Order, Rules, SigningKey, View, Window};
use model::{Aggregate, TargetId, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use crate::{
    Fault, Options,
    table::{Table, millis, seconds},
};

/// Entries that are appended together, as the auditor does.
const BATCH: u64 = 1_000;

/// Bytes of a state: most events of a fleet have about so many.
const STATE_BYTES: usize = 500;

/// Targets that the events are about.
const TARGETS: u64 = 3_000;

/// Events that go all the way: into a log, through the feed, into the ledger.
const THROUGH: u64 = 50_000;

/// Questions of each kind.
const QUESTIONS: usize = 200;

/// Where time begins, in milliseconds; an event every 100 ms from then on.
const EPOCH: i64 = 1_700_000_000_000;

pub async fn measure(options: &Options, folder: &Path) -> Result<Table, Fault> {
    let count = options.entries;
    let mut table = Table::new(format!("audit: {count} entries of {STATE_BYTES} bytes and an envelope"));
    let path = folder.join("ledger");
    appended(&mut table, &path, count)?;
    let begin = Instant::now();
    let ledger = Ledger::open(&path, &auditor::settings())?;
    let view = ledger.view()?;
    table.row("open, and serve", millis(begin.elapsed()), "< 10 s");
    asked(&mut table, &view)?;
    let begin = Instant::now();
    let key = SigningKey::from_seed(&[7; 32], "loadtest".parse()?)?;
    let rules = Rules { keys: &[key.verifier_key().clone()], facts: &auditor::facts };
    view.verify(0, &rules, &mut |_| {})?;
    table.row("check of the whole", seconds(begin.elapsed()), "");
    drop((view, ledger));
    through(&mut table, folder).await?;
    Ok(table)
}

fn appended(table: &mut Table, path: &Path, count: u64) -> Result<(), Fault> {
    let mut random = StdRng::seed_from_u64(1);
    let ledger = Ledger::open(path, &auditor::settings())?;
    let key = SigningKey::from_seed(&[7; 32], "loadtest".parse()?)?;
    let mut floor = File::create(path.with_extension("floor"))?;
    let (mut written, mut bare, mut slowest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for first in (0..count).step_by(BATCH as usize) {
        let items = (first..(first + BATCH).min(count)).map(|i| FeedItem::Event(event(i, &mut random)));
        let entries = items.map(|item| decide::entry("loadtest", &item, Timestamp::default()));
        let batch = Batch { entries: entries.collect::<Result<_, _>>()?, bodies: vec![] };
        let begin = Instant::now();
        for entry in &batch.entries {
            floor.write_all(&entry.leaf)?;
        }
        floor.sync_data()?;
        bare += begin.elapsed();
        let begin = Instant::now();
        ledger.append(&batch)?;
        ledger.sign_checkpoint(&key, Timestamp::from_millis(EPOCH))?;
        written += begin.elapsed();
        slowest = slowest.max(begin.elapsed());
    }
    let rate = |took: Duration| format!("{:.0} /s", count as f64 / took.as_secs_f64());
    table.row("floor: the same bytes to a file, flushed as often", rate(bare), "");
    table.row("append and sign, by 1,000", rate(written), ">= 20000 /s");
    table.row("slowest of these", millis(slowest), "");
    let bytes = std::fs::metadata(ledger_file(path)?)?.len();
    table.row("bytes on disk for each", format!("{}", bytes / count.max(1)), "");
    Ok(())
}

/// The one file of the ledger.
fn ledger_file(folder: &Path) -> Result<std::path::PathBuf, Fault> {
    let files = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    files.max_by_key(|path| path.metadata().map_or(0, |it| it.len())).ok_or_else(|| "no ledger".into())
}

fn event(i: u64, random: &mut StdRng) -> Event {
    let target = i % TARGETS;
    let id = TargetId {
        cluster: format!("cluster-{}", target % 3).parse().unwrap_or_else(|_| unreachable!()),
        application: format!("app-{}", target / 3).parse().unwrap_or_else(|_| unreachable!()),
    };
    let kinds = [EventType::SyncPlanned, EventType::HealthChanged, EventType::DriftDetected];
    let draft = Draft {
        aggregate: Aggregate::Target(id),
        n: i / TARGETS + 1,
        previous: None,
        kind: kinds[(i / TARGETS % 3) as usize],
        format: 1,
        time: Timestamp::from_millis(EPOCH + 100 * i as i64),
        cause: None,
        correlation: Some(format!("change-{}", i / 50)),
        actor: None,
        traceparent: None,
        payload: Bytes::from((0..STATE_BYTES).map(|_| random.random()).collect::<Vec<u8>>()),
    };
    Event { id: EventId::derive("loadtest", &draft), sequence: i + 1, draft }
}

fn asked(table: &mut Table, view: &View) -> Result<(), Fault> {
    let mut random = StdRng::seed_from_u64(2);
    let size = view.size();
    let mut row = |what: &str, ask: &mut dyn FnMut(&mut StdRng) -> Result<(), Fault>| -> Result<(), Fault> {
        let mut took = Vec::new();
        for _ in 0..QUESTIONS {
            let begin = Instant::now();
            ask(&mut random)?;
            took.push(begin.elapsed());
        }
        took.sort_unstable();
        let tell = |at: usize| format!("{:.2}", took[at].as_secs_f64() * 1000.0);
        let value = format!("{} / {} ms", tell(QUESTIONS / 2), tell(QUESTIONS * 99 / 100));
        table.row(&format!("{what}, p50 / p99"), value, "< 100 ms");
        Ok(())
    };
    let find = |keys: &[Key], window: &Window| -> Result<(), Fault> {
        let found = view.find(keys, window, Order::NewestFirst, 50)?;
        if found.is_empty() { Err("nothing was found".into()) } else { Ok(()) }
    };
    let application = |random: &mut StdRng| {
        Key::new(Dimension::Application, format!("app-{}", random.random_range(0..1000)))
    };
    let kind = || Key::new(Dimension::Kind, "DriftDetected");
    row("newest 50 of an application", &mut |random| find(&[application(random)], &Window::default()))?;
    row("its drifts", &mut |random| find(&[application(random), kind()], &Window::default()))?;
    row("one change", &mut |random| {
        let change = format!("change-{}", random.random_range(0..size.div_ceil(50)));
        find(&[Key::new(Dimension::Change, change)], &Window::default())
    })?;
    row("a target as it was then", &mut |random| {
        let time = Timestamp::from_millis(EPOCH + 100 * random.random_range(TARGETS..size) as i64);
        let app = random.random_range(0..1000);
        view.newest_before(&format!("target/cluster-0/app-{app}"), time)?.ok_or("there was none")?;
        Ok(())
    })?;
    row("a proof", &mut |random| {
        view.proof(random.random_range(0..size))?;
        Ok(())
    })
}

/// From a log that is there already, through the auditor itself.
async fn through(table: &mut Table, folder: &Path) -> Result<(), Fault> {
    let log = bus::open(LogConfig::embedded(folder.join("through"))).await?;
    log.feed("auditor").await?;
    let mut random = StdRng::seed_from_u64(3);
    for first in (0..THROUGH).step_by(BATCH as usize) {
        let mut drafts = vec![];
        for i in first..first + BATCH {
            // Each about something of its own: a chain would have to be waited for.
            let aggregate = Aggregate::Source(format!("source-{i}").parse()?);
            drafts.push(Draft {
                aggregate,
                n: 1,
                kind: EventType::RevisionObserved,
                ..event(i, &mut random).draft
            });
        }
        for appended in log.append(drafts).await {
            appended?;
        }
    }
    let (stop, copy) = (CancellationToken::new(), folder.join("copy"));
    let config = auditor::Config { copy: Some(copy.clone()), ..auditor::Config::new(folder, Share::Sole) };
    // Its ledger is another one.
    let config = auditor::Config { folder: folder.join("through-ledger"), ..config };
    let begin = Instant::now();
    let auditing = tokio::spawn(auditor::run(log, config, stop.clone()));
    let signed =
        || std::fs::read_to_string(copy.join("checkpoint")).ok()?.lines().nth(1)?.parse::<u64>().ok();
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while signed().is_none_or(|size| size < THROUGH) {
        if auditing.is_finished() {
            return Err("the auditor ended".into());
        }
        looks.tick().await;
    }
    let took = begin.elapsed();
    stop.cancel();
    auditing.await??;
    let rate = format!("{:.0} /s", THROUGH as f64 / took.as_secs_f64());
    table.row("log -> feed -> ledger, signed and copied", rate, ">= 20000 /s");
    Ok(())
}
