//! Making a log of an archive.

use std::{io::SeekFrom, path::Path};

use bytes::Bytes;
use events::Event;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncRead, AsyncSeek, AsyncSeekExt, BufReader};

use super::{
    Archive, Beside, Contents, RestoreError,
    format::{FORMAT, Frame, Head, Reader, UNREADABLE},
};
use crate::{BlobError, Cause, LogConfig, embedded, nats};

/// Blobs put at once: they share the flushes of the disk.
const PUTS: usize = 64;

/// Bytes of blobs that wait to be put together.
const PUT_BYTES: usize = 8 * 1024 * 1024;

impl<R: AsyncRead + AsyncSeek + Unpin + Send> Archive<R> {
    /// Reads an archive to its end.
    ///
    /// # Errors
    /// Read: transient. Damaged, Newer: permanent.
    pub async fn check(mut reader: R) -> Result<Self, RestoreError> {
        // First whether it is whole: what is damaged says anything, such as that it is newer.
        let mut from = from_start(&mut reader).await?;
        while from.raw().await?.is_some() {}
        let contents = contents(&mut from_start(&mut reader).await?).await?;
        Ok(Self { reader, contents })
    }

    /// Makes the log, where none is. If it fails, none is there afterwards; on NATS, one that nobody can open, and
    /// that the next restore begins anew.
    ///
    /// # Errors
    /// Read, Store: transient. Exists: permanent. Open and Blob as their own class.
    pub async fn restore(self, config: LogConfig) -> Result<(), RestoreError> {
        let Self { reader, contents } = self;
        match config {
            LogConfig::Embedded(config) => {
                let target = embedded::Restoring::begin(config, &contents).await?;
                fill(Target::Embedded(Box::new(target)), reader).await
            }
            LogConfig::Nats(config) => {
                let target = nats::Restoring::begin(config, &contents).await?;
                fill(Target::Nats(Box::new(target)), reader).await
            }
        }
    }
}

/// Whether a log may be restored to that folder; whoever puts something beside it asks first.
///
/// # Errors
/// Exists: permanent. Open as its own class.
pub fn check_free(folder: &Path) -> Result<(), RestoreError> {
    embedded::check_free(folder)
}

/// A log that is being filled.
enum Target {
    Embedded(Box<embedded::Restoring>),
    Nats(Box<nats::Restoring>),
}

impl Target {
    async fn store(&mut self, events: Vec<Event>) -> Result<(), Cause> {
        match self {
            Self::Embedded(target) => target.store(events).await,
            Self::Nats(target) => target.store(events).await,
        }
    }

    async fn put_blob(&self, bytes: Bytes) -> Result<(), BlobError> {
        match self {
            Self::Embedded(target) => target.put_blob(bytes).await,
            Self::Nats(target) => target.put_blob(bytes).await,
        }
    }

    async fn finish(self) -> Result<(), RestoreError> {
        match self {
            Self::Embedded(target) => target.finish().await,
            Self::Nats(target) => target.finish().await,
        }
    }
}

async fn from_start<R: AsyncRead + AsyncSeek + Unpin + Send>(
    reader: &mut R,
) -> Result<Reader<BufReader<&mut R>>, RestoreError> {
    reader.seek(SeekFrom::Start(0)).await.map_err(RestoreError::Read)?;
    Reader::begin(BufReader::new(reader)).await
}

async fn fill(
    mut target: Target,
    mut reader: impl AsyncRead + AsyncSeek + Unpin + Send,
) -> Result<(), RestoreError> {
    let mut from = from_start(&mut reader).await?;
    let (mut blobs, mut bytes) = (Vec::new(), 0);
    loop {
        match from.next().await? {
            Frame::Head(_) => {}
            Frame::Events(events) => target.store(events).await.map_err(RestoreError::Store)?,
            Frame::Blob(blob) => {
                bytes += blob.len();
                blobs.push(blob);
                if blobs.len() >= PUTS || bytes >= PUT_BYTES {
                    put_all(&target, std::mem::take(&mut blobs)).await?;
                    bytes = 0;
                }
            }
            Frame::End => break,
        }
    }
    put_all(&target, blobs).await?;
    target.finish().await
}

async fn put_all(target: &Target, blobs: Vec<Bytes>) -> Result<(), RestoreError> {
    let putting = blobs.into_iter().map(|blob| target.put_blob(blob));
    let put = stream::iter(putting).buffer_unordered(PUTS).try_collect::<()>();
    put.await.map_err(RestoreError::Blob)
}

/// What an archive that is whole holds.
async fn contents<R: AsyncRead + Unpin + Send>(from: &mut Reader<R>) -> Result<Contents, RestoreError> {
    let Frame::Head(head) = from.next().await? else { return Err(DISORDER) };
    if head.format > FORMAT {
        let told = format!("it has format {}, the newest known here is {FORMAT}", head.format);
        return Err(RestoreError::Newer(told));
    }
    let Head { format: _, incarnation, lineage, newest, key_id, attachment } = head;
    if key_id.as_ref().is_some_and(|id| !is_name(id)) {
        return Err(UNREADABLE);
    }
    let beside = Beside { key_id, attachment };
    let mut contents = Contents { incarnation, lineage, newest, events: 0, blobs: 0, beside };
    loop {
        match from.next().await? {
            Frame::Head(_) => return Err(DISORDER),
            Frame::Events(events) => {
                contents.events += events.len() as u64;
                let last = events.last().map_or(0, |event| event.sequence);
                contents.newest = contents.newest.max(last);
            }
            Frame::Blob(_) => contents.blobs += 1,
            Frame::End => return Ok(contents),
        }
    }
}

/// Whether it may be shown to people as the name of a key.
fn is_name(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

const DISORDER: RestoreError = RestoreError::Damaged("its parts are not in order");

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{super::format::Writer, *};

    fn expected() -> Contents {
        let beside = Beside { key_id: Some("aa".to_owned()), attachment: Some(b"secret".to_vec().into()) };
        Contents {
            incarnation: "this".to_owned(),
            lineage: format!("{}@5", crate::RestorationId::random()).parse().unwrap(),
            newest: 7,
            events: 0,
            blobs: 0,
            beside,
        }
    }

    fn empty(format: u32, contents: Contents) -> Vec<u8> {
        let Contents { incarnation, lineage, newest, beside, .. } = contents;
        let Beside { key_id, attachment } = beside;
        let head = Head { format, incarnation, lineage, newest, key_id, attachment };
        let (mut writer, begun) = Writer::begin(&head).unwrap();
        [begun, writer.end()].concat()
    }

    #[tokio::test]
    async fn a_newer_format_is_refused_and_a_damaged_one_is_not_taken_for_one() {
        let expected = expected();
        let empty = |format| empty(format, expected.clone());
        let archive = Archive::check(Cursor::new(empty(FORMAT))).await.unwrap();
        assert_eq!(*archive.contents(), expected);
        let shown = format!("{expected:?}");
        assert!(shown.contains("Attachment(6 bytes)") && !shown.contains("115"), "{shown}");
        let folder = tempfile::tempdir().unwrap();
        archive.restore(LogConfig::embedded(folder.path())).await.unwrap();
        let restored = crate::open(LogConfig::embedded(folder.path())).await.unwrap();
        let position = restored.position().await.unwrap();
        assert_eq!((&*position.incarnation, position.sequence), ("this", 7), "also where the newest is gone");
        assert_eq!(position.restoration, restored.lineage().newest());
        let parent = expected.lineage.newest();
        assert_eq!(restored.lineage().kinship(parent), crate::Kinship::Ancestor { at: 7 });
        let refused = Archive::check(Cursor::new(empty(FORMAT + 1))).await.err().unwrap();
        assert_eq!(refused.code(), "BACKUP-NEWER");
        let mut damaged = empty(FORMAT);
        let at = damaged.windows(6).position(|window| window == b"format").unwrap() + 6;
        damaged[at] += 1;
        let refused = Archive::check(Cursor::new(damaged)).await.err().unwrap();
        assert_eq!(refused.code(), "BACKUP-DAMAGED");
    }
}
