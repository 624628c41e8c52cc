//! Columns of text, each as wide as its widest cell.

use gateway::wire::Unread;

/// Text in a cell, and how it is painted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub paint: Paint,
}

/// How urgent a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Good,
    Waiting,
    Bad,
    Faint,
}

impl Paint {
    /// The text in its colour. Source: ECMA-48, select graphic rendition.
    pub fn on(self, text: &str, colours: Colours) -> String {
        let code = match (self, colours) {
            (Self::Plain, _) | (_, Colours::Without) => return text.to_owned(),
            (Self::Good, Colours::With) => 32,
            (Self::Waiting, Colours::With) => 33,
            (Self::Bad, Colours::With) => 31,
            (Self::Faint, Colours::With) => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    With,
    Without,
}

impl Colours {
    /// As the terminal wants them.
    pub fn wanted() -> Self {
        if crate::terminal::colours() { Self::With } else { Self::Without }
    }
}

/// That what follows is not by the newest definitions, and why.
pub fn outdated(unread: &Unread, colours: Colours) -> [String; 2] {
    let Unread { problem, since } = unread;
    let text = format!("definitions outdated since {since}: {}: {}", problem.code, problem.message);
    [Paint::Bad.on(&clean(&text), colours), format!("  help: {}", clean(&problem.remedy))]
}

/// A cell without colour.
pub fn plain(text: impl AsRef<str>) -> Cell {
    painted(text, Paint::Plain)
}

/// A cell in a colour.
pub fn painted(text: impl AsRef<str>, paint: Paint) -> Cell {
    Cell { text: clean(text.as_ref()), paint }
}

/// The text without what a terminal would take for orders: much of it is in the words of others.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The rows as lines; the last column is as long as it likes.
pub fn lines(rows: &[Vec<Cell>], colours: Colours) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<Cell>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&cell.paint.on(&cell.text, colours));
            line.push_str(&" ".repeat(width - cell.text.chars().count() + 2));
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A time that has passed, in its largest unit: `5s`, `3m`, `7h`, `2d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec![plain("a"), plain("bb"), plain("c")], vec![plain("añb"), plain("")]];
        assert_eq!(lines(&rows, Colours::Without), ["a    bb  c", "añb"]);
        let bad = [vec![Cell { text: "x".into(), paint: Paint::Bad }, plain("y")]];
        assert_eq!(lines(&bad, Colours::With), ["\x1b[31mx\x1b[0m  y"]);
    }

    #[test]
    fn words_of_others_give_no_orders_to_a_terminal() {
        assert_eq!(plain("a\x1b[2Jb\nc\u{9b}1m").text, "a [2Jb c 1m");
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let told: Vec<String> = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(age).into();
        assert_eq!(told, ["0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
    }
}
