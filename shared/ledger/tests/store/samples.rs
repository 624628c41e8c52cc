//! Small ledgers.

use std::path::Path;

use bytes::Bytes;
use ledger::{
    AuditError, Batch, Body, Dimension, Entry, Facts, Key, Ledger, Origin, Rules, Settings, SigningKey,
    VerifierKey, View,
};
use model::{Digest, Timestamp};

pub const NAME: &str = "example.com/audit";

pub fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], NAME.parse().unwrap()).unwrap()
}

pub fn trusted() -> [VerifierKey; 1] {
    [key().verifier_key().clone()]
}

pub fn open(folder: &Path) -> Ledger {
    Ledger::open(folder, &Settings::default()).unwrap()
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// An entry whose leaf says its time and keys: `time|dimension=value|…`.
pub fn entry(sequence: u64, time: i64, keys: &[(Dimension, &str)]) -> Entry {
    let mut leaf = format!("{time}|sequence={sequence}");
    for (dimension, value) in keys {
        leaf.push_str(&format!("|{}={value}", dimension.code()));
    }
    Entry {
        leaf: Bytes::from(leaf),
        origin: Origin { incarnation: "one".to_owned(), sequence },
        time: at(time),
        keys: keys.iter().map(|(dimension, value)| Key::new(*dimension, *value)).collect(),
    }
}

/// A plain entry: sequences go up by two, as in a log with gaps.
pub fn plain(i: u64) -> Entry {
    let aggregate = format!("target/c/{}", i % 7);
    let keys = [(Dimension::Aggregate, aggregate.as_str()), (Dimension::Kind, "SyncPlanned")];
    entry(i * 2 + 1, 1_000 + i as i64 * 10, &keys)
}

pub fn batch(entries: impl IntoIterator<Item = Entry>) -> Batch {
    Batch { entries: entries.into_iter().collect(), bodies: Vec::new() }
}

pub fn body(bytes: impl Into<Bytes>) -> Body {
    let bytes = bytes.into();
    Body { digest: Digest::of(&bytes), bytes }
}

/// Reads what [`entry`] wrote.
pub fn facts(leaf: &[u8]) -> Result<Facts, String> {
    let text = std::str::from_utf8(leaf).map_err(|error| error.to_string())?;
    let mut words = text.split('|');
    let time = words.next().and_then(|time| time.parse().ok()).ok_or("no time")?;
    let mut keys = Vec::new();
    for word in words.filter(|word| !word.starts_with("sequence=")) {
        let (code, value) = word.split_once('=').ok_or("no key")?;
        let dimension = Dimension::ALL.into_iter().find(|dimension| dimension.code().to_string() == code);
        keys.push(Key::new(dimension.ok_or("no dimension")?, value));
    }
    Ok(Facts { time: at(time), keys })
}

pub fn verify(view: &View, from: u64) -> Result<(), AuditError> {
    view.verify(from, &Rules { keys: &trusted(), facts: &facts }, &mut |_| {})
}
