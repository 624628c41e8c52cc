//! Following a resource for ever: list, watch, list again when the watch cannot go on.
//!
//! Objects are handed on as they come, one page at a time, so that memory holds ids and not the cluster. What
//! is not there any more follows from [`Observation::Listed`]. The store itself is the observer's.

use std::{collections::BTreeMap, collections::VecDeque, time::Duration};

use futures::{Stream, stream};
use model::ObjectId;
use tokio::time::sleep;

use crate::{
    ClusterClient, ClusterError, Live, Missing, Resource, WatchEvent,
    backoff::{Backoff, Trouble},
    list::{Lister, Page, Selection},
    version::went_back,
    watch::Watch,
};

/// What became known about a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// An object is as stated, or was at its version: told by a list or a watch, once or several times.
    Upsert(Live),
    /// An object has been deleted, or has lost the labels selected by.
    Gone {
        /// The object.
        id: ObjectId,
        /// Its uid: another object of the name may live already.
        uid: String,
        /// The version of this event.
        resource_version: String,
    },
    /// A list is complete: its objects have been told, and at this version there were no others.
    Listed {
        /// Every object of the list, with its uid.
        present: BTreeMap<ObjectId, String>,
        /// The version of the list.
        resource_version: String,
    },
    /// Everything up to this version has been told. At least once a minute while all is well.
    Current {
        /// The version.
        resource_version: String,
    },
    /// The cluster's versions went back: it was restored from a backup. Recorded versions mean nothing any
    /// more; a new list follows.
    Restored {
        /// The newest version seen before.
        seen: String,
        /// The newest version now.
        now: String,
    },
    /// One event could not be read; which object it was about is unknown. A new list follows.
    Unreadable(ClusterError),
    /// Nothing is known from here on, until `Listed` (or, after throttling, `Current`). Tried again for ever.
    Unavailable(ClusterError),
    /// Asked twice, the server knows no such resource: its definition is gone, or the version. The last observation.
    Unserved(ClusterError),
}

/// Where an observer stands.
enum Phase {
    /// It lists; ids and uids so far.
    List(Box<Lister>, BTreeMap<ObjectId, String>),
    /// It has listed up to the version, and opens a watch.
    Open(String),
    /// It watches.
    Follow(Box<Watch>),
    /// A watch has ended: it makes sure that the cluster is still the one it was.
    Verify,
    /// There is nothing to follow.
    Over,
}

/// Whether the server served the resource when it was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    Yes,
    /// It answered 404. A server that starts, or a proxy before it, may do that once.
    Doubted,
}

struct Observer {
    client: ClusterClient,
    selection: Selection,
    phase: Phase,
    /// The newest version seen, in whatever order that is said.
    seen: String,
    served: Served,
    backoff: Backoff,
    /// Waits before the next step.
    pause: Option<Duration>,
    ready: VecDeque<Observation>,
}

impl ClusterClient {
    /// Follows the objects with the labels of `selector` (empty: all) in one namespace (`None`: all). Ends
    /// with `Unserved` alone. Backpressure is the reader's: what is not read is not fetched.
    pub fn observe(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &str,
    ) -> impl Stream<Item = Observation> + Send + use<> {
        self.observe_since(resource, namespace, selector, "")
    }

    /// The same by somebody who knows that the cluster has been at the version `seen` before (empty: nobody does):
    /// a first list that is older tells `Restored`.
    pub fn observe_since(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &str,
        seen: &str,
    ) -> impl Stream<Item = Observation> + Send + use<> {
        let selection = Selection::new(resource, namespace, selector);
        let observer = Observer {
            client: self.clone(),
            phase: Phase::start(self, &selection),
            selection,
            seen: seen.to_owned(),
            served: Served::Yes,
            backoff: Backoff::default(),
            pause: None,
            ready: VecDeque::new(),
        };
        stream::unfold(observer, |mut observer| async {
            let observation = observer.next().await?;
            Some((observation, observer))
        })
    }
}

impl Phase {
    fn start(client: &ClusterClient, selection: &Selection) -> Self {
        Self::List(Box::new(Lister::new(client.clone(), selection.clone())), BTreeMap::new())
    }
}

impl Observer {
    async fn next(&mut self) -> Option<Observation> {
        loop {
            if let Some(observation) = self.ready.pop_front() {
                return Some(observation);
            }
            if matches!(self.phase, Phase::Over) {
                return None;
            }
            if let Some(pause) = self.pause.take() {
                sleep(pause).await;
            }
            if let Err(error) = self.step().await {
                self.failed(error);
            }
        }
    }

    /// One request, or one event.
    async fn step(&mut self) -> Result<(), ClusterError> {
        match &mut self.phase {
            Phase::List(lister, _) => {
                let page = lister.page().await?;
                self.served = Served::Yes;
                self.listed(page);
            }
            Phase::Open(from) => match Watch::open(&self.client, &self.selection, from).await {
                Ok(watch) => {
                    self.phase = Phase::Follow(Box::new(watch));
                    self.ready.push_back(Observation::Current { resource_version: self.seen.clone() });
                }
                Err(ClusterError::Gone { .. }) => self.relist(),
                Err(error) => return Err(error),
            },
            Phase::Follow(watch) => match watch.next().await {
                Some(Ok(event)) => self.heard(event),
                Some(Err(error @ (ClusterError::BadResponse { .. } | ClusterError::TooLarge { .. }))) => {
                    self.ready.push_back(Observation::Unreadable(error));
                    // If the object stays as it is, so does the list; it must not be asked for in a hurry.
                    self.pause = Some(self.backoff.failed(Trouble::Refused, self.client.inner.dice.spread()));
                    self.relist();
                }
                // Silence and a broken connection are news only if the server cannot be asked either.
                None | Some(Err(ClusterError::Timeout { .. } | ClusterError::Unreachable { .. })) => {
                    self.phase = Phase::Verify;
                }
                Some(Err(error)) => return Err(error),
            },
            Phase::Verify => {
                let now = Lister::newest_version(&self.client, &self.selection).await?;
                if !self.restored(&now) {
                    self.phase = Phase::Open(self.seen.clone());
                }
            }
            Phase::Over => {}
        }
        Ok(())
    }

    fn listed(&mut self, page: Page) {
        if page.first && self.restored(&page.resource_version) {
            return;
        }
        let Phase::List(_, present) = &mut self.phase else { return };
        if page.first {
            present.clear();
        }
        present.extend(page.items.iter().map(|live| (live.id.clone(), live.uid.clone())));
        self.ready.extend(page.items.into_iter().map(Observation::Upsert));
        if page.last {
            let present = std::mem::take(present);
            let resource_version = page.resource_version;
            self.seen.clone_from(&resource_version);
            self.phase = Phase::Open(resource_version.clone());
            self.ready.push_back(Observation::Listed { present, resource_version });
        }
    }

    fn heard(&mut self, event: WatchEvent) {
        // Not before: lists that work and watches that fail would take turns without a pause.
        self.backoff.reset();
        match event {
            WatchEvent::Added(live) | WatchEvent::Modified(live) => {
                self.seen.clone_from(&live.resource_version);
                self.ready.push_back(Observation::Upsert(live));
            }
            WatchEvent::Deleted(Live { id, uid, resource_version, .. }) => {
                self.seen.clone_from(&resource_version);
                self.ready.push_back(Observation::Gone { id, uid, resource_version });
            }
            WatchEvent::Bookmark(resource_version) => {
                self.seen.clone_from(&resource_version);
                self.ready.push_back(Observation::Current { resource_version });
            }
            WatchEvent::Gone => self.relist(),
        }
    }

    /// Tells a restored cluster, and begins anew there. A watch from a version that the restored cluster has
    /// not reached yet would stay silent and then leave out what happened below it.
    fn restored(&mut self, now: &str) -> bool {
        let restored = went_back(&self.seen, now);
        if restored {
            let seen = std::mem::take(&mut self.seen);
            self.ready.push_back(Observation::Restored { seen, now: now.to_owned() });
            self.relist();
        }
        restored
    }

    fn relist(&mut self) {
        self.phase = Phase::start(&self.client, &self.selection);
    }

    /// After an outage nothing that was known counts: a restore from a backup needs one, and the restored
    /// cluster may have caught up with the versions seen. Throttling is no outage.
    fn failed(&mut self, error: ClusterError) {
        if matches!(error, ClusterError::NotFound { missing: Missing::Resource, .. })
            && std::mem::replace(&mut self.served, Served::Doubted) == Served::Doubted
        {
            self.phase = Phase::Over;
            self.ready.push_back(Observation::Unserved(error));
            return;
        }
        let mut pause = self.backoff.failed(trouble(&error), self.client.inner.dice.spread());
        let throttled = matches!(error, ClusterError::Throttled { .. });
        if let ClusterError::Throttled { retry_after: Some(asked), .. } = &error {
            pause = pause.max(*asked);
        }
        self.pause = Some(pause);
        self.phase = match self.phase {
            Phase::Open(_) | Phase::Verify | Phase::Follow(_) if throttled => Phase::Verify,
            Phase::List(..) | Phase::Open(_) | Phase::Verify | Phase::Follow(_) | Phase::Over => {
                Phase::start(&self.client, &self.selection)
            }
        };
        self.ready.push_back(Observation::Unavailable(error));
    }
}

fn trouble(error: &ClusterError) -> Trouble {
    if matches!(error, ClusterError::Unreachable { .. } | ClusterError::Timeout { .. }) {
        Trouble::Silent
    } else {
        Trouble::Refused
    }
}
