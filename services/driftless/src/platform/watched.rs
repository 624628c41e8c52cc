//! Every status, and every change of one, as they come.

use gateway::wire::TargetStatus;
use reqwest::Response;

use super::client::Client;
use crate::{exit::Exit, problem::Problem};

/// Largest event: a status with a long problem is far below it.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// An open stream of statuses.
pub struct Watched {
    answer: Response,
    /// What was read and is no whole event yet. Bytes, because a character may come in two parts.
    text: Vec<u8>,
}

impl Watched {
    pub async fn open(client: &Client) -> Result<Self, Problem> {
        Ok(Self { answer: client.open("events", &[]).await?, text: vec![] })
    }

    /// The next status. It can be given up while it waits: nothing is lost.
    pub async fn next(&mut self) -> Result<TargetStatus, Problem> {
        let ended = || Problem::new("API-ENDED", "the platform ended", "run it again").ending(Exit::Failed);
        loop {
            while let Some(event) = cut(&mut self.text) {
                if let Some(target) = target(&event) {
                    return Ok(target);
                }
            }
            if self.text.len() > EVENT_BYTES_MAX {
                return Err(ended());
            }
            let chunk = self.answer.chunk().await.map_err(|_| ended())?.ok_or_else(ended)?;
            self.text.extend_from_slice(&chunk);
        }
    }
}

/// Takes the first whole event out of what was read.
fn cut(text: &mut Vec<u8>) -> Option<String> {
    let end = text.windows(2).position(|pair| pair == b"\n\n")?;
    let event = text.drain(..end + 2).collect::<Vec<u8>>();
    Some(String::from_utf8_lossy(&event).into_owned())
}

/// The status that an event tells; `None`: it tells something else. Source: HTML, "Server-sent events".
fn target(event: &str) -> Option<TargetStatus> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    if field("event:") != Some("target") {
        return None;
    }
    serde_json::from_str(field("data:")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"cluster":"eu","application":"shöp","sync":"InSync","health":"Healthy","revision":null,
        "desired":null,"objects":4,"drifted":0,"problem":null,"changed":null,
        "evaluated":{"state":"Fresh","by":"a","seconds":3}}"#;

    #[test]
    fn statuses_are_found_among_events_in_whatever_pieces() {
        let status: String = STATUS.split('\n').map(str::trim).collect();
        let stream = format!(":\n\nevent: target\ndata: {status}\n\nevent: listed\ndata: {{}}\n\n");
        for size in [1, 7, 4096] {
            let (mut text, mut found) = (vec![], vec![]);
            for piece in stream.as_bytes().chunks(size) {
                text.extend_from_slice(piece);
                while let Some(event) = cut(&mut text) {
                    found.extend(target(&event));
                }
            }
            assert_eq!(found.len(), 1, "in pieces of {size}");
            assert_eq!(found[0].application, "shöp");
        }
    }
}
