//! Which sources share a mirror.

use std::fmt;

use model::{Digest, Partition, definition::Git};

/// A remote as one set of credentials sees it. Sources with the same one share a mirror and its fetches;
/// other credentials may see other things, so they never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteId(Digest);

impl RemoteId {
    /// The remote of a repository's address and credentials; the reference plays no part.
    pub fn of(git: &Git) -> Self {
        let Git { url, reference: _, auth, ca_file, proxy, verify: _ } = git;
        // These hold text and enums only, which always have an encoding.
        let bytes = events::encode(&(url, auth, ca_file, proxy)).unwrap_or_default();
        Self(Digest::of_parts("remote", [bytes.as_slice()]))
    }

    /// By which fetchers share the remotes among them.
    pub fn partition(&self) -> Partition {
        Partition(self.0.as_bytes()[0])
    }
}

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use model::definition::{GitAuth, Reference, SecretRef};

    use super::*;

    #[test]
    fn address_and_credentials_tell_remotes_apart_references_do_not() {
        let git = |url: &str, reference, auth| Git {
            url: url.into(),
            reference,
            auth,
            ca_file: None,
            proxy: None,
            verify: None,
        };
        let token = |name: &str| GitAuth::Bearer { token: SecretRef::Env(name.into()) };
        let base = RemoteId::of(&git("https://h/a", Reference::Default, GitAuth::None));
        assert_eq!(base, RemoteId::of(&git("https://h/a", Reference::Tag("v1".into()), GitAuth::None)));
        assert_ne!(base, RemoteId::of(&git("https://h/b", Reference::Default, GitAuth::None)));
        assert_ne!(base, RemoteId::of(&git("https://h/a", Reference::Default, token("A"))));
        assert_ne!(
            RemoteId::of(&git("https://h/a", Reference::Default, token("A"))),
            RemoteId::of(&git("https://h/a", Reference::Default, token("B"))),
        );
    }
}
