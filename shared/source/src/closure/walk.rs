//! Follows references from file to file, within bounds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Entry, Files, chart, kustomization};
use crate::tree_path;

/// Stands for the object id of what is named but missing, so that its appearance changes the digest.
pub(super) const ABSENT: &str = "absent";

/// Most folders followed from one application: the deepest overlays of the field have about a dozen.
const FOLDERS_MAX: usize = 500;

/// Most paths named outside the folder.
const ROOTS_MAX: usize = 5_000;

/// Why the closure cannot be known; for people.
pub(super) type Doubt = String;

/// Gathers what a folder depends on.
pub(super) struct Walk<'a, F> {
    files: &'a F,
    roots: BTreeMap<String, String>,
    open: Vec<String>,
    seen: BTreeSet<String>,
}

/// Returns the sorted paths with their object ids, none within another.
pub(super) fn walk<F: Files>(
    files: &F,
    folder: &str,
    values_files: &[String],
) -> Result<Vec<(String, String)>, Doubt> {
    let mut walk = Walk { files, roots: BTreeMap::new(), open: Vec::new(), seen: BTreeSet::new() };
    walk.path(folder.to_owned())?;
    for file in values_files {
        walk.reference(folder, file)?;
    }
    while let Some(folder) = walk.open.pop() {
        if walk.seen.len() > FOLDERS_MAX {
            return Err(format!("more than {FOLDERS_MAX} folders are named"));
        }
        kustomization::follow(&mut walk, &folder)?;
        chart::follow(&mut walk, &folder)?;
    }
    walk.finish()
}

impl<F: Files> Walk<'_, F> {
    /// A file or folder that a file in `folder` names.
    pub fn reference(&mut self, folder: &str, reference: &str) -> Result<(), Doubt> {
        let Some(path) = tree_path::join(folder, reference) else {
            return Err(format!("{folder:?} names {reference:?}, which leads out of the repository"));
        };
        if self.files.find(&path).is_none() && is_remote(reference) {
            return Err(format!("{folder:?} names {reference:?}, which is not in the repository"));
        }
        self.path(path)
    }

    /// Whether a reference names something that exists.
    pub fn exists(&self, folder: &str, reference: &str) -> bool {
        tree_path::join(folder, reference).is_some_and(|path| self.files.find(&path).is_some())
    }

    fn path(&mut self, path: String) -> Result<(), Doubt> {
        if self.roots.len() > ROOTS_MAX {
            return Err(format!("more than {ROOTS_MAX} paths are named"));
        }
        let id = match self.files.find(&path) {
            Some(Entry::Folder(id)) => {
                if self.seen.insert(path.clone()) {
                    self.open.push(path.clone());
                }
                id
            }
            Some(Entry::File(id)) => id,
            Some(Entry::Elsewhere) => return Err(format!("{path:?} is a link or submodule")),
            None => {
                self.check_parents(&path)?;
                ABSENT.to_owned()
            }
        };
        self.roots.insert(path, id);
        Ok(())
    }

    /// What seems missing may lie behind a link.
    fn check_parents(&self, path: &str) -> Result<(), Doubt> {
        let mut parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        match parents.find(|parent| self.files.find(parent) == Some(Entry::Elsewhere)) {
            Some(parent) => Err(format!("{parent:?} is a link or submodule")),
            None => Ok(()),
        }
    }

    /// The single YAML document of a file; `None` if there is no such file.
    pub fn document(&self, path: &str) -> Result<Option<Map<String, Value>>, Doubt> {
        match self.files.find(path) {
            None => return Ok(None),
            Some(Entry::File(_)) => {}
            Some(Entry::Folder(_) | Entry::Elsewhere) => return Err(format!("{path:?} is no file")),
        }
        let unread = || format!("{path:?} cannot be read");
        let bytes = self.files.bytes(path).ok_or_else(unread)?;
        let mut documents = manifest::parse_file(path, &bytes).map_err(|error| error.to_string())?;
        match (documents.pop().map(|document| document.value), documents.is_empty()) {
            (None, _) => Ok(Some(Map::new())),
            (Some(Value::Object(map)), true) => Ok(Some(map)),
            (Some(_), _) => Err(unread()),
        }
    }

    fn finish(self) -> Result<Vec<(String, String)>, Doubt> {
        let mut parts: Vec<(String, String)> = Vec::new();
        for (path, id) in self.roots {
            let inside = |(root, id): &(String, String)| id != ABSENT && tree_path::is_within(&path, root);
            if !parts.iter().any(inside) {
                parts.push((path, id));
            }
        }
        for (path, _) in parts.iter().filter(|(_, id)| id != ABSENT) {
            let links = self.files.links(path).ok_or_else(|| format!("{path:?} holds too much"))?;
            for (link, target) in links {
                check_link(&parts, &link, &target)?;
            }
        }
        Ok(parts)
    }
}

/// A link is fine if it stays within the closure, read in the plain way: upwards first, then down.
fn check_link(parts: &[(String, String)], link: &str, target: &str) -> Result<(), Doubt> {
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut steps = target.split('/').skip_while(|step| matches!(*step, ".." | "."));
    let plain = !steps.any(|step| step == "..");
    let inside = |path: &String| parts.iter().any(|(root, _)| tree_path::is_within(path, root));
    if plain && tree_path::join(folder, target).as_ref().is_some_and(inside) {
        return Ok(());
    }
    Err(format!("the link {link:?} leads out of what is rendered"))
}

/// Whether a reference that is no path may be an address. Source: kustomize, `api/internal/git/repospec.go`
/// (schemes, `host:path`, `host/owner/repository`, queries).
fn is_remote(reference: &str) -> bool {
    let host = reference.split('/').next().unwrap_or_default();
    let named = host.contains('.') && !matches!(host, "." | "..") && reference.contains('/');
    reference.contains([':', '?', '@']) || named
}
