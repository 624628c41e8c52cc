//! Finding entries by key, by time and at an instant.

use ledger::{Dimension, Entry, Key, Ledger, Order, StoredEntry, View, Window};
use proptest::prelude::*;

use crate::samples::*;

fn indexes(entries: &[StoredEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.index).collect()
}

fn by(view: &View, value: &str, window: &Window, order: Order, limit: usize) -> Vec<u64> {
    indexes(&view.by(&Key::new(Dimension::Aggregate, value), window, order, limit).unwrap())
}

#[test]
fn entries_are_found_by_each_key() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let keys = Dimension::ALL.map(|dimension| (dimension, "a"));
    ledger
        .append(&batch([
            entry(1, 0, &keys),
            entry(2, 0, &keys[..1]),
            entry(3, 0, &[(Dimension::Event, "ab")]),
        ]))
        .unwrap();
    let view = ledger.view().unwrap();
    for dimension in Dimension::ALL {
        let found = view.by(&Key::new(dimension, "a"), &Window::default(), Order::OldestFirst, 9).unwrap();
        assert_eq!(indexes(&found), if dimension == Dimension::Event { vec![0, 1] } else { vec![0] });
        assert_eq!(view.by(&Key::new(dimension, ""), &Window::default(), Order::OldestFirst, 9).unwrap(), []);
    }
    verify(&view, 0).unwrap();
}

#[test]
fn what_has_all_keys_is_found_whichever_stands_first() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    // Over the end of a segment.
    let colour = |i: u64| if i.is_multiple_of(3) { "red" } else { "blue" };
    let keyed = |i: u64| {
        let parity = if i.is_multiple_of(2) { "even" } else { "odd" };
        entry(i + 1, i as i64, &[(Dimension::Kind, colour(i)), (Dimension::Actor, parity)])
    };
    ledger.append(&batch((0..9_000).map(keyed))).unwrap();
    let view = ledger.view().unwrap();
    let find = |keys: &[(Dimension, &str)], order| {
        let keys: Vec<Key> = keys.iter().map(|(dimension, value)| Key::new(*dimension, *value)).collect();
        indexes(&view.find(&keys, &Window::default(), order, 4).unwrap())
    };
    let (red, odd) = ((Dimension::Kind, "red"), (Dimension::Actor, "odd"));
    for keys in [[red, odd], [odd, red]] {
        assert_eq!(find(&keys, Order::OldestFirst), [3, 9, 15, 21]);
        assert_eq!(find(&keys, Order::NewestFirst), [8_997, 8_991, 8_985, 8_979]);
    }
    assert_eq!(find(&[red, (Dimension::Kind, "blue")], Order::OldestFirst), [0; 0]);
    assert_eq!(find(&[red], Order::OldestFirst), [0, 3, 6, 9]);
    assert_eq!(find(&[], Order::NewestFirst), [8_999, 8_998, 8_997, 8_996]);
}

#[test]
fn answers_go_both_ways_and_can_be_continued() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.append(&batch((0..30).map(plain))).unwrap();
    let view = ledger.view().unwrap();
    let all = Window::default();
    assert_eq!(by(&view, "target/c/2", &all, Order::OldestFirst, 3), [2, 9, 16]);
    assert_eq!(by(&view, "target/c/2", &all, Order::NewestFirst, 2), [23, 16]);
    let later = Window { indexes: 17..u64::MAX, ..Window::default() };
    assert_eq!(by(&view, "target/c/2", &later, Order::OldestFirst, 3), [23]);
    let earlier = Window { indexes: 0..16, ..Window::default() };
    assert_eq!(by(&view, "target/c/2", &earlier, Order::NewestFirst, 3), [9, 2]);
    let backwards = Window { indexes: std::ops::Range { start: 9, end: 3 }, ..Window::default() };
    assert_eq!(by(&view, "target/c/2", &backwards, Order::NewestFirst, 3), [0; 0]);
    let newest = view.entries(&all, Order::NewestFirst, 2).unwrap();
    assert_eq!(indexes(&newest), [29, 28]);
    // Times are 1,000 and 10 more for each.
    let window = Window { since: Some(at(1_050)), until: Some(at(1_080)), ..Window::default() };
    assert_eq!(indexes(&view.entries(&window, Order::OldestFirst, 99).unwrap()), [5, 6, 7]);
}

#[test]
fn the_past_is_the_newest_event_before_an_instant() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let of = |sequence, time, name| entry(sequence, time, &[(Dimension::Aggregate, name)]);
    ledger
        .append(&batch([
            of(1, 100, "a"),
            of(2, 150, "b"),
            of(3, 200, "a"),
            of(4, 190, "a"),
            of(5, 9_999_999, "b"),
        ]))
        .unwrap();
    ledger.append(&batch([of(6, 300, "a"), of(7, 310, "b")])).unwrap();
    let view = ledger.view().unwrap();
    let before = |name, time| view.newest_before(name, at(time)).unwrap().map(|entry| entry.index);
    assert_eq!(before("a", 99), None);
    assert_eq!(before("a", 100), Some(0));
    assert_eq!(before("a", 189), Some(0));
    assert_eq!(before("a", 195), Some(3));
    assert_eq!(before("a", i64::MAX), Some(5));
    // One clock that was wrong by hours hides nothing that comes after it.
    assert_eq!(before("b", 305), Some(1));
    assert_eq!(before("b", 310), Some(6));
    assert_eq!(before("c", 310), None);
}

fn timed(ledger: &Ledger, times: &[i64]) {
    let entries: Vec<Entry> = times
        .iter()
        .zip(1..)
        .map(|(time, sequence)| {
            entry(sequence, *time, &[(Dimension::Aggregate, if time % 3 == 0 { "a" } else { "b" })])
        })
        .collect();
    for part in entries.chunks(97) {
        ledger.append(&batch(part.to_vec())).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever the clocks said, answers are those of a look at every entry.
    #[test]
    fn times_are_found_as_by_looking_at_all(
        times in prop::collection::vec(0_i64..1_000, 1..700),
        asked in prop::collection::vec((-1_i64..1_001, 0_i64..1_001), 20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(folder.path());
        timed(&ledger, &times);
        let view = ledger.view().unwrap();
        verify(&view, 0).unwrap();
        let all = || times.iter().copied().zip(0_u64..);
        for (since, until) in asked {
            let first = all().find(|(time, _)| *time >= since).map(|(_, index)| index);
            prop_assert_eq!(view.first_at_or_after(at(since)).unwrap(), first);
            let newest = all().filter(|(time, _)| *time <= since && time % 3 == 0).last().map(|(_, index)| index);
            prop_assert_eq!(view.newest_before("a", at(since)).unwrap().map(|entry| entry.index), newest);
            let window = Window { since: Some(at(since)), until: Some(at(until)), ..Window::default() };
            let within: Vec<u64> = all()
                .filter(|(time, _)| (since..until).contains(time) && time % 3 == 0)
                .map(|(_, index)| index)
                .collect();
            prop_assert_eq!(by(&view, "a", &window, Order::OldestFirst, usize::MAX), within);
        }
    }
}

/// Keys stand in segments of 8,192 entries: answers go across their borders.
#[test]
fn answers_go_across_segments() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    for first in (0..20_000).step_by(4_000) {
        ledger.append(&batch((first..first + 4_000).map(plain))).unwrap();
    }
    let view = ledger.view().unwrap();
    let wanted: Vec<u64> = (0..20_000).filter(|i| i % 7 == 2).collect();
    let all = by(&view, "target/c/2", &Window::default(), Order::OldestFirst, usize::MAX);
    assert_eq!(all, wanted);
    let mut newest = by(&view, "target/c/2", &Window::default(), Order::NewestFirst, 2_500);
    newest.reverse();
    assert_eq!(newest, wanted[wanted.len() - 2_500..]);
    let border = Window { indexes: 8_190..8_200, ..Window::default() };
    assert_eq!(by(&view, "target/c/2", &border, Order::OldestFirst, 9), [8_192, 8_199]);
    let early = at(1_000 + 8_000 * 10);
    assert_eq!(view.newest_before("target/c/2", early).unwrap().map(|entry| entry.index), Some(7_996));
    verify(&view, 8_192).unwrap();
}
