//! Following a stream through anything: lost consumers, reconnects, restarts of the server.
//!
//! A consumer here is a throw-away cursor. When anything is wrong with it, a new one is made from the last
//! sequence that was told, after looking whether the log is still the same one.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
};
use futures::StreamExt;

use super::{
    hub::{self, Hub},
    streams,
};
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

type Received = Option<Result<jetstream::Message, pull::MessagesError>>;

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
    /// From the newest of each subject again; for streams in memory.
    StartAgain,
}

/// What a tail tells.
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
    /// The last sequence told; nothing up to it is told again.
    told: u64,
    list: List,
    pace: Pace,
    /// Set while the last try to make a consumer failed or was given up.
    failed: bool,
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
    consumer: Consumer<pull::Config>,
    received: u64,
    end: End,
    /// Up to here the server tells the newest of each subject, so being far behind is no news.
    newest_until: u64,
}

/// Where the list ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// When nothing is pending; other streams than the log are never busy for long.
    Idle,
    /// Behind this sequence, the last when the consumer was made, the changes begin. What the list named
    /// may have been replaced meanwhile, so it ends only where the log ended at that moment.
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
        Self { hub, course, live: None, told, list: List::Running, pace: Pace::Every, failed: false }
    }

    /// Waits for the next step. Safe to cancel.
    ///
    /// # Errors
    /// If the server does not answer (transient); the next call tries again.
    pub(super) async fn next(&mut self) -> Result<Step, Cause> {
        loop {
            if self.list == List::Due {
                self.list = List::Told;
                return Ok(Step::CaughtUp);
            }
            if self.live.is_none()
                && let Some(restarted) = self.open_patiently().await?
            {
                return Ok(restarted);
            }
            let Some(message) = self.receive().await? else { continue };
            match message {
                Some(Ok(message)) => {
                    if let Some(step) = self.take(message) {
                        return Ok(step);
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, stream = self.course.stream, "a consumer is replaced");
                    self.lose();
                }
                None => self.lose(),
            }
        }
    }

    /// The next message; `None` if the list was found complete instead.
    async fn receive(&mut self) -> Result<Option<Received>, Cause> {
        let Some(live) = &mut self.live else { return Ok(None) };
        if self.list == List::Running
            && let End::ListBehind(sequence) = live.end
            && self.told > sequence
        {
            let end = self.hub.position().await?.sequence;
            live.end = End::At(end);
            if self.told >= end {
                self.list = List::Due;
                return Ok(None);
            }
        }
        let next = live.messages.next();
        if self.list != List::Running {
            return Ok(Some(next.await));
        }
        match tokio::time::timeout(SILENCE, next).await {
            Ok(message) => Ok(Some(message)),
            Err(_) => {
                let info = live.consumer.get_info().await.map_err(|error| -> Cause { Arc::new(error) });
                match info {
                    Ok(info) if info.delivered.consumer_sequence == live.received => self.list = List::Due,
                    Ok(_) => {}
                    Err(_) => self.lose(),
                }
                Ok(None)
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
        let at_end = pending == 0 || matches!(live.end, End::At(end) if sequence >= end);
        if at_end && self.list == List::Running {
            self.list = List::Due;
        }
        if sequence <= self.told {
            return None;
        }
        let may_skip = self.course.start == Start::Newest && sequence > live.newest_until;
        if pending > LAG && may_skip && self.list == List::Told {
            tracing::debug!(pending, "far behind: going on with the newest of each subject");
            self.pace = Pace::Newest;
            self.live = None;
            return None;
        }
        self.told = sequence;
        Some(Step::Message(message))
    }

    async fn open_patiently(&mut self) -> Result<Option<Step>, Cause> {
        if self.failed {
            tokio::time::sleep(BACKOFF).await;
        }
        // Until it succeeds: a cancelled call then only waits before it tries again.
        self.failed = true;
        let restarted = self.open().await?;
        self.failed = false;
        Ok(restarted)
    }

    /// Makes a new consumer; tells if the log is another one.
    async fn open(&mut self) -> Result<Option<Step>, Cause> {
        let mut position = LogPosition { incarnation: String::new(), sequence: 0 };
        if self.course.after_loss == AfterLoss::GoOn {
            match self.hub.check().await? {
                Ok(found) => position = found,
                Err(restarted) => return Ok(Some(Step::Restarted(restarted.0, restarted.1))),
            }
        }
        let fresh = self.course.start == Start::Newest && self.told == 0;
        let newest = fresh || std::mem::replace(&mut self.pace, Pace::Every) == Pace::Newest;
        let stream = hub::stream(&self.hub.jetstream, self.course.stream).await?;
        let config = self.config(if newest { Start::Newest } else { Start::After(self.told) });
        let consumer = stream.create_consumer(config).await.map_err(|error| -> Cause { Arc::new(error) })?;
        if consumer.cached_info().num_pending == 0 && self.list == List::Running {
            self.list = List::Due;
        }
        let messages =
            consumer.stream().max_messages_per_batch(PAGE).heartbeat(HEARTBEAT).expires(PULL_EXPIRES);
        let messages = messages.messages().await.map_err(|error| -> Cause { Arc::new(error) })?;
        let end = match self.course.stream {
            streams::LOG => End::ListBehind(position.sequence),
            _ => End::Idle,
        };
        let newest_until = if newest { position.sequence } else { 0 };
        self.live = Some(Live { messages, consumer, received: 0, end, newest_until });
        Ok(None)
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
