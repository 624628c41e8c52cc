//! Every status, and every change of one, as they come.

use gateway::wire::TargetStatus;
use reqwest::Response;
use serde::Deserialize;

use super::client::Client;
use crate::{exit::Exit, problem::Problem};

/// What an event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A status as it is now.
    Status(Box<TargetStatus>),
    /// A target is no more.
    Gone(Gone),
    /// Everything is told once more: it could not be kept up with.
    Anew,
    /// Everything that is there has been told.
    Listed,
}

/// A target that is no more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Gone {
    pub cluster: String,
    pub application: String,
}

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

    /// What is told next. It can be given up while it waits: nothing is lost.
    pub async fn next(&mut self) -> Result<Told, Problem> {
        let ended = || Problem::new("API-ENDED", "the platform ended", "run it again").ending(Exit::Failed);
        loop {
            while let Some(event) = cut(&mut self.text) {
                if let Some(told) = told(&event) {
                    return Ok(told);
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

/// What an event tells; `None`: nothing that is known here. Source: HTML, "Server-sent events".
fn told(event: &str) -> Option<Told> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    let data = field("data:")?;
    match field("event:")? {
        "target" => Some(Told::Status(serde_json::from_str(data).ok()?)),
        "gone" => Some(Told::Gone(serde_json::from_str(data).ok()?)),
        "anew" => Some(Told::Anew),
        "listed" => Some(Told::Listed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"cluster":"eu","application":"shöp","sync":"InSync","health":"Healthy","revision":null,
        "desired":null,"objects":4,"drifted":0,"problem":null,"changed":null,
        "evaluated":{"state":"Fresh","by":"a","seconds":3}}"#;

    #[test]
    fn what_is_told_is_found_in_whatever_pieces() {
        let status: String = STATUS.split('\n').map(str::trim).collect();
        let gone = r#"{"cluster":"eu","application":"old"}"#;
        let stream = format!(
            ":\n\nevent: target\ndata: {status}\n\nevent: later\ndata: {{}}\n\nevent: listed\ndata: {{}}\n\n\
             event: anew\ndata: {{}}\n\nevent: gone\ndata: {gone}\n\n"
        );
        let expected = [
            Told::Status(serde_json::from_str(&status).unwrap()),
            Told::Listed,
            Told::Anew,
            Told::Gone(Gone { cluster: "eu".into(), application: "old".into() }),
        ];
        for size in [1, 7, 4096] {
            let (mut text, mut found) = (vec![], vec![]);
            for piece in stream.as_bytes().chunks(size) {
                text.extend_from_slice(piece);
                while let Some(event) = cut(&mut text) {
                    found.extend(told(&event));
                }
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
