//! Whose signature a commit bears: asked of the git program, which asks ssh-keygen or gpg.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use gix::ObjectId;
use model::{
    Commit,
    definition::{Reference, Signers},
};
use tempfile::TempDir;

use crate::{
    Mirror, Resolved, SourceError, failure, git_program,
    mirror::store,
    program::{self, Ended},
};

/// Longest time for one signature; a good one takes some hundredths of a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where keys lie while they are asked about, in the mirror's folder.
pub(crate) const FOLDER: &str = "signers";

/// What can bear a signature.
struct Signed {
    /// The git command that looks at it.
    verb: &'static str,
    id: String,
}

impl Mirror {
    /// Checks that somebody who is trusted signed the commit, or the tag that led to it.
    ///
    /// # Errors
    /// `GIT-SIGNATURE` (permanent), `GIT-CORRUPT` and `GIT-STORE` (transient).
    pub fn verify(
        &self,
        resolved: &Resolved,
        reference: &Reference,
        signers: &Signers,
    ) -> Result<(), SourceError> {
        let commit = self.signed_commit(&resolved.commit);
        let tag = || match reference {
            Reference::Tag(_) | Reference::Semver(_) => self.signed_tag(resolved),
            Reference::Default | Reference::Branch(_) | Reference::Commit(_) => Ok(None),
        };
        let found = commit.and_then(|commit| Ok([commit, tag()?])).map_err(|error| self.damaged(&error))?;
        let keys = Keys::write(&self.core.folder, signers)?;
        let repository = self.repository();
        let mut reason = "it bears no signature".to_owned();
        for signed in found.into_iter().flatten() {
            match keys.check(repository.path(), &signed) {
                Ok(()) => return Ok(()),
                Err(found) => reason = found,
            }
        }
        let (url, what) = (self.address().to_owned(), format!("commit {}", resolved.commit));
        Err(SourceError::Signature { url, what, reason: failure::bounded(&reason) })
    }

    fn signed_commit(&self, commit: &Commit) -> gix::Result<Option<Signed>> {
        let repository = self.repository();
        let object = repository.find_commit(ObjectId::from_hex(commit.as_str().as_bytes())?)?;
        let is_signed = object.decode()?.extra_headers().pgp_signature().is_some();
        Ok(is_signed.then(|| Signed { verb: "verify-commit", id: commit.to_string() }))
    }

    /// The tag of that name, if it is an object that was made under that name for that commit: what was signed as
    /// something else says nothing of it.
    fn signed_tag(&self, resolved: &Resolved) -> gix::Result<Option<Signed>> {
        let repository = self.repository();
        let name = format!("refs/tags/{}", resolved.name);
        let found = repository.try_find_reference(&name)?;
        let Some(id) = found.and_then(|found| found.target().try_id().map(ToOwned::to_owned)) else {
            return Ok(None);
        };
        let Ok(object) = repository.find_object(id)?.try_into_tag() else { return Ok(None) };
        let tag = object.decode()?;
        let is_of_it =
            tag.name == resolved.name.as_bytes() && tag.target == resolved.commit.as_str().as_bytes();
        Ok(is_of_it.then(|| Signed { verb: "verify-tag", id: id.to_string() }))
    }
}

/// The keys of those who are trusted, as files.
struct Keys {
    folder: TempDir,
    armored: Option<PathBuf>,
    settings: Vec<(&'static str, String)>,
}

impl Keys {
    fn write(mirror: &Path, signers: &Signers) -> Result<Self, SourceError> {
        let failed = |error| store("write to", error);
        let place = mirror.join(FOLDER);
        fs::create_dir_all(&place).map_err(failed)?;
        let folder = TempDir::new_in(&place).map_err(failed)?;
        let file = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::write(&file, text).map_err(failed).map(|()| file)
        };
        // Whatever nobody is trusted by finds nothing good.
        let mut settings = vec![("gpg.x509.program", "false".to_owned())];
        settings.push(if signers.ssh.trim().is_empty() {
            ("gpg.ssh.program", "false".to_owned())
        } else {
            ("gpg.ssh.allowedSignersFile", file("allowed", &signers.ssh)?.display().to_string())
        });
        let armored = if signers.openpgp.trim().is_empty() {
            settings.push(("gpg.openpgp.program", "false".to_owned()));
            None
        } else {
            Some(file("keys", &signers.openpgp)?)
        };
        Ok(Self { folder, armored, settings })
    }

    /// Why the signature is not good, in the words of the program that looked at it.
    fn check(&self, repository: &Path, signed: &Signed) -> Result<(), String> {
        let start = Instant::now();
        let is_over = || start.elapsed() > PATIENCE;
        let home = self.folder.path();
        let checked = match &self.armored {
            Some(armored) => program::run(import(home, armored), &is_over).map(drop),
            None => Ok(()),
        };
        let looks =
            || git_program::verify((repository, home), (signed.verb, &signed.id), &self.settings, &is_over);
        checked.and_then(|()| looks()).map_err(|ended| match ended {
            Ended::Missing => "the program that checks signatures is not there".to_owned(),
            Ended::Failed(_) if is_over() => format!("checking it took longer than {} s", PATIENCE.as_secs()),
            Ended::Failed(reason) => reason,
        })
    }
}

/// Takes keys into a key ring of their own.
fn import(home: &Path, armored: &Path) -> Command {
    let mut command = Command::new("gpg");
    command.env_clear().env("LC_ALL", "C").env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .arg("--homedir")
        .arg(home)
        .args(["--batch", "--quiet", "--no-autostart", "--import"])
        .arg(armored);
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
