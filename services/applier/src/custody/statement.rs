//! What a platform's Lease tells besides who holds it, in annotations.

use std::collections::{BTreeMap, BTreeSet};

use cluster::Lease;
use events::{Event, EventId, EventType};
use model::{Aggregate, ApplicationName};

/// Id of the install key.
const INSTALL: &str = "driftless.dev/install";
/// Incarnation of the log.
const LOG: &str = "driftless.dev/log";
/// The newest restoration that led to the log; absent: it was never restored.
const RESTORATION: &str = "driftless.dev/restoration";
/// Incarnations of the logs that had the cluster before, separated by commas.
const LOGS_BEFORE: &str = "driftless.dev/logs-before";
/// There if something is being done that the newest event does not tell yet.
const ACTING: &str = "driftless.dev/acting";
/// The newest event that was acted on: aggregate, version, id, sequence.
const ACTED: &str = "driftless.dev/acted-on";
/// Names of the applications, separated by commas; `*`: too many to name.
const APPLICATIONS: &str = "driftless.dev/applications";

/// Longest list of applications, in bytes: it is written with every renewal.
const APPLICATIONS_BYTES_MAX: usize = 32 * 1024;
const ALL: &str = "*";
/// Logs before that are told: a cluster that outlives more lost logs has other troubles.
const LOGS_BEFORE_MAX: usize = 64;
/// Follows the event if it was the last of its aggregate, which is forgotten some day.
const RETIRED: &str = "retired";

/// What a platform's Lease tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// Id of the install key.
    pub(super) install: Option<String>,
    /// Incarnation of the log.
    pub(super) log: Option<String>,
    /// The newest restoration that led to it.
    pub(super) restoration: Option<String>,
    /// Incarnations of the logs that had the cluster before, the newest last.
    pub(super) logs_before: Vec<String>,
    /// The newest event that was acted on.
    pub(super) acted: Option<Told>,
    /// Whether something is being done that this event does not tell yet.
    pub(super) acting: bool,
    /// Which applications the platform holds on the cluster.
    pub(super) applications: Applications,
}

/// An event as a Lease tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// This one.
    Event(Acted),
    /// None that is understood.
    Unreadable(String),
}

/// An event that was acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    pub(super) aggregate: Aggregate,
    pub(super) n: u64,
    pub(super) id: EventId,
    pub(super) sequence: u64,
    /// Whether it is the last of its aggregate.
    pub(super) retired: bool,
}

/// Applications that a platform holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applications {
    /// These.
    Named(BTreeSet<ApplicationName>),
    /// Too many to name: every one may be among them.
    Any,
}

impl Default for Applications {
    fn default() -> Self {
        Self::Named(BTreeSet::new())
    }
}

impl Statement {
    /// What that Lease tells.
    pub(super) fn of(lease: &Lease) -> Self {
        Self::read(&lease.annotations)
    }

    fn read(annotations: &BTreeMap<String, String>) -> Self {
        let text = |key: &str| annotations.get(key).cloned();
        Self {
            install: text(INSTALL),
            log: text(LOG),
            restoration: text(RESTORATION),
            logs_before: text(LOGS_BEFORE).map(|text| names(&text)).unwrap_or_default(),
            acting: annotations.contains_key(ACTING),
            acted: text(ACTED).map(|text| Acted::parse(&text).map_or(Told::Unreadable(text), Told::Event)),
            applications: text(APPLICATIONS).map(|text| Applications::parse(&text)).unwrap_or_default(),
        }
    }

    /// The logs that had the cluster before, once it is that log's.
    pub(super) fn logs_before(&self, log: &str) -> Vec<String> {
        let mut before = self.logs_before.clone();
        before.extend(self.log.clone());
        before.retain(|before| before != log);
        before.dedup();
        before.drain(..before.len().saturating_sub(LOGS_BEFORE_MAX));
        before
    }

    /// Takes what any platform tells out of these annotations.
    pub(super) fn clear(annotations: &mut BTreeMap<String, String>) {
        let told = [INSTALL, LOG, RESTORATION, LOGS_BEFORE, ACTED, ACTING, APPLICATIONS];
        annotations.retain(|key, _| !told.contains(&key.as_str()));
    }

    /// As annotations.
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let acted = self.acted.as_ref().map(ToString::to_string);
        [
            (INSTALL, self.install.clone()),
            (LOG, self.log.clone()),
            (RESTORATION, self.restoration.clone()),
            (LOGS_BEFORE, Some(self.logs_before.join(",")).filter(|names| !names.is_empty())),
            (ACTED, acted),
            (ACTING, self.acting.then(|| "true".to_owned())),
            (APPLICATIONS, Some(self.applications.to_string())),
        ]
        .into_iter()
        .filter_map(|(key, text)| Some((key.to_owned(), text?)))
        .collect()
    }
}

/// Whether a Lease tells that something is being done.
pub(super) fn tells_acting(lease: &Lease) -> bool {
    lease.annotations.contains_key(ACTING)
}

fn names(text: &str) -> Vec<String> {
    text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

impl Told {
    /// The event, if it is understood.
    pub(super) fn event(&self) -> Option<&Acted> {
        match self {
            Self::Event(acted) => Some(acted),
            Self::Unreadable(_) => None,
        }
    }
}

impl Acted {
    /// That event.
    pub(crate) fn of(event: &Event) -> Self {
        Self {
            aggregate: event.aggregate().clone(),
            n: event.n(),
            id: event.id,
            sequence: event.sequence,
            retired: event.draft.kind == EventType::SyncRetired,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let (event, retired) = match words.as_slice() {
            [event @ .., RETIRED] => (event, true),
            event => (event, false),
        };
        let [path, n, id, sequence] = event else { return None };
        let path: Vec<&str> = path.split('/').collect();
        Some(Self {
            aggregate: Aggregate::from_words(&path).ok()?,
            n: n.parse().ok()?,
            id: id.parse().ok()?,
            sequence: sequence.parse().ok()?,
            retired,
        })
    }
}

impl std::fmt::Display for Acted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { aggregate, n, id, sequence, retired } = self;
        write!(f, "{aggregate} {n} {id} {sequence}")?;
        if *retired { write!(f, " {RETIRED}") } else { Ok(()) }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(acted) => acted.fmt(f),
            Self::Unreadable(text) => f.write_str(text),
        }
    }
}

impl Applications {
    /// Those, or any if they are too many to name.
    pub(crate) fn of(names: BTreeSet<ApplicationName>) -> Self {
        let bytes: usize = names.iter().map(|name| name.as_str().len() + 1).sum();
        if bytes > APPLICATIONS_BYTES_MAX { Self::Any } else { Self::Named(names) }
    }

    /// Whether that one may be among them.
    pub(super) fn hold(&self, name: &ApplicationName) -> bool {
        match self {
            Self::Named(names) => names.contains(name),
            Self::Any => true,
        }
    }

    fn parse(text: &str) -> Self {
        if text == ALL {
            return Self::Any;
        }
        Self::Named(text.split(',').filter_map(|name| name.parse().ok()).collect())
    }
}

impl std::fmt::Display for Applications {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(names) => {
                let names: Vec<&str> = names.iter().map(ApplicationName::as_str).collect();
                f.write_str(&names.join(","))
            }
            Self::Any => f.write_str(ALL),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Digest;

    use super::*;

    fn names(names: &[&str]) -> BTreeSet<ApplicationName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn acted() -> Acted {
        Acted {
            aggregate: Aggregate::from_words(&["sync", "eu-1", "shop"]).unwrap(),
            n: 12,
            id: Digest::of(b"event").to_string().parse().unwrap(),
            sequence: 345,
            retired: false,
        }
    }

    #[test]
    fn an_event_is_read_as_it_was_told() {
        for acted in [acted(), Acted { retired: true, ..acted() }] {
            assert_eq!(Acted::parse(&acted.to_string()), Some(acted));
        }
        for text in ["", "sync/eu-1/shop 12", "sync/eu-1 12 aa 4", "sync/eu-1/shop 12 aa 345"] {
            assert_eq!(Acted::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_told_is_read_again_and_logs_before_are_few() {
        let told = Statement {
            install: Some("key".to_owned()),
            log: Some("log".to_owned()),
            restoration: Some("restoration".to_owned()),
            logs_before: vec!["first".to_owned(), "second".to_owned()],
            acted: Some(Told::Event(acted())),
            acting: true,
            applications: Applications::of(names(&["shop"])),
        };
        for told in [told.clone(), Statement::default()] {
            assert_eq!(Statement::read(&told.annotations()), told);
        }
        assert_eq!(told.logs_before("log"), ["first", "second"]);
        assert_eq!(told.logs_before("new"), ["first", "second", "log"]);
        let many = (0..100).map(|i| i.to_string()).collect();
        let before = Statement { logs_before: many, ..told }.logs_before("new");
        assert_eq!((before.len(), before.last().map(String::as_str)), (64, Some("log")));
    }

    #[test]
    fn applications_are_named_as_long_as_they_are_few() {
        for few in [Applications::of(names(&[])), Applications::of(names(&["shop", "web"]))] {
            assert_eq!(Applications::parse(&few.to_string()), few);
            assert_eq!(few.hold(&"shop".parse().unwrap()), few.to_string().contains("shop"));
        }
        let many: Vec<String> = (0..10_000).map(|i| format!("application-{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let many = Applications::of(names(&many));
        assert_eq!((many.to_string().as_str(), many.hold(&"other".parse().unwrap())), ("*", true));
        assert_eq!(Applications::parse("*"), many);
    }
}
