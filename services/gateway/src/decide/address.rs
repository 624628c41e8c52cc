//! Whether two addresses are those of one repository.

/// Whether two addresses name the same repository, however it is reached: by https, ssh, or a browser.
pub fn same_repository(a: &str, b: &str) -> bool {
    let (a, b) = (place(a), place(b));
    !a.1.is_empty() && a == b
}

/// Host and path, without scheme, login, port, and ending.
fn place(address: &str) -> (String, String) {
    let address = address.trim().split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => match address.split_once(':') {
            // `git@host:path`; a colon after a slash is part of a path.
            Some((login, path)) if !login.contains('/') => (login, path),
            Some(_) | None => ("", address),
        },
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (host.to_ascii_lowercase(), path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_many_addresses() {
        let shop = [
            "https://git.example/team/shop.git",
            "https://Git.Example/team/shop",
            "https://git.example:8443/team/shop/",
            "ssh://git@git.example:22/team/shop.git",
            "git@git.example:team/shop.git",
        ];
        for a in shop {
            for b in shop {
                assert!(same_repository(a, b), "{a} {b}");
            }
            for other in ["https://git.example/team/shop2.git", "https://other.example/team/shop.git", ""] {
                assert!(!same_repository(a, other), "{a} {other}");
            }
        }
        assert!(same_repository("/srv/git/shop.git", "file:///srv/git/shop"));
        assert!(!same_repository("", ""));
    }
}
