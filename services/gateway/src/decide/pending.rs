//! Pending requests of one aggregate: what is handled goes, what is new comes, and there are never too many.

use events::state::{CommandState, REQUESTS_MAX, Request, RequestId};

/// Says that too many requests wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{REQUESTS_MAX} requests are pending already")]
pub struct TooMany;

/// The requests with one more; `None`: it is among them, or was handled.
///
/// # Errors
/// If [`REQUESTS_MAX`] are pending.
pub fn added(
    before: &CommandState,
    handled: &[RequestId],
    request: Request,
) -> Result<Option<CommandState>, TooMany> {
    if handled.contains(&request.id) || before.pending.iter().any(|pending| pending.id == request.id) {
        return Ok(None);
    }
    let waits = |pending: &&Request| !handled.contains(&pending.id);
    let mut pending: Vec<Request> = before.pending.iter().filter(waits).cloned().collect();
    if pending.len() >= REQUESTS_MAX {
        return Err(TooMany);
    }
    pending.push(request);
    Ok(Some(CommandState { pending }))
}

#[cfg(test)]
mod tests {
    use events::state::RequestKind;
    use model::Timestamp;

    use super::*;

    fn request(i: usize) -> Request {
        let id = format!("request-{i:03}").parse().unwrap();
        Request { id, kind: RequestKind::Fetch, at: Timestamp::from_millis(i as i64) }
    }

    fn pending(ids: impl IntoIterator<Item = usize>) -> CommandState {
        CommandState { pending: ids.into_iter().map(request).collect() }
    }

    #[test]
    fn what_is_handled_goes_and_what_is_new_comes_last() {
        let handled = [request(1).id];
        assert_eq!(added(&pending([1, 2]), &handled, request(3)), Ok(Some(pending([2, 3]))));
    }

    #[test]
    fn the_same_request_is_asked_once() {
        assert_eq!(added(&pending([1]), &[], request(1)), Ok(None));
        assert_eq!(added(&pending([]), &[request(1).id], request(1)), Ok(None));
    }

    #[test]
    fn only_so_many_wait() {
        let full = pending(0..REQUESTS_MAX);
        assert_eq!(added(&full, &[], request(99)), Err(TooMany));
        assert!(added(&full, &[request(0).id], request(99)).unwrap().is_some());
    }
}
