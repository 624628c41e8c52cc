//! Whose signature a commit or a tag bears, by keys that ssh-keygen and gpg make.

use std::{fs, path::PathBuf, process::Command};

use model::definition::{Reference, Signers};
use source::{Mirror, SourceError};

use crate::repository::Scene;

/// A person with an ssh key.
struct Person {
    name: &'static str,
    key: PathBuf,
}

impl Person {
    fn new(scene: &Scene, name: &'static str) -> Self {
        let key = scene.folder.path().join(name);
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
        Self { name, key }
    }

    fn line(&self) -> String {
        let public = fs::read_to_string(self.key.with_extension("pub")).unwrap();
        format!("{}@example.com {public}", self.name)
    }

    /// Arguments of git with which this person signs.
    fn signing<'a>(&'a self, rest: &[&'a str]) -> Vec<String> {
        let key = format!("user.signingkey={}", self.key.display());
        let mut all: Vec<String> = ["-c", "gpg.format=ssh", "-c", &key].map(str::to_owned).to_vec();
        all.extend(rest.iter().map(|word| (*word).to_owned()));
        all
    }

    fn commits(&self, scene: &Scene) {
        work(scene, &self.signing(&["commit", "-q", "--allow-empty", "-S", "-m", "signed"]));
        scene.push();
    }

    fn tags(&self, scene: &Scene, name: &str) {
        work(scene, &self.signing(&["tag", "-s", "-m", "a version", name]));
        scene.work(&["push", "-q", "--force", "origin", name]);
    }
}

fn work(scene: &Scene, arguments: &[String]) {
    scene.work(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("it is installed; tests/run installs what is missing");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn ssh(people: &[&Person]) -> Signers {
    Signers { ssh: people.iter().map(|person| person.line()).collect(), openpgp: String::new() }
}

/// What the mirror says of a reference, after a fetch.
fn verify(mirror: &Mirror, reference: &Reference, signers: &Signers) -> Result<(), SourceError> {
    mirror.fetch().unwrap();
    mirror.verify(&mirror.resolve(reference).unwrap(), reference, signers)
}

fn refused(checked: Result<(), SourceError>) -> String {
    let error = checked.expect_err("it was taken");
    assert_eq!(error.code(), "GIT-SIGNATURE");
    error.to_string()
}

#[test]
fn only_commits_of_those_who_are_trusted_are_used() {
    let scene = Scene::new();
    let (alice, mallory) = (Person::new(&scene, "alice"), Person::new(&scene, "mallory"));
    let mirror = scene.mirror();
    let head = Reference::Default;
    assert!(refused(verify(&mirror, &head, &ssh(&[&alice]))).contains("bears no signature"));
    alice.commits(&scene);
    verify(&mirror, &head, &ssh(&[&alice])).unwrap();
    verify(&mirror, &head, &ssh(&[&mallory, &alice])).unwrap();
    refused(verify(&mirror, &head, &ssh(&[&mallory])));
    mallory.commits(&scene);
    refused(verify(&mirror, &head, &ssh(&[&alice])));
    let expired =
        Signers { ssh: alice.line().replace(" ssh-", " valid-before=\"20200101\" ssh-"), ..ssh(&[]) };
    alice.commits(&scene);
    refused(verify(&mirror, &head, &expired));
    let left = fs::read_dir(scene.mirror_folder().join("signers")).unwrap().count();
    assert_eq!(left, 0, "keys are not left behind");
}

#[test]
fn a_tag_may_bear_the_signature_but_only_its_own() {
    let scene = Scene::new();
    let alice = Person::new(&scene, "alice");
    let mirror = scene.mirror();
    let trusted = ssh(&[&alice]);
    let tag = |name: &str| Reference::Tag(name.to_owned());
    alice.tags(&scene, "v1.0.0");
    verify(&mirror, &tag("v1.0.0"), &trusted).unwrap();
    verify(&mirror, &Reference::Semver("^1".to_owned()), &trusted).unwrap();
    refused(verify(&mirror, &Reference::Default, &trusted));
    // What was signed as one version is published as a later one.
    let old = scene.work(&["rev-parse", "v1.0.0"]);
    scene.work(&["push", "-q", "origin", &format!("{old}:refs/tags/v2.0.0")]);
    refused(verify(&mirror, &tag("v2.0.0"), &trusted));
    scene.tag(&["-a", "-m", "nobody signed it"], "v3.0.0");
    refused(verify(&mirror, &tag("v3.0.0"), &trusted));
    scene.tag(&[], "v4.0.0");
    refused(verify(&mirror, &tag("v4.0.0"), &trusted));
}

/// A key ring with one key, whose agent ends with it.
struct Ring(tempfile::TempDir);

impl Ring {
    fn new() -> Self {
        let ring = Self(tempfile::tempdir().unwrap());
        run(ring.gpg().args(["--passphrase", "", "--quick-gen-key", "carol@example.com", "ed25519", "sign"]));
        ring
    }

    fn gpg(&self) -> Command {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.0.path()).args(["--batch", "--quiet"]);
        command
    }

    fn public(&self) -> String {
        String::from_utf8(run(self.gpg().args(["--armor", "--export"]))).unwrap()
    }

    /// A program that signs with this ring, for git to call.
    fn program(&self) -> String {
        let file = self.0.path().join("sign");
        let text = format!("#!/bin/sh\nexec gpg --homedir {} --batch \"$@\"\n", self.0.path().display());
        fs::write(&file, text).unwrap();
        run(Command::new("chmod").arg("+x").arg(&file));
        file.display().to_string()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        let _ = command.arg("--homedir").arg(self.0.path()).args(["--kill", "all"]).status();
    }
}

#[test]
fn openpgp_signatures_are_checked_against_the_keys_that_are_given() {
    let scene = Scene::new();
    let (carol, other) = (Ring::new(), Ring::new());
    let program = format!("gpg.program={}", carol.program());
    let words = ["-c", &program, "-c", "user.signingkey=carol@example.com"];
    scene.work(&[&words[..], &["commit", "-q", "--allow-empty", "-S", "-m", "signed"]].concat());
    scene.push();
    let mirror = scene.mirror();
    let of = |openpgp: String| Signers { ssh: String::new(), openpgp };
    verify(&mirror, &Reference::Default, &of(carol.public())).unwrap();
    verify(&mirror, &Reference::Default, &of(other.public() + &carol.public())).unwrap();
    refused(verify(&mirror, &Reference::Default, &of(other.public())));
    let alice = Person::new(&scene, "alice");
    refused(verify(&mirror, &Reference::Default, &ssh(&[&alice])));
    let both = Signers { openpgp: carol.public(), ..ssh(&[&alice]) };
    verify(&mirror, &Reference::Default, &both).unwrap();
    alice.commits(&scene);
    verify(&mirror, &Reference::Default, &both).unwrap();
}
