//! What a server advertises, compared with what the mirror holds. Pure.

use std::collections::BTreeMap;

use gix::{ObjectId, bstr::BString};

/// Where `HEAD` points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Head {
    /// A branch by its full name; it need not exist.
    Branch(BString),
    /// A commit, without a branch.
    Detached(ObjectId),
}

/// Branches and tags by full name, unpeeled, and `HEAD`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// `None`: the server does not say.
    pub head: Option<Head>,
    /// `refs/heads/…` and `refs/tags/…`.
    pub names: BTreeMap<BString, ObjectId>,
}

/// What separates a mirror from its server.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// References that the server no longer has.
    pub gone: Vec<BString>,
    /// References that are new or point elsewhere.
    pub moved: Vec<BString>,
    /// The new `HEAD`, if it differs.
    pub head: Option<Head>,
}

impl Difference {
    /// Whether mirror and server agree.
    pub fn is_none(&self) -> bool {
        self.gone.is_empty() && self.moved.is_empty() && self.head.is_none()
    }
}

/// Compares the mirror with its server. A server that does not tell its `HEAD` leaves the mirror's as it is.
pub(crate) fn difference(mirror: &References, server: &References) -> Difference {
    let gone = mirror.names.keys().filter(|name| !server.names.contains_key(*name)).cloned().collect();
    let moved = server.names.iter().filter(|(name, id)| mirror.names.get(*name) != Some(*id));
    Difference {
        gone,
        moved: moved.map(|(name, _)| name.clone()).collect(),
        head: server.head.clone().filter(|head| mirror.head.as_ref() != Some(head)),
    }
}

/// Whether a reference is one that a mirror keeps.
pub(crate) fn is_kept(name: &[u8]) -> bool {
    name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(head: Option<&str>, names: &[(&str, u8)]) -> References {
        let id = |byte: u8| ObjectId::from_bytes_or_panic(&[byte; 20]);
        References {
            head: head.map(|name| Head::Branch(name.into())),
            names: names.iter().map(|(name, byte)| ((*name).into(), id(*byte))).collect(),
        }
    }

    #[test]
    fn new_moved_gone_and_renamed_are_told_apart() {
        let mirror = references(Some("refs/heads/a"), &[("refs/heads/a", 1), ("refs/heads/b", 2)]);
        let server = references(Some("refs/heads/c"), &[("refs/heads/b", 3), ("refs/heads/c", 1)]);
        let found = difference(&mirror, &server);
        assert_eq!(found.gone, ["refs/heads/a"]);
        assert_eq!(found.moved, ["refs/heads/b", "refs/heads/c"]);
        assert_eq!(found.head, Some(Head::Branch("refs/heads/c".into())));
        assert!(difference(&server, &server).is_none());
        let silent = references(None, &[("refs/heads/b", 3), ("refs/heads/c", 1)]);
        assert!(difference(&server, &silent).is_none());
    }
}
