//! The way of one process to the clusters: slow, refused, broken off, or silent when the deed is done.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use bytes::Bytes;
use cluster::{Answer, Network};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, pending},
    stream,
};
use http::{Method, Request, Response};
use kubesim::{News, Watch};
use model::definition::Kubeconfig;
use serde_json::json;
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};

use crate::{
    log::Border,
    site::{Site, now},
};

/// All clusters, by the name of the kubeconfig that leads there.
pub type Sites = BTreeMap<String, Arc<Site>>;

/// The way of one process to the clusters.
pub struct Path {
    pub border: Border,
    pub sites: Arc<Sites>,
}

/// What befalls a request.
enum Fate {
    None,
    /// Answered with that code; nothing is done.
    Refused(u16),
    /// Never answered, nothing is done.
    Lost,
    /// Done, and never answered.
    Silent,
    /// The connection breaks; nothing is done.
    BrokenBefore,
    /// Done, and the connection breaks.
    BrokenAfter,
}

impl Network for Path {
    fn send(&self, to: &Kubeconfig, request: Request<Bytes>) -> BoxFuture<'static, io::Result<Answer>> {
        let file = to.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        let Some(site) = self.sites.get(&file).cloned() else {
            return async { Err(io::Error::from(io::ErrorKind::ConnectionRefused)) }.boxed();
        };
        let border = self.border.clone();
        let fate = self.fate(&request);
        let (tell, told) = oneshot::channel();
        // What has left a process is done whatever becomes of the process, and of its patience.
        tokio::spawn(async move {
            let answer = deliver(site, border, request, fate).await;
            let _ = tell.send(answer);
        });
        let gate = self.border.gate.clone();
        async move {
            let answer = told.await.unwrap_or_else(|_| Err(io::ErrorKind::ConnectionReset.into()));
            gate.pass().await;
            answer
        }
        .boxed()
    }

    fn seed(&self) -> u64 {
        self.border.dice.number()
    }
}

impl Path {
    fn fate(&self, request: &Request<Bytes>) -> Fate {
        let dice = &self.border.dice;
        if !dice.happens(self.border.weather.now().request) {
            return Fate::None;
        }
        match dice.among(0..10) {
            0 => Fate::Refused(429),
            1 => Fate::Refused(500),
            2 => Fate::Refused(503),
            3 if *request.method() == Method::GET => Fate::Refused(403),
            3 | 4 => Fate::Lost,
            5 | 6 => Fate::Silent,
            7 => Fate::BrokenBefore,
            _ => Fate::BrokenAfter,
        }
    }
}

async fn deliver(site: Arc<Site>, border: Border, request: Request<Bytes>, fate: Fate) -> io::Result<Answer> {
    border.gate.pass().await;
    let slow = border.dice.happens(border.weather.now().slow);
    sleep(if slow { border.dice.millis(100..4_000) } else { border.dice.millis(0..4) }).await;
    let reset = || Err(io::ErrorKind::ConnectionReset.into());
    match fate {
        Fate::None | Fate::Silent | Fate::BrokenAfter => {}
        Fate::Refused(code) => return Ok(refusal(code)),
        Fate::Lost => return pending().await,
        Fate::BrokenBefore => return reset(),
    }
    // Before the request is carried out: what is written from then on wakes the watch.
    let written = site.written();
    let answer = site.serve(&border.who, &request);
    match (fate, answer) {
        (Fate::Silent, _) => pending().await,
        (Fate::BrokenAfter, _) => reset(),
        (_, kubesim::Answer::Whole(whole)) => {
            sleep(border.dice.millis(0..4)).await;
            Ok(whole.map(|bytes| stream::iter([Ok(bytes)]).boxed()))
        }
        (_, kubesim::Answer::Watch(watch)) => {
            let bad = border.dice.happens(border.weather.now().watch);
            let ending = match border.dice.among(0..4) {
                _ if !bad => None,
                0 => Some(Ending::Silent),
                _ => Some(Ending::Broken),
            };
            let left = border.dice.among(0..4);
            let following = Following { site, border, watch, written, ending, left, over: false };
            let lines =
                stream::unfold(following, async |mut following| Some((following.next().await?, following)));
            Ok(Response::new(lines.boxed()))
        }
    }
}

fn refusal(code: u16) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": if code == 403 { "Forbidden" } else { "Simulated" }, "message": "simulated"});
    let mut answer = Response::builder().status(code);
    if code == 429 {
        answer = answer.header("retry-after", "1");
    }
    let body = stream::iter([Ok(Bytes::from(status.to_string()))]).boxed();
    answer.body(body).unwrap_or_else(|_| Response::new(stream::empty().boxed()))
}

/// How a watch ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Broken,
    Silent,
}

/// A watch on its way to a process.
struct Following {
    site: Arc<Site>,
    border: Border,
    watch: Box<Watch>,
    written: watch::Receiver<u64>,
    ending: Option<Ending>,
    /// Pieces until then.
    left: usize,
    over: bool,
}

impl Following {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if self.over {
                return None;
            }
            match (self.ending, self.left) {
                (Some(Ending::Broken), 0) => {
                    self.over = true;
                    return Some(Err(io::ErrorKind::ConnectionReset.into()));
                }
                (Some(Ending::Silent), 0) => return pending().await,
                _ => {}
            }
            self.written.mark_unchanged();
            let now = now();
            let news = self.watch.next(&self.site.lock(), now);
            let lines = match news {
                News::Lines(lines) => lines,
                News::Last(lines) => {
                    self.over = true;
                    lines
                }
            };
            if !lines.is_empty() {
                self.left = self.left.saturating_sub(1);
                self.border.way().await;
                return Some(Ok(lines));
            }
            if !self.over {
                let due = Duration::try_from(self.watch.due().duration_since(now)).unwrap_or_default();
                let _ = timeout(due + Duration::from_millis(1), self.written.changed()).await;
            }
        }
    }
}
