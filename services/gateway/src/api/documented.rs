//! Every answer that is no success is a document, also where the framework refuses by itself.

use axum::{body::to_bytes, extract::Request, http::header, middleware::Next, response::Response};

use super::refusal::Refusal;

/// Longest text of a refusal that is taken over.
const TEXT_BYTES_MAX: usize = 4096;

/// Makes a document of a refusal that is none: an unknown parameter, a wrong method, a path that is no text.
pub async fn documented(request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    let status = answer.status();
    let json = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if json || !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let text = to_bytes(body, TEXT_BYTES_MAX).await.unwrap_or_default();
    let (document, body) = Refusal::of(status, &String::from_utf8_lossy(&text)).into_parts();
    // Others, such as `Allow`, still hold.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(document);
    Response::from_parts(parts, body)
}
