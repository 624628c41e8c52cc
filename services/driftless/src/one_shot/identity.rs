//! What a run is called where nothing is said: its application, its source.
//!
//! Two repositories that each have a folder `deploy` are two applications, and one repository is one source, however it
//! is reached: over https, over ssh, or from a clone of it.

use std::path::Path;

use model::{Digest, name::NAME_BYTES_MAX};

/// So many bytes of a repository's name are in that of its source, before the digits that tell it from its namesakes.
const SOURCE_BYTES_MAX: usize = 40;

/// The name of the application: of the repository and the folder in it.
pub fn application(repo: &str, path: &str) -> String {
    let address = address(repo);
    let repository = last(&address);
    let folder = path.split('/').filter(|part| !part.trim_matches('.').is_empty());
    let words: Vec<&str> = std::iter::once(repository).chain(folder).collect();
    let name = dashed(&words.join("-"));
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let kept: String = name.chars().take(NAME_BYTES_MAX - 9).collect();
    format!("{}-{}", kept.trim_end_matches('-'), short_hash(&words.join("/")))
}

/// The name of the source. A folder that was not cloned from anywhere has nothing but its name.
pub fn source(repo: &str) -> String {
    let address = address(repo);
    let name: String = dashed(last(&address)).chars().take(SOURCE_BYTES_MAX).collect();
    let name = match name.trim_matches('-') {
        "" => "repository",
        name => name,
    };
    match address.contains('/') {
        true => format!("{name}-{}", short_hash(&address)),
        false => name.to_owned(),
    }
}

/// Host and path of a URL, whatever the way; the name of a folder, or where it was cloned from.
fn address(repo: &str) -> String {
    remote_address(repo).unwrap_or_else(|| {
        let folder = Path::new(repo.strip_prefix("file://").unwrap_or(repo));
        let cloned = origin(folder).and_then(|url| remote_address(&url));
        cloned.unwrap_or_else(|| {
            let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
            let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
            name.unwrap_or_default().trim_end_matches(".git").to_owned()
        })
    })
}

/// `host/path` of a URL or of `user@host:path`; `None`: it is a folder.
fn remote_address(repo: &str) -> Option<String> {
    let (authority, path) = match repo.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => repo.split_once(':').filter(|(host, _)| host.contains('@') && !host.contains('/'))?,
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split_once(':').map_or(host, |(host, _port)| host).to_ascii_lowercase();
    let path = path.trim_matches('/');
    Some(format!("{host}/{}", path.strip_suffix(".git").unwrap_or(path)))
}

/// The address that a folder was cloned from, as its configuration tells it.
fn origin(folder: &Path) -> Option<String> {
    let text = [folder.join(".git/config"), folder.join("config")]
        .iter()
        .find_map(|file| std::fs::read_to_string(file).ok())?;
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != "[remote \"origin\"]").skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find_map(|(key, value)| (key.trim() == "url").then(|| value.trim().to_owned()))
}

fn last(address: &str) -> &str {
    address.rsplit('/').next().unwrap_or_default()
}

fn short_hash(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string().chars().take(8).collect()
}

/// The text as a name: other characters become dashes, and what is too long is cut.
pub fn label(text: &str) -> String {
    dashed(text).chars().take(NAME_BYTES_MAX).collect::<String>().trim_end_matches('-').to_owned()
}

fn dashed(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let plain: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    plain.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use model::{ApplicationName, SourceName};

    use super::*;

    #[test]
    fn an_application_is_called_after_repository_and_folder() {
        for (repo, path, name) in [
            ("https://git.example/shop.git", "deploy/Prod", "shop-deploy-prod"),
            ("https://git.example/team/shop.git", ".", "shop"),
            ("git@git.example:shop_api.git", "", "shop-api"),
            ("x", "./apps/web/", "x-apps-web"),
            ("https://git.example/other.git", "deploy", "other-deploy"),
        ] {
            assert_eq!(application(repo, path), name);
        }
        let long =
            |end: &str| application("https://git.example/shop", &format!("{}/{end}", "deep/".repeat(20)));
        assert!(long("a").parse::<ApplicationName>().is_ok(), "{}", long("a"));
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn a_source_is_the_same_however_it_is_reached_and_has_no_namesake() {
        let shop = source("https://git.example/team/shop.git");
        assert!(shop.starts_with("shop-") && shop.parse::<SourceName>().is_ok(), "{shop}");
        for same in [
            "https://ada@GIT.example/team/shop",
            "ssh://git@git.example:2222/team/shop.git",
            "git@git.example:team/shop.git",
            "git@git.example:/team/shop/",
        ] {
            assert_eq!(source(same), shop, "{same}");
        }
        for other in ["https://git.example/other/shop.git", "https://example.com/team/shop.git"] {
            assert_ne!(source(other), shop, "{other}");
        }
    }

    #[test]
    fn a_clone_is_called_as_what_it_was_cloned_from() {
        let folder = tempfile::tempdir().unwrap();
        let clone = folder.path().join("checkout");
        fs::create_dir_all(clone.join(".git")).unwrap();
        let at = clone.display().to_string();
        assert_eq!(
            (application(&at, "deploy").as_str(), source(&at).as_str()),
            ("checkout-deploy", "checkout")
        );
        let config = "[core]\n\tbare = false\n[remote \"up\"]\n\turl = x\n[remote \"origin\"]\n\turl = \
                      git@git.example:team/shop.git\n\tfetch = y\n";
        fs::write(clone.join(".git/config"), config).unwrap();
        assert_eq!(application(&at, "deploy"), "shop-deploy");
        assert_eq!(source(&at), source("https://git.example/team/shop"));
    }
}
