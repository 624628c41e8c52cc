//! Sends one request and takes in its answer: within a deadline, within a bound of bytes.

use std::{error::Error as StdError, io, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT, WARNING},
};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::time::timeout;

use crate::{
    ClusterError,
    connect::Traffic,
    lanes::Place,
    status::{About, Quoting, Status},
    transport::{Renewed, Transport, Way},
};

/// How long a call for one object may take. Safety rests on it: a create is started only while its claim
/// outlives this (DESIGN, Zombies).
pub const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// How long a page of a list, or discovery, may take.
pub(crate) const LIST_DEADLINE: Duration = Duration::from_secs(60);

/// Largest answer about one object. The API server accepts requests of 3 MiB; field managers add to that.
pub(crate) const OBJECT_BYTES_MAX: usize = 16 << 20;

/// Largest page of a list, or discovery document.
pub(crate) const PAGE_BYTES_MAX: usize = 64 << 20;

/// Largest body that is sent. Source: the API server's default limit for requests.
const REQUEST_BYTES_MAX: usize = 3 << 20;

/// Largest error body that is read.
const ERROR_BYTES_MAX: usize = 1 << 20;

/// Most warnings kept of one answer.
const WARNINGS_MAX: usize = 20;

pub(crate) const JSON: &str = "application/json";

/// One request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) accept: &'static str,
    /// Content type and content.
    pub(crate) body: Option<(&'static str, Bytes)>,
    pub(crate) deadline: Duration,
    /// Largest answer.
    pub(crate) bytes_max: usize,
    pub(crate) about: About,
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The head of an answer, and the place of a watch that has to be held while it goes on.
type Opened = (Response<Body>, Option<Place>);

impl Transport {
    /// Sends and takes in the whole answer; an answer that is no success is an error.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, ClusterError> {
        let (deadline, about, bytes_max) = (call.deadline, call.about.clone(), call.bytes_max);
        let whole = async {
            let (response, _) = self.open_renewed(&call, Traffic::Calls).await?;
            let (head, body) = response.into_parts();
            let body = self.collect(body, bytes_max, &about).await?;
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        let late = |_| ClusterError::Timeout { request: about.request.clone(), after: deadline };
        timeout(deadline, whole).await.map_err(late)?
    }

    /// Opens a watch: returns when the head of the answer has come.
    pub(crate) async fn open_watch(&self, call: Call) -> Result<(Body, Option<Place>), ClusterError> {
        let late = ClusterError::Timeout { request: call.about.request.clone(), after: call.deadline };
        let open = timeout(call.deadline, self.open_renewed(&call, Traffic::Watches)).await;
        let (response, place) = open.map_err(|_| late)??;
        Ok((response.into_body(), place))
    }

    /// Sends, and sends once more if the credentials were refused and there are others.
    async fn open_renewed(&self, call: &Call, traffic: Traffic) -> Result<Opened, ClusterError> {
        let way = self.way();
        let refused = match self.open_on(&way, call, traffic).await {
            // Neither was carried out.
            Err(error @ (ClusterError::Unauthorized { .. } | ClusterError::Credentials { .. })) => error,
            answer => return answer,
        };
        match self.renew(&way).await {
            Renewed::Yes => self.open_on(&self.way(), call, traffic).await,
            Renewed::No => Err(refused),
        }
    }

    async fn open_on(&self, way: &Way, call: &Call, traffic: Traffic) -> Result<Opened, ClusterError> {
        let about = &call.about;
        let place = match traffic {
            Traffic::Calls => None,
            Traffic::Watches => Some(way.watches.take(&about.request)?),
        };
        let client = place.as_ref().map_or(&way.calls, |place| &place.client);
        let response = client.send(self.request(call)?).await.map_err(|error| self.broken(error))?;
        if response.status().is_success() {
            return Ok((response, place));
        }
        let http = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        // An error whose text cannot be read is still that error.
        let body = self.collect(response.into_body(), ERROR_BYTES_MAX, about).await.unwrap_or_default();
        Err(Status::parse(&body).into_error(http, retry_after, about))
    }

    fn request(&self, call: &Call) -> Result<Request<Body>, ClusterError> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&call.path)
            .header(ACCEPT, call.accept)
            .header(USER_AGENT, &self.user_agent);
        let mut content = Bytes::new();
        if let Some((content_type, body)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type);
            content = body.clone();
        }
        if content.len() > REQUEST_BYTES_MAX {
            return Err(ClusterError::TooLarge {
                request: call.about.request.clone(),
                limit: "3 MiB".into(),
            });
        }
        request.body(Body::from(content)).map_err(|_| call.about.bad("the path is no path"))
    }

    async fn collect(&self, mut body: Body, bytes_max: usize, about: &About) -> Result<Bytes, ClusterError> {
        let mut bytes = bytes::BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| self.broken(error))?.into_data() else { continue };
            if bytes.len() + data.len() > bytes_max {
                let limit = format!("{} MiB", bytes_max >> 20);
                return Err(ClusterError::TooLarge { request: about.request.clone(), limit });
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    }

    /// The error for a request that got no answer, by the first known error in the chain of causes.
    pub(crate) fn broken(&self, error: kube::Error) -> ClusterError {
        let address = self.address.clone();
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<rustls::Error>() {
                return ClusterError::Tls { address, problem: found.to_string() };
            }
            if error.is::<kube::client::AuthError>() {
                // Its text holds the output of the exec plugin: a token, perhaps.
                return ClusterError::Credentials { problem: "they cannot be renewed".into() };
            }
            cause = match error.downcast_ref::<io::Error>() {
                // An io::Error hides what it wraps from `source`.
                Some(io) if io.get_ref().is_some() => {
                    io.get_ref().map(|inner| inner as &(dyn StdError + 'static))
                }
                Some(io) => {
                    return ClusterError::Unreachable { address, problem: io.kind().to_string() };
                }
                None => error.source(),
            };
        }
        ClusterError::Unreachable { address, problem: "the connection broke".into() }
    }
}

impl Answer {
    /// The `Warning` headers' texts; none for kinds that hold secrets, since they can quote values.
    /// Source: RFC 7234 §5.5, code 299.
    pub(crate) fn warnings(&self, about: &About) -> Vec<String> {
        if about.quoting == Quoting::Withheld {
            return Vec::new();
        }
        let values = self.headers.get_all(WARNING).into_iter().take(WARNINGS_MAX);
        values.filter_map(|value| warning(value.to_str().ok()?)).collect()
    }
}

/// `299 - "the text"`; the text quotes like JSON.
fn warning(value: &str) -> Option<String> {
    let quoted = &value[value.find('"')?..];
    serde_json::Deserializer::from_str(quoted).into_iter::<String>().next()?.ok()
}

/// Only the form in seconds: the API server uses no other.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_lose_their_frame() {
        assert_eq!(warning(r#"299 - "say \"hi\"""#).as_deref(), Some("say \"hi\""));
        assert_eq!(warning("299 -"), None);
    }
}
