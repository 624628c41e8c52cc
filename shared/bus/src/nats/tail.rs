//! Following a stream through anything: lost consumers, reconnects, restarts of the server.
//!
//! A consumer here is a throw-away cursor. When anything is wrong with it, a new one is made from the last
//! sequence that was told, after looking whether the log is still the same one.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, pull},
};
use futures::{StreamExt, future::BoxFuture};
use tokio::time::Instant;

use super::hub::{self, Hub};
use crate::{Cause, LogPosition};

/// Messages asked for in one go: what waits in memory for a slow reader.
const PAGE: usize = 256;

/// The server's sign of life while there is nothing to tell; two missing ones mean a dead consumer.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Longest life of one request for messages.
const PULL_EXPIRES: Duration = Duration::from_secs(30);

/// The server forgets a consumer that nobody asked for so long.
const CONSUMER_LIFE: Duration = Duration::from_secs(60);

/// Silence after which an unfinished list is looked at: what it counted may have been rolled up.
const SILENCE: Duration = Duration::from_millis(500);

/// A reader with more than this still to come gets the newest of each subject instead.
const LAG: u64 = 10_000;

/// Wait before the next try after a failure.
const BACKOFF: Duration = Duration::from_millis(250);

/// What to follow.
#[derive(Clone)]
pub(super) struct Course {
    pub(super) stream: &'static str,
    /// Subjects; none means all.
    pub(super) filters: Vec<String>,
    pub(super) start: Start,
    pub(super) content: Content,
    pub(super) after_loss: AfterLoss,
}

/// Where to begin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// With the newest message of each subject.
    Newest,
    /// With everything behind a sequence.
    After(u64),
}

/// What to fetch of each message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Whole,
    Headers,
}

/// Where to go on with a new consumer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterLoss {
    /// Behind the last message, in a log that must still be the same.
    GoOn,
    /// From the newest of each subject again; for streams that keep only what is newest.
    StartAgain,
}

/// What a tail tells.
#[expect(clippy::large_enum_variant, reason = "nearly all are messages")]
pub(super) enum Step {
    Message(jetstream::Message),
    /// Everything that was there at the start was told.
    CaughtUp,
    /// The log is another one.
    Restarted(LogPosition, LogPosition),
}

pub(super) struct Tail {
    hub: Arc<Hub>,
    course: Course,
    live: Option<Live>,
    /// A question to the server on its way; it lives here, so that a cancelled call does not undo it.
    asked: Option<BoxFuture<'static, Result<Answer, Cause>>>,
    /// The last sequence told; nothing up to it is told again.
    told: u64,
    list: List,
    pace: Pace,
    failed: bool,
}

/// What was asked for.
enum Answer {
    Opened(Box<Live>),
    Restarted(Box<(LogPosition, LogPosition)>),
    /// The last sequence of the log.
    LogEnd(u64),
    /// How many messages are still to be told.
    Remaining(u64),
}

/// How far the list is that precedes the changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Running,
    /// Complete, to be told next.
    Due,
    Told,
}

/// Whether every message is wanted, or the reader is too far behind for that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Every,
    Newest,
}

struct Live {
    messages: pull::Stream,
    pending: u64,
    received: u64,
    end: End,
    /// Up to here the server tells the newest of each subject, so being far behind is no news.
    newest_until: u64,
    /// When a list that seems complete, or stands still, is looked at.
    look_at: Instant,
}

/// Where the list ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Behind this sequence, the last after the consumer was made, the changes begin. What the list named may
    /// have been replaced meanwhile, so it ends only where the log ended at that moment.
    ListBehind(u64),
    /// The log ended here when the list was through.
    At(u64),
}

impl Tail {
    pub(super) fn new(hub: Arc<Hub>, course: Course) -> Self {
        let told = match course.start {
            Start::Newest => 0,
            Start::After(sequence) => sequence,
        };
        let (list, pace) = (List::Running, Pace::Every);
        Self { hub, course, live: None, asked: None, told, list, pace, failed: false }
    }

    /// Waits for the next step. Safe to cancel, at any rate.
    ///
    /// # Errors
    /// If the server does not answer (transient); the next call tries again.
    pub(super) async fn next(&mut self) -> Result<Step, Cause> {
        loop {
            if self.list == List::Due {
                self.list = List::Told;
                return Ok(Step::CaughtUp);
            }
            if let Some(question) = &mut self.asked {
                let answer = question.await;
                self.asked = None;
                self.failed = answer.is_err();
                if let Some(restarted) = self.hear(answer?) {
                    return Ok(restarted);
                }
            } else if let Some(question) = self.question() {
                self.asked = Some(question);
            } else if let Some(step) = self.receive().await {
                return Ok(step);
            }
        }
    }

    /// What has to be known before the next message.
    fn question(&mut self) -> Option<BoxFuture<'static, Result<Answer, Cause>>> {
        let Some(live) = &self.live else {
            let pause = std::mem::take(&mut self.failed).then_some(BACKOFF);
            return Some(Box::pin(self.opening(pause)));
        };
        let listing = self.list == List::Running;
        if listing && matches!(live.end, End::ListBehind(sequence) if self.told > sequence) {
            let hub = self.hub.clone();
            return Some(Box::pin(async move { Ok(Answer::LogEnd(hub.position().await?.sequence)) }));
        }
        if listing && Instant::now() >= live.look_at {
            return Some(Box::pin(self.asking_what_remains()));
        }
        None
    }

    fn hear(&mut self, answer: Answer) -> Option<Step> {
        match (answer, &mut self.live) {
            (Answer::Restarted(restarted), _) => return Some(Step::Restarted(restarted.0, restarted.1)),
            (Answer::Opened(live), _) => {
                self.pace = Pace::Every;
                self.finish_list_if(live.pending == 0);
                self.live = Some(*live);
            }
            (Answer::LogEnd(end), Some(live)) => {
                live.end = End::At(end);
                let complete = self.told >= end;
                self.finish_list_if(complete);
            }
            (Answer::Remaining(count), Some(live)) => {
                live.look_at = Instant::now() + SILENCE;
                self.finish_list_if(count == 0);
            }
            (Answer::LogEnd(_) | Answer::Remaining(_), None) => {}
        }
        None
    }

    fn finish_list_if(&mut self, complete: bool) {
        if complete && self.list == List::Running {
            self.list = List::Due;
        }
    }

    async fn receive(&mut self) -> Option<Step> {
        let live = self.live.as_mut()?;
        let next = live.messages.next();
        let message = match self.list {
            List::Running => match tokio::time::timeout_at(live.look_at, next).await {
                Ok(message) => message,
                Err(_) => return None,
            },
            List::Due | List::Told => next.await,
        };
        match message {
            Some(Ok(message)) => self.take(message),
            Some(Err(error)) => {
                tracing::debug!(%error, stream = self.course.stream, "a consumer is replaced");
                self.lose();
                None
            }
            None => {
                self.lose();
                None
            }
        }
    }

    fn lose(&mut self) {
        self.live = None;
        if self.course.after_loss == AfterLoss::StartAgain {
            self.told = 0;
        }
    }

    fn take(&mut self, message: jetstream::Message) -> Option<Step> {
        let live = self.live.as_mut()?;
        let Ok(info) = message.info() else {
            self.lose();
            return None;
        };
        let (sequence, received, pending) = (info.stream_sequence, info.consumer_sequence, info.pending);
        if received != live.received + 1 {
            tracing::debug!(received, expected = live.received + 1, "messages were lost on the way");
            self.lose();
            return None;
        }
        live.received = received;
        // The server counts wrongly while subjects are rolled up, so its "nothing pending" is only a hint.
        live.look_at = Instant::now() + if pending == 0 { Duration::ZERO } else { SILENCE };
        let newest_until = live.newest_until;
        let at_end = matches!(live.end, End::At(end) if sequence >= end);
        let may_skip = self.course.start == Start::Newest && sequence > newest_until;
        if pending > LAG && may_skip && self.list == List::Told {
            tracing::debug!(pending, "far behind: going on with the newest of each subject");
            self.pace = Pace::Newest;
            self.live = None;
            return None;
        }
        self.finish_list_if(at_end);
        if sequence <= self.told {
            return None;
        }
        self.told = sequence;
        Some(Step::Message(message))
    }

    /// Makes a new consumer, or finds that the log is another one.
    fn opening(&self, pause: Option<Duration>) -> impl Future<Output = Result<Answer, Cause>> + use<> {
        let fresh = self.course.start == Start::Newest && self.told == 0;
        let newest = fresh || self.pace == Pace::Newest;
        let config = self.config(if newest { Start::Newest } else { Start::After(self.told) });
        let (hub, course) = (self.hub.clone(), self.course.clone());
        async move {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            if let Some(restarted) = look_for_restart(&hub, &course).await?.1 {
                return Ok(restarted);
            }
            let stream = hub::stream(&hub.jetstream, course.stream).await?;
            let consumer = stream.create_consumer(config).await.map_err(arc)?;
            // Again, because what the list names goes as far as the log went when the consumer was made.
            let (log_end, restarted) = look_for_restart(&hub, &course).await?;
            if let Some(restarted) = restarted {
                return Ok(restarted);
            }
            let page = consumer.stream().max_messages_per_batch(PAGE);
            let messages = page.heartbeat(HEARTBEAT).expires(PULL_EXPIRES).messages().await.map_err(arc)?;
            Ok(Answer::Opened(Box::new(Live {
                messages,
                pending: consumer.cached_info().num_pending,
                received: 0,
                end: End::ListBehind(log_end),
                newest_until: if newest { log_end } else { 0 },
                look_at: Instant::now() + SILENCE,
            })))
        }
    }

    /// Asks how much is behind what was told: a consumer that is made for the question counts exactly.
    fn asking_what_remains(&self) -> impl Future<Output = Result<Answer, Cause>> + use<> {
        let (hub, name) = (self.hub.clone(), self.course.stream);
        let config = self.config(Start::After(self.told));
        async move {
            let stream = hub::stream(&hub.jetstream, name).await?;
            let probe = stream.create_consumer(config).await.map_err(arc)?;
            let remaining = probe.cached_info().num_pending;
            // The server would drop it by itself, a minute later.
            stream.delete_consumer(&probe.cached_info().name).await.map_err(arc)?;
            Ok(Answer::Remaining(remaining))
        }
    }

    fn config(&self, start: Start) -> pull::Config {
        pull::Config {
            deliver_policy: match start {
                Start::Newest => DeliverPolicy::LastPerSubject,
                Start::After(0) => DeliverPolicy::All,
                Start::After(sequence) => DeliverPolicy::ByStartSequence { start_sequence: sequence + 1 },
            },
            ack_policy: AckPolicy::None,
            filter_subjects: self.course.filters.clone(),
            headers_only: self.course.content == Content::Headers,
            inactive_threshold: CONSUMER_LIFE,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        }
    }
}

/// Where the log ends, and whether it is another one; other streams may begin again as they like.
async fn look_for_restart(hub: &Hub, course: &Course) -> Result<(u64, Option<Answer>), Cause> {
    match course.after_loss {
        // No sequence is behind this one: such a list ends when nothing remains.
        AfterLoss::StartAgain => Ok((u64::MAX, None)),
        AfterLoss::GoOn => match hub.check().await? {
            Ok(found) => Ok((found.sequence, None)),
            Err(restarted) => Ok((0, Some(Answer::Restarted(restarted)))),
        },
    }
}

fn arc<E: std::error::Error + Send + Sync + 'static>(error: E) -> Cause {
    Arc::new(error)
}
