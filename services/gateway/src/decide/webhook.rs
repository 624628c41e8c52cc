//! Which repositories a webhook is about.

use serde_json::Value;

/// Who sends webhooks, each in a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// GitHub
    Github,
    /// GitLab
    Gitlab,
    /// Gitea and Forgejo
    Gitea,
    /// Anything that can send `{"url": "…"}`.
    Generic,
}

impl Provider {
    /// The one that a path names.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "github" => Some(Self::Github),
            "gitlab" => Some(Self::Gitlab),
            "gitea" => Some(Self::Gitea),
            "generic" => Some(Self::Generic),
            _ => None,
        }
    }
}

/// The addresses of the repository that the body tells of.
pub fn addresses(provider: Provider, body: &Value) -> Vec<String> {
    let pointers: &[&str] = match provider {
        Provider::Github | Provider::Gitea => {
            &["/repository/clone_url", "/repository/ssh_url", "/repository/html_url"]
        }
        Provider::Gitlab => &[
            "/project/git_http_url",
            "/project/git_ssh_url",
            "/project/web_url",
            "/repository/git_http_url",
            "/repository/git_ssh_url",
        ],
        Provider::Generic => &["/url"],
    };
    let texts = pointers.iter().filter_map(|pointer| body.pointer(pointer)?.as_str());
    texts.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_provider_tells_it_in_its_place() {
        let clone = "https://git.example/shop.git";
        let repository = json!({"repository": {"clone_url": clone, "private": true}});
        let project = json!({"project": {"git_http_url": clone, "id": 3}});
        for (name, body) in [
            ("github", &repository),
            ("gitea", &repository),
            ("gitlab", &project),
            ("generic", &json!({"url": clone})),
        ] {
            let provider = Provider::named(name).unwrap();
            assert_eq!(addresses(provider, body), [clone], "{name}");
            assert_eq!(addresses(provider, &json!({"repository": {"clone_url": 7}})), [""; 0], "{name}");
        }
        assert_eq!(Provider::named("svn"), None);
    }
}
