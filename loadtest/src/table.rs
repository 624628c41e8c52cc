//! Tables on standard output.

use std::{io::Write, time::Duration};

/// One table: a title, a goal beside each measured value.
#[derive(Debug)]
pub struct Table {
    title: String,
    rows: Vec<[String; 3]>,
}

impl Table {
    pub fn new(title: impl Into<String>) -> Self {
        let head = ["measured", "value", "goal"].map(str::to_owned);
        Self { title: title.into(), rows: vec![head] }
    }

    pub fn row(&mut self, what: &str, value: impl Into<String>, goal: &str) {
        self.rows.push([what.to_owned(), value.into(), goal.to_owned()]);
    }

    pub fn print(&self) {
        line(&format!("\n{}", self.title));
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second) = (width(0), width(1));
        for [what, value, goal] in &self.rows {
            line(format!("  {what:<first$}  {value:>second$}  {goal}").trim_end());
        }
    }
}

/// One line of output. A reader that has gone away is no reason to stop measuring.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

pub fn millis(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1000.0)
}
