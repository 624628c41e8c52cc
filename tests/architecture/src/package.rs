//! What a rule needs to know of a `Cargo.toml`.

use toml::{Table, Value};

/// A package of the workspace.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    /// The path of its `Cargo.toml`.
    pub manifest: String,
    pub dependencies: Vec<Dependency>,
    /// Whether it says `[lints] workspace = true`.
    pub inherits_lints: bool,
}

/// An entry of one of its dependency tables.
#[derive(Debug)]
pub struct Dependency {
    pub name: String,
    pub kind: Kind,
    /// Where the manifest names it, counted from 1.
    pub line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Normal,
    Dev,
    Build,
}

impl Package {
    /// `None` for a manifest without a package: the workspace itself.
    pub fn parse(manifest: &str, text: &str) -> Option<Self> {
        let table: Table = text.parse().unwrap_or_else(|error| panic!("{manifest}: {error}"));
        let name = table.get("package")?.get("name")?.as_str()?.to_owned();
        let mut dependencies = dependencies(&table, text);
        for conditional in table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values) {
            dependencies
                .extend(conditional.as_table().into_iter().flat_map(|table| self::dependencies(table, text)));
        }
        let inherits_lints =
            table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool)
                == Some(true);
        Some(Self { name, manifest: manifest.to_owned(), dependencies, inherits_lints })
    }

    /// The folder at the top of the repository: `shared`, `services`, `tests`, …
    pub fn layer(&self) -> &str {
        self.manifest.split('/').next().unwrap_or_default()
    }
}

fn dependencies(table: &Table, text: &str) -> Vec<Dependency> {
    let kinds = [
        ("dependencies", Kind::Normal),
        ("dev-dependencies", Kind::Dev),
        ("build-dependencies", Kind::Build),
    ];
    let mut found = Vec::new();
    for (key, kind) in kinds {
        for (alias, value) in table.get(key).and_then(Value::as_table).into_iter().flatten() {
            // A renamed dependency is still the package that it renames.
            let name = value.get("package").and_then(Value::as_str).unwrap_or(alias);
            found.push(Dependency { name: name.to_owned(), kind, line: line_naming(text, key, alias) });
        }
    }
    found
}

/// The line of `alias = …`, `alias.workspace = …` or `[table.alias]` at or below the table's own header.
fn line_naming(text: &str, table: &str, alias: &str) -> usize {
    let names = |line: &str| {
        let rest = line.trim_start_matches(['"', '\'']).strip_prefix(alias);
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=', '"', '\'']))
    };
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(header) = line.trim().strip_prefix('[').and_then(|line| line.split(']').next()) {
            inside = header == table || header.ends_with(&format!(".{table}"));
            if header.ends_with(&format!("{table}.{alias}")) {
                return index + 1;
            }
        } else if inside && names(line.trim_start()) {
            return index + 1;
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_dependencies_is_read() {
        let text = r#"
[package]
name = "shop"
[dependencies]
serde.workspace = true
clock = { package = "jiff", version = "1" }
[dev-dependencies.testkit]
path = "x"
[target.'cfg(unix)'.build-dependencies]
cc = "1"
[lints]
workspace = true
"#;
        let package = Package::parse("services/shop/Cargo.toml", text).unwrap();
        let found: Vec<_> = package.dependencies.iter().map(|d| (d.name.as_str(), d.kind, d.line)).collect();
        let expected = [
            ("jiff", Kind::Normal, 6),
            ("serde", Kind::Normal, 5),
            ("testkit", Kind::Dev, 7),
            ("cc", Kind::Build, 10),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            (package.name.as_str(), package.layer(), package.inherits_lints),
            ("shop", "services", true)
        );
    }

    #[test]
    fn the_workspace_itself_is_no_package() {
        assert!(Package::parse("Cargo.toml", "[workspace]\nmembers = []\n").is_none());
    }
}
