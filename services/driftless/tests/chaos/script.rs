//! What happens when: a function of the seed and of what there is.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::desired::LASTING;

/// Longest time that a process stands still, or is away.
const FROZEN_MAX: Duration = Duration::from_secs(20);

/// Longest time until a killed process is started again.
const DEAD_MAX: Duration = Duration::from_secs(3);

/// Longest time that the broker is away: a claim ends meanwhile, or not.
const DOWN_MAX: Duration = Duration::from_secs(9);

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A commit that changes the value of these, and gives or takes those an object.
    Commit { changed: Vec<usize>, toggled: Vec<usize> },
    /// Somebody changes an object.
    Edit { app: usize, object: usize },
    /// Somebody deletes an object.
    Delete { app: usize, object: usize },
    /// SIGKILL.
    Kill(&'static str),
    /// SIGSTOP.
    Freeze(&'static str),
    /// SIGCONT.
    Thaw(&'static str),
    /// A killed process is started again.
    Start(&'static str),
    /// SIGKILL for the broker.
    KillBroker,
    /// It is started again.
    StartBroker,
}

/// What there is to act on.
pub struct Cast {
    pub applications: usize,
    pub processes: Vec<&'static str>,
    pub broker: Broker,
}

/// Whether a broker can be struck.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Broker {
    /// There is none, or it is spared.
    Spared,
    /// It may be.
    Struck,
}

/// A script under way.
struct Writer<'c> {
    cast: &'c Cast,
    random: StdRng,
    acts: Vec<(Duration, Act)>,
}

/// A round: a commit that changes everything, and what befalls the processes while it is applied.
pub fn round(seed: u64, cast: &Cast) -> Vec<(Duration, Act)> {
    let mut writer = Writer::new(seed, cast);
    let all: Vec<usize> = (0..cast.applications).collect();
    let toggled = writer.some(cast.applications / 2);
    writer.acts.push((Duration::ZERO, Act::Commit { changed: all, toggled }));
    for _ in 0..writer.random.random_range(0..=2) {
        writer.commit(Duration::from_secs(6));
    }
    writer.hands(5, Duration::from_secs(6));
    let count = writer.random.random_range(1..=3);
    let struck: Vec<_> = cast.processes.choose_multiple(&mut writer.random, count).copied().collect();
    for process in struck {
        let at = writer.within(Duration::from_secs(4));
        writer.strike(process, at);
    }
    if cast.broker == Broker::Struck && writer.random.random_bool(0.2) {
        writer.broker(Duration::from_secs(4));
    }
    writer.done()
}

/// So many minutes of everything: something happens to Git, to objects and to a process every few seconds.
pub fn long(seed: u64, cast: &Cast, length: Duration) -> Vec<(Duration, Act)> {
    let mut writer = Writer::new(seed, cast);
    let times = |every: u64| (length.as_secs() / every).max(1) as usize;
    for _ in 0..times(8) {
        writer.commit(length);
    }
    writer.hands(times(5), length);
    // One after the other, so that none is struck while it is down already.
    let turn = FROZEN_MAX + Duration::from_secs(1);
    for turns in 0..(length.as_secs() / turn.as_secs()).max(1) {
        let process = *cast.processes.choose(&mut writer.random).unwrap();
        let at = turn * turns as u32 + writer.within(Duration::from_secs(1));
        writer.strike(process, at);
    }
    if cast.broker == Broker::Struck {
        writer.broker(length);
    }
    writer.done()
}

impl<'c> Writer<'c> {
    fn new(seed: u64, cast: &'c Cast) -> Self {
        Self { cast, random: StdRng::seed_from_u64(seed), acts: Vec::new() }
    }

    fn within(&mut self, span: Duration) -> Duration {
        span.mul_f64(self.random.random())
    }

    fn some(&mut self, count: usize) -> Vec<usize> {
        let all: Vec<usize> = (0..self.cast.applications).collect();
        all.choose_multiple(&mut self.random, count).copied().collect()
    }

    /// A commit that changes a few applications or many.
    fn commit(&mut self, span: Duration) {
        let at = self.within(span);
        let count = self.random.random_range(1..=self.cast.applications);
        let (changed, toggled) = (self.some(count), self.some(count / 4));
        self.acts.push((at, Act::Commit { changed, toggled }));
    }

    fn hands(&mut self, count: usize, span: Duration) {
        for _ in 0..count {
            let at = self.within(span);
            let (app, object) =
                (self.random.random_range(0..self.cast.applications), self.random.random_range(0..LASTING));
            let act = match self.random.random_bool(0.3) {
                true => Act::Delete { app, object },
                false => Act::Edit { app, object },
            };
            self.acts.push((at, act));
        }
    }

    fn strike(&mut self, process: &'static str, at: Duration) {
        if self.random.random_bool(0.5) {
            let back = at + self.within(DEAD_MAX);
            self.acts.extend([(at, Act::Kill(process)), (back, Act::Start(process))]);
        } else {
            let back = at + Duration::from_secs(1) + self.within(FROZEN_MAX - Duration::from_secs(1));
            self.acts.extend([(at, Act::Freeze(process)), (back, Act::Thaw(process))]);
        }
    }

    fn broker(&mut self, span: Duration) {
        let at = self.within(span);
        let back = at + self.within(DOWN_MAX);
        self.acts.extend([(at, Act::KillBroker), (back, Act::StartBroker)]);
    }

    fn done(mut self) -> Vec<(Duration, Act)> {
        self.acts.sort_by_key(|(at, _)| *at);
        self.acts
    }
}

#[test]
fn a_seed_tells_the_same_story_again_and_whoever_is_struck_comes_back() {
    type Is = fn(&Act) -> bool;
    let cast = Cast { applications: 9, processes: vec!["a", "b", "c"], broker: Broker::Struck };
    let mut kinds = [0; 3];
    for seed in 0..100 {
        let acts = round(seed, &cast);
        assert_eq!(acts, round(seed, &cast));
        let count = |wanted: Is| acts.iter().filter(|(_, act)| wanted(act)).count();
        let pairs: [(Is, Is); 3] = [
            (|act| matches!(act, Act::Kill(_)), |act| matches!(act, Act::Start(_))),
            (|act| matches!(act, Act::Freeze(_)), |act| matches!(act, Act::Thaw(_))),
            (|act| *act == Act::KillBroker, |act| *act == Act::StartBroker),
        ];
        for (kind, (down, up)) in kinds.iter_mut().zip(pairs) {
            assert_eq!(count(down), count(up), "seed {seed}");
            *kind += count(down);
        }
    }
    assert!(kinds.iter().all(|count| *count > 10), "{kinds:?}");
}
