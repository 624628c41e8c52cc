//! Membership by heartbeats: each member's own message in a stream that all read in the same order.
//!
//! A member lets go of another only when one of its own heartbeats came back that was sent a whole lifetime
//! after it heard of the other. So whoever hears nothing at all judges nobody; and the other, if it still runs,
//! knows by then that it may have been let go: none of its own heartbeats came back for a lifetime. Nothing is
//! compared between two clocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_nats::{HeaderMap, header::NATS_MESSAGE_TTL};
use async_trait::async_trait;
use bytes::Bytes;
use model::Digest;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use super::{
    hub::Hub,
    publish::{Outgoing, publish},
    streams,
    tail::{AfterLoss, Content, Course, Start, Step, Tail},
};
use crate::{
    Ages, Cause, Evaluated, Member, Membership, ReadError, Report,
    membership::{self, Pulse, Roll, token},
};

/// Heartbeats in one lifetime: whoever looks that often notices soon who is gone. Each costs the server one flush, of
/// which a disk does hundreds a second.
const BEATS: u32 = 8;

/// What a heartbeat says.
#[derive(Serialize, Deserialize)]
struct Beat {
    name: String,
    weight: u32,
    ttl_ms: u64,
    presence: Presence,
    /// When it was sent: milliseconds on a clock that only the sender knows.
    sent_ms: u64,
    /// How long ago it evaluated what.
    #[serde(default)]
    ages: Ages,
}

impl Beat {
    fn read(payload: &[u8]) -> Option<Self> {
        let read = rmp_serde::from_slice(payload);
        read.inspect_err(|error| tracing::warn!(%error, "a heartbeat could not be read")).ok()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Presence {
    Here,
    Leaving,
}

pub(super) async fn join(
    hub: Arc<Hub>,
    group: &str,
    member: Member,
    ttl: Duration,
) -> Result<Membership, ReadError> {
    let group = token(group);
    let ttl = Duration::from_secs(ttl.as_secs().max(1));
    let subject = format!("member.{group}.{}", Digest::of(member.name.as_bytes()).short());
    let evaluated = Evaluated::default();
    let me = Me {
        hub: hub.clone(),
        member: member.clone(),
        evaluated: evaluated.clone(),
        subject,
        ttl,
        clock: Instant::now(),
    };
    me.tell(Presence::Here).await.map_err(ReadError::Unavailable)?;
    let mut view = View::new(me.clone());
    let mut tail = Tail::new(hub, course(&group));
    list(&mut view, &mut tail).await.map_err(ReadError::Unavailable)?;
    let roll = watch::Sender::new(view.roll());
    let receiver = roll.subscribe();
    let task = tokio::spawn(run(view, tail, roll));
    Ok(Membership::new((member, ttl), evaluated, receiver, Held { me, task }))
}

fn course(group: &str) -> Course {
    Course {
        stream: streams::MEMBERS,
        filters: vec![format!("member.{group}.*")],
        start: Start::Newest,
        content: Content::Whole,
        after_loss: AfterLoss::StartAgain,
    }
}

/// What the members of a group told last. The server drops what is older than its sender's time to live.
pub(super) async fn reports(hub: Arc<Hub>, group: &str) -> Result<Vec<Report>, ReadError> {
    let mut reports = BTreeMap::new();
    let mut tail = Tail::new(hub, course(&token(group)));
    loop {
        let message = match tail.next().await.map_err(ReadError::Unavailable)? {
            Step::Message(message) => message,
            Step::CaughtUp | Step::Restarted(..) => return Ok(reports.into_values().collect()),
        };
        let Some(beat) = Beat::read(&message.payload) else { continue };
        match beat.presence {
            Presence::Leaving => drop(reports.remove(&beat.name)),
            Presence::Here => {
                let member = Member { name: beat.name.clone(), weight: beat.weight };
                reports.insert(beat.name, Report { member, ages: beat.ages });
            }
        }
    }
}

#[derive(Clone)]
struct Me {
    hub: Arc<Hub>,
    member: Member,
    evaluated: Evaluated,
    subject: String,
    ttl: Duration,
    /// The beginning of our own clock.
    clock: Instant,
}

impl Me {
    fn beat(&self, presence: Presence) -> Result<Outgoing, Cause> {
        let beat = Beat {
            name: self.member.name.clone(),
            weight: self.member.weight,
            ttl_ms: self.ttl.as_millis() as u64,
            presence,
            sent_ms: self.clock.elapsed().as_millis() as u64,
            ages: self.evaluated.ages(Instant::now()),
        };
        let payload = rmp_serde::to_vec_named(&beat).map_err(|error| -> Cause { Arc::new(error) })?;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_TTL, format!("{}s", self.ttl.as_secs()));
        Ok(Outgoing { subject: self.subject.clone(), headers, payload: Bytes::from(payload) })
    }

    /// Sends, and waits until the server has it.
    async fn tell(&self, presence: Presence) -> Result<(), Cause> {
        let sent = publish(&self.hub.client, self.beat(presence)?).await;
        sent.map(drop).map_err(|error| -> Cause { Arc::new(error) })
    }

    /// Sends without waiting for an answer: the next one follows soon.
    async fn send(&self) {
        let Ok(Outgoing { subject, headers, payload }) = self.beat(Presence::Here) else { return };
        if let Err(error) = self.hub.client.publish_with_headers(subject, headers, payload).await {
            tracing::debug!(%error, "a heartbeat was not sent");
        }
    }
}

struct Held {
    me: Me,
    task: JoinHandle<()>,
}

#[async_trait]
impl membership::Held for Held {
    async fn leave(&mut self) {
        self.task.abort();
        if let Err(error) = self.me.tell(Presence::Leaving).await {
            tracing::warn!(%error, "the others were not told; they notice by themselves");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Who was heard of.
struct View {
    me: Me,
    seen: BTreeMap<String, Seen>,
    pulse: Option<Pulse>,
}

/// Another member, or oneself.
struct Seen {
    member: Member,
    ttl: Duration,
    heard: Instant,
}

impl View {
    fn new(me: Me) -> Self {
        Self { me, seen: BTreeMap::new(), pulse: None }
    }

    fn hear(&mut self, payload: &[u8], now: Instant) {
        let Some(beat) = Beat::read(payload) else { return };
        if beat.presence == Presence::Leaving {
            self.seen.remove(&beat.name);
            return;
        }
        if beat.name == self.me.member.name {
            self.hear_myself(Duration::from_millis(beat.sent_ms), now);
        }
        let member = Member { name: beat.name.clone(), weight: beat.weight };
        let seen = Seen { member, ttl: Duration::from_millis(beat.ttl_ms), heard: now };
        self.seen.insert(beat.name, seen);
    }

    fn hear_myself(&mut self, sent: Duration, now: Instant) {
        let sent = self.me.clock + sent;
        let unbroken = self.pulse.filter(|pulse| now < pulse.sent + self.me.ttl);
        self.pulse = Some(Pulse {
            sent: self.pulse.map_or(sent, |pulse| pulse.sent.max(sent)),
            unbroken: unbroken.map_or(now, |pulse| pulse.unbroken),
        });
        self.seen.retain(|_, seen| sent < seen.heard + seen.ttl);
    }

    fn roll(&self) -> Roll {
        let members: BTreeSet<Member> = self.seen.values().map(|seen| seen.member.clone()).collect();
        Roll { members, pulse: self.pulse }
    }
}

async fn list(view: &mut View, tail: &mut Tail) -> Result<(), Cause> {
    loop {
        match tail.next().await? {
            Step::Message(message) => view.hear(&message.payload, Instant::now()),
            Step::CaughtUp | Step::Restarted(..) => return Ok(()),
        }
    }
}

async fn run(mut view: View, mut tail: Tail, roll: watch::Sender<Roll>) {
    let mut beats = tokio::time::interval(view.me.ttl / BEATS);
    // After a pause one heartbeat says as much as all that were missed.
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = beats.tick() => view.me.send().await,
            step = tail.next() => match step {
                Ok(Step::Message(message)) => view.hear(&message.payload, Instant::now()),
                Ok(Step::CaughtUp | Step::Restarted(..)) => {}
                Err(cause) => tracing::debug!(%cause, "members cannot be heard"),
            },
        }
        let now = view.roll();
        roll.send_if_modified(|known| {
            let changed = *known != now;
            *known = now;
            changed
        });
    }
}
