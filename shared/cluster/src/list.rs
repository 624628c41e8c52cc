//! Listing the objects of a resource, page by page.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ClusterClient, ClusterError, Live, Resource, path,
    send::{CALL_DEADLINE, Call, JSON, LIST_DEADLINE, PAGE_BYTES_MAX},
    status::About,
};

/// Objects per page. Source: what client-go's pager asks for.
const PAGE_OBJECTS: usize = 500;

/// Most objects that [`ClusterClient::list`] collects; whoever expects more follows
/// [`observe`](ClusterClient::observe), which holds one page at a time.
const LIST_OBJECTS_MAX: usize = 100_000;

/// How often a list begins anew because the server has dropped the version its next page belongs to.
const RESTARTS_MAX: u32 = 3;

/// A complete list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The objects, in the server's order.
    pub items: Vec<Live>,
    /// The version at which the list was complete; a watch goes on from here.
    pub resource_version: String,
}

/// What is listed or watched.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) resource: Resource,
    /// One namespace; `None`: all.
    pub(crate) namespace: Option<String>,
    /// A label selector; empty: everything.
    pub(crate) selector: String,
}

/// A list under way.
pub(crate) struct Lister {
    client: ClusterClient,
    selection: Selection,
    state: State,
    page_objects: usize,
    page_deadline: Duration,
    restarts: u32,
}

enum State {
    /// The next page is the first one.
    First,
    /// There is more behind this token.
    More(String),
    /// The last page has been given.
    Done,
}

/// A page.
pub(crate) struct Page {
    /// True for the first page: what earlier pages of this list held is void.
    pub(crate) first: bool,
    /// True for the last one.
    pub(crate) last: bool,
    pub(crate) items: Vec<Live>,
    pub(crate) resource_version: String,
}

#[derive(Deserialize)]
struct RawPage {
    #[serde(default)]
    metadata: PageMetadata,
    // An empty list of some kinds is null.
    items: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PageMetadata {
    resource_version: String,
    r#continue: String,
}

impl ClusterClient {
    /// Lists the objects with the labels of `selector` (empty: all) in one namespace (`None`: all).
    ///
    /// # Errors
    /// Forbidden, TooLarge (more than 100,000 objects, or an object beyond 64 MiB): permanent. Unreachable,
    /// Timeout, Throttled, Server, BadResponse: transient. NotFound (the kind is not served), Gone: stale.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Listed, ClusterError> {
        let mut lister = Lister::new(self.clone(), Selection::new(resource, namespace, selector));
        let mut items = Vec::new();
        loop {
            let page = lister.page().await?;
            if page.first {
                items.clear();
            }
            items.extend(page.items);
            if items.len() > LIST_OBJECTS_MAX {
                let limit = format!("{LIST_OBJECTS_MAX} objects");
                return Err(ClusterError::TooLarge { request: lister.about().request, limit });
            }
            if page.last {
                return Ok(Listed { items, resource_version: page.resource_version });
            }
        }
    }
}

impl Selection {
    pub(crate) fn new(resource: &Resource, namespace: Option<&str>, selector: &str) -> Self {
        let namespace = namespace.map(str::to_owned);
        Self { resource: resource.clone(), namespace, selector: selector.to_owned() }
    }

    /// The path with `query` and the selector.
    pub(crate) fn path(&self, query: &[(&str, &str)]) -> String {
        let mut query = query.to_vec();
        if !self.selector.is_empty() {
            query.push(("labelSelector", &self.selector));
        }
        path::with_query(&path::collection(&self.resource, self.namespace.as_deref()), &query)
    }
}

impl Lister {
    pub(crate) fn new(client: ClusterClient, selection: Selection) -> Self {
        Self {
            client,
            selection,
            state: State::First,
            page_objects: PAGE_OBJECTS,
            page_deadline: LIST_DEADLINE,
            restarts: 0,
        }
    }

    /// The version of the store now, for the price of one object. Source: Kubernetes "Resource versions": a
    /// list without a version is as new as the newest write, whatever it holds.
    pub(crate) async fn newest_version(
        client: &ClusterClient,
        selection: &Selection,
    ) -> Result<String, ClusterError> {
        let mut probe = Self::new(client.clone(), selection.clone());
        (probe.page_objects, probe.page_deadline) = (1, CALL_DEADLINE);
        Ok(probe.page().await?.resource_version)
    }

    /// The next page; after the last one the list begins anew.
    pub(crate) async fn page(&mut self) -> Result<Page, ClusterError> {
        loop {
            match self.ask().await {
                // 410 in the middle: the pages so far belong to a version that is no longer kept.
                Err(ClusterError::Gone { .. })
                    if matches!(self.state, State::More(_)) && self.restarts < RESTARTS_MAX =>
                {
                    self.restarts += 1;
                    self.state = State::First;
                }
                Err(ClusterError::TooLarge { .. }) if self.page_objects > 1 => self.page_objects /= 4,
                other => return other,
            }
        }
    }

    async fn ask(&mut self) -> Result<Page, ClusterError> {
        let limit = self.page_objects.max(1).to_string();
        let (token, first) = match &self.state {
            State::First | State::Done => ("", true),
            State::More(token) => (token.as_str(), false),
        };
        let mut query = vec![("limit", limit.as_str())];
        if !first {
            query.push(("continue", token));
        }
        let about = self.about();
        let call = Call {
            method: Method::GET,
            path: self.selection.path(&query),
            accept: JSON,
            body: None,
            deadline: self.page_deadline,
            bytes_max: PAGE_BYTES_MAX,
            about: about.clone(),
        };
        let answer = self.client.inner.transport.send(call).await?;
        let page: RawPage = serde_json::from_slice(&answer.body).map_err(|_| about.bad("no list"))?;
        drop(answer);
        let redaction = &self.client.redaction;
        let parse = |value| Live::parse(&self.selection.resource, value, redaction, &about);
        let items = page.items.unwrap_or_default().into_iter().map(parse).collect::<Result<_, _>>()?;
        let last = page.metadata.r#continue.is_empty();
        self.state = if last { State::Done } else { State::More(page.metadata.r#continue) };
        Ok(Page { first, last, items, resource_version: page.metadata.resource_version })
    }

    fn about(&self) -> About {
        About::general(format!("list {}", self.selection.resource.gvk))
    }
}
