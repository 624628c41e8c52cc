//! The repository, in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use crate::package::Package;
use crate::source::Source;

/// Every file that a rule may look at. Rules see nothing else, so a test can plant any repository it likes.
pub struct Tree {
    /// Of every file, relative to the root, in order.
    pub paths: Vec<String>,
    pub packages: Vec<Package>,
    pub sources: Vec<Source>,
    /// The pages in docs/, by path.
    pub pages: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the repository whose root is given, without what is built or downloaded into it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        read_folder(root, "", &mut files)?;
        Ok(Self::new(&files))
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self::new(&files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn new(files: &BTreeMap<String, String>) -> Self {
        let packages: Vec<_> = files
            .iter()
            .filter(|(path, _)| path.ends_with("Cargo.toml"))
            .filter_map(|(path, text)| Package::parse(path, text))
            .collect();
        let sources = files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| Source::parse(path, text))
            .collect();
        let pages = files.iter().filter(|(path, _)| is_page(path));
        let pages = pages.map(|(path, text)| (path.clone(), text.clone())).collect();
        Self { paths: files.keys().cloned().collect(), packages, sources, pages }
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            let foreign = name.starts_with('.') || name == "target" || name == "node_modules";
            if !foreign {
                read_folder(&entry.path(), &format!("{path}/"), files)?;
            }
        } else {
            // The rest is known by name only: it may be large, or no text at all.
            let read = name.ends_with(".rs") || name == "Cargo.toml" || is_page(&path);
            files.insert(path, if read { fs::read_to_string(entry.path())? } else { String::new() });
        }
    }
    Ok(())
}

fn is_page(path: &str) -> bool {
    path.starts_with("docs/") && path.ends_with(".md")
}
