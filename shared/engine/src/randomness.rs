//! Whether templates could answer differently each time.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use manifest::Artifact;

/// Most bytes unpacked from one packed chart: what Helm itself would load, and no more.
pub(crate) const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// What templates call that makes two renders differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Randomness {
    /// Nothing: one render is enough.
    None,
    /// Random values or keys: a second render tells.
    Random,
    /// The clock: a second render tells once a second has passed.
    Clock,
}

/// Source: Sprig's function map (crypto, random and uuid functions).
const RANDOM: [&str; 18] = [
    "randAlphaNum",
    "randAlpha",
    "randAscii",
    "randNumeric",
    "randBytes",
    "randInt",
    "shuffle",
    "uuidv4",
    "genPrivateKey",
    "genCA",
    "genCAWithKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "bcrypt",
    "htpasswd",
    "encryptAES",
];

/// Source: Sprig's function map (date functions that read the clock, alone or when given no time).
const CLOCK: [&str; 9] = [
    "now",
    "ago",
    "date",
    "dateInZone",
    "date_in_zone",
    "htmlDate",
    "htmlDateInZone",
    "dateModify",
    "date_modify",
];

/// What the templates in an artifact could call, those of packed charts included. Pure; a superset: a word in a
/// comment counts, and a packed chart that cannot be read counts as calling everything.
pub fn randomness(artifact: &Artifact) -> Randomness {
    let files = artifact.files().iter();
    files.map(|(path, file)| of_file(path, &file.bytes)).max().unwrap_or(Randomness::None)
}

fn of_file(path: &str, bytes: &[u8]) -> Randomness {
    if path.ends_with(".tgz") {
        return of_packed(bytes).unwrap_or(Randomness::Clock);
    }
    let template = path.ends_with(".tpl") || path.split('/').any(|part| part == "templates");
    // `tpl` evaluates values as templates, so values count as well.
    let values = path.ends_with(".yaml") || path.ends_with(".yml");
    if template || values { of_text(bytes) } else { Randomness::None }
}

fn of_packed(bytes: &[u8]) -> io::Result<Randomness> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(UNPACKED_BYTES_MAX));
    let mut found = Randomness::None;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        if path.ends_with(".tgz") {
            // Packed within packed: rare, and not worth a bound on depth.
            return Ok(Randomness::Clock);
        }
        let mut text = Vec::new();
        entry.read_to_end(&mut text)?;
        found = found.max(of_file(&path, &text));
    }
    Ok(found)
}

fn of_text(text: &[u8]) -> Randomness {
    let mut found = Randomness::None;
    // Outside braces nothing is called.
    let mut rest = text;
    while let Some(start) = find(rest, b"{{") {
        let action = &rest[start + 2..];
        let end = find(action, b"}}").unwrap_or(action.len());
        found = found.max(of_action(&action[..end]));
        rest = &action[end..];
    }
    found
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn of_action(action: &[u8]) -> Randomness {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let words = action.split(|b| !word(b)).filter_map(|word| std::str::from_utf8(word).ok());
    words.fold(Randomness::None, |found, word| {
        if CLOCK.contains(&word) {
            Randomness::Clock
        } else if RANDOM.contains(&word) {
            found.max(Randomness::Random)
        } else {
            found
        }
    })
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use manifest::{File, FileMode};

    use super::*;

    #[test]
    fn calls_are_seen_wherever_templates_are() {
        for (path, text, expected) in [
            ("c/templates/a.yaml", "x: {{ .Values.a }}", Randomness::None),
            ("c/templates/a.yaml", "x: {{ randAlphaNum 8 | quote }}", Randomness::Random),
            ("c/templates/_h.tpl", "{{- $ca := genCA \"a\" 1 -}}", Randomness::Random),
            ("c/templates/a.yaml", "{{ uuidv4 }} {{ now | date \"2006\" }}", Randomness::Clock),
            ("c/templates/a.yaml", "{{(now).Unix}}", Randomness::Clock),
            ("c/templates/a.yaml", "{{\n  randInt\n 1 2 }}", Randomness::Random),
            ("c/templates/a.yaml", "randAlphaNum outside braces, {{ .Values.nowhere }}", Randomness::None),
            ("c/values.yaml", "p: '{{ randAlpha 4 }}'", Randomness::Random),
            ("c/charts/x/templates/deep/a.txt", "{{ bcrypt \"x\" }}", Randomness::Random),
            ("c/charts/x-1.tgz", "", Randomness::Clock),
            ("c/README.md", "{{ randAlpha 4 }}", Randomness::None),
            ("c/templates/a.yaml", "{{ randAlpha", Randomness::Random),
        ] {
            let file = File { mode: FileMode::Regular, bytes: text.into() };
            let artifact = Artifact::from_files([(path.to_owned(), file)]).unwrap();
            assert_eq!(randomness(&artifact), expected, "{path}: {text}");
        }
    }

    fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn packed_charts_are_read() {
        let quiet = ("c/templates/a.yaml", "{{ .Values.a }}");
        let mut broken = packed(&[quiet]);
        broken.truncate(20);
        for (bytes, expected) in [
            (packed(&[quiet]), Randomness::None),
            (packed(&[quiet, ("c/templates/b.yaml", "{{ randAlpha 1 }}")]), Randomness::Random),
            (packed(&[quiet, ("c/charts/d-1.tgz", "")]), Randomness::Clock),
            (broken, Randomness::Clock),
        ] {
            let file = File { mode: FileMode::Regular, bytes };
            let artifact = Artifact::from_files([("web/charts/c-1.tgz".to_owned(), file)]).unwrap();
            assert_eq!(randomness(&artifact), expected);
        }
    }
}
