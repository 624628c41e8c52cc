//! `Source`.

use std::time::Duration;

use model::{
    Source,
    definition::{Git, GitAuth, Reference, SecretRef, Signers},
};

use super::{at_most_one, name};
use crate::{
    document::{
        Metadata,
        source::{self as written, SourceSpec},
    },
    fault::Faults,
};

/// Shortest time between two looks: a host that is asked more often defends itself.
const POLL_MIN: Duration = Duration::from_secs(1);

pub(crate) fn source(metadata: Metadata, spec: SourceSpec, faults: &mut Faults) -> Option<Source> {
    let name = name(&metadata.name, faults);
    let poll_ms = poll(&spec.poll, faults);
    let git = git(spec.git, faults);
    if git.shows_secret() {
        let problem = "the address or its proxy shows a password or token, and definitions are kept in clear";
        faults.value("/spec/git/url", problem, "leave it out, and say under auth where it is");
    }
    Some(Source { name: name?, git, poll_ms })
}

fn poll(text: &str, faults: &mut Faults) -> u64 {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let found = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    match found {
        Some(found) if found >= POLL_MIN.as_millis() as u64 => found,
        Some(_) => {
            faults.value("/spec/poll", "this is less than a second", "write 1s or more");
            0
        }
        None => {
            faults.value("/spec/poll", "this is not a duration", "write it like 30s, 5m or 1h");
            0
        }
    }
}

fn git(git: written::Git, faults: &mut Faults) -> Git {
    let pointer = "/spec/git";
    let ways = [
        ("branch", git.branch.as_ref().map(|_| ())),
        ("tag", git.tag.as_ref().map(|_| ())),
        ("semver", git.semver.as_ref().map(|_| ())),
        ("commit", git.commit.as_ref().map(|_| ())),
    ];
    at_most_one(&ways, pointer, faults);
    if git.semver.as_ref().is_some_and(|range| semver::VersionReq::parse(range).is_err()) {
        faults.value(
            "/spec/git/semver",
            "this is not a range of versions",
            "write it like ^1.4 or >=1.2, <2",
        );
    }
    let is_commit = |text: &String| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if git.commit.as_ref().is_some_and(|commit| !is_commit(commit)) {
        faults.value("/spec/git/commit", "this is not a commit", "write all of its 40 digits");
    }
    let reference = match (git.branch, git.tag, git.semver, git.commit) {
        (Some(branch), ..) => Reference::Branch(branch),
        (None, Some(tag), ..) => Reference::Tag(tag),
        (None, None, Some(range), _) => Reference::Semver(range),
        (None, None, None, Some(commit)) => Reference::Commit(commit.to_ascii_lowercase()),
        (None, None, None, None) => Reference::Default,
    };
    let auth = git.auth.map_or(GitAuth::None, |written| auth(written, faults));
    let verify = git.verify.map(|written| signers(written, faults));
    Git { url: git.url, reference, auth, ca_file: git.ca_file, proxy: git.proxy, verify }
}

fn signers(verify: written::Verify, faults: &mut Faults) -> Signers {
    let signers = Signers {
        ssh: verify.ssh_signers.unwrap_or_default(),
        openpgp: verify.openpgp_keys.unwrap_or_default(),
    };
    if let Some(problem) = signers.problem() {
        faults.value(
            "/spec/git/verify",
            problem,
            "write sshSigners, openpgpKeys or both, or leave verify out",
        );
    }
    signers
}

fn auth(auth: written::Auth, faults: &mut Faults) -> GitAuth {
    let pointer = "/spec/git/auth";
    let ways = [
        ("basic", auth.basic.as_ref().map(|_| ())),
        ("bearer", auth.bearer.as_ref().map(|_| ())),
        ("ssh", auth.ssh.as_ref().map(|_| ())),
    ];
    at_most_one(&ways, pointer, faults);
    match (auth.basic, auth.bearer, auth.ssh) {
        (Some(basic), ..) => {
            let password = secret(basic.password_from, "/spec/git/auth/basic/passwordFrom", faults);
            GitAuth::Basic { username: basic.username, password }
        }
        (None, Some(bearer), _) => {
            GitAuth::Bearer { token: secret(bearer.token_from, "/spec/git/auth/bearer/tokenFrom", faults) }
        }
        (None, None, Some(ssh)) => {
            GitAuth::Ssh { key_file: ssh.key_file, known_hosts_file: ssh.known_hosts_file }
        }
        (None, None, None) => {
            faults.value(pointer, "it says nothing", "write basic, bearer or ssh, or leave it out");
            GitAuth::None
        }
    }
}

fn secret(from: written::SecretFrom, pointer: &str, faults: &mut Faults) -> SecretRef {
    let ways = [("file", from.file.as_ref().map(|_| ())), ("env", from.env.as_ref().map(|_| ()))];
    at_most_one(&ways, pointer, faults);
    match (from.file, from.env) {
        (Some(file), _) => SecretRef::File(file),
        (None, Some(name)) => SecretRef::Env(name),
        (None, None) => {
            faults.value(pointer, "it says nothing", "write file or env");
            SecretRef::Env(String::new())
        }
    }
}
