//! Writing to the terminal.

use std::io::{IsTerminal, Write};

use clap::CommandFactory;

/// Writes a line to standard output. A closed pipe ends the story, not the sync.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes a line about progress to standard error.
pub fn progress(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Whether colours are wanted on standard output. Source: no-color.org, bixense.com/clicolors.
pub fn colours() -> bool {
    let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
    (forced || std::io::stdout().is_terminal()) && permitted()
}

/// Whether colours are wanted on standard error.
pub fn progress_colours() -> bool {
    std::io::stderr().is_terminal() && permitted()
}

fn permitted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a completion script.
pub fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut crate::cli::Cli::command(), "driftless", &mut std::io::stdout());
}
