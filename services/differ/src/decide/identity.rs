//! Whether the API server that answers is the one that a cluster's name stands for.

use cluster::{ClusterError, Identity, same_as};
use events::state::ClusterIdentity;
use model::ClusterName;

/// A cluster, and who else has its API server.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Its name.
    pub name: &'a ClusterName,
    /// What is recorded of it.
    pub recorded: &'a ClusterIdentity,
    /// The first of the other clusters that are recorded with the uid that was found. `None` too if ours is not defined
    /// any more: what is still to be let go of there is ours nevertheless.
    pub other: Option<&'a ClusterName>,
}

/// What is to be recorded of the cluster, which the one that was found may be worked on as. Of two names that came at
/// once the first in the alphabet stays.
///
/// # Errors
/// Changed, Twin: nothing may be done there.
pub fn admit(claim: Claim<'_>, found: &Identity) -> Result<ClusterIdentity, ClusterError> {
    let recorded = match claim.recorded {
        ClusterIdentity::Uid(uid) => Some(uid.as_str()),
        ClusterIdentity::Unknown | ClusterIdentity::Twin(_) => None,
    };
    same_as(recorded, found)?;
    let first = |other: &&ClusterName| recorded.is_none() || *other < claim.name;
    if let Some(other) = claim.other.filter(first) {
        return Err(ClusterError::Twin { other: other.to_string() });
    }
    Ok(match found {
        Identity::Of(uid) => ClusterIdentity::Uid(uid.clone()),
        Identity::Hidden => {
            recorded.map_or(ClusterIdentity::Unknown, |uid| ClusterIdentity::Uid(uid.to_owned()))
        }
    })
}

/// What is to be recorded of a cluster that was refused.
pub fn refused(recorded: &ClusterIdentity, error: &ClusterError) -> ClusterIdentity {
    if let ClusterError::Twin { other } = error
        && let Ok(other) = other.parse()
    {
        return ClusterIdentity::Twin(other);
    }
    recorded.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(text: &str) -> ClusterIdentity {
        ClusterIdentity::Uid(text.to_owned())
    }

    fn name(text: &str) -> ClusterName {
        text.parse().unwrap()
    }

    fn told(recorded: &ClusterIdentity, found: &str, other: Option<&str>) -> Result<ClusterIdentity, String> {
        let (eu, other) = (name("eu"), other.map(name));
        let found = if found.is_empty() { Identity::Hidden } else { Identity::Of(found.to_owned()) };
        let claim = Claim { name: &eu, recorded, other: other.as_ref() };
        admit(claim, &found).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn a_name_stands_for_one_api_server_and_that_for_one_name() {
        let (changed, twin) = (|| Err("CLUSTER-CHANGED".to_owned()), || Err("CLUSTER-TWIN".to_owned()));
        let was_twin = ClusterIdentity::Twin(name("us"));
        for (recorded, found, other, expected) in [
            (ClusterIdentity::Unknown, "a", None, Ok(uid("a"))),
            (uid("a"), "a", None, Ok(uid("a"))),
            (uid("a"), "b", None, changed()),
            // Who may not see, or does not any more, goes on.
            (ClusterIdentity::Unknown, "", None, Ok(ClusterIdentity::Unknown)),
            (uid("a"), "", None, Ok(uid("a"))),
            // Who was there first stays, whatever it is called; of two that came at once one does.
            (ClusterIdentity::Unknown, "a", Some("us"), twin()),
            (ClusterIdentity::Unknown, "a", Some("de"), twin()),
            (uid("a"), "a", Some("us"), Ok(uid("a"))),
            (uid("a"), "a", Some("de"), twin()),
            (was_twin.clone(), "a", Some("us"), twin()),
            (was_twin, "a", None, Ok(uid("a"))),
        ] {
            assert_eq!(told(&recorded, found, other), expected, "{recorded:?} {found:?} {other:?}");
        }
    }

    #[test]
    fn a_twin_holds_no_uid_and_a_changed_cluster_keeps_its_own() {
        let twin = ClusterError::Twin { other: "us".into() };
        assert_eq!(refused(&uid("a"), &twin), ClusterIdentity::Twin(name("us")));
        let changed = ClusterError::Changed { recorded: "a".into(), found: "b".into() };
        assert_eq!(refused(&uid("a"), &changed), uid("a"));
    }
}
