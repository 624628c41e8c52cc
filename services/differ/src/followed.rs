//! Since when what the log said is taken in: that it answers is not enough, its watch may tell nothing.

use tokio::time::Instant;

/// How far the watch has told, and a question that it has yet to reach.
#[derive(Debug, Default)]
pub struct Followed {
    told: u64,
    /// When the log was asked how far it goes, and what it answered.
    question: Option<(Instant, u64)>,
}

impl Followed {
    /// Notes how far the log went when it was asked then; answers since when all is taken in, if it is.
    pub fn asked(&mut self, at: Instant, sequence: u64) -> Option<Instant> {
        self.question = Some((at, sequence));
        self.reached()
    }

    /// Notes that the watch has told that far; answers since when all is taken in, if that is news.
    pub fn told(&mut self, sequence: u64) -> Option<Instant> {
        self.told = self.told.max(sequence);
        self.reached()
    }

    fn reached(&mut self) -> Option<Instant> {
        self.question.take_if(|(_, sequence)| *sequence <= self.told).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_once_the_watch_has_told_what_it_spoke_of() {
        let at = Instant::now();
        let mut followed = Followed::default();
        assert_eq!(followed.told(7), None);
        assert_eq!(followed.asked(at, 7), Some(at), "all of it was told before");
        assert_eq!(followed.asked(at, 9), None);
        assert_eq!(followed.told(8), None);
        assert_eq!(followed.told(9), Some(at));
        assert_eq!(followed.told(10), None, "once");
    }
}
