//! Plain files: chosen by pattern, taken as they are, in-process.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use manifest::Artifact;
use model::definition::Plain;

use crate::{EngineError, RenderedFile, detect::below, links};

/// Files read where no pattern is given.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Takes the files below a folder that the patterns choose, sorted by path; links are followed to files.
pub(crate) fn render(
    artifact: &Artifact,
    folder: &str,
    options: &Plain,
) -> Result<Vec<RenderedFile>, EngineError> {
    links::check(artifact)?;
    let (include, exclude) = (globs(&options.include)?, globs(&options.exclude)?);
    let chosen = below(artifact, folder).filter(|(_, name, _)| {
        let included = match options.include.is_empty() {
            true => ENDINGS.iter().any(|ending| name.ends_with(ending)),
            false => include.is_match(name),
        };
        included && !exclude.is_match(name)
    });
    let files = chosen.filter_map(|(path, _, _)| {
        // A link to a folder, or to nothing, is no file.
        let file = links::file(artifact, path).ok().flatten()?;
        Some(RenderedFile { name: path.to_owned(), bytes: file.bytes.clone() })
    });
    Ok(files.collect())
}

/// `*` stays within one folder, `**` does not, as in .gitignore.
fn globs(patterns: &[String]) -> Result<GlobSet, EngineError> {
    let mut set = GlobSetBuilder::new();
    for glob in patterns {
        let refuse = |error: globset::Error| EngineError::Glob {
            glob: glob.chars().take(200).collect(),
            reason: error.kind().to_string(),
        };
        set.add(GlobBuilder::new(glob).literal_separator(true).build().map_err(refuse)?);
    }
    set.build()
        .map_err(|error| EngineError::Glob { glob: patterns.join(" "), reason: error.kind().to_string() })
}

#[cfg(test)]
mod tests {
    use manifest::{File, FileMode};

    use super::*;

    fn names(include: &[&str], exclude: &[&str]) -> Result<Vec<String>, EngineError> {
        let file = |path: &str| (path.to_owned(), File { mode: FileMode::Regular, bytes: path.into() });
        let link = |path: &str, target: &str| {
            (path.to_owned(), File { mode: FileMode::Symlink, bytes: target.into() })
        };
        let artifact = Artifact::from_files([
            file("app/a.yaml"),
            file("app/b.json"),
            file("app/sub/c.yml"),
            file("app/readme.md"),
            file("application/x.yaml"),
            link("app/l.yaml", "../application/x.yaml"),
            link("app/folder.yaml", "sub"),
        ])
        .unwrap();
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let options = Plain { include: owned(include), exclude: owned(exclude) };
        Ok(render(&artifact, "app", &options)?.into_iter().map(|file| file.name).collect())
    }

    #[test]
    fn patterns_choose() {
        for (include, exclude, expected) in [
            (&[][..], &[][..], vec!["app/a.yaml", "app/b.json", "app/l.yaml", "app/sub/c.yml"]),
            (&["*.yaml"], &[], vec!["app/a.yaml", "app/l.yaml"]),
            (&["**/*.yml", "*.md"], &[], vec!["app/readme.md", "app/sub/c.yml"]),
            (&[], &["sub/**", "l.*"], vec!["app/a.yaml", "app/b.json"]),
            (&["nothing"], &[], vec![]),
        ] {
            assert_eq!(names(include, exclude).unwrap(), expected, "{include:?} {exclude:?}");
        }
        assert_eq!(names(&["a["], &[]).unwrap_err().code(), "RENDER-GLOB");
    }
}
