//! How the story looks on a terminal.

use std::time::Duration;

use crate::{
    platform::{Colours, Paint},
    terminal,
};

/// Tells, in colours where they are wanted.
pub struct Teller {
    colours: Colours,
    chapter: usize,
}

impl Teller {
    pub fn new() -> Self {
        Self { colours: Colours::wanted(), chapter: 0 }
    }

    /// The first words.
    pub fn title(&self, text: &str, more: &str) {
        terminal::line(&format!("{} {}", self.bold(text), Paint::Faint.on(more, self.colours)));
    }

    /// What the next lines are about.
    pub fn chapter(&mut self, text: &str) {
        self.chapter += 1;
        terminal::line("");
        terminal::line(&format!(
            "{}  {}",
            Paint::Faint.on(&self.chapter.to_string(), self.colours),
            self.bold(text)
        ));
    }

    /// What somebody does.
    pub fn act(&self, who: &str, what: &str) {
        terminal::line(&format!("   {who:<6} {what}"));
    }

    /// Something that is as it should be.
    pub fn good(&self, place: &str, what: &str, took: Option<Duration>) {
        let took = took.map(|took| format!("in {:.1} s", took.as_secs_f32())).unwrap_or_default();
        let mark = Paint::Good.on("✓", self.colours);
        terminal::line(
            format!("   {place:<6} {mark} {what}  {}", Paint::Faint.on(&took, self.colours)).trim_end(),
        );
    }

    /// Something that is not as it should be, and was found out.
    pub fn found(&self, place: &str, what: &str) {
        terminal::line(&format!("   {place:<6} {} {what}", Paint::Bad.on("!", self.colours)));
    }

    /// A detail below the line before.
    pub fn detail(&self, text: &str) {
        terminal::line(&format!("            {}", Paint::Faint.on(text, self.colours)));
    }

    fn bold(&self, text: &str) -> String {
        match self.colours {
            Colours::With => format!("\x1b[1m{text}\x1b[0m"),
            Colours::Without => text.to_owned(),
        }
    }
}
