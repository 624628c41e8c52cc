//! Keeps a mirror bounded on disk: gix leaves one pack per fetch and never repacks.

use std::{fs, sync::atomic::AtomicBool};

use crate::{
    git_program::{self, GitFailure},
    mirror::Core,
};

/// Repacks when there are too many packs; without a git program, the next fetch clones anew.
/// A failure is no failure of the fetch: the next one tries again.
pub(crate) fn if_due(core: &Core, packs_max: usize, stop: &AtomicBool) {
    let folder = core.folder.join("repository");
    let packs = folder.join("objects/pack");
    if count(&packs) <= packs_max {
        return;
    }
    // gix keeps a pack whose fetch changed no reference; nothing of ours relies on it.
    for path in files(&packs).filter(|path| path.extension().is_some_and(|extension| extension == "keep")) {
        let _ = fs::remove_file(path);
    }
    let address = &core.remote.address.shown;
    match git_program::repack(&folder, &core.remote, stop) {
        Ok(()) => {
            if let Err(error) = core.reopen() {
                tracing::warn!(address, %error, "could not open the mirror after repacking");
                core.condemn();
            }
        }
        Err(GitFailure::Missing) => core.condemn(),
        Err(GitFailure::Failed(error)) => {
            tracing::warn!(address, %error, "could not repack the mirror");
            // Until it works, packs gather: an open mirror has room for those that were there, and some more.
            if let Err(error) = core.reopen() {
                tracing::warn!(address, %error, "could not open the mirror anew");
                core.condemn();
            }
        }
    }
}

fn files(folder: &std::path::Path) -> impl Iterator<Item = std::path::PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

fn count(folder: &std::path::Path) -> usize {
    files(folder).filter(|path| path.extension().is_some_and(|extension| extension == "pack")).count()
}
