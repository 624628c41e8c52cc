//! Answers as bytes, and watches as streams of them.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use jiff::Timestamp;
use tokio::{sync::watch::Receiver, time::timeout};

use super::{Served, lock};
use crate::{
    api::{Answer, News, Watch, response},
    fault::Effect,
};

/// What is sent to a client. A watch that breaks off ends with an error, so that the connection breaks.
pub(super) type Body = BoxBody<Bytes, Broken>;

/// A watch that a fault broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("broken off by a fault that was set")]
pub(super) struct Broken;

/// A whole body.
pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed()
}

/// An answer that no API server gives.
pub(super) fn plain(status: StatusCode) -> Response<Body> {
    response(status, Bytes::new()).map(full)
}

/// Carries a request out.
pub(super) fn answer(served: Arc<Served>, request: &Request<Bytes>, fault: Option<Effect>) -> Response<Body> {
    // Before the request is handled: what is written from then on wakes the watch.
    let written = served.written.subscribe();
    let answer = lock(&served.cluster).handle(request, Timestamp::now());
    match answer {
        Answer::Whole(whole) => {
            served.tell();
            whole.map(full)
        }
        Answer::Watch(watch) => {
            let frames = events(Following { served, watch, written, told: 0, fault, over: Over::No });
            let body = StreamBody::new(frames.map(|lines| lines.map(Frame::data)));
            response(StatusCode::OK, Bytes::new()).map(|_| BodyExt::boxed(body))
        }
    }
}

struct Following {
    served: Arc<Served>,
    watch: Box<Watch>,
    written: Receiver<u64>,
    told: usize,
    fault: Option<Effect>,
    over: Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    No,
    Yes,
}

fn events(following: Following) -> impl Stream<Item = Result<Bytes, Broken>> + Send + Sync {
    stream::unfold(following, |mut following| async move {
        let lines = following.next().await?;
        Some((lines, following))
    })
}

impl Following {
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            if self.over == Over::Yes {
                return None;
            }
            let left = self.left();
            match self.fault {
                Some(Effect::DropWatch(_)) if left == 0 => {
                    // Once around, so that what was told before is sent.
                    tokio::task::yield_now().await;
                    self.over = Over::Yes;
                    return Some(Err(Broken));
                }
                Some(Effect::MuteWatch(_)) if left == 0 => return std::future::pending().await,
                _ => {}
            }
            self.written.mark_unchanged();
            let now = Timestamp::now();
            let news = self.watch.next(&lock(&self.served.cluster), now);
            let lines = match news {
                News::Lines(lines) => lines,
                News::Last(lines) => {
                    self.over = Over::Yes;
                    lines
                }
            };
            if !lines.is_empty() {
                return Some(Ok(self.told(&lines, left)));
            }
            if self.over == Over::No {
                let due = self.watch.due().duration_since(now);
                let due = Duration::try_from(due).unwrap_or(Duration::ZERO);
                // Rounded up, so that it is due when the time has passed.
                let _ = timeout(due + Duration::from_millis(1), self.written.changed()).await;
            }
        }
    }

    /// How many events the fault still lets through.
    fn left(&self) -> usize {
        match self.fault {
            Some(Effect::DropWatch(limit) | Effect::MuteWatch(limit)) => limit.saturating_sub(self.told),
            Some(Effect::Refuse { .. } | Effect::Delay(_) | Effect::Hang | Effect::LoseAnswer) | None => {
                usize::MAX
            }
        }
    }

    /// The events that are let through.
    fn told(&mut self, lines: &Bytes, left: usize) -> Bytes {
        let ends = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let ends: Vec<_> = ends.take(left).collect();
        self.told += ends.len();
        lines.slice(..ends.last().copied().unwrap_or(0))
    }
}
