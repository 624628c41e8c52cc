//! Splits a stream of bytes into lines, of which none can fill the memory.

/// A line, or the news that one was too long and has been passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line of more than the permitted bytes; the next one is read as usual.
    TooLong,
}

/// What has been read of the current line.
#[derive(Debug)]
pub(crate) struct Lines {
    bytes_max: usize,
    partial: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Inside a line that may still be good.
    Keeping,
    /// Inside a line that was too long: everything up to its end is dropped.
    Dropping,
}

impl Lines {
    /// No line is longer than `bytes_max`.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, partial: Vec::new(), state: State::Keeping }
    }

    /// Takes in a chunk and gives the lines that it completes; empty lines are dropped.
    pub(crate) fn push(&mut self, mut chunk: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            self.keep(&chunk[..end]);
            chunk = &chunk[end + 1..];
            let line = std::mem::take(&mut self.partial);
            match std::mem::replace(&mut self.state, State::Keeping) {
                State::Dropping => lines.push(Line::TooLong),
                State::Keeping if line.is_empty() => {}
                State::Keeping => lines.push(Line::Whole(line)),
            }
        }
        self.keep(chunk);
        lines
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.partial.len() + bytes.len() > self.bytes_max {
            self.state = State::Dropping;
            self.partial = Vec::new();
        }
        match self.state {
            State::Keeping => self.partial.extend_from_slice(bytes),
            State::Dropping => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_line_costs_only_itself() {
        let mut lines = Lines::new(4);
        assert_eq!(lines.push(b"ab"), vec![]);
        assert_eq!(lines.push(b"cde"), vec![]);
        assert!(lines.partial.is_empty());
        let expected = vec![Line::TooLong, Line::Whole(b"good".to_vec())];
        assert_eq!(lines.push(b"fghij\n\ngood\n"), expected);
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(text in "[a-c\n]{0,60}", cut in 1usize..9) {
            let mut lines = Lines::new(6);
            let found: Vec<Line> = text.as_bytes().chunks(cut).flat_map(|chunk| lines.push(chunk)).collect();
            let mut whole = text.split('\n').collect::<Vec<_>>();
            whole.pop(); // without an end it is no line yet
            let expected: Vec<Line> = whole.into_iter().filter(|line| !line.is_empty()).map(|line| {
                if line.len() > 6 { Line::TooLong } else { Line::Whole(line.as_bytes().to_vec()) }
            }).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
