//! Loads what a plan needs besides itself.

use std::collections::{BTreeMap, BTreeSet};

use bus::HISTORY_MAX;
use events::{
    Content, Table,
    state::{AppliedObject, DesiredState, PlannedSync, RenderState, SyncState, TargetState, decode},
};
use manifest::{DesiredSecrets, DesiredSet};
use model::{Aggregate, Digest, ObjectId, TargetId};
use plan::{Action, SyncPlan};

use super::{Halt, Performer, read::Unread};
use crate::decide::{
    error::Fault,
    intent::Tried,
    materials::{Materials, digest_of},
    returning::{LetGo, let_go},
};

/// What secret values are sealed for; the renderer seals them under the same word.
const PURPOSE: &str = "secrets";

/// Renders of the past that are searched for a manifest that was applied in part.
const HISTORY: usize = 32;

impl Performer {
    pub(super) async fn load_plan(&self, content: &Content) -> Result<SyncPlan, Unread> {
        let bytes = self.content(content, "plan").await?;
        SyncPlan::decode(&bytes).map_err(|error| unreadable("plan", error))
    }

    /// All rows of an inventory.
    pub(super) async fn load_rows(&self, table: &Table<AppliedObject>) -> Result<Vec<AppliedObject>, Unread> {
        let pages = match table {
            Table::Inline(rows) => return Ok(rows.clone()),
            Table::Paged { pages, .. } => pages,
        };
        let mut rows = Vec::new();
        for page in pages {
            let bytes = self.blob(page, "inventory").await?;
            rows.extend(Table::read_page(&bytes).map_err(|error| unreadable("inventory", error))?);
        }
        Ok(rows)
    }

    /// Manifests, secret values, and what was applied last.
    pub(super) async fn load_materials(
        &self,
        plan: &SyncPlan,
        desired: &DesiredState,
        before: (&Aggregate, Option<&SyncState>, &BTreeMap<ObjectId, AppliedObject>),
    ) -> Result<Materials, Unread> {
        let (render, sync, rows) = before;
        let bytes = self.content(&desired.manifests, "manifests").await?;
        let set = DesiredSet::decode(&bytes).map_err(|error| unreadable("manifests", error))?;
        let secrets = match &desired.secrets {
            None => DesiredSecrets::default(),
            Some(address) => self.load_secrets(address).await?,
        };
        let touches = plan.steps.iter().any(|step| step.action.applies() && rows.contains_key(&step.id));
        let full = match sync.filter(|_| touches) {
            None => None,
            Some(sync) if sync.applied == Some(plan.desired) => Some(set.clone()),
            Some(sync) => self.load_full(sync).await?,
        };
        let mut materials = Materials { desired: set, secrets, full, ..Materials::none() };
        let missing = materials.missing(plan, rows);
        materials.between = self.search(render, missing).await?;
        Ok(materials)
    }

    /// What the target let go of when it left the definitions, as far as its history goes: only what is created may
    /// meet it. A plan that is gone tells nothing.
    pub(super) async fn load_let_go(
        &self,
        target: &TargetId,
        plan: &SyncPlan,
    ) -> Result<BTreeMap<ObjectId, LetGo>, Halt> {
        if !plan.steps.iter().any(|step| step.action == Action::Create) {
            return Ok(BTreeMap::new());
        }
        let (mut plans, mut read) = (Vec::new(), BTreeSet::new());
        for event in self.history(&Aggregate::Target(target.clone()), HISTORY_MAX).await? {
            let Ok(state) = decode::<TargetState>(event.draft.format, &event.draft.payload) else { continue };
            let release = |planned: &PlannedSync| planned.made_from.desired == plan::release::nothing();
            let Some(planned) = state.plan.filter(release).filter(|planned| read.insert(planned.digest))
            else {
                continue;
            };
            match self.load_plan(&planned.plan).await {
                Ok(plan) => plans.push(plan),
                Err(Unread::Fault(fault)) => tracing::warn!(%target, %fault, "a release cannot be read"),
                Err(Unread::Halt(halt)) => return Err(halt),
            }
        }
        Ok(let_go(&plans))
    }

    async fn load_secrets(&self, address: &Digest) -> Result<DesiredSecrets, Unread> {
        let sealed = self.blob(address, "secret values").await?;
        let opened = manifest::open(&self.config.key, PURPOSE, &sealed)
            .map_err(|error| unreadable("secret values", error))?;
        DesiredSecrets::decode(&opened).map_err(|error| unreadable("secret values", error))
    }

    /// The manifests applied in full last. Without them less is forced and less is removed, so a blob that is
    /// gone is no reason to stop.
    async fn load_full(&self, sync: &SyncState) -> Result<Option<DesiredSet>, Halt> {
        let Some(content) = &sync.manifests else { return Ok(None) };
        match self.content(content, "manifests").await {
            Ok(bytes) => Ok(DesiredSet::decode(&bytes).ok()),
            Err(Unread::Fault(fault)) => {
                tracing::warn!(%fault, "what was applied last is not known");
                Ok(None)
            }
            Err(Unread::Halt(halt)) => Err(halt),
        }
    }

    /// Finds manifests of desired states that were applied in part, newest first.
    async fn search(
        &self,
        render: &Aggregate,
        mut missing: Vec<(ObjectId, Tried)>,
    ) -> Result<BTreeMap<Digest, serde_json::Value>, Halt> {
        let mut found = BTreeMap::new();
        if missing.is_empty() {
            return Ok(found);
        }
        for event in self.history(render, HISTORY).await? {
            let Ok(state) = decode::<RenderState>(event.draft.format, &event.draft.payload) else { continue };
            let Some(desired) = state.desired else { continue };
            let set = match self.content(&desired.manifests, "manifests").await {
                Ok(bytes) => DesiredSet::decode(&bytes).ok(),
                Err(Unread::Fault(_)) => None,
                Err(Unread::Halt(halt)) => return Err(halt),
            };
            let Some(set) = set else { continue };
            missing.retain(|(id, Tried { manifest, ignored })| {
                let object = set.resolved(id).filter(|object| digest_of(object, ignored) == *manifest);
                object.map(|object| found.insert(*manifest, object.value.value().clone())).is_none()
            });
            if missing.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}

fn unreadable(what: &'static str, problem: impl ToString) -> Unread {
    Unread::Fault(Fault::BlobUnreadable { what, problem: problem.to_string() })
}
