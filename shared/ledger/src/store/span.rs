//! Spans: runs of entries from one incarnation of the event log.

use redb::{ReadableTable, Table};

use super::{
    entry::Origin,
    layout::corrupted,
    record::{SEAL_BYTES, seal},
};

/// A run of entries from one incarnation of the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The incarnation.
    pub incarnation: String,
    /// Place of its first entry.
    pub first_index: u64,
    /// Sequence of its first entry.
    pub first_sequence: u64,
    /// Sequence of its last entry.
    pub last_sequence: u64,
}

impl Span {
    fn encode(&self, number: u32) -> Vec<u8> {
        let mut bytes = vec![0; SEAL_BYTES];
        for word in [self.first_index, self.first_sequence, self.last_sequence] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(self.incarnation.as_bytes());
        let seal = seal("span", &[&number.to_be_bytes(), &bytes[SEAL_BYTES..]]);
        bytes[..SEAL_BYTES].copy_from_slice(&seal);
        bytes
    }

    fn decode(number: u32, bytes: &[u8]) -> Option<Self> {
        let (sealed, rest) = bytes.split_at_checked(SEAL_BYTES)?;
        if seal("span", &[&number.to_be_bytes(), rest]) != sealed {
            return None;
        }
        let (first_index, rest) = rest.split_first_chunk()?;
        let (first_sequence, rest) = rest.split_first_chunk()?;
        let (last_sequence, incarnation) = rest.split_first_chunk()?;
        Some(Self {
            incarnation: std::str::from_utf8(incarnation).ok()?.to_owned(),
            first_index: u64::from_be_bytes(*first_index),
            first_sequence: u64::from_be_bytes(*first_sequence),
            last_sequence: u64::from_be_bytes(*last_sequence),
        })
    }
}

/// All spans, the oldest first: they are few, one for each time the event log was made anew.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans(pub(super) Vec<Span>);

impl Spans {
    pub(super) fn read(table: &impl ReadableTable<u32, &'static [u8]>) -> Result<Self, redb::Error> {
        let mut spans = Vec::new();
        for row in table.iter()? {
            let (number, bytes) = row?;
            let number = number.value();
            let span = Span::decode(number, bytes.value()).filter(|_| number as usize == spans.len());
            spans.push(span.ok_or_else(|| corrupted(format!("span {number} is not what was stored")))?);
        }
        Ok(Self(spans))
    }

    /// Writes those from that number on.
    pub(super) fn write(
        &self,
        table: &mut Table<'_, u32, &'static [u8]>,
        from: u32,
    ) -> Result<(), redb::Error> {
        for (number, span) in (0..).zip(&self.0).skip(from as usize) {
            table.insert(number, span.encode(number).as_slice())?;
        }
        Ok(())
    }

    /// The last sequence that was stored from an incarnation, in whichever span.
    pub(super) fn last_of(&self, incarnation: &str) -> Option<u64> {
        let of_it = self.0.iter().filter(|span| span.incarnation == incarnation);
        of_it.map(|span| span.last_sequence).max()
    }

    /// Notes an entry at that index, and returns the number of its span: a new one if the incarnation changed.
    pub(super) fn note(&mut self, origin: &Origin, index: u64) -> u32 {
        match self.0.last_mut().filter(|span| span.incarnation == origin.incarnation) {
            Some(span) => span.last_sequence = origin.sequence,
            None => self.0.push(Span {
                incarnation: origin.incarnation.clone(),
                first_index: index,
                first_sequence: origin.sequence,
                last_sequence: origin.sequence,
            }),
        }
        self.newest()
    }

    /// The number of the newest span, 0 if there is none.
    pub(super) fn newest(&self) -> u32 {
        u32::try_from(self.0.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    pub(super) fn last_origin(&self) -> Option<Origin> {
        self.0
            .last()
            .map(|span| Origin { incarnation: span.incarnation.clone(), sequence: span.last_sequence })
    }

    /// The origin of an entry in that span.
    pub(super) fn origin(&self, span: u32, sequence: u64) -> Option<Origin> {
        let span = self.0.get(span as usize)?;
        Some(Origin { incarnation: span.incarnation.clone(), sequence })
    }
}
