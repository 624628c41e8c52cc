//! Membership by heartbeats: each member's own message, which the server drops when it gets too old, and
//! each observer's own clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_nats::{HeaderMap, connection::State, header::NATS_MESSAGE_TTL};
use bytes::Bytes;
use model::Digest;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use super::{
    hub::Hub,
    publish::{Outgoing, publish},
    streams,
    tail::{AfterLoss, Content, Course, Start, Step, Tail},
};
use crate::{
    Cause, Member, Membership, ReadError,
    membership::{self, token},
};

/// Heartbeats in one lifetime: two may get lost.
const BEATS: u32 = 4;

/// What a heartbeat says.
#[derive(Serialize, Deserialize)]
struct Beat {
    name: String,
    weight: u32,
    ttl_ms: u64,
    presence: Presence,
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
    let me = Me { hub: hub.clone(), member, subject, ttl };
    let beat = me.beat(Presence::Here).map_err(ReadError::Unavailable)?;
    publish(&hub.client, beat).await.map_err(|error| ReadError::Unavailable(Arc::new(error)))?;
    let course = Course {
        stream: streams::MEMBERS,
        filters: vec![format!("member.{group}.*")],
        start: Start::Newest,
        content: Content::Whole,
        after_loss: AfterLoss::StartAgain,
    };
    let mut view = View { tail: Tail::new(hub, course), seen: BTreeMap::new() };
    view.list().await.map_err(ReadError::Unavailable)?;
    let members = watch::Sender::new(view.members());
    let receiver = members.subscribe();
    let task = tokio::spawn(run(me.clone(), view, members));
    Ok(Membership::new(receiver, Held { me, task, manner: Manner::SayingSo }))
}

#[derive(Clone)]
struct Me {
    hub: Arc<Hub>,
    member: Member,
    subject: String,
    ttl: Duration,
}

impl Me {
    fn beat(&self, presence: Presence) -> Result<Outgoing, Cause> {
        let beat = Beat {
            name: self.member.name.clone(),
            weight: self.member.weight,
            ttl_ms: self.ttl.as_millis() as u64,
            presence,
        };
        let payload = rmp_serde::to_vec_named(&beat).map_err(|error| -> Cause { Arc::new(error) })?;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_TTL, format!("{}s", self.ttl.as_secs()));
        Ok(Outgoing { subject: self.subject.clone(), headers, payload: Bytes::from(payload) })
    }

    /// Sends without waiting for an answer: the next one follows soon.
    async fn send(&self, presence: Presence) {
        let Ok(Outgoing { subject, headers, payload }) = self.beat(presence) else { return };
        if let Err(error) = self.hub.client.publish_with_headers(subject, headers, payload).await {
            tracing::debug!(%error, "a heartbeat was not sent");
        }
    }
}

struct Held {
    me: Me,
    task: JoinHandle<()>,
    manner: Manner,
}

/// How to leave.
#[derive(PartialEq, Eq)]
enum Manner {
    SayingSo,
    Silently,
}

impl membership::Held for Held {
    fn abandon(&mut self) {
        self.manner = Manner::Silently;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.task.abort();
        if self.manner == Manner::Silently {
            return;
        }
        // If there is no runtime any more, the others notice after the time to live.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let me = self.me.clone();
            runtime.spawn(async move { me.send(Presence::Leaving).await });
        }
    }
}

/// Who was heard of, and until when that counts.
struct View {
    tail: Tail,
    seen: BTreeMap<String, (Member, Duration, Instant)>,
}

impl View {
    async fn list(&mut self) -> Result<(), Cause> {
        loop {
            match self.tail.next().await? {
                Step::Message(message) => self.hear(&message.payload),
                Step::CaughtUp | Step::Restarted(..) => return Ok(()),
            }
        }
    }

    fn hear(&mut self, payload: &[u8]) {
        let Ok(beat) = rmp_serde::from_slice::<Beat>(payload) else {
            tracing::warn!("a heartbeat could not be read");
            return;
        };
        let ttl = Duration::from_millis(beat.ttl_ms);
        match beat.presence {
            Presence::Here => {
                let member = Member { name: beat.name.clone(), weight: beat.weight };
                self.seen.insert(beat.name, (member, ttl, Instant::now() + ttl));
            }
            Presence::Leaving => drop(self.seen.remove(&beat.name)),
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        self.seen.retain(|_, (_, _, until)| *until > now);
    }

    /// Without a connection nobody can be heard, which says nothing about them.
    fn extend(&mut self) {
        let now = Instant::now();
        self.seen.values_mut().for_each(|(_, ttl, until)| *until = now + *ttl);
    }

    fn members(&self) -> BTreeSet<Member> {
        self.seen.values().map(|(member, _, _)| member.clone()).collect()
    }
}

async fn run(me: Me, mut view: View, members: watch::Sender<BTreeSet<Member>>) {
    let mut beats = tokio::time::interval(me.ttl / BEATS);
    loop {
        tokio::select! {
            _ = beats.tick() => {
                me.send(Presence::Here).await;
                match me.hub.client.connection_state() {
                    State::Connected => view.expire(),
                    State::Pending | State::Disconnected => view.extend(),
                }
            }
            step = view.tail.next() => match step {
                Ok(Step::Message(message)) => view.hear(&message.payload),
                Ok(Step::CaughtUp | Step::Restarted(..)) => {}
                Err(cause) => {
                    tracing::debug!(%cause, "members cannot be heard");
                    view.extend();
                }
            },
        }
        let now = view.members();
        members.send_if_modified(|known| {
            let changed = *known != now;
            *known = now;
            changed
        });
    }
}
