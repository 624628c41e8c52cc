//! Who may use the API.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, header},
    middleware::Next,
    response::Response,
};
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::{Token, decide::same, run::Gateway};

/// How long a request waits for the log to be listed: as long as that takes after a start, mostly far less.
const LISTED_WITHIN: Duration = Duration::from_secs(10);

/// Lets a request through that shows the token. Without one, on a loopback address, whoever is on the machine may ask,
/// but no page that a browser there has open: it would do so by a name of its own, or say where it is from.
pub async fn admit(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    match &gateway.config.token {
        Some(token) => shows(request.headers(), token)?,
        None => is_from_here(request.headers())?,
    }
    timeout(LISTED_WITHIN, gateway.listed()).await.map_err(|_| Refusal::starting())?;
    Ok(next.run(request).await)
}

fn shows(headers: &HeaderMap, token: &Token) -> Result<(), Refusal> {
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = text.and_then(|text| text.strip_prefix("Bearer "));
    match shown {
        Some(shown) if same(shown.trim().as_bytes(), token.bytes()) => Ok(()),
        Some(_) => Err(Refusal::unauthorized("the token is another one")),
        None => Err(Refusal::unauthorized("no token was shown")),
    }
}

/// Source: DNS rebinding and cross-site requests, OWASP.
fn is_from_here(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if !text(header::HOST).is_some_and(is_loopback) {
        return Err(Refusal::foreign("without a token the API answers only to its loopback address"));
    }
    // A page asks in no name of its own for images and the like; browsers tell where they are from.
    if text(HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| !["same-origin", "none"].contains(&site))
    {
        return Err(Refusal::foreign("a page of another site may not use the API"));
    }
    let of_page = |origin: &str| origin.split_once("://").is_some_and(|(_, host)| is_loopback(host));
    match text(header::ORIGIN) {
        Some(origin) if !of_page(origin) => {
            Err(Refusal::foreign("a page of another site may not use the API"))
        }
        Some(_) | None => Ok(()),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_others_are_kept_out() {
        for (host, origin, admitted) in [
            (Some("127.0.0.1:8620"), None, true),
            (Some("localhost:8620"), Some("http://localhost:8620"), true),
            (Some("[::1]:8620"), None, true),
            (Some("127.0.0.1:8620"), Some("https://evil.example"), false),
            (Some("127.0.0.1:8620"), Some("null"), false),
            (Some("rebound.example:8620"), None, false),
            (Some("127.0.0.1.evil.example"), None, false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
                value.map(|value| headers.insert(name, value.parse().unwrap()));
            }
            assert_eq!(is_from_here(&headers).is_ok(), admitted, "{host:?} {origin:?}");
            headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
            assert!(is_from_here(&headers).is_err(), "an image in a page of another site");
        }
    }
}
