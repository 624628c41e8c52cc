//! The proof file: one entry, its place in the tree, and the checkpoint that covers it.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use model::{Digest, RetryClass};
use tlog_tiles::Hash;

use crate::{Checkpoint, CheckpointError, merkle};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// No tree with a 64-bit size needs more hashes.
const PATH_LENGTH_MAX: usize = 64;

/// Says why a text is no proof file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedProof {
    /// A line is not what has to stand there.
    #[error("line {line} of the proof file is not {expected}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is expected there.
        expected: &'static str,
    },
    /// The part behind the empty line is no checkpoint.
    #[error("the proof file has no well-formed checkpoint")]
    Checkpoint(#[source] CheckpointError),
}

impl MalformedProof {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }
}

/// A proof file that is read but not checked: see [`crate::verify::verify_proof`].
///
/// Source: C2SP tlog-proof, "Format". The `extra` line holds the leaf, so that the file needs nothing beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// The entry's stored bytes.
    pub leaf: Option<Bytes>,
    /// The entry's place in the tree.
    pub index: u64,
    /// The hashes from the leaf's sibling up to the root's child.
    pub path: Vec<Digest>,
    /// The checkpoint with the root.
    pub checkpoint: Checkpoint,
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(leaf) = &self.leaf {
            writeln!(f, "extra {}", BASE64_STANDARD.encode(leaf))?;
        }
        writeln!(f, "index {}", self.index)?;
        for step in &self.path {
            writeln!(f, "{}", merkle::hash(step))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for ProofFile {
    type Err = MalformedProof;
    fn from_str(text: &str) -> Result<Self, MalformedProof> {
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(MalformedProof::Checkpoint(CheckpointError::Malformed))?;
        let mut lines = head.split('\n').zip(1..).peekable();
        let mut take = |expected| lines.next().ok_or(MalformedProof::Line { line: 1, expected });
        let (first, line) = take("the name of the format")?;
        if first != FIRST_LINE {
            return Err(MalformedProof::Line { line, expected: "the name of the format" });
        }
        let leaf = lines.next_if(|(text, _)| text.starts_with("extra ")).map(leaf).transpose()?;
        let (text, line) = lines.next().unwrap_or(("", 2));
        let index = number(text).ok_or(MalformedProof::Line { line, expected: "`index` and a number" })?;
        let path = lines.map(step).collect::<Result<Vec<_>, _>>()?;
        if path.len() > PATH_LENGTH_MAX {
            return Err(MalformedProof::Line { line: line + path.len(), expected: "within a proof" });
        }
        let checkpoint = checkpoint.parse().map_err(MalformedProof::Checkpoint)?;
        Ok(Self { leaf, index, path, checkpoint })
    }
}

fn leaf((text, line): (&str, usize)) -> Result<Bytes, MalformedProof> {
    let bytes = text.strip_prefix("extra ").and_then(|text| BASE64_STANDARD.decode(text).ok());
    bytes.map(Bytes::from).ok_or(MalformedProof::Line { line, expected: "`extra` and base64" })
}

/// A number has one form only: no sign, no zeros in front.
fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("index ")?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn step((text, line): (&str, usize)) -> Result<Digest, MalformedProof> {
    let hash =
        Hash::parse_hash(text).map_err(|_| MalformedProof::Line { line, expected: "a hash in base64" });
    hash.map(merkle::digest)
}
