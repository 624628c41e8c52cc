//! Where a log stands, and whether it is still the log that was seen before.

use crate::{Log, ReadError, RestorationId};

/// A log and how far it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPosition {
    /// Id written when the log was created.
    pub incarnation: String,
    /// The newest restoration that led to it, if any.
    pub restoration: Option<RestorationId>,
    /// Sequence of the newest event; 0 in an empty log.
    pub sequence: u64,
}

/// What a later look at a log says about an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// The same log, as far or farther.
    Continues,
    /// Another log: the old one was wiped, or a backup was restored in its place. Start afresh.
    Replaced,
    /// The same log, but events that were seen are gone: an older copy was put back. Start afresh.
    Older,
}

impl LogPosition {
    /// Where the log is now, having been here before; a log that does not answer tells nothing.
    ///
    /// # Errors
    /// `Restarted` (permanent): it is another one, or an older copy.
    pub async fn follow(&self, log: &dyn Log) -> Result<Self, ReadError> {
        Ok(self.follow_if_answered(log).await?.unwrap_or_else(|| self.clone()))
    }

    /// As [`follow`](Self::follow); `None`: the log does not answer.
    ///
    /// # Errors
    /// `Restarted` (permanent): it is another one, or an older copy.
    pub async fn follow_if_answered(&self, log: &dyn Log) -> Result<Option<Self>, ReadError> {
        let found = match log.position().await {
            Ok(found) => found,
            Err(error @ ReadError::Restarted { .. }) => return Err(error),
            Err(ReadError::Unavailable(_) | ReadError::Undecodable(_)) => return Ok(None),
        };
        match self.succession(&found) {
            Succession::Continues => Ok(Some(found)),
            Succession::Replaced | Succession::Older => {
                Err(ReadError::Restarted { seen: self.clone(), found })
            }
        }
    }

    /// Judges what is found now, having seen `self` before.
    pub fn succession(&self, found: &Self) -> Succession {
        if (&self.incarnation, self.restoration) != (&found.incarnation, found.restoration) {
            Succession::Replaced
        } else if found.sequence < self.sequence {
            Succession::Older
        } else {
            Succession::Continues
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_or_older_log_is_told_apart() {
        let at = |incarnation: &str, sequence| LogPosition {
            incarnation: incarnation.into(),
            restoration: None,
            sequence,
        };
        assert_eq!(at("a", 5).succession(&at("a", 5)), Succession::Continues);
        assert_eq!(at("a", 5).succession(&at("a", 9)), Succession::Continues);
        assert_eq!(at("a", 5).succession(&at("a", 4)), Succession::Older);
        assert_eq!(at("a", 5).succession(&at("b", 9)), Succession::Replaced);
        let restored = LogPosition { restoration: Some(RestorationId::random()), ..at("a", 9) };
        assert_eq!(at("a", 5).succession(&restored), Succession::Replaced);
        assert_eq!(restored.succession(&restored), Succession::Continues);
    }
}
