//! Where a log comes from. Whoever restores a backup begins another log, although it has the incarnation and all events
//! of the one that the backup is of: both can go on, and then each has events that the other does not know.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Restorations that a log remembers: one a month for five years, and small enough for the metadata of a stream.
const RESTORATIONS_MAX: usize = 64;

/// Names a restoration.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RestorationId(u64);

/// A restoration of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restoration {
    /// Its name.
    pub id: RestorationId,
    /// How far the log went that the backup is of. What that one appended behind is not in the restored one, which
    /// gives the same sequences to events of its own.
    pub at: u64,
}

/// The restorations that led to a log, oldest first; none: it was never restored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lineage(Vec<Restoration>);

/// What another log of the same incarnation is to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// It is this one.
    Same,
    /// This one began as a copy of it.
    Ancestor {
        /// The last of its sequences that is known here.
        at: u64,
    },
    /// It began as a copy of this one or of an ancestor, and nothing that it appended is known here.
    Branch,
}

/// Which log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) incarnation: String,
    pub(crate) lineage: Lineage,
}

/// Says that a text tells no restorations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the restorations of the log are unreadable")]
pub struct LineageUnreadable;

impl RestorationId {
    /// A new one.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl Lineage {
    /// The newest restoration, which names the log; none: it was never restored.
    pub fn newest(&self) -> Option<RestorationId> {
        self.0.last().map(|restoration| restoration.id)
    }

    /// That of a log restored from a backup of this one.
    #[must_use]
    pub fn restored(mut self, restoration: Restoration) -> Self {
        self.0.push(restoration);
        let forgotten = self.0.len().saturating_sub(RESTORATIONS_MAX);
        self.0.drain(..forgotten);
        self
    }

    /// What the log is to this one that has the same incarnation and that newest restoration.
    pub fn kinship(&self, newest: Option<RestorationId>) -> Kinship {
        if newest == self.newest() {
            return Kinship::Same;
        }
        let next = match newest {
            Some(id) => self.0.iter().skip_while(|known| known.id != id).nth(1),
            // The first one may be forgotten.
            None if self.0.len() == RESTORATIONS_MAX => None,
            None => self.0.first(),
        };
        next.map_or(Kinship::Branch, |next| Kinship::Ancestor { at: next.at })
    }
}

impl Identity {
    /// Of a log that begins with nothing.
    pub(crate) fn fresh() -> Self {
        Self { incarnation: format!("{:032x}", rand::random::<u128>()), lineage: Lineage::default() }
    }
}

impl fmt::Display for RestorationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for RestorationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RestorationId {
    type Err = LineageUnreadable;

    fn from_str(text: &str) -> Result<Self, LineageUnreadable> {
        let told = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = told.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or(LineageUnreadable)
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.0.iter().map(|it| format!("{}@{}", it.id, it.at)).collect();
        f.write_str(&told.join(" "))
    }
}

impl FromStr for Lineage {
    type Err = LineageUnreadable;

    fn from_str(text: &str) -> Result<Self, LineageUnreadable> {
        let restoration = |word: &str| {
            let (id, at) = word.split_once('@').ok_or(LineageUnreadable)?;
            Ok(Restoration { id: id.parse()?, at: at.parse().map_err(|_| LineageUnreadable)? })
        };
        let told: Vec<Restoration> = text
            .split(' ')
            .filter(|word| !word.is_empty())
            .take(RESTORATIONS_MAX + 1)
            .map(restoration)
            .collect::<Result<_, _>>()?;
        if told.len() > RESTORATIONS_MAX { Err(LineageUnreadable) } else { Ok(Self(told)) }
    }
}

impl TryFrom<String> for Lineage {
    type Error = LineageUnreadable;

    fn try_from(text: String) -> Result<Self, LineageUnreadable> {
        text.parse()
    }
}

impl From<Lineage> for String {
    fn from(lineage: Lineage) -> Self {
        lineage.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(count: u64) -> Lineage {
        let restoration = |i: u64| Restoration { id: RestorationId(i), at: i * 100 };
        (1..=count).map(restoration).fold(Lineage::default(), Lineage::restored)
    }

    #[test]
    fn a_log_tells_itself_its_ancestors_and_its_branches_apart() {
        let id = |i| Some(RestorationId(i));
        for (mine, newest, expected) in [
            (after(0), None, Kinship::Same),
            (after(0), id(1), Kinship::Branch),
            (after(2), id(2), Kinship::Same),
            (after(2), id(1), Kinship::Ancestor { at: 200 }),
            (after(2), None, Kinship::Ancestor { at: 100 }),
            (after(2), id(3), Kinship::Branch),
        ] {
            assert_eq!(mine.kinship(newest), expected, "{mine} {newest:?}");
        }
    }

    #[test]
    fn what_is_forgotten_is_no_ancestor_any_more() {
        let known = after(RESTORATIONS_MAX as u64 - 1);
        assert_eq!(known.kinship(None), Kinship::Ancestor { at: 100 });
        let mine = after(70);
        assert_eq!(mine.0.len(), RESTORATIONS_MAX);
        assert_eq!(mine.kinship(None), Kinship::Branch);
        assert_eq!(mine.kinship(Some(RestorationId(6))), Kinship::Branch);
        assert_eq!(mine.kinship(Some(RestorationId(7))), Kinship::Ancestor { at: 800 });
    }

    #[test]
    fn it_is_read_as_it_was_told() {
        for lineage in [after(0), after(1), after(70)] {
            assert_eq!(lineage.to_string().parse(), Ok(lineage));
        }
        let word = "0000000000000001@7";
        let many = [word; RESTORATIONS_MAX + 1].join(" ");
        for text in ["x", "1@7", &word[1..], "0000000000000001", &many] {
            assert_eq!(text.parse::<Lineage>(), Err(LineageUnreadable), "{text}");
        }
    }
}
