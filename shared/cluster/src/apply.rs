//! Server-side apply, and reading one object.

use http::{Method, StatusCode};
use manifest::{holds_secrets, sensitive_pointers};
use model::ObjectId;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    ClusterClient, ClusterError, Live, Missing, Resource,
    flight::Slot,
    path,
    send::{Answer, CALL_DEADLINE, Call, JSON, OBJECT_BYTES_MAX},
    status::{About, Quoting},
};

/// Source: Kubernetes "Server-Side Apply"; JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";

/// One server-side apply.
#[derive(Debug, Clone, Copy)]
pub struct Apply<'a> {
    /// The kind, at the version of the body.
    pub resource: &'a Resource,
    /// The object; must be the one that the body states.
    pub id: &'a ObjectId,
    /// The manifest with its secret values.
    pub body: &'a Value,
    /// The field manager: 1 to 128 printable characters.
    pub manager: &'a str,
    /// What happens to fields of others.
    pub force: Force,
    /// Whether it counts.
    pub mode: Mode,
    /// Latest start; while the call waits for room it may pass, and then nothing is sent.
    pub start_by: Option<Instant>,
}

/// What happens to fields that other managers own and that the body sets otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// They are a [`ClusterError::Conflict`].
    No,
    /// They become ours.
    Yes,
}

/// Whether an apply counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Real,
    /// The server computes the result, admission included, and stores nothing.
    DryRun,
}

/// What an apply did.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// Whether there was an object before.
    pub outcome: Outcome,
    /// The object as the server stored it, or would.
    pub object: Live,
    /// The server's warnings, at most 20; none for secrets, since they can quote values.
    pub warnings: Vec<String>,
}

/// Whether there was an object before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// 201: there was none.
    Created,
    /// 200: there was one; changed or not.
    Updated,
}

impl ClusterClient {
    /// Applies; unknown and duplicate fields are refused. Waits for room among the calls in flight, then at
    /// most [`CALL_DEADLINE`](crate::CALL_DEADLINE).
    ///
    /// # Errors
    /// Conflict, Invalid, Forbidden, TooLarge: permanent. Unreachable, Timeout (it may have been done),
    /// Throttled, Server, NamespaceTerminating: transient. NotFound (namespace or kind), Late: stale.
    pub async fn apply(&self, request: &Apply<'_>) -> Result<Applied, ClusterError> {
        let Apply { resource, id, .. } = request;
        let about = self.about("apply", resource, id).with_body(request.body);
        let call = request.call(&about)?;
        let slot = self.room(request.start_by, &about).await?;
        let answer = self.counted(&slot, call).await?;
        let outcome = match answer.status {
            StatusCode::CREATED => Outcome::Created,
            _ => Outcome::Updated,
        };
        let object = self.parse(resource, id, &answer.body, &about)?;
        Ok(Applied { outcome, object, warnings: answer.warnings(&about) })
    }

    /// Whether the server would accept the manifest as a new object of an unused name: tried by dry-run. If
    /// an update was [`ClusterError::Invalid`] and this is true, the change is at fault and not the manifest:
    /// a field is immutable. False proves nothing.
    ///
    /// # Errors
    /// As [`apply`](Self::apply), without Invalid.
    pub async fn creatable(&self, request: &Apply<'_>) -> Result<bool, ClusterError> {
        let unused = format!("driftless-probe-{:x}", self.inner.dice.number());
        let mut body = request.body.clone();
        body["metadata"]["name"] = unused.clone().into();
        let id = ObjectId { name: unused, ..request.id.clone() };
        let probe = Apply { id: &id, body: &body, force: Force::No, mode: Mode::DryRun, ..*request };
        match self.apply(&probe).await {
            Ok(applied) => Ok(applied.outcome == Outcome::Created),
            Err(ClusterError::Invalid { .. } | ClusterError::Schema { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads one object; `None` only if the server says that there is no object of this name.
    ///
    /// # Errors
    /// Forbidden: permanent. Unreachable, Timeout, Server: transient. NotFound (the kind is not served, which
    /// says nothing about the object): stale.
    pub async fn get(&self, resource: &Resource, id: &ObjectId) -> Result<Option<Live>, ClusterError> {
        let about = self.about("get", resource, id);
        let call = Call::get(path::object(resource, id)?, about.clone());
        let slot = self.inner.flight.enter().await;
        match self.counted(&slot, call).await {
            Ok(answer) => self.parse(resource, id, &answer.body, &about).map(Some),
            Err(ClusterError::NotFound { missing: Missing::Object, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits for room for a call, which has to start by then.
    pub(crate) async fn room(&self, start_by: Option<Instant>, about: &About) -> Result<Slot, ClusterError> {
        let slot = self.inner.flight.enter().await;
        if start_by.is_some_and(|latest| Instant::now() > latest) {
            return Err(ClusterError::Late { request: about.request.clone() });
        }
        Ok(slot)
    }

    /// Sends a call that holds a slot, and lets its answer count.
    pub(crate) async fn counted(&self, slot: &Slot, call: Call) -> Result<Answer, ClusterError> {
        let answer = self.inner.transport.send(call).await;
        slot.learn(&answer);
        answer
    }
}

impl Apply<'_> {
    fn call(&self, about: &About) -> Result<Call, ClusterError> {
        // Told to the server too: nothing that was given up may still be written later.
        let timeout = format!("{}s", CALL_DEADLINE.as_secs());
        let mut query = vec![
            ("fieldManager", self.manager),
            ("fieldValidation", "Strict"),
            ("timeout", timeout.as_str()),
        ];
        match self.force {
            Force::Yes => query.push(("force", "true")),
            Force::No => {}
        }
        match self.mode {
            Mode::DryRun => query.push(("dryRun", "All")),
            Mode::Real => {}
        }
        Ok(Call {
            method: Method::PATCH,
            path: path::with_query(&path::object(self.resource, self.id)?, &query),
            accept: JSON,
            body: Some((APPLY, self.body.to_string().into_bytes().into())),
            deadline: CALL_DEADLINE,
            bytes_max: OBJECT_BYTES_MAX,
            about: about.clone(),
        })
    }
}

impl About {
    /// Takes in what the manifest says of its secrets: the server may quote any of it.
    fn with_body(self, body: &Value) -> Self {
        let mut about = self.with_sensitive(sensitive_pointers(body));
        if about.quoting == Quoting::Allowed && holds_secrets(body) {
            about.quoting = Quoting::Withheld;
        }
        about
    }
}
