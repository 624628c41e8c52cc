//! Connecting to the API server, and saying in the log whether it answers.

use std::{sync::Arc, time::Duration};

use bus::{AppendError, ReadError};
use cluster::{ClusterClient, ClusterError, ConnectOptions, Identity, Listed, Resource, Scope, Verb};
use events::{
    Draft, Event, EventType,
    state::{ClusterState, Reachability},
};
use futures::{FutureExt, StreamExt, stream};
use model::{Aggregate, Failure, Gvk, RetryClass, definition::Reach};
use tokio::time::Instant;

use super::{Connection, News, Worker, now};
use crate::{
    Error, LABEL,
    decide::ClusterStanding,
    live::{Mark, Part},
    perform::failure,
};

/// Waits between two attempts to connect: 1 s, doubling to this. What does not answer costs one small request,
/// and is to be noticed soon when it is back.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(4);

/// The same where the kubeconfig or the credentials are at fault: nothing changes until somebody mends them.
const MENDED_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a restore that one watch has found is found by the others, each in its time: a minute without a
/// bookmark ends the last of them.
const SAME_RESTORE: Duration = Duration::from_secs(60);

/// How old a discovery may be before an unknown kind makes it worth another one.
const DISCOVERY_AGE: Duration = Duration::from_secs(2);

/// Lists under way at once while an inventory is looked for: each holds its objects until all are in.
const LISTS: usize = 16;

/// What a cluster said when it was asked whether it answers.
pub(super) struct Probed {
    /// Times that it did not, before.
    attempts: u32,
    /// When it was asked.
    asked: Instant,
    /// Its version, and which one it is, if that is answered too.
    answer: Result<(String, Option<Identity>), ClusterError>,
}

fn wait_after(attempts: u32, class: RetryClass) -> Duration {
    let longest = if class == RetryClass::Transient { CONNECT_WAIT_MAX } else { MENDED_WAIT_MAX };
    Duration::from_secs(1 << attempts.min(5)).min(longest)
}

impl Worker {
    /// Tries to connect; answers when to try again.
    pub(super) async fn connect(&mut self) -> Result<Instant, Error> {
        let attempts = match &self.standing {
            ClusterStanding::Unreachable(failure) => failure.attempts,
            ClusterStanding::Connecting | ClusterStanding::Connected => 0,
        };
        let asked = Instant::now();
        match self.open().await {
            Ok(version) => {
                self.answered(asked);
                self.standing = ClusterStanding::Connected;
                self.tell(Reachability::Connected { version }, EventType::ClusterConnected).await?;
                Ok(Instant::now())
            }
            Err(error) => {
                self.connection = None;
                self.unreachable(&error, attempts).await?;
                Ok(Instant::now() + wait_after(attempts, error.class()))
            }
        }
    }

    /// Nothing is decided about the cluster until it is connected.
    async fn unreachable(&mut self, error: &ClusterError, attempts: u32) -> Result<(), Error> {
        let failure = Failure { attempts: attempts + 1, ..failure(error, now()) };
        tracing::warn!(cluster = %self.cluster.name, %error, attempts = failure.attempts, "no connection");
        self.standing = ClusterStanding::Unreachable(failure.clone());
        let unreachable = Reachability::Unreachable { since: now(), failure };
        self.tell(unreachable, EventType::ClusterUnreachable).await
    }

    /// Asks whether a connected cluster still answers, unless that is being asked.
    pub(super) fn doubt(&mut self) {
        if self.probe.is_empty() {
            self.ask_again(Duration::ZERO, 0);
        }
    }

    fn ask_again(&self, wait: Duration, attempts: u32) {
        let Some(connection) = &self.connection else {
            return;
        };
        let client = connection.client.clone();
        let at = Instant::now() + wait;
        self.probe.push(
            async move {
                tokio::time::sleep_until(at).await;
                let asked = Instant::now();
                let answer = match client.version().await {
                    Ok(version) => Ok((version.git_version, client.identity().await.ok())),
                    Err(error) => Err(error),
                };
                Probed { attempts, asked, answer }
            }
            .boxed(),
        );
    }

    /// Tells whether a connected cluster answers, and goes on asking one that does not.
    ///
    /// What is decided waits for the watches to return, as long as its patience lasts; only for a cluster with
    /// something to release is the silence itself a reason: who knows since when it lasts can give it up.
    pub(super) async fn judge_probe(&mut self, probed: Probed) -> Result<(), Error> {
        let Probed { attempts, asked, answer } = probed;
        let stranger = match &answer {
            Ok((_, Some(found))) => self.admit(found).err(),
            Ok((_, None)) | Err(_) => None,
        };
        if let Some(error) = stranger {
            self.part();
            return self.unreachable(&error, attempts).await;
        }
        match answer.map(|(version, _)| version) {
            Ok(version) => {
                self.answered(asked);
                self.standing = ClusterStanding::Connected;
                self.tell(Reachability::Connected { version }, EventType::ClusterConnected).await
            }
            Err(error) => {
                let failure = Failure { attempts: attempts + 1, ..failure(&error, now()) };
                tracing::warn!(cluster = %self.cluster.name, %error, attempts = failure.attempts, "no answer");
                if self.is_left() {
                    self.standing = ClusterStanding::Unreachable(failure.clone());
                }
                self.ask_again(wait_after(attempts, error.class()), failure.attempts);
                let unreachable = Reachability::Unreachable { since: now(), failure };
                self.tell(unreachable, EventType::ClusterUnreachable).await
            }
        }
    }

    /// Whether something of this cluster waits to be released.
    pub(super) fn is_left(&self) -> bool {
        self.shared.known(|known| known.is_left(&self.cluster.name))
    }

    async fn open(&mut self) -> Result<String, ClusterError> {
        let options = ConnectOptions {
            key: self.shared.config.key.clone(),
            user_agent: format!(
                "driftless-differ/{} {}",
                env!("CARGO_PKG_VERSION"),
                self.shared.config.instance
            ),
        };
        let client = self.shared.config.dialer.connect(&self.cluster.kubeconfig, options).await?;
        let version = client.version().await?.git_version;
        self.admit(&client.identity().await?)?;
        let discovery = client.discover().await?;
        self.connection =
            Some(Connection { client, discovery: Arc::new(discovery), discovered: Instant::now() });
        let inventory_known = self.shared.known(|known| known.all_synced(&self.cluster.name));
        if !inventory_known {
            self.list_marked().await?;
        }
        Ok(version)
    }

    /// Lists everything that carries our label, of whatever kind: the inventory of a log that has none.
    async fn list_marked(&mut self) -> Result<(), ClusterError> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let client = connection.client.clone();
        let mut preferred = std::collections::BTreeMap::new();
        for resource in
            connection.discovery.resources().filter(|it| it.can(Verb::List) && it.can(Verb::Watch))
        {
            let Gvk { api_version, kind } = &resource.gvk;
            if let cluster::Lookup::Known(chosen) = connection.discovery.preferred(&api_version.group, kind) {
                preferred.entry((api_version.group.clone(), kind.clone())).or_insert_with(|| chosen.clone());
            }
        }
        let mut lists = Vec::new();
        for resource in preferred.into_values() {
            for part in self.parts_of(&resource) {
                lists.push(
                    list_part(client.clone(), resource.clone(), part, self.cluster.reach.clone()).boxed(),
                );
            }
        }
        let answers = stream::iter(lists).buffer_unordered(LISTS).collect::<Vec<_>>().await;
        for (resource, part, answer) in answers {
            let listed = match answer {
                Ok(listed) => listed,
                // What we may not see is not ours to prune.
                Err(
                    ClusterError::Forbidden { .. }
                    | ClusterError::NotFound { .. }
                    | ClusterError::Refused { .. },
                ) => continue,
                Err(error) => return Err(error),
            };
            let ours = listed
                .items
                .iter()
                .any(|live| matches!(crate::perform::mark(live.value.value()), Some((_, Mark::Ours))));
            for live in listed.items {
                self.observe(part.clone(), cluster::Observation::Upsert(live));
            }
            if ours {
                self.start_watch(&resource.gvk);
            }
        }
        Ok(())
    }

    /// Asks again what the cluster serves, unless that was just done.
    pub(super) async fn rediscover(&mut self) {
        if self.connection.as_ref().is_some_and(|it| it.discovered.elapsed() >= DISCOVERY_AGE) {
            self.discover().await;
        }
    }

    /// Asks again what the cluster serves.
    pub(super) async fn discover(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.discovered = Instant::now();
        match connection.client.discover().await {
            Ok(discovery) => connection.discovery = Arc::new(discovery),
            Err(error) => tracing::warn!(cluster = %self.cluster.name, %error, "discovery failed"),
        }
    }

    /// Tells that the cluster was restored, if that is news.
    pub(super) async fn tell_restored(&mut self) -> Result<(), Error> {
        match std::mem::take(&mut self.news) {
            News::None => return Ok(()),
            News::Restored => {}
        }
        let Told::Known(newest) = self.told().await? else { return Ok(()) };
        let Some(before) = newest.as_deref().and_then(state_of) else { return Ok(()) };
        let known = before.restored.is_some_and(|at| now().since(at) < SAME_RESTORE);
        if known {
            return Ok(());
        }
        let state = ClusterState { restored: Some(now()), ..before };
        self.append(newest, EventType::ClusterRestored, &state).await
    }

    async fn tell(&mut self, mut reachability: Reachability, kind: EventType) -> Result<(), Error> {
        let Told::Known(newest) = self.told().await? else { return Ok(()) };
        let before = newest.as_deref().and_then(state_of);
        let restored = before.as_ref().and_then(|before| before.restored);
        let identity = self.identity_after(before.as_ref().map(|before| &before.identity));
        if restored.is_some() {
            self.live.void_versions();
        }
        if let Some(before) = &before {
            let same = before.definition == self.cluster && before.identity == identity;
            if same && same_news(&before.reachability, &reachability) {
                return Ok(());
            }
            go_on(&before.reachability, &mut reachability);
        }
        let state = ClusterState { definition: self.cluster.clone(), reachability, restored, identity };
        self.append(newest, kind, &state).await
    }

    async fn told(&mut self) -> Result<Told, Error> {
        match self.shared.log.newest(&Aggregate::Cluster(self.cluster.name.clone())).await {
            Ok(newest) => Ok(Told::Known(newest.map(Box::new))),
            Err(ReadError::Undecodable(_)) => Ok(Told::Parked),
            Err(error) => Err(error.into()),
        }
    }

    async fn append(
        &mut self,
        newest: Option<Box<Event>>,
        kind: EventType,
        state: &ClusterState,
    ) -> Result<(), Error> {
        let aggregate = Aggregate::Cluster(self.cluster.name.clone());
        let draft = Draft::after(newest.as_deref(), aggregate.clone(), (kind, now()), state)
            .map_err(|error| Error::Content { what: "the state of a cluster", reason: error.to_string() })?;
        match self.shared.log.append(vec![draft]).await.into_iter().next() {
            // Another differ told it: the same news, or it will look again.
            Some(Ok(_) | Err(AppendError::Conflict { .. } | AppendError::Undecodable(_))) | None => Ok(()),
            Some(Err(source)) => Err(Error::Append { aggregate, source: Box::new(source) }),
        }
    }
}

/// Lists what carries our label in a part; where that is refused, in the namespace that is looked into instead.
async fn list_part(
    client: ClusterClient,
    resource: Resource,
    part: Part,
    reach: Reach,
) -> (Resource, Part, Result<Listed, ClusterError>) {
    let answer = client.list(&resource, part.namespace.as_deref(), LABEL).await;
    match (&answer, &reach, resource.scope) {
        (Err(ClusterError::Forbidden { .. }), Reach::WholeElse { namespace }, Scope::Namespaced) => {
            let answer = client.list(&resource, Some(namespace), LABEL).await;
            (resource, Part { namespace: Some(namespace.clone()), ..part }, answer)
        }
        (_, _, _) => (resource, part, answer),
    }
}

/// The newest event of the cluster.
enum Told {
    /// It, if there is one.
    Known(Option<Box<Event>>),
    /// It cannot be read here: whoever cannot read a state must not replace it.
    Parked,
}

/// The state of a cluster, unless it was retired: then whatever is found is news.
fn state_of(event: &Event) -> Option<ClusterState> {
    if event.draft.kind == EventType::ClusterRetired {
        return None;
    }
    events::decode(event.draft.format, &event.draft.payload).ok()
}

fn same_news(before: &Reachability, now: &Reachability) -> bool {
    match (before, now) {
        (Reachability::Connected { version: a }, Reachability::Connected { version: b }) => a == b,
        (Reachability::Unreachable { failure: a, .. }, Reachability::Unreachable { failure: b, .. }) => {
            a.same_as(b)
        }
        (Reachability::Connected { .. }, Reachability::Unreachable { .. })
        | (Reachability::Unreachable { .. }, Reachability::Connected { .. }) => false,
    }
}

/// A cluster that fails otherwise now does not answer since it failed first.
fn go_on(before: &Reachability, now: &mut Reachability) {
    if let (Reachability::Unreachable { since: first, .. }, Reachability::Unreachable { since, .. }) =
        (before, now)
    {
        *since = *first;
    }
}
