//! Reading what events only name: definitions and tables that lie in blobs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bus::{BlobError, Log};
use bytes::Bytes;
use events::{
    Content, Table,
    state::{DefinitionsState, ObservedPath},
};
use model::{DefinitionSet, Digest, SourceName};

/// Whether something that could not be read is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is.
    Now,
    /// It is not.
    Ever,
}

type Pages = BTreeMap<Digest, Arc<Vec<ObservedPath>>>;

/// Reads definitions and tables. Of each source it keeps the pages of the newest table: a commit changes few.
pub struct Reader {
    log: Arc<dyn Log>,
    pages: Mutex<BTreeMap<SourceName, Pages>>,
}

impl Reader {
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self { log, pages: Mutex::default() }
    }

    /// Reads a set of definitions.
    pub async fn set(&self, state: &DefinitionsState) -> Result<DefinitionSet, Unreadable> {
        let bytes = match &state.set {
            Content::Inline(bytes) => bytes.clone().into(),
            Content::Blob(digest) => self.blob(digest).await?,
        };
        DefinitionsState::decode_set(&bytes).map_err(|error| {
            tracing::error!(%error, "the definitions cannot be decoded; the last ones stay in force");
            Unreadable::Ever
        })
    }

    /// Reads the paths of a source.
    pub async fn rows(
        &self,
        source: &SourceName,
        table: &Table<ObservedPath>,
    ) -> Result<Vec<ObservedPath>, Unreadable> {
        let digests = match table {
            Table::Inline(rows) => return Ok(rows.clone()),
            Table::Paged { pages, .. } => pages,
        };
        let known = self.known(source);
        let mut pages = Pages::new();
        let mut rows = Vec::new();
        for digest in digests {
            let page = match known.get(digest) {
                Some(page) => Arc::clone(page),
                None => Arc::new(self.page(digest).await?),
            };
            rows.extend(page.iter().cloned());
            pages.insert(*digest, page);
        }
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone(), pages);
        Ok(rows)
    }

    fn known(&self, source: &SourceName) -> Pages {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.get(source).cloned().unwrap_or_default()
    }

    async fn page(&self, digest: &Digest) -> Result<Vec<ObservedPath>, Unreadable> {
        let bytes = self.blob(digest).await?;
        Table::<ObservedPath>::read_page(&bytes).map_err(|error| {
            tracing::error!(%digest, error = &error as &dyn std::error::Error, "a page cannot be decoded");
            Unreadable::Ever
        })
    }

    async fn blob(&self, digest: &Digest) -> Result<Bytes, Unreadable> {
        match self.log.get_blob(digest).await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => {
                tracing::warn!(%digest, "a blob that an event names is missing");
                Err(Unreadable::Now)
            }
            Err(error @ BlobError::Unavailable(_)) => {
                tracing::warn!(%digest, error = &error as &dyn std::error::Error, "a blob was not read yet");
                Err(Unreadable::Now)
            }
            Err(error @ (BlobError::Corrupt { .. } | BlobError::TooLarge { .. })) => {
                tracing::error!(%digest, error = &error as &dyn std::error::Error, "a blob cannot be read");
                Err(Unreadable::Ever)
            }
        }
    }
}
