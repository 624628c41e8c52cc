//! What can go wrong between driftless and an API server.

use std::{fmt, time::Duration};

use model::{Gvk, ObjectId, RetryClass};

use crate::WATCHES_MAX;

/// A failed act on a cluster.
///
/// `request` says what was tried (`apply ConfigMap shop/web`). `message` holds the API server's own words,
/// cut to 2,000 characters; for kinds that hold secrets it only says that they are withheld, because the
/// server quotes rejected values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// The kubeconfig cannot be used.
    #[error("kubeconfig {file}: {problem}")]
    Kubeconfig {
        /// The file, or where it was looked for.
        file: String,
        /// What is wrong, without any of its contents.
        problem: String,
    },
    /// The credentials that the kubeconfig names cannot be had: no token file, a failed exec plugin.
    #[error("credentials: {problem}")]
    Credentials {
        /// What is wrong, without a word of the plugin's output.
        problem: String,
    },
    /// The two sides do not trust each other's certificates.
    #[error("tls with {address}: {problem}")]
    Tls {
        /// The API server.
        address: String,
        /// What is wrong.
        problem: String,
    },
    /// No connection, or one that broke.
    #[error("{address}: {problem}")]
    Unreachable {
        /// The API server.
        address: String,
        /// What is wrong.
        problem: String,
    },
    /// No answer in time. A write may have happened all the same.
    #[error("{request}: no answer within {after:?}")]
    Timeout {
        /// What was tried.
        request: String,
        /// The bound.
        after: Duration,
    },
    /// The latest permitted start passed while the call waited for room; nothing was sent.
    #[error("{request}: not started in time")]
    Late {
        /// What was to be tried.
        request: String,
    },
    /// The name can be no object's; nothing was sent.
    #[error("{id}: {problem}")]
    BadName {
        /// The object.
        id: Box<ObjectId>,
        /// What is wrong.
        problem: String,
    },
    /// The resource is not the one of this object; nothing was sent.
    #[error("{id} is no {gvk}")]
    WrongResource {
        /// The object.
        id: Box<ObjectId>,
        /// The resource's kind.
        gvk: Box<Gvk>,
    },
    /// 401: the credentials are not accepted.
    #[error("{request}: the credentials are not accepted")]
    Unauthorized {
        /// What was tried.
        request: String,
    },
    /// 403: the credentials do not permit it, or admission does not.
    #[error("{request}: {message}")]
    Forbidden {
        /// What was tried.
        request: String,
        /// The server's words.
        message: String,
    },
    /// 403 because the namespace is going away; it may be made anew afterwards.
    #[error("{request}: the namespace is being deleted")]
    NamespaceTerminating {
        /// What was tried.
        request: String,
    },
    /// 404.
    #[error("{request}: there is no such {missing}")]
    NotFound {
        /// What was tried.
        request: String,
        /// What is not there.
        missing: Missing,
    },
    /// 409: other field managers own fields that the manifest sets otherwise.
    #[error("{request}: {} field(s) belong to others: {}", conflicts.len(), list(conflicts))]
    Conflict {
        /// What was tried.
        request: String,
        /// Who owns what; never empty, at most 100.
        conflicts: Vec<FieldConflict>,
    },
    /// 409, or a failed `test` of a JSON patch: the object is not the one that was expected any more.
    #[error("{request}: the object has changed meanwhile: {message}")]
    Moved {
        /// What was tried.
        request: String,
        /// The server's words.
        message: String,
    },
    /// 409: there is one of that name.
    #[error("{request}: it exists already")]
    AlreadyExists {
        /// What was tried.
        request: String,
    },
    /// 400 or 422: the API server, a schema or a validating webhook does not accept the object.
    #[error("{request}: {message}")]
    Invalid {
        /// What was tried.
        request: String,
        /// Field by field, as far as the server says; at most 100.
        causes: Vec<Cause>,
        /// The server's words.
        message: String,
    },
    /// Another refusal that repeats itself (405, 406, 415, …).
    #[error("{request}: refused with status {status}: {message}")]
    Refused {
        /// What was tried.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// 410: the version or page asked for is no longer kept.
    #[error("{request}: the version asked for is no longer kept")]
    Gone {
        /// What was tried.
        request: String,
    },
    /// 429.
    #[error("{request}: the API server asks for fewer requests")]
    Throttled {
        /// What was tried.
        request: String,
        /// For how long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// More bytes or objects than permitted, on the way there or back.
    #[error("{request}: more than {limit}")]
    TooLarge {
        /// What was tried.
        request: String,
        /// The bound, with its unit.
        limit: String,
    },
    /// 500 to an apply of a manifest that does not fit the schema of its kind: an unknown field, a wrong type,
    /// two items of one key. Source: apimachinery, managedfields/internal/structuredmerge.go.
    #[error("{request}: the manifest does not fit the schema: {}", misfits(fields))]
    Schema {
        /// What was tried.
        request: String,
        /// Each field, and what is wrong with it; at most 100, no values.
        fields: Vec<Misfit>,
    },
    /// More watches at once than one client carries; nothing was sent.
    #[error("{request}: {WATCHES_MAX} watches are under way already")]
    TooManyWatches {
        /// What was to be tried.
        request: String,
    },
    /// 5xx.
    #[error("{request}: server error {status}: {message}")]
    Server {
        /// What was tried.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// Another API server answers than the one that the name stood for; nothing was done.
    #[error(
        "another API server answers: its kube-system namespace has uid {found}, that of the cluster was {recorded}"
    )]
    Changed {
        /// The uid that was recorded.
        recorded: String,
        /// The uid that was found.
        found: String,
    },
    /// The API server has another name already; nothing was done.
    #[error("this API server is that of cluster {other} already")]
    Twin {
        /// The name.
        other: String,
    },
    /// An answer that is none: not JSON, or not the object asked for.
    #[error("{request}: unintelligible answer: {problem}")]
    BadResponse {
        /// What was tried.
        request: String,
        /// What is wrong, without any of its contents.
        problem: String,
    },
}

/// A field that does not fit the schema of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Misfit {
    /// The field, in the notation of server-side apply: `.spec.replicas`.
    pub field: String,
    /// What is wrong with it: `field not declared in schema`.
    pub problem: String,
}

/// What a 404 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Missing {
    /// The object, and the server said so by its name.
    Object,
    /// The namespace.
    Namespace,
    /// The kind: not served, or not any more. Says nothing about the object.
    Resource,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "object",
            Self::Namespace => "namespace",
            Self::Resource => "kind on this cluster",
        })
    }
}

/// A field that someone else owns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldConflict {
    /// The other field manager; `None` if the server did not say it in the known form.
    pub manager: Option<String>,
    /// The field, in the notation of server-side apply: `.spec.replicas`.
    pub field: String,
}

/// Why a field was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The field: `spec.ports[0].port`; empty for the whole object.
    pub field: String,
    /// The kind of complaint.
    pub kind: CauseKind,
    /// The server's words; empty where they are withheld.
    pub message: String,
}

/// The kind of complaint about a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CauseKind {
    /// Set at creation and never again. Only the API's fixed sentence for it counts; other immutable fields
    /// answer as [`Forbidden`](Self::Forbidden), and [`creatable`](crate::ClusterClient::creatable) proves
    /// them.
    Immutable,
    /// Not permitted in this place or at this time.
    Forbidden,
    /// Needed and not there.
    Required,
    /// A list item that is there already by its key: of the manifest itself, or of somebody else.
    Duplicate,
    /// Of another type than its schema says.
    Type,
    /// Anything else.
    Invalid,
}

impl ClusterError {
    /// What trying again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Throttled { .. }
            | Self::Server { .. }
            | Self::NamespaceTerminating { .. }
            | Self::BadResponse { .. } => RetryClass::Transient,
            Self::Kubeconfig { .. }
            | Self::Credentials { .. }
            | Self::Tls { .. }
            | Self::BadName { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::Schema { .. }
            | Self::Refused { .. }
            | Self::Changed { .. }
            | Self::Twin { .. }
            | Self::TooLarge { .. }
            | Self::TooManyWatches { .. } => RetryClass::Permanent,
            Self::Late { .. }
            | Self::NotFound { .. }
            | Self::Moved { .. }
            | Self::AlreadyExists { .. }
            | Self::Gone { .. } => RetryClass::Stale,
            Self::WrongResource { .. } => RetryClass::Bug,
        }
    }

    /// Whether a refused object is of the wrong shape: a field of another type, an item that is there twice. That
    /// is never an immutable field, even where a new object of the manifest would be accepted: the API server
    /// compares list items before it fills in their keys, and makes `null` of a list whose items come and go so.
    pub fn is_about_shape(&self) -> bool {
        let Self::Invalid { causes, .. } = self else { return false };
        causes.iter().any(|cause| matches!(cause.kind, CauseKind::Duplicate | CauseKind::Type))
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Kubeconfig { .. } => "CLUSTER-KUBECONFIG",
            Self::Credentials { .. } | Self::Unauthorized { .. } => "CLUSTER-AUTH",
            Self::Tls { .. } => "CLUSTER-TLS",
            Self::Unreachable { .. } => "CLUSTER-UNREACHABLE",
            Self::Timeout { .. } => "CLUSTER-TIMEOUT",
            Self::Late { .. } => "CLUSTER-LATE",
            Self::BadName { .. } => "CLUSTER-NAME",
            Self::WrongResource { .. } => "CLUSTER-BUG",
            Self::Forbidden { .. } => "CLUSTER-FORBIDDEN",
            Self::NamespaceTerminating { .. } => "CLUSTER-NAMESPACE-TERMINATING",
            Self::NotFound { .. } => "CLUSTER-NOT-FOUND",
            Self::Conflict { .. } => "CLUSTER-CONFLICT",
            Self::Moved { .. } => "CLUSTER-MOVED",
            Self::AlreadyExists { .. } => "CLUSTER-EXISTS",
            Self::Invalid { .. } => "CLUSTER-INVALID",
            Self::Schema { .. } => "CLUSTER-SCHEMA",
            Self::Refused { .. } => "CLUSTER-REFUSED",
            Self::Gone { .. } => "CLUSTER-GONE",
            Self::Throttled { .. } => "CLUSTER-THROTTLED",
            Self::TooLarge { .. } => "CLUSTER-TOO-LARGE",
            Self::TooManyWatches { .. } => "CLUSTER-WATCHES",
            Self::Server { .. } => "CLUSTER-SERVER",
            Self::BadResponse { .. } => "CLUSTER-BAD-RESPONSE",
            Self::Changed { .. } => "CLUSTER-CHANGED",
            Self::Twin { .. } => "CLUSTER-TWIN",
        }
    }

    /// What a person can do; empty if the platform itself goes on.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Kubeconfig { .. } => {
                "check the Cluster's kubeconfig.file and context; `kubectl config view` must accept them"
            }
            Self::Credentials { .. } => {
                "run the kubeconfig's exec plugin by hand, check its token file, or the Secret that holds it"
            }
            Self::Unauthorized { .. } => "renew the token or certificate in the kubeconfig",
            Self::Tls { .. } => {
                "check the server address, certificate-authority and client certificate in the kubeconfig"
            }
            Self::Unreachable { .. } => {
                "check that the API server runs and that its address can be reached from here"
            }
            Self::Timeout { .. } | Self::Throttled { .. } => {
                "if it stays, look at the load of the API server"
            }
            Self::BadName { .. } => "correct the name or namespace in the manifest",
            Self::Forbidden { .. } => {
                "grant the right to the user of the kubeconfig, or see what admission refused"
            }
            Self::NotFound { .. } => "add the namespace or the CustomResourceDefinition to the application",
            Self::Conflict { .. } => {
                "remove the field from the manifest, ignore it, or allow the take-over in the Application"
            }
            Self::Invalid { .. } if self.is_about_shape() => {
                "state every key of the list items in the manifest, defaults too, and each item once"
            }
            Self::Invalid { .. } | Self::Refused { .. } => "correct the manifest",
            Self::Schema { .. } => {
                "correct the field in the manifest, or install the version of its kind that has it"
            }
            Self::TooLarge { .. } => "split the object",
            Self::TooManyWatches { .. } => {
                "watches are kinds times spec.namespaces: name fewer namespaces, or make two Clusters of it"
            }
            Self::Server { .. } => "look at the API server and its webhooks",
            Self::BadResponse { .. } => "check that the address in the kubeconfig is that of an API server",
            Self::Changed { .. } => {
                "correct the kubeconfig; if another API server is meant, give the Cluster another name (a run: --context, --state)"
            }
            Self::Twin { .. } => "remove one of the two Clusters, or correct its kubeconfig",
            Self::NamespaceTerminating { .. }
            | Self::Late { .. }
            | Self::Moved { .. }
            | Self::AlreadyExists { .. }
            | Self::Gone { .. }
            | Self::WrongResource { .. } => "",
        }
    }
}

fn misfits(fields: &[Misfit]) -> String {
    let shown = fields.iter().take(5).map(|misfit| format!("{}: {}", misfit.field, misfit.problem));
    let more = fields.len().saturating_sub(5);
    let shown = shown.collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn list(conflicts: &[FieldConflict]) -> String {
    let shown = conflicts.iter().take(5).map(|conflict| {
        format!("{} ({})", conflict.field, conflict.manager.as_deref().unwrap_or("unknown manager"))
    });
    shown.collect::<Vec<_>>().join(", ")
}
