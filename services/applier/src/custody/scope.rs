//! What is held, and by whom: an application while a run lasts, or a cluster for as long as a platform runs.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bus::{Log, Share};
use cluster::Lease;
use model::{ApplicationName, Partition};

use super::{
    Charge, CustodyError, charge, known,
    statement::{self, Statement, Told},
    title::{Title, title},
};

/// Longest name of a holder that is told.
const HOLDER_CHARS_MAX: usize = 100;
/// Longest account of what a log does not know: an event with its aggregate, which has two names of up to 63.
const UNKNOWN_CHARS_MAX: usize = 300;

/// What is held, and by whom.
pub(super) enum Scope {
    /// An application, by a run. Whoever calls himself `holder` too is a predecessor that is dead.
    Application { application: ApplicationName, holder: String },
    /// A cluster, by a platform.
    Cluster(Post),
}

/// A platform: an install with its log.
#[derive(Clone)]
pub struct Platform {
    /// Ids of its keys, that in force first: a Lease written before a rotation is the same install's.
    pub installs: Vec<String>,
    /// Names this process.
    pub instance: String,
    /// Its log.
    pub log: Arc<dyn Log>,
    /// Which clusters are this process's.
    pub share: Share,
}

impl Platform {
    fn install(&self) -> &str {
        self.installs.first().map_or("", String::as_str)
    }
}

/// A platform on one cluster.
pub(super) struct Post {
    pub(super) platform: Platform,
    pub(super) partition: Partition,
    pub(super) charge: Arc<Charge>,
    /// Whether the Lease surely tells that something is being done: not from the moment on when it is written without.
    pub(super) acting_told: AtomicBool,
}

/// Whose a Lease is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// Nobody's, or ours.
    Ours,
    /// Somebody else's, who is called this; it is ours once it is over.
    Theirs(String),
}

impl Scope {
    /// Who it is held by.
    pub(super) fn holder(&self) -> String {
        match self {
            Self::Application { holder, .. } => holder.clone(),
            Self::Cluster(post) => {
                format!("driftless-platform {} {}", post.platform.instance, post.platform.install())
            }
        }
    }

    /// Whether this process is to hold it now.
    pub(super) fn is_entitled(&self) -> bool {
        match self {
            Self::Application { .. } => true,
            Self::Cluster(post) => post.platform.share.holds(post.partition),
        }
    }

    /// Whether many want it, and other processes of ours may write the Lease too.
    pub(super) fn is_shared(&self) -> bool {
        match self {
            Self::Application { .. } => false,
            Self::Cluster(_) => true,
        }
    }

    /// Whether a Lease of ours tells what others have to know at once.
    pub(super) fn is_told(&self, lease: &Lease) -> bool {
        match self {
            Self::Application { .. } => true,
            Self::Cluster(post) => post.charge.is_told(&Statement::of(lease)),
        }
    }

    /// What its Lease tells besides who holds it.
    pub(super) fn charge(&self) -> Option<Arc<Charge>> {
        match self {
            Self::Application { .. } => None,
            Self::Cluster(post) => Some(post.charge.clone()),
        }
    }

    /// Takes in what the Lease tells now.
    pub(super) fn take_in(&self, lease: &Lease) {
        match self {
            Self::Application { .. } => {}
            Self::Cluster(post) => {
                post.acting_told.store(statement::tells_acting(lease), Ordering::SeqCst);
            }
        }
    }

    /// Whether the Lease surely tells that something is being done, if it has to.
    pub(super) fn is_acting_told(&self) -> bool {
        match self {
            Self::Application { .. } => true,
            Self::Cluster(post) => post.acting_told.load(Ordering::SeqCst),
        }
    }

    /// The annotations of the Lease when it is taken or renewed, having been seen as it is.
    pub(super) fn annotations(&self, seen: Option<&Lease>) -> BTreeMap<String, String> {
        match self {
            Self::Application { .. } => seen.map(|lease| lease.annotations.clone()).unwrap_or_default(),
            Self::Cluster(post) => post.annotations(seen),
        }
    }

    /// Whose a Lease is that stands at `place`.
    ///
    /// # Errors
    /// OtherInstall, OlderLog, OtherCopy: it is not ours to take. Lost: the process is to stop.
    pub(super) async fn whose(&self, lease: &Lease, place: &str) -> Result<Whose, CustodyError> {
        let theirs = match self {
            Self::Application { holder, .. } => lease.holder.as_ref().filter(|found| *found != holder),
            Self::Cluster(post) => match post.look(lease, place).await? {
                Heritage::Own => None,
                Heritage::Inherited => lease.holder.as_ref(),
            },
        };
        Ok(theirs.map_or(Whose::Ours, |holder| Whose::Theirs(short(holder))))
    }

    /// The error for a Lease whose holder is alive.
    pub(super) fn taken(&self, lease: String, holder: String) -> CustodyError {
        match self {
            Self::Application { .. } => CustodyError::Held { lease, holder },
            Self::Cluster(_) => CustodyError::OtherLog { lease, holder },
        }
    }
}

/// How a Lease comes to be ours.
enum Heritage {
    /// It is that of our log.
    Own,
    /// It is another log's, and may be taken once that is over.
    Inherited,
}

impl Post {
    /// A Lease of another install is never ours, alive or not: what it applied is in no log of ours.
    async fn look(&self, lease: &Lease, place: &str) -> Result<Heritage, CustodyError> {
        let platform = &self.platform;
        let told = Statement::of(lease);
        if !told.install.as_ref().is_some_and(|install| platform.installs.contains(install)) {
            let install = told.install.as_deref().or(lease.holder.as_deref()).unwrap_or("unknown");
            return Err(CustodyError::OtherInstall { lease: place.to_owned(), install: short(install) });
        }
        let older = |unknown: &str| {
            let unknown = shortened(unknown, UNKNOWN_CHARS_MAX);
            CustodyError::OlderLog { lease: place.to_owned(), unknown }
        };
        match title(platform.log.incarnation(), platform.log.lineage(), &told) {
            Title::Own => {}
            Title::Heir => return Ok(Heritage::Inherited),
            Title::Outdated(unknown) => return Err(older(&unknown)),
            Title::Superseded => return Err(CustodyError::OtherCopy { lease: place.to_owned() }),
        }
        let known = match &told.acted {
            None => true,
            Some(Told::Event(acted)) => known::is_known(&*platform.log, acted)
                .await
                .map_err(|_| CustodyError::Lost { lease: place.to_owned() })?,
            Some(Told::Unreadable(_)) => false,
        };
        match &told.acted {
            Some(acted) if !known => Err(older(&format!("what was acted on last, {acted},"))),
            Some(_) | None => Ok(Heritage::Own),
        }
    }

    fn annotations(&self, seen: Option<&Lease>) -> BTreeMap<String, String> {
        let log = self.platform.log.incarnation().to_owned();
        let told = seen.map(Statement::of).unwrap_or_default();
        let logs_before = told.logs_before(&log);
        let before = if told.log.as_ref() == Some(&log) { told.acted } else { None };
        let before = before.and_then(|told| told.event().cloned());
        let charge::Now { acted, applications, syncs } = self.charge.look(&self.acting_told);
        let newest = acted.into_iter().chain(before).max_by_key(|acted| acted.sequence);
        let statement = Statement {
            install: Some(self.platform.install().to_owned()),
            log: Some(log),
            restoration: self.platform.log.lineage().newest().map(|id| id.to_string()),
            logs_before,
            acting: syncs > 0,
            acted: newest.map(Told::Event),
            applications,
        };
        let mut all = seen.map(|lease| lease.annotations.clone()).unwrap_or_default();
        Statement::clear(&mut all);
        all.extend(statement.annotations());
        all
    }
}

fn short(name: &str) -> String {
    shortened(name, HOLDER_CHARS_MAX)
}

fn shortened(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
