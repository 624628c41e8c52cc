//! One seed, one world: all that happens in it follows from the seed.
//!
//! The differ and the applier are the real ones. Whatever they say or hear passes a border at which it can be late,
//! lost, doubled or refused; they are killed, stopped and let go on between any two steps. People change Git, others
//! change the clusters. While all that happens, no event and no write may break a rule of the design; when it is over,
//! everything has to come to rest as Git says.
//!
//! `DRIFTLESS_SEEDS=5000` plays as many, `DRIFTLESS_FIRST_SEED=100` begins there, `DRIFTLESS_SEED=17` plays one of them
//! and tells all that happens in it.

mod author;
mod crew;
mod deeds;
mod dice;
mod gate;
mod log;
mod network;
mod picture;
mod repository;
mod rest;
mod rules;
mod site;
mod trace;
mod weather;
mod world;

use std::{env, thread};

use crew::Belief;
use weather::Rates;
use world::{Ended, Settings, play};

/// Seeds that are played by default: as many as two cores play within two minutes.
const SEEDS: u64 = 2000;

/// Seeds at a time.
const AT_ONCE: u64 = 2;

fn settings(seed: u64) -> Settings {
    let rates = match seed % 4 {
        0 => Rates::default(),
        1 => Rates { log: 20, twice: 200, request: 0, watch: 0, slow: 30 },
        2 => Rates { log: 0, twice: 0, request: 40, watch: 200, slow: 30 },
        _ => Rates { log: 20, twice: 200, request: 40, watch: 200, slow: 60 },
    };
    Settings {
        clusters: 1 + (seed % 2) as usize,
        applications: 1 + (seed % 3) as usize,
        deeds: 4 + (seed % 13) as usize,
        rates,
        belief: if seed % 5 == 4 { Belief::Alone } else { Belief::Members },
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn told(seed: u64, ended: &Ended) -> String {
    let all = ended.lines.join("\n");
    format!(
        "{all}\nseed {seed}: {:#?}\nagain: DRIFTLESS_SEED={seed} cargo test --workspace --test simulation seeds -- --nocapture",
        ended.broken
    )
}

#[test]
fn whatever_happens_no_rule_is_broken_and_everything_comes_to_rest_in_all_seeds() {
    if let Some(seed) = number("DRIFTLESS_SEED") {
        let ended = play(seed, settings(seed));
        println!("{}", told(seed, &ended));
        assert!(ended.broken.is_empty(), "{:#?}", ended.broken);
        return;
    }
    let seeds = number("DRIFTLESS_SEEDS").unwrap_or(SEEDS);
    let first = number("DRIFTLESS_FIRST_SEED").unwrap_or_default();
    let of = |part: u64| {
        let mut failed = vec![];
        for seed in (first..first + seeds).filter(|seed| seed % AT_ONCE == part) {
            let ended = play(seed, settings(seed));
            if !ended.broken.is_empty() {
                println!("seed {seed}: {:#?}", ended.broken);
                failed.push((seed, ended));
            }
        }
        failed
    };
    let failed: Vec<(u64, Ended)> = thread::scope(|scope| {
        let parts: Vec<_> = (0..AT_ONCE).map(|part| scope.spawn(move || of(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    if let Some((seed, ended)) = failed.first() {
        panic!("{}\n{} of {seeds} seeds failed", told(*seed, ended), failed.len());
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    let seed = 7;
    let [first, second] = [play(seed, settings(seed)), play(seed, settings(seed))];
    let differs = first.lines.iter().zip(&second.lines).position(|(a, b)| a != b);
    if let Some(at) = differs {
        panic!("line {at} differs:\n{}\n{}", first.lines[at], second.lines[at]);
    }
    assert_eq!(first.lines.len(), second.lines.len());
}
