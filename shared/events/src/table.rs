//! Tables of objects: inline while small, in pages of 256 rows beyond, so that one change rewrites one page.

use model::Digest;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::content::INLINE_BYTES_MAX;

/// Rows in one page: a page of object results is then about 64 KB before compression.
pub const PAGE_ROWS: usize = 256;

/// A sorted table, as it stands in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Table<Row> {
    /// All rows.
    Inline(Vec<Row>),
    /// The blobs that hold the pages, in order, and the number of rows.
    Paged {
        /// Address of each page.
        pages: Vec<Digest>,
        /// Rows in all pages.
        rows: u64,
    },
}

impl<Row> Default for Table<Row> {
    fn default() -> Self {
        Self::Inline(Vec::new())
    }
}

/// A table and the page blobs to put before the event that names them is appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid<Row> {
    /// What goes into the event.
    pub table: Table<Row>,
    /// What goes into blobs: address and bytes.
    pub blobs: Vec<(Digest, Vec<u8>)>,
}

/// Says why rows could not be encoded or decoded.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A row has no encoding.
    #[error("a row could not be encoded")]
    Encode(#[source] rmp_serde::encode::Error),
    /// A page is not what was written.
    #[error("a page of the table could not be decoded")]
    Decode(#[source] rmp_serde::decode::Error),
}

impl<Row: Serialize + DeserializeOwned> Table<Row> {
    /// Lays rows out: inline if they encode to `inline_bytes_max` or less, else in pages.
    ///
    /// # Errors
    /// If a row has no encoding (bug).
    pub fn lay(rows: Vec<Row>, inline_bytes_max: usize) -> Result<Laid<Row>, TableError> {
        let inline = rmp_serde::to_vec_named(&rows).map_err(TableError::Encode)?;
        if inline.len() <= inline_bytes_max.min(INLINE_BYTES_MAX) {
            return Ok(Laid { table: Self::Inline(rows), blobs: Vec::new() });
        }
        let mut blobs = Vec::new();
        for page in rows.chunks(PAGE_ROWS) {
            let bytes = rmp_serde::to_vec_named(page).map_err(TableError::Encode)?;
            blobs.push((Digest::of(&bytes), bytes));
        }
        let pages = blobs.iter().map(|(address, _)| *address).collect();
        Ok(Laid { table: Self::Paged { pages, rows: rows.len() as u64 }, blobs })
    }

    /// Reads the rows of one page.
    ///
    /// # Errors
    /// If the page is not what was written (permanent).
    pub fn read_page(bytes: &[u8]) -> Result<Vec<Row>, TableError> {
        rmp_serde::from_slice(bytes).map_err(TableError::Decode)
    }
}

impl<Row> Table<Row> {
    /// Number of rows.
    pub fn len(&self) -> u64 {
        match self {
            Self::Inline(rows) => rows.len() as u64,
            Self::Paged { rows, .. } => *rows,
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Addresses of the blobs that the table needs.
    pub fn pages(&self) -> &[Digest] {
        match self {
            Self::Inline(_) => &[],
            Self::Paged { pages, .. } => pages,
        }
    }
}
