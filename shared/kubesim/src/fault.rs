//! What goes wrong on purpose.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};

use crate::{
    api,
    refusal::Refusal,
    route::{Parameters, Route},
};

/// A fault: which requests it hits, how often, and what it does to them.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which requests.
    pub matching: Matching,
    /// What happens to them.
    pub effect: Effect,
    /// How many are still to be hit; `None`: all, until the faults are cleared.
    pub times: Option<u32>,
}

/// Which requests a fault hits: all that fit everything that is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or `discovery` for documents.
    pub verb: Option<String>,
    /// The plural name of a resource: `configmaps`.
    pub resource: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: Option<String>,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It is answered with this code, and `Retry-After` if there is one; nothing is carried out.
    Refuse {
        /// 429, 500, 503, …
        code: u16,
        /// In seconds.
        retry_after: Option<u32>,
    },
    /// It is carried out after this time.
    Delay(Duration),
    /// It is never answered, and not carried out.
    Hang,
    /// It is carried out, and never answered: whoever sent it cannot know.
    LoseAnswer,
    /// A watch breaks off after this many events.
    DropWatch(usize),
    /// A watch stays open and tells nothing any more after this many events.
    MuteWatch(usize),
}

/// The faults of one cluster, in the order in which they were set: the first that fits counts.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn set(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is to happen to a request; the fault is used up by one.
    pub(crate) fn strike(&mut self, request: &Request<Bytes>) -> Option<Effect> {
        if self.0.is_empty() {
            return None;
        }
        let verb = verb(request);
        let route = Route::parse(request.uri().path());
        let hit =
            self.0.iter_mut().find(|fault| fault.times != Some(0) && fits(&fault.matching, verb, &route))?;
        hit.times = hit.times.map(|times| times - 1);
        Some(hit.effect.clone())
    }
}

/// The answer to a request that is refused by a fault.
pub(crate) fn refusal(code: u16, retry_after: Option<u32>) -> Response<Bytes> {
    api::refused(&Refusal::injected(code, retry_after))
}

fn fits(matching: &Matching, verb: &str, route: &Route) -> bool {
    let same = |wanted: &Option<String>, found: Option<&String>| wanted.is_none() || wanted.as_ref() == found;
    let verb = matching.verb.as_ref().is_none_or(|wanted| wanted == verb);
    match route {
        Route::Document(_) => {
            verb && matching.resource.is_none() && matching.namespace.is_none() && matching.name.is_none()
        }
        Route::Objects(target) => {
            verb && same(&matching.resource, Some(&target.plural))
                && same(&matching.namespace, target.namespace.as_ref())
                && same(&matching.name, target.name.as_ref())
        }
    }
}

/// The verb of a request, as rights name it.
fn verb(request: &Request<Bytes>) -> &'static str {
    let Route::Objects(target) = Route::parse(request.uri().path()) else { return "discovery" };
    let named = target.name.is_some();
    let watch = Parameters::parse(request.uri().query().unwrap_or_default()).is_set("watch");
    match *request.method() {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ if watch => "watch",
        _ if named => "get",
        _ => "list",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let refused = refusal(429, Some(3));
        let seconds = refused.headers()["retry-after"].to_str().unwrap();
        assert_eq!((refused.status().as_u16(), seconds), (429, "3"));
        assert_eq!(refusal(500, None).headers().get("retry-after"), None);
    }

    #[test]
    fn a_fault_hits_what_fits_as_often_as_it_says() {
        let mut faults = Faults::default();
        let refuse = Effect::Refuse { code: 429, retry_after: Some(1) };
        let matching = Matching {
            verb: Some("patch".into()),
            resource: Some("configmaps".into()),
            ..Matching::default()
        };
        faults.set(Fault { matching, effect: refuse.clone(), times: Some(2) });
        let request = |method: Method, path: &str| {
            Request::builder().method(method).uri(path).body(Bytes::new()).unwrap()
        };
        let patch = request(Method::PATCH, "/api/v1/namespaces/a/configmaps/b");
        assert_eq!(faults.strike(&request(Method::GET, "/api/v1/namespaces/a/configmaps/b")), None);
        assert_eq!(faults.strike(&request(Method::PATCH, "/api/v1/namespaces/a/secrets/b")), None);
        assert_eq!(faults.strike(&patch), Some(refuse.clone()));
        assert_eq!(faults.strike(&patch), Some(refuse));
        assert_eq!(faults.strike(&patch), None);
    }
}
