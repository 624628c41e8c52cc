//! `driftless audit proof EVENT`

use ledger::{Dimension, Key, Order, StoredEntry, View, Window};

use super::opened::{Opened, unreadable};
use crate::{cli::ProofOptions, exit::Exit, problem::Problem, state_folder::chain, terminal};

/// Writes the proof of an event.
pub fn proof(options: ProofOptions) -> Result<Exit, Problem> {
    let opened = Opened::of(options.state)?;
    let view = opened.view()?;
    let entry = find(&view, &options.event)?;
    let proof = view.proof(entry.index).map_err(|error| unreadable(&error))?.to_string();
    let Some(to) = options.to else {
        terminal::line(proof.trim_end());
        return Ok(Exit::Success);
    };
    std::fs::write(&to, proof).map_err(|error| {
        Problem::new("AUDIT-FILE", format!("{}: {error}", to.display()), "name a file that can be written")
    })?;
    let key = opened.key_file();
    terminal::line(&format!("{}: entry {} of {}", to.display(), entry.index, view.size()));
    terminal::progress(&format!("Whoever checks it needs the key in {} too, from you.", key.display()));
    Ok(Exit::Success)
}

/// The entry of an event.
fn find(view: &View, event: &str) -> Result<StoredEntry, Problem> {
    let key = Key::new(Dimension::Event, event);
    let found =
        view.by(&key, &Window::default(), Order::OldestFirst, 1).map_err(|error| unreadable(&error))?;
    found.into_iter().next().ok_or_else(|| {
        let message = match event.parse::<events::EventId>() {
            Ok(_) => format!("no event {event} is in the ledger"),
            Err(error) => format!("{event:?} names no event: {}", chain(&error)),
        };
        Problem::new("AUDIT-EVENT", message, "`driftless log -o json` tells the ids of events")
    })
}
