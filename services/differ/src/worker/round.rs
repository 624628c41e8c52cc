//! A round: decides targets, performs what the decisions ask for, and decides again until all of them rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use events::{Content, EventType, content::INLINE_BYTES_MAX, state::RequestOutcome};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use model::{Gvk, ObjectId, TargetId};
use plan::{Action, SyncPlan};

use super::{Held, Worker, now};
use crate::{
    Error,
    answers::{Answers, DryRun, DryRunKey, Found, Question},
    decide::{self, Facts, Next, PreviewDue, Unreadable},
    desired::{Desired, KindScope},
    known::{News, Snapshot},
    live::{KindView, Part},
    perform::{self, AppliedSet, Asker, Attempt, Due, End, LastApplied, Shown},
};

/// Decisions about one target in one round: far more than any path through them needs.
const DECISIONS_MAX: usize = 32;

/// Questions and reads in flight; the cluster's own limit of calls bounds what reaches it.
const CONCURRENT: usize = 32;

/// When a target that was set aside is tried again.
const ASIDE_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// What a round has to perform before its next pass.
#[derive(Default)]
struct Pass {
    load: Vec<(TargetId, Snapshot)>,
    look: Vec<(TargetId, BTreeSet<ObjectId>)>,
    observe: BTreeSet<Gvk>,
    ask: Vec<(TargetId, Vec<Question>)>,
    preview: Vec<(TargetId, PreviewDue, Snapshot)>,
    append: Vec<Due>,
    /// Set aside for now, because too much was told of them.
    paced: Vec<TargetId>,
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Every target was decided.
    AtRest,
    /// One was not: its state cannot be read here, its decision cannot be told, or its decisions come to no end.
    Unsettled,
}

/// A target and its desired state, as read.
type Read = (TargetId, Snapshot, Option<events::state::DesiredState>, Option<Result<perform::Loaded, Error>>);

enum Answer {
    Existence(model::ObjectId, Found),
    DryRun(DryRunKey, DryRun),
    Provenance(model::ObjectId, String, plan::Provenance),
}

impl Worker {
    /// Decides these targets until they rest.
    pub(super) async fn round(&mut self, dirty: BTreeSet<TargetId>) -> Result<Ending, Error> {
        let mut active = self.with_awaiting(dirty);
        let mut ending = match active.iter().any(|target| self.shared.known(|known| known.is_parked(target)))
        {
            true => Ending::Unsettled,
            false => Ending::AtRest,
        };
        for _ in 0..DECISIONS_MAX {
            if active.is_empty() {
                return Ok(ending);
            }
            let pass = self.decide(std::mem::take(&mut active), &mut BTreeMap::new());
            active = pass.targets();
            for target in self.perform(pass).await? {
                self.wakes.set(&target, Some(now().plus(ASIDE_WAIT)));
                active.remove(&target);
                ending = Ending::Unsettled;
            }
        }
        tracing::error!(cluster = %self.cluster.name, targets = ?active, "decisions do not come to rest");
        Ok(Ending::Unsettled)
    }

    fn decide(&mut self, targets: BTreeSet<TargetId>, rested: &mut BTreeMap<TargetId, Snapshot>) -> Pass {
        let mut pass = Pass::default();
        for target in targets {
            let Some(snapshot) = self.shared.known(|known| known.snapshot(&target)) else {
                continue;
            };
            self.answers.entry(target.clone()).or_default();
            let next = decide::decide(&self.facts(&target, &snapshot), now());
            match next {
                Next::Rest { wake } => {
                    self.rest(&target, &snapshot, wake);
                    rested.insert(target, snapshot);
                }
                Next::LookAround(about) => pass.look.push((target, about)),
                Next::Load => pass.load.push((target, snapshot)),
                Next::Observe(kinds) => {
                    let sync_n = snapshot.sync.as_ref().map_or(0, |sync| sync.n);
                    let answers = self.answers.entry(target.clone()).or_default();
                    for gvk in &kinds {
                        answers.look_for((gvk.api_version.group.clone(), gvk.kind.clone()), sync_n);
                    }
                    pass.observe.extend(kinds);
                    pass.ask.push((target, vec![]));
                }
                Next::Ask(questions) => pass.ask.push((target, questions)),
                Next::Preview(due) => pass.preview.push((target, *due, snapshot)),
                Next::Append(kind, state) if self.pace.allows(&target, now()) => {
                    pass.append.push(Due { target, kind, state: *state, snapshot });
                }
                Next::Append(..) => pass.paced.push(target),
            }
        }
        pass
    }

    fn facts<'a>(&'a self, target: &'a TargetId, snapshot: &'a Snapshot) -> Facts<'a> {
        static NONE: std::sync::LazyLock<Answers> = std::sync::LazyLock::new(Answers::default);
        Facts {
            target,
            snapshot,
            desired: self.held.get(target).map(|held| &held.desired),
            unreadable: self.unreadable.get(target),
            around: self.around.get(target),
            live: &self.live,
            answers: self.answers.get(target).unwrap_or(&NONE),
            cluster: &self.standing,
            rebuilt_prune: self.shared.config.rebuilt_prune,
            finds: self.shared.config.finds,
            silence: self.shared.config.silence,
        }
    }

    /// The target needs nothing now: what was held for its decision goes.
    fn rest(&mut self, target: &TargetId, snapshot: &Snapshot, wake: Option<model::Timestamp>) {
        let judged = decide::judged_bodies(&self.facts(target, snapshot));
        for (id, uid, resource_version, fingerprint) in judged {
            self.live.judged(&id, &uid, &resource_version, fingerprint);
        }
        self.held.remove(target);
        self.looked(target);
        self.wakes.set(target, wake);
    }

    /// Performs; answers the targets that are set aside for now, because what is decided cannot be told.
    async fn perform(&mut self, pass: Pass) -> Result<Vec<TargetId>, Error> {
        let mut aside = pass.paced;
        self.load(pass.load).await?;
        for (target, about) in pass.look {
            self.look_around(target, about).await?;
        }
        if !pass.observe.is_empty() {
            self.observe_kinds(&pass.observe).await;
        }
        self.ask(pass.ask).await;
        let mut due = pass.append;
        for (target, preview, snapshot) in pass.preview {
            due.push(self.preview(target, preview, snapshot).await?);
        }
        if due.is_empty() {
            return Ok(aside);
        }
        for end in perform::append(&self.shared.log, due, now()).await? {
            match end {
                End::At(event) => {
                    if let Some(news) = self.shared.intake.read(&event).await? {
                        let (aggregate, sequence) = (event.aggregate(), event.sequence);
                        self.shared.known(|known| known.take_event(aggregate, sequence, news));
                    }
                }
                End::Parked(target) => drop(self.shared.known(|known| known.take(News::Parked(target)))),
                End::TooLarge(target) => aside.push(target),
            }
        }
        Ok(aside)
    }

    async fn observe_kinds(&mut self, kinds: &BTreeSet<Gvk>) {
        let unserved = self.connection.as_ref().is_some_and(|connection| {
            kinds.iter().any(|gvk| !matches!(connection.discovery.found(gvk), cluster::Lookup::Known(_)))
        });
        // Something of a kind that was not served has been written: a discovery of any age is too old.
        let come = kinds.iter().any(|gvk| {
            let kind = (gvk.api_version.group.clone(), gvk.kind.clone());
            self.live.part(&Part::whole(kind)) == Some(&KindView::NotServed)
        });
        if unserved && come {
            self.discover().await;
        } else if unserved {
            self.rediscover().await;
        }
        for gvk in kinds {
            self.start_watch(gvk);
        }
    }

    async fn load(&mut self, loads: Vec<(TargetId, Snapshot)>) -> Result<(), Error> {
        let reads: Vec<_> =
            loads.into_iter().map(|(target, snapshot)| self.read(target, snapshot).boxed()).collect();
        let read = stream::iter(reads).buffered(CONCURRENT).collect::<Vec<_>>().await;
        for (target, snapshot, desired, loaded) in read {
            let (Some(desired), Some(loaded)) = (desired, loaded) else {
                continue;
            };
            match loaded {
                Ok(loaded) => {
                    let mut resolved = self.resolve(&snapshot, desired.digest, &loaded);
                    if !resolved.unknown.is_empty() {
                        self.rediscover().await;
                        resolved = self.resolve(&snapshot, desired.digest, &loaded);
                    }
                    self.unreadable.remove(&target);
                    self.held.insert(target, Arc::new(Held { loaded, desired: resolved }));
                }
                Err(error) => {
                    let failure = perform::unreadable(error, now())?;
                    tracing::error!(%target, reason = failure.message, "the desired state cannot be read");
                    self.unreadable.insert(target, Unreadable { digest: desired.digest, failure });
                }
            }
        }
        Ok(())
    }

    fn resolve(&self, snapshot: &Snapshot, digest: model::Digest, loaded: &perform::Loaded) -> Desired {
        let application = snapshot.assignment.as_ref().map(|wanted| &wanted.application);
        let namespace = application.and_then(|application| application.namespace.as_deref());
        let rules = application.map(|application| application.ignore.as_slice()).unwrap_or_default();
        let scope = |gvk: &Gvk| self.scope(gvk);
        let mut desired = Desired::resolve(digest, &loaded.set, rules, namespace.unwrap_or("default"), scope);
        desired.note_other_keys(&loaded.secrets, &self.shared.config.key);
        desired
    }

    /// Where a kind lives, as far as the cluster serves it.
    pub(super) fn scope(&self, gvk: &Gvk) -> Option<KindScope> {
        match self.connection.as_ref()?.discovery.lookup(gvk) {
            cluster::Lookup::Known(resource) => Some(match resource.scope {
                cluster::Scope::Namespaced => KindScope::Namespaced,
                cluster::Scope::Cluster => KindScope::Cluster,
            }),
            cluster::Lookup::UnknownKind | cluster::Lookup::GroupUnavailable => None,
        }
    }

    async fn ask(&mut self, asks: Vec<(TargetId, Vec<Question>)>) {
        let Some(connection) = &self.connection else {
            return;
        };
        let asker = Arc::new(Asker {
            client: connection.client.clone(),
            discovery: connection.discovery.clone(),
            now: now(),
        });
        let mut questions = Vec::new();
        for (target, open) in asks {
            let applied = self.applied_set(&target);
            let answer = |question| self.answer(asker.clone(), (target.clone(), applied.clone()), question);
            questions.extend(open.into_iter().map(answer));
        }
        let answers = stream::iter(questions).buffer_unordered(CONCURRENT).collect::<Vec<_>>().await;
        for (target, answer) in answers {
            let known = self.answers.entry(target).or_default();
            match answer {
                Some(Answer::Existence(id, found)) => known.found(id, found, now()),
                Some(Answer::DryRun(key, answer)) => known.dry_ran(key, answer, now()),
                Some(Answer::Provenance(id, uid, provenance)) => known.traced(id, uid, provenance),
                None => {}
            }
        }
    }

    /// The future of one answer; it borrows nothing, so that answers come in any order.
    fn answer(
        &self,
        asker: Arc<Asker>,
        (target, applied): (TargetId, Arc<AppliedSet>),
        question: Question,
    ) -> BoxFuture<'static, (TargetId, Option<Answer>)> {
        match question {
            Question::Existence(id) => {
                let seen = self.live.get(&id).map(|seen| seen.api_version.clone());
                let version = self.shared.known(|known| known.applied_version(&target, &id)).or(seen);
                async move {
                    let found = match version {
                        Some(version) => asker.existence(&id, &version).await,
                        None => Found::Absent,
                    };
                    (target, Some(Answer::Existence(id, found)))
                }
                .boxed()
            }
            Question::Provenance(id, uid) => {
                let intake = self.shared.intake.clone();
                async move {
                    let found = perform::provenance(&intake, &target, &id, &uid).await;
                    let answer = match found {
                        Ok(provenance) => provenance,
                        // What cannot be told is nobody's: it is left alone, and asked again at the next sweep.
                        Err(error) => {
                            tracing::warn!(%target, %error, "the history cannot be read");
                            plan::Provenance::Unknown
                        }
                    };
                    (target, Some(Answer::Provenance(id, uid, answer)))
                }
                .boxed()
            }
            Question::DryRun(key) => {
                let held = self.held.get(&target).cloned();
                let row = self.shared.known(|known| known.applied(&target, &key.id));
                let assignment =
                    self.shared.known(|known| known.snapshot(&target)).and_then(|it| it.assignment);
                let application = assignment.as_ref().map(|it| &it.application);
                let first_contact = application.map(|it| it.first_contact).unwrap_or_default();
                let namespace = application.and_then(|it| it.namespace.clone());
                let namespace = namespace.filter(|_| self.live.reach().holds_cluster_resources());
                let last = LastApplied { row, manifests: applied };
                async move {
                    let Some(held) = held else {
                        return (target, None);
                    };
                    let attempt = Attempt {
                        application: &target.application,
                        key: &key,
                        desired: &held.desired,
                        secrets: &held.loaded.secrets,
                        last: &last,
                        first_contact,
                        namespace: namespace.as_deref(),
                    };
                    let answer = asker.dry_run(&attempt).await;
                    (target, Some(Answer::DryRun(key, answer)))
                }
                .boxed()
            }
        }
    }

    fn read(&self, target: TargetId, snapshot: Snapshot) -> impl Future<Output = Read> + Send + use<> {
        let (intake, key) = (self.shared.intake.clone(), self.shared.config.key.clone());
        async move {
            let desired = snapshot.render.as_ref().and_then(|render| render.state.desired.clone());
            let loaded = match &desired {
                Some(desired) => Some(perform::load(&intake, desired, &key).await),
                None => None,
            };
            (target, snapshot, desired, loaded)
        }
    }

    async fn preview(&mut self, target: TargetId, due: PreviewDue, snapshot: Snapshot) -> Result<Due, Error> {
        let plan: &SyncPlan = &due.plan;
        let assignment = snapshot.assignment.as_ref();
        let first_contact = assignment.map(|assigned| assigned.application.first_contact).unwrap_or_default();
        let sensitive = self.sensitive_when_applied(&target, plan).await;
        let (live, key) = (&self.live, &self.shared.config.key);
        let preview = match self.answers.get(&target) {
            Some(answers) => {
                let shown = Shown { answers, live, sensitive: &sensitive, key };
                perform::preview(plan, &due.dry_runs, &shown, first_contact)
            }
            None => plan::Preview::default(),
        };
        let bytes = events::encode(&preview)
            .map_err(|error| Error::Content { what: "a preview", reason: error.to_string() })?;
        let content = if bytes.len() > INLINE_BYTES_MAX / 4 {
            Content::Blob(self.shared.log.put_blob(bytes.into()).await.map_err(Error::Blob)?)
        } else {
            Content::Inline(bytes)
        };
        let state = decide::previewed(
            &self.facts(&target, &snapshot),
            &due.request,
            RequestOutcome::Previewed(content),
            now(),
        );
        Ok(Due { target, kind: EventType::HealthChanged, state, snapshot })
    }
}

impl Worker {
    /// Where what a plan prunes had sensitive values when it was applied last.
    fn sensitive_when_applied<'p>(
        &self,
        target: &TargetId,
        plan: &'p SyncPlan,
    ) -> impl Future<Output = cluster::Sensitive> + Send + use<'p> {
        let pruned = plan.steps.iter().filter(|step| matches!(step.action, Action::Prune { .. }));
        let ids: Vec<&ObjectId> = pruned.map(|step| &step.id).collect();
        let applied = self.applied_set(target);
        async move { applied.sensitive(&ids).await }
    }

    /// What was applied to a target last.
    fn applied_set(&self, target: &TargetId) -> Arc<AppliedSet> {
        let content = self.shared.known(|known| known.applied_manifests(target));
        Arc::new(AppliedSet::new(self.shared.intake.clone(), content))
    }
}

impl Pass {
    fn targets(&self) -> BTreeSet<TargetId> {
        let load = self.load.iter().map(|(target, _)| target);
        let look = self.look.iter().map(|(target, _)| target);
        let ask = self.ask.iter().map(|(target, _)| target);
        let preview = self.preview.iter().map(|(target, ..)| target);
        let append = self.append.iter().map(|due| &due.target);
        load.chain(look).chain(ask).chain(preview).chain(append).cloned().collect()
    }
}
