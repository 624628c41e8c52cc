//! Bodies of requests, and answers.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{Answer, Call, api_version};
use crate::{object::meta, refusal::Refusal};

/// The body of a request as an object, with its kind checked.
///
/// # Errors
/// 400: it is none, or one of another kind.
pub(crate) fn body(call: &Call<'_>) -> Result<Value, Refusal> {
    let content = call.request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content
        .is_some_and(|content| !content.contains("json") && !content.contains("yaml") && content != "*/*")
    {
        return Err(Refusal::media_type());
    }
    let kind = &call.kind.kind;
    let mut object: Value = serde_json::from_slice(call.request.body()).map_err(|error| {
        Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: \
             {error}"
        ))
    })?;
    let Some(members) = object.as_object_mut() else {
        return Err(Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind})"
        )));
    };
    let version = api_version(&call.kind);
    members.entry("kind").or_insert_with(|| json!(kind));
    members.entry("apiVersion").or_insert_with(|| json!(version));
    if object["kind"] != kind.as_str() || object["apiVersion"] != version.as_str() {
        let given = object["kind"].as_str().unwrap_or_default();
        return Err(Refusal::bad_request(format!(
            "{given} in version {} cannot be handled as a {kind}",
            object["apiVersion"]
        )));
    }
    Ok(object)
}

/// Checks that a body is about the object that the path names.
///
/// # Errors
/// 400: it is about another one.
pub(crate) fn same_place(call: &Call<'_>, object: &Value) -> Result<(), Refusal> {
    let (name, namespace) = (meta(object, "name"), meta(object, "namespace"));
    if let Some(target) = &call.target.name
        && name != target
        && !name.is_empty()
    {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({target})"
        )));
    }
    if !namespace.is_empty() && namespace != call.target.namespace.as_deref().unwrap_or_default() {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Refusal::bad_request(message));
    }
    Ok(())
}

/// An answer with a JSON document.
pub(crate) fn whole(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    Answer::Whole(response(status, body.into()))
}

pub(crate) fn response(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A refusal as an answer.
pub(crate) fn refused(refusal: &Refusal) -> Response<Bytes> {
    let status = refusal.to_json();
    let code = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = response(code, Bytes::from(status.to_string()));
    let wait = &status["details"]["retryAfterSeconds"];
    if let Ok(value) = HeaderValue::from_str(&wait.to_string())
        && wait.is_number()
    {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}
