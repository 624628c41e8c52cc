//! Names that kustomize generates for ConfigMaps and Secrets: a name and a hash of the contents, so that each change is
//! another object.

use std::collections::BTreeSet;

use model::ObjectId;

use crate::planner::DesiredObject;

/// Letters and digits of the hash. Source: kustomize, api/hasher: hexadecimal digits, some replaced so that no word
/// comes out.
const ALPHABET: &[u8] = b"2456789bcdfghkmt";

/// Length of the hash. Source: kustomize, api/hasher.
const HASH_CHARS: usize = 10;

/// What a generated name stands for: everything of the id but the hash.
type Stem<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

/// The generated objects that are desired.
pub(crate) struct Generated<'a>(BTreeSet<Stem<'a>>);

impl<'a> Generated<'a> {
    pub(crate) fn of(desired: &'a [DesiredObject]) -> Self {
        Self(desired.iter().filter_map(|object| stem(&object.id)).collect())
    }

    /// Whether an object that is no longer desired has a successor that is.
    pub(crate) fn succeed(&self, id: &ObjectId) -> bool {
        stem(id).is_some_and(|stem| self.0.contains(&stem))
    }
}

fn stem(id: &ObjectId) -> Option<Stem<'_>> {
    if !matches!((id.group.as_str(), id.kind.as_str()), ("", "ConfigMap" | "Secret")) {
        return None;
    }
    let (name, hash) = id.name.rsplit_once('-')?;
    let is_hash = hash.len() == HASH_CHARS && hash.bytes().all(|byte| ALPHABET.contains(&byte));
    is_hash.then_some((&id.group, &id.kind, id.namespace.as_deref(), name))
}
