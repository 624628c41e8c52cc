//! Whether a packed chart is the one that was meant. Pure.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::{ARCHIVE_BYTES_MAX, Locked};
use crate::randomness::UNPACKED_BYTES_MAX;

/// Largest `Chart.yaml` read, in bytes.
const CHART_BYTES_MAX: u64 = 1 << 20;

/// Checks that the bytes are a packed chart of that name and version, and not more than helm may unpack. Its files
/// are written nowhere here; helm refuses those that lead out.
pub(super) fn check(bytes: &[u8], locked: &Locked) -> Result<(), String> {
    if bytes.len() as u64 > ARCHIVE_BYTES_MAX {
        return Err(format!("it is larger than {ARCHIVE_BYTES_MAX} bytes"));
    }
    let (name, version) =
        read(bytes).map_err(|error| format!("it is no packed chart: {error}"))?.unwrap_or_default();
    if (&name, &version) != (&locked.name, &locked.version) {
        let told = |text: String| text.chars().filter(|c| !c.is_control()).take(100).collect::<String>();
        return Err(format!("the archive holds {:?} {:?}", told(name), told(version)));
    }
    Ok(())
}

/// The name and version in its `Chart.yaml`. Read to the end, so that a broken archive is seen.
fn read(bytes: &[u8]) -> io::Result<Option<(String, String)>> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(UNPACKED_BYTES_MAX));
    let mut found = None;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        // `<name>/Chart.yaml`; those of its own dependencies lie deeper.
        if path.ends_with("Chart.yaml") && path.components().count() == 2 {
            let mut text = Vec::new();
            entry.by_ref().take(CHART_BYTES_MAX).read_to_end(&mut text)?;
            let documents = manifest::parse_file("Chart.yaml", &text).map_err(io::Error::other)?;
            let word = |key: &str| {
                let value = documents.first()?.value.get(key)?;
                value.as_str().map(str::to_owned)
            };
            found = word("name").zip(word("version"));
        }
    }
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    if rest.limit() == 0 {
        return Err(io::Error::other(format!("it unpacks to more than {UNPACKED_BYTES_MAX} bytes")));
    }
    Ok(found)
}
