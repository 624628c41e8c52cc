//! Following the objects of a resource.

use std::{collections::VecDeque, time::Duration};

use futures::{Stream, StreamExt, stream};
use http::Method;
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    ClusterClient, ClusterError, Live, Resource,
    lanes::Place,
    lines::{Line, Lines},
    list::Selection,
    send::{CALL_DEADLINE, Call, JSON, OBJECT_BYTES_MAX},
    status::{About, Status},
};

/// How long a watch may say nothing. The server marks the version at least once a minute.
/// Source: API server, bookmark frequency.
const IDLE_DEADLINE: Duration = Duration::from_secs(90);

/// How long the server is asked to keep one watch, in seconds: from, to. Spread, so that the watches of a
/// cluster do not all end at once.
const WATCH_SECONDS: std::ops::Range<u32> = 240..480;

/// News from a watch.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchEvent {
    /// An object has appeared, or got the labels that are selected by.
    Added(Live),
    /// An object has changed.
    Modified(Live),
    /// An object has gone, or lost its labels; as it last was.
    Deleted(Live),
    /// Everything up to this version has been told.
    Bookmark(String),
    /// The version to go on from is no longer kept: list again. The last event of the stream.
    Gone,
}

/// An open watch.
pub(crate) struct Watch {
    client: ClusterClient,
    resource: Resource,
    about: About,
    body: Body,
    lines: Lines,
    ready: VecDeque<Line>,
    state: State,
    /// Let go of with the watch.
    _place: Option<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
}

#[derive(Deserialize)]
struct RawEvent {
    r#type: String,
    object: Value,
}

impl ClusterClient {
    /// Follows the objects with the labels of `selector` in one namespace (`None`: all), from the version
    /// `from` of a list on. Ends after some minutes, as the server pleases, after [`WatchEvent::Gone`], and
    /// after an error, [`ClusterError::BadResponse`] and [`ClusterError::TooLarge`] apart: those are one
    /// unreadable event.
    pub fn watch(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &str,
        from: &str,
    ) -> impl Stream<Item = Result<WatchEvent, ClusterError>> + Send + use<> {
        let client = self.clone();
        let selection = Selection::new(resource, namespace, selector);
        let from = from.to_owned();
        let open = async move {
            match Watch::open(&client, &selection, &from).await {
                Ok(watch) => stream::unfold(watch, |mut watch| async {
                    let event = watch.next().await?;
                    Some((event, watch))
                })
                .left_stream(),
                Err(ClusterError::Gone { .. }) => stream::iter([Ok(WatchEvent::Gone)]).right_stream(),
                Err(error) => stream::iter([Err(error)]).right_stream(),
            }
        };
        stream::once(open).flatten()
    }
}

impl Watch {
    /// Opens a watch.
    ///
    /// # Errors
    /// Gone: stale, list again. Forbidden: permanent. Others: transient.
    pub(crate) async fn open(
        client: &ClusterClient,
        selection: &Selection,
        from: &str,
    ) -> Result<Self, ClusterError> {
        let about = About::general(format!("watch {}", selection.resource.gvk));
        let seconds = client.inner.dice.among(WATCH_SECONDS).to_string();
        let query = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", from),
            ("timeoutSeconds", &seconds),
        ];
        let call = Call {
            method: Method::GET,
            path: selection.path(&query),
            accept: JSON,
            body: None,
            deadline: CALL_DEADLINE,
            bytes_max: OBJECT_BYTES_MAX,
            about: about.clone(),
        };
        let (body, place) = client.inner.transport.open_watch(call).await?;
        Ok(Self {
            client: client.clone(),
            resource: selection.resource.clone(),
            about,
            body,
            lines: Lines::new(OBJECT_BYTES_MAX),
            ready: VecDeque::new(),
            state: State::Open,
            _place: place,
        })
    }

    /// The next event; `None` when the watch has ended. After [`ClusterError::BadResponse`] and
    /// [`ClusterError::TooLarge`] it goes on.
    pub(crate) async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(self.event(line));
            }
            if self.state == State::Ended {
                return None;
            }
            match timeout(IDLE_DEADLINE, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    let lines = frame.data_ref().map(|data| self.lines.push(data));
                    self.ready.extend(lines.unwrap_or_default());
                }
                Ok(Some(Err(error))) => {
                    self.state = State::Ended;
                    return Some(Err(self.client.inner.transport.broken(error)));
                }
                Ok(None) => self.state = State::Ended,
                Err(_) => {
                    self.state = State::Ended;
                    let request = self.about.request.clone();
                    return Some(Err(ClusterError::Timeout { request, after: IDLE_DEADLINE }));
                }
            }
        }
    }

    fn event(&mut self, line: Line) -> Result<WatchEvent, ClusterError> {
        let line = match line {
            Line::Whole(line) => line,
            Line::TooLong => {
                let limit = format!("{} MiB in one event", OBJECT_BYTES_MAX >> 20);
                return Err(ClusterError::TooLarge { request: self.about.request.clone(), limit });
            }
        };
        let event: RawEvent = serde_json::from_slice(&line).map_err(|_| self.about.bad("no watch event"))?;
        match event.r#type.as_str() {
            "ADDED" => self.live(event.object).map(WatchEvent::Added),
            "MODIFIED" => self.live(event.object).map(WatchEvent::Modified),
            "DELETED" => self.live(event.object).map(WatchEvent::Deleted),
            "BOOKMARK" => match event.object["metadata"]["resourceVersion"].as_str() {
                Some(version) => Ok(WatchEvent::Bookmark(version.to_owned())),
                None => Err(self.about.bad("a bookmark without a version")),
            },
            "ERROR" => self.ended(event.object),
            _ => Err(self.about.bad("an unknown type of event")),
        }
    }

    fn live(&self, object: Value) -> Result<Live, ClusterError> {
        Live::parse(&self.resource, object, &self.client.redaction, &self.about)
    }

    /// The server ends the watch with a Status in place of an object.
    fn ended(&mut self, object: Value) -> Result<WatchEvent, ClusterError> {
        self.state = State::Ended;
        self.ready.clear();
        let status: Status =
            serde_json::from_value(object).map_err(|_| self.about.bad("no error in an error event"))?;
        let http = status.code;
        let error = status.into_error(http, None, &self.about);
        if matches!(error, ClusterError::Gone { .. }) { Ok(WatchEvent::Gone) } else { Err(error) }
    }
}
