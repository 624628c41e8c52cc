//! How much of what is told a state holds: all of it has to fit into one event, whatever names, paths and messages
//! others choose. What has no bound of its own is laid into pages when it is appended.

use model::Failure;

/// Of a message: as much as is kept of what an API server says.
const MESSAGE_BYTES_MAX: usize = 2_048;

/// Of a remedy, which is our own text.
const REMEDY_BYTES_MAX: usize = 256;

/// Of the name of a field manager, a finalizer or an application: the longest has 253.
pub(super) const NAME_BYTES_MAX: usize = 256;

/// What a row takes besides its texts: the names of its fields, numbers and instants.
pub(super) const ROW_BYTES: usize = 96;

/// Cuts a text to so many bytes.
pub(super) fn cut(text: &mut String, bytes_max: usize) {
    const CUT: char = '…';
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max.saturating_sub(CUT.len_utf8())));
        text.push(CUT);
    }
}

/// The failure as it is told.
pub(super) fn told(mut failure: Failure) -> Failure {
    cut(&mut failure.message, MESSAGE_BYTES_MAX);
    cut(&mut failure.remedy, REMEDY_BYTES_MAX);
    failure
}

/// Keeps the first rows, as many as take no more than so many bytes.
pub(super) fn keep<Row>(rows: &mut Vec<Row>, bytes_max: usize, bytes: impl Fn(&Row) -> usize) {
    let mut taken = 0;
    let fits = |row: &Row| {
        taken += bytes(row);
        taken <= bytes_max
    };
    let kept = rows.iter().map(fits).take_while(|fits| *fits).count();
    rows.truncate(kept);
}

/// What the id of an object takes.
pub(super) fn id_bytes(id: &model::ObjectId) -> usize {
    let namespace = id.namespace.as_ref().map_or(0, String::len);
    ROW_BYTES + id.group.len() + id.kind.len() + namespace + id.name.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_only_once() {
        for (text, bytes_max, expected) in
            [("short", 5, "short"), ("longer", 5, "lo…"), ("éééé", 6, "é…"), ("é", 1, "…")]
        {
            let mut told = text.to_owned();
            cut(&mut told, bytes_max);
            assert_eq!(told, expected);
            if bytes_max >= 3 {
                cut(&mut told, bytes_max);
                assert_eq!(told, expected, "again");
            }
        }
    }

    #[test]
    fn rows_are_kept_from_the_first_one_on() {
        let mut rows = vec![3, 4, 5, 1];
        keep(&mut rows, 8, |row| *row);
        assert_eq!(rows, [3, 4], "what comes after one that does not fit is left out as well");
    }
}
