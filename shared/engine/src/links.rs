//! Symbolic links, followed within the artifact alone: nothing may lead out of it.

use manifest::{Artifact, File, FileMode};

use crate::EngineError;

/// Most links on the way of one path. Source: Linux, `MAXSYMLINKS`.
const HOPS_MAX: usize = 40;

/// Longest target repeated in an error, in characters.
const TARGET_CHARS_MAX: usize = 200;

/// Says that a path leads out of the artifact or in a circle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Escapes;

/// Where a path leads when every link on its way is followed, as the kernel does it. The result need not exist.
pub(crate) fn resolve(artifact: &Artifact, path: &str) -> Result<String, Escapes> {
    let mut todo: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut done: Vec<String> = Vec::new();
    let mut hops = 0;
    while let Some(step) = todo.pop() {
        match step.as_str() {
            "" | "." => continue,
            ".." => {
                done.pop().ok_or(Escapes)?;
                continue;
            }
            _ => done.push(step),
        }
        let Some(target) = link_target(artifact, &done.join("/")) else { continue };
        let target = target.ok_or(Escapes)?;
        hops += 1;
        if hops > HOPS_MAX || target.starts_with('/') {
            return Err(Escapes);
        }
        done.pop();
        todo.extend(target.split('/').rev().map(str::to_owned));
    }
    Ok(done.join("/"))
}

/// `None`: no link; `Some(None)`: a link whose target is no text.
fn link_target<'a>(artifact: &'a Artifact, path: &str) -> Option<Option<&'a str>> {
    let file = artifact.get(path).filter(|file| file.mode == FileMode::Symlink)?;
    Some(std::str::from_utf8(&file.bytes).ok().filter(|target| !target.contains('\0')))
}

/// The file that a path leads to, links followed.
pub(crate) fn file<'a>(artifact: &'a Artifact, path: &str) -> Result<Option<&'a File>, Escapes> {
    resolve(artifact, path).map(|path| artifact.get(&path))
}

/// Refuses an artifact in which any link leads out.
pub(crate) fn check(artifact: &Artifact) -> Result<(), EngineError> {
    let links = artifact.files().iter().filter(|(_, file)| file.mode == FileMode::Symlink);
    for (path, file) in links {
        if resolve(artifact, path).is_err() {
            let target = String::from_utf8_lossy(&file.bytes);
            let target = target.chars().filter(|c| !c.is_control()).take(TARGET_CHARS_MAX).collect();
            return Err(EngineError::Link { path: path.clone(), target });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(links: &[(&str, &str)]) -> Artifact {
        let plain = ("dir/file".to_owned(), File { mode: FileMode::Regular, bytes: Vec::new() });
        let links = links.iter().map(|(path, target)| {
            ((*path).to_owned(), File { mode: FileMode::Symlink, bytes: target.as_bytes().to_vec() })
        });
        Artifact::from_files(links.chain([plain])).unwrap()
    }

    #[test]
    fn links_are_followed_as_the_kernel_does() {
        let tree = artifact(&[("a", "dir"), ("dir/up", "../dir/file"), ("b", "a/up"), ("c", "nowhere")]);
        for (path, expected) in [
            ("a/file", Ok("dir/file")),
            ("b", Ok("dir/file")),
            ("a/..", Ok("")),
            ("c", Ok("nowhere")),
            ("..", Err(Escapes)),
            ("a/../..", Err(Escapes)),
        ] {
            assert_eq!(resolve(&tree, path), expected.map(str::to_owned), "{path}");
        }
        assert!(check(&tree).is_ok());
    }

    #[test]
    fn whatever_leads_out_is_refused() {
        for links in [
            vec![("x", "/etc/passwd")],
            vec![("x", "..")],
            vec![("x", "dir/../../etc")],
            vec![("dir/x", "../../etc")],
            vec![("x", "y"), ("y", "x")],
            // Lexically `d/e/../../f` is inside; through the link `d/e` it is not.
            vec![("d/e", "../dir"), ("x", "d/e/../../f")],
            vec![("x", "a\0b")],
        ] {
            let error = check(&artifact(&links)).unwrap_err();
            assert_eq!(error.code(), "RENDER-LINK", "{links:?}");
        }
    }
}
