//! Trees that were read, by their ids: equal ids have equal entries, at whatever commit. A commit changes few
//! trees, so that what a look at it costs follows the change and not the repository.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gix::ObjectId;

use crate::contents::Found;

/// Most entries held, at about 80 bytes each: 5 MB. A repository with more folders than fit reads them anew.
const ENTRIES_MAX: usize = 64 * 1024;

type Named = (Box<[u8]>, Found);

/// The entries of one tree, sorted by name.
#[derive(Debug)]
pub(crate) struct Folder(Vec<Named>);

impl Folder {
    pub fn new(mut entries: Vec<Named>) -> Self {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.shrink_to_fit();
        Self(entries)
    }

    pub fn entries(&self) -> &[Named] {
        &self.0
    }

    /// The entry of that name; the first, should a hostile tree have two.
    pub fn get(&self, name: &[u8]) -> Option<Found> {
        let first = self.0.partition_point(|(known, _)| **known < *name);
        self.0.get(first).filter(|(known, _)| **known == *name).map(|(_, found)| *found)
    }
}

/// Trees in memory.
#[derive(Debug, Default)]
pub(crate) struct Trees(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    folders: HashMap<ObjectId, Arc<Folder>>,
    entries: usize,
}

impl Trees {
    pub fn get(&self, id: &ObjectId) -> Option<Arc<Folder>> {
        self.held().folders.get(id).cloned()
    }

    /// Keeps a tree; all others make room if there is none. Hands it back.
    pub fn keep(&self, id: ObjectId, folder: Folder) -> Arc<Folder> {
        let (folder, mut held) = (Arc::new(folder), self.held());
        // An empty tree takes room, too.
        let room = folder.0.len() + 1;
        if held.entries + room > ENTRIES_MAX {
            *held = Held::default();
        }
        if room <= ENTRIES_MAX && held.folders.insert(id, folder.clone()).is_none() {
            held.entries += room;
        }
        folder
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use gix::object::tree::EntryKind;

    use super::*;

    fn id(number: usize) -> ObjectId {
        ObjectId::from_hex(format!("{number:040x}").as_bytes()).unwrap()
    }

    fn folder(names: &[&str]) -> Folder {
        let found = |i| Found { kind: EntryKind::Blob, id: id(i) };
        Folder::new(names.iter().enumerate().map(|(i, name)| (name.as_bytes().into(), found(i))).collect())
    }

    #[test]
    fn names_are_found_whatever_the_order_and_the_first_of_two_counts() {
        let folder = folder(&["b", "a.yaml", "b", "a"]);
        for (name, expected) in [("a", Some(3)), ("a.yaml", Some(1)), ("b", Some(0)), ("", None), ("c", None)]
        {
            assert_eq!(folder.get(name.as_bytes()).map(|found| found.id), expected.map(id), "{name}");
        }
    }

    #[test]
    fn a_full_store_begins_anew_and_never_holds_more() {
        let trees = Trees::default();
        let wide = vec!["x"; ENTRIES_MAX / 4];
        for i in 0..10 {
            assert_eq!(trees.keep(id(i), folder(&wide)).entries().len(), wide.len());
            assert!(trees.get(&id(i)).is_some() && trees.held().entries <= ENTRIES_MAX);
        }
        assert!(trees.get(&id(0)).is_none());
        assert_eq!(trees.keep(id(99), folder(&vec!["x"; ENTRIES_MAX])).entries().len(), ENTRIES_MAX);
        assert!(trees.get(&id(99)).is_none(), "what fits in no store is handed back all the same");
    }
}
