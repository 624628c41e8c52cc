//! Whether a webhook comes from who it says.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Provider;
use crate::Token;

/// The headers that a provider may prove itself with, as far as they are there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signed<'a> {
    /// `X-Hub-Signature-256`
    pub hub: Option<&'a str>,
    /// `X-Gitea-Signature`
    pub gitea: Option<&'a str>,
    /// `X-Gitlab-Token`
    pub gitlab: Option<&'a str>,
    /// `X-Driftless-Signature-256`
    pub own: Option<&'a str>,
}

/// Whether the body was signed with the secret, in the provider's way.
/// Source: GitHub "Validating webhook deliveries"; GitLab "Webhooks", secret token; Gitea "Webhooks", signature.
pub fn is_signed(provider: Provider, signed: Signed<'_>, body: &[u8], secret: &Token) -> bool {
    let by_hash = |text: Option<&str>| text.and_then(hash).is_some_and(|hash| fits(&hash, body, secret));
    match provider {
        Provider::Github => by_hash(signed.hub.and_then(|text| text.strip_prefix("sha256="))),
        Provider::Gitea => by_hash(signed.gitea),
        Provider::Generic => by_hash(signed.own.and_then(|text| text.strip_prefix("sha256="))),
        Provider::Gitlab => signed.gitlab.is_some_and(|token| same(token.as_bytes(), secret.bytes())),
    }
}

fn mac(body: &[u8], secret: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(body);
    Some(mac)
}

fn fits(hash: &[u8], body: &[u8], secret: &Token) -> bool {
    // The comparison takes the same time wherever the two differ.
    mac(body, secret.bytes()).is_some_and(|mac| mac.verify_slice(hash).is_ok())
}

/// Whether two texts are the same, in a time that tells nothing about where they differ.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let hash = mac(a, b"compare").map(|mac| mac.finalize().into_bytes());
    hash.zip(mac(b, b"compare")).is_some_and(|(hash, other)| other.verify_slice(&hash).is_ok())
}

fn hash(text: &str) -> Option<Vec<u8>> {
    let digits = text.len() == 64 && text.is_ascii();
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if digits { (0..64).step_by(2).map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documentation.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HASH: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn each_provider_proves_itself_in_its_way() {
        let secret = Token::new(SECRET).unwrap();
        let with = format!("sha256={HASH}");
        let hub = Signed { hub: Some(&with), ..Signed::default() };
        let gitea = Signed { gitea: Some(HASH), ..Signed::default() };
        let gitlab = Signed { gitlab: Some(SECRET), ..Signed::default() };
        let own = Signed { own: Some(&with), ..Signed::default() };
        let all = [Provider::Github, Provider::Gitea, Provider::Gitlab, Provider::Generic];
        for (provider, signed) in all.into_iter().zip([hub, gitea, gitlab, own]) {
            assert!(is_signed(provider, signed, BODY, &secret), "{provider:?}");
            for other in all.into_iter().filter(|other| *other != provider) {
                assert!(!is_signed(other, signed, BODY, &secret), "{provider:?} for {other:?}");
            }
            assert!(!is_signed(provider, Signed::default(), BODY, &secret));
            let wrong = Token::new("wrong").unwrap();
            assert!(!is_signed(provider, signed, BODY, &wrong), "{provider:?}");
        }
        assert!(!is_signed(Provider::Github, hub, b"Hello, world!", &secret), "another body");
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for text in ["", "75", &"é".repeat(32), &"g".repeat(64), &HASH[..62]] {
            assert_eq!(hash(text), None, "{text}");
        }
    }
}
