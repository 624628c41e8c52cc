//! When to decide about which remote again.

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;

use super::RemoteId;

/// One appointment for each remote, earliest first.
#[derive(Debug, Default)]
pub struct Agenda {
    by_remote: BTreeMap<RemoteId, Timestamp>,
    by_time: BTreeSet<(Timestamp, RemoteId)>,
}

impl Agenda {
    /// Moves the appointment of a remote to an instant.
    pub fn set(&mut self, remote: RemoteId, at: Timestamp) {
        self.clear(remote);
        self.by_remote.insert(remote, at);
        self.by_time.insert((at, remote));
    }

    /// Forgets the appointment of a remote.
    pub fn clear(&mut self, remote: RemoteId) {
        if let Some(at) = self.by_remote.remove(&remote) {
            self.by_time.remove(&(at, remote));
        }
    }

    /// The earliest appointment.
    pub fn first(&self) -> Option<(Timestamp, RemoteId)> {
        self.by_time.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use model::definition::{Git, Reference};

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_each_once() {
        let remote = |url: &str| {
            let (reference, auth) = (Reference::Default, Default::default());
            RemoteId::of(&Git { url: url.into(), reference, auth, ca_file: None, proxy: None, verify: None })
        };
        let at = Timestamp::from_millis;
        let (a, b) = (remote("a"), remote("b"));
        let mut agenda = Agenda::default();
        agenda.set(a, at(5));
        agenda.set(b, at(3));
        assert_eq!(agenda.first(), Some((at(3), b)));
        agenda.set(b, at(9));
        assert_eq!(agenda.first(), Some((at(5), a)));
        agenda.clear(a);
        assert_eq!(agenda.first(), Some((at(9), b)));
    }
}
