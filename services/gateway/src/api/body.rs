//! Bodies of requests, read whole within bounds before anything is made of them.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    middleware::Next,
    response::Response,
};
use tokio::time::timeout;

use super::refusal::Refusal;

/// Largest body of a request to the API: what can be asked for takes a hundred bytes.
const ASKED_BYTES_MAX: usize = 64 * 1024;

/// How long a body may take: as long as Git hosts wait for the answer to a webhook (GitHub: 10 s).
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Hands a request on with its body in memory.
pub async fn whole(request: Request, next: Next) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let bytes = read(body, ASKED_BYTES_MAX).await?;
    Ok(next.run(Request::from_parts(parts, Body::from(bytes))).await)
}

/// The whole of a body.
pub async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    let read = timeout(BODY_WITHIN, to_bytes(body, bytes_max)).await;
    // Whoever broke off does not read the answer: what is left is a body above the bound.
    read.map_err(|_| Refusal::slow(BODY_WITHIN))?.map_err(|_| Refusal::large(bytes_max))
}

#[cfg(test)]
mod tests {
    use axum::{http::StatusCode, response::IntoResponse};
    use futures::{StreamExt, stream};

    use super::*;

    async fn refused(body: Body) -> StatusCode {
        read(body, 8).await.unwrap_err().into_response().status()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_ends_in_time_and_within_its_bound() {
        assert_eq!(read(Body::from("12345678"), 8).await.unwrap(), "12345678");
        assert_eq!(refused(Body::from("123456789")).await, StatusCode::PAYLOAD_TOO_LARGE);
        let drop_by_drop = stream::iter(["1"]).chain(stream::pending()).map(Ok::<_, std::io::Error>);
        assert_eq!(refused(Body::from_stream(drop_by_drop)).await, StatusCode::REQUEST_TIMEOUT);
    }
}
