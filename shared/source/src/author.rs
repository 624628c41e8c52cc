//! Makes a repository and commits to it: for demonstrations, where no person does.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use gix::{
    actor::SignatureRef,
    bstr::ByteSlice,
    objs::{
        Tree,
        tree::{Entry, EntryKind},
    },
};
use model::{Commit, Timestamp};

/// Says what could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the repository in {folder} could not be written: {problem}")]
pub struct AuthorError {
    /// Where it is.
    pub folder: PathBuf,
    /// What went wrong.
    pub problem: String,
}

/// Who commits to a repository of its own making.
pub struct Author {
    repository: gix::Repository,
    folder: PathBuf,
}

/// A folder that is being written.
#[derive(Default)]
struct Folder<'f> {
    files: BTreeMap<&'f str, &'f str>,
    folders: BTreeMap<&'f str, Folder<'f>>,
}

impl<'f> Folder<'f> {
    fn put(&mut self, path: &'f str, text: &'f str) {
        match path.split_once('/') {
            Some((folder, rest)) => self.folders.entry(folder).or_default().put(rest, text),
            None => drop(self.files.insert(path, text)),
        }
    }
}

impl Author {
    /// Makes an empty bare repository with the branch `main`.
    ///
    /// # Errors
    /// If the folder cannot be written (permanent).
    pub fn create(folder: &Path) -> Result<Self, AuthorError> {
        let failed = |error: &dyn std::error::Error| AuthorError {
            folder: folder.to_owned(),
            problem: error.to_string(),
        };
        let repository = gix::init_bare(folder).map_err(|error| failed(&error))?;
        // Whatever this machine calls its first branch.
        std::fs::write(folder.join("HEAD"), "ref: refs/heads/main\n").map_err(|error| failed(&error))?;
        Ok(Self { repository, folder: folder.to_owned() })
    }

    /// Commits these files, by path, as all that there is; answers the commit.
    ///
    /// # Errors
    /// If an object or the branch cannot be written (permanent).
    pub fn commit(
        &self,
        files: &BTreeMap<String, String>,
        message: &str,
        (name, at): (&str, Timestamp),
    ) -> Result<Commit, AuthorError> {
        let mut root = Folder::default();
        files.iter().for_each(|(path, text)| root.put(path, text));
        let tree = self.write(&root)?;
        let parents: Vec<gix::ObjectId> =
            self.repository.head_id().ok().map(gix::Id::detach).into_iter().collect();
        let time = format!("{} +0000", at.as_millis() / 1_000);
        let by = SignatureRef { name: name.as_bytes().as_bstr(), email: b"".as_bstr(), time: &time };
        let commit = self.repository.commit_as(by, by, "refs/heads/main", message, tree, parents);
        let commit = commit.map_err(|error| self.failed(&error))?.to_string();
        commit.parse().map_err(|error| self.failed(&error))
    }

    fn write(&self, folder: &Folder<'_>) -> Result<gix::ObjectId, AuthorError> {
        let mut entries = vec![];
        for (name, text) in &folder.files {
            let blob = self.repository.write_blob(text).map_err(|error| self.failed(&error))?;
            entries.push(entry(name, EntryKind::Blob, blob.detach()));
        }
        for (name, inner) in &folder.folders {
            entries.push(entry(name, EntryKind::Tree, self.write(inner)?));
        }
        // Git's order, in which a folder counts as if it ended in a slash.
        entries.sort();
        let tree = self.repository.write_object(&Tree { entries });
        Ok(tree.map_err(|error| self.failed(&error))?.detach())
    }

    fn failed(&self, error: &dyn std::error::Error) -> AuthorError {
        AuthorError { folder: self.folder.clone(), problem: error.to_string() }
    }
}

fn entry(name: &str, kind: EntryKind, oid: gix::ObjectId) -> Entry {
    Entry { mode: kind.into(), filename: name.into(), oid }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, words: &[&str]) -> String {
        let output = Command::new("git").arg("-C").arg(folder).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn git_reads_what_was_committed() {
        let folder = tempfile::TempDir::new().unwrap();
        let author = Author::create(folder.path()).unwrap();
        let files = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
            list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
        };
        let at = Timestamp::from_millis(1_700_000_000_000);
        // A folder between two files: in Git's order `a-b` comes before the folder `a`, `a0` after it.
        let all = files(&[("a/deep/c.yaml", "c"), ("a-b", "x"), ("a0", "y")]);
        let first = author.commit(&all, "first", ("ann", at)).unwrap();
        let second = author.commit(&files(&[("a0", "z")]), "second", ("bob", at)).unwrap();
        git(folder.path(), &["fsck", "--strict"]);
        let listed = git(folder.path(), &["ls-tree", "-r", "--name-only", &first.to_string()]);
        assert_eq!(listed, "a-b\na/deep/c.yaml\na0\n");
        let log = git(folder.path(), &["log", "--format=%H %an %s %ct", "main"]);
        assert_eq!(log, format!("{second} bob second 1700000000\n{first} ann first 1700000000\n"));
        assert_eq!(git(folder.path(), &["show", "main:a0"]), "z");
    }
}
