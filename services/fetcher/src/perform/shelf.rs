//! The charts that a survey needs besides Git: they are part of what a commit means, because it locks them.

use std::collections::BTreeMap;

use engine::charts::{Access, Egress, Locked, Login, Round, locked};
use manifest::{Artifact, File, FileMode};
use model::definition::Git;
use source::Credentials;

use super::fault::Fault;
use crate::decide::RemoteId;

/// Brings charts for one survey of one source.
pub struct Shelf {
    round: Round,
    git: Git,
    way: Way,
    /// What could not be brought: it is not tried again for every path that wants it.
    failed: BTreeMap<String, Fault>,
}

/// How charts are come by.
pub struct Way {
    /// Reads the secrets that a source names.
    pub credentials: Credentials,
    /// Where charts may come from.
    pub egress: Egress,
}

impl Shelf {
    pub fn new(round: Round, git: Git, way: Way) -> Self {
        Self { round, git, way, failed: BTreeMap::new() }
    }

    /// What the chart at a path still needs, by its place in the artifact.
    ///
    /// # Errors
    /// `CHART-LOCK`, `CHART-ADDRESS` (permanent).
    pub fn missing(artifact: &Artifact, path: &str) -> Result<BTreeMap<String, Locked>, Fault> {
        // The way artifacts spell it; what leads upwards was refused before.
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        locked(artifact, &parts.join("/")).map_err(|error| Fault::of_lock(&error))
    }

    /// Puts what is missing into the artifact. It may block.
    ///
    /// # Errors
    /// What [`Round::bring`] says, `GIT-SECRET` and `GIT-TOO-LARGE` (permanent).
    pub async fn fill(
        &mut self,
        artifact: &mut Artifact,
        missing: BTreeMap<String, Locked>,
    ) -> Result<(), Fault> {
        for (place, locked) in missing {
            let bytes = self.bring(&locked).await?;
            let added = artifact.insert(place, File { mode: FileMode::Regular, bytes });
            added.map_err(|error| Fault::of_artifact(&error))?;
        }
        Ok(())
    }

    async fn bring(&mut self, locked: &Locked) -> Result<Vec<u8>, Fault> {
        // A registry is asked for each chart, any other repository first for its index: if that fails, all do.
        let subject = match locked.repository.starts_with("oci://") {
            true => format!("{}/{}", locked.repository, locked.name),
            false => locked.repository.clone(),
        };
        if let Some(fault) = self.failed.get(&subject) {
            return Err(fault.clone());
        }
        let access = self.access(locked)?;
        self.round.bring(locked, &access).await.map_err(|error| {
            let fault = Fault::of_charts(&error);
            if fault.class == model::RetryClass::Transient {
                self.failed.insert(subject, fault.clone());
            }
            fault
        })
    }

    /// As the repository itself is reached, but its login goes only to its own server.
    fn access(&self, locked: &Locked) -> Result<Access, Fault> {
        let login = self.way.credentials.login_at(&locked.repository, &self.git);
        let login = login.map_err(|error| Fault::of_source(&error))?.map(|(username, password)| Login {
            username,
            password: password.reveal().to_owned(),
            owner: RemoteId::of(&self.git).to_string(),
        });
        // Who defined the source trusts its host.
        let egress = source::host(&self.git.url)
            .map_or_else(|| self.way.egress.clone(), |own| self.way.egress.clone().with(&own));
        Ok(Access { login, ca_file: self.git.ca_file.clone(), proxy: self.git.proxy.clone(), egress })
    }
}
