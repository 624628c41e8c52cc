//! Pending requests of one aggregate: what is handled goes, what is new comes, and there are never too many.

use events::state::{Asker, CommandState, REQUESTS_MAX, Request, RequestId, RequestKind};

/// Most pending requests of people: one place is left for pushes, which need no more.
const PEOPLE_MAX: usize = REQUESTS_MAX - 1;

/// Says why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdded {
    /// Too many wait already.
    #[error("{PEOPLE_MAX} requests are pending already")]
    TooMany,
    /// The id was used for something else.
    #[error("request {0} asked for something else before")]
    OtherKind(RequestId),
}

/// What became of earlier requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Earlier<'a> {
    /// The requests that were carried out.
    pub handled: &'a [RequestId],
    /// What the one of the same id asked for, if it is among them and that is still known.
    pub asked: Option<&'a RequestKind>,
}

/// The requests with one more; `None`: it is among them, or was handled. A push takes the place of an earlier one:
/// nobody waits for that, and whoever fetches for it now does so again.
///
/// # Errors
/// If too many are pending, or the id is that of a request for something else.
pub fn added(
    before: &CommandState,
    earlier: Earlier<'_>,
    request: Request,
) -> Result<Option<CommandState>, NotAdded> {
    let handled = earlier.handled.contains(&request.id);
    let twin = before.pending.iter().find(|pending| pending.id == request.id).map(|twin| &twin.kind);
    match twin.or(earlier.asked.filter(|_| handled)) {
        Some(kind) if *kind != request.kind => return Err(NotAdded::OtherKind(request.id)),
        Some(_) => return Ok(None),
        None if handled => return Ok(None),
        None => {}
    }
    let replaced = |pending: &Request| request.by == Asker::Push && pending.by == Asker::Push;
    let waits = |pending: &&Request| !earlier.handled.contains(&pending.id) && !replaced(pending);
    let mut pending: Vec<Request> = before.pending.iter().filter(waits).cloned().collect();
    let room = match request.by {
        Asker::Push => pending.len() < REQUESTS_MAX,
        Asker::Person => pending.iter().filter(|pending| pending.by == Asker::Person).count() < PEOPLE_MAX,
    };
    if !room {
        return Err(NotAdded::TooMany);
    }
    pending.push(request);
    Ok(Some(CommandState { pending }))
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn request(i: usize) -> Request {
        let id = format!("request-{i:03}").parse().unwrap();
        Request { id, kind: RequestKind::Fetch, at: Timestamp::from_millis(i as i64), by: Asker::Person }
    }

    fn push(i: usize) -> Request {
        Request { by: Asker::Push, ..request(i) }
    }

    fn pending(ids: impl IntoIterator<Item = usize>) -> CommandState {
        CommandState { pending: ids.into_iter().map(request).collect() }
    }

    fn after(handled: &[RequestId]) -> Earlier<'_> {
        Earlier { handled, asked: None }
    }

    #[test]
    fn what_is_handled_goes_and_what_is_new_comes_last() {
        let handled = [request(1).id];
        assert_eq!(added(&pending([1, 2]), after(&handled), request(3)), Ok(Some(pending([2, 3]))));
    }

    #[test]
    fn the_same_request_is_asked_once_and_never_for_something_else() {
        let handled = [request(1).id];
        let asked = |kind| Earlier { handled: &handled, asked: Some(kind) };
        let pause = Request { kind: RequestKind::Pause, ..request(1) };
        assert_eq!(added(&pending([1]), after(&[]), request(1)), Ok(None));
        assert_eq!(added(&pending([]), after(&handled), request(1)), Ok(None));
        assert_eq!(added(&pending([]), asked(&RequestKind::Fetch), request(1)), Ok(None));
        let other = Err(NotAdded::OtherKind(pause.id.clone()));
        assert_eq!(added(&pending([1]), after(&[]), pause.clone()), other);
        assert_eq!(added(&pending([1]), after(&handled), pause.clone()), other);
        assert_eq!(added(&pending([]), asked(&RequestKind::Fetch), pause), other);
    }

    #[test]
    fn only_so_many_wait() {
        let full = pending(0..PEOPLE_MAX);
        assert_eq!(added(&full, after(&[]), request(99)), Err(NotAdded::TooMany));
        assert!(added(&full, after(&[request(0).id]), request(99)).unwrap().is_some());
    }

    #[test]
    fn pushes_take_one_place_and_it_is_theirs() {
        let mut state = pending(0..PEOPLE_MAX);
        for i in 90..99 {
            state = added(&state, after(&[]), push(i)).unwrap().unwrap();
            assert_eq!((state.pending.len(), state.pending.last()), (REQUESTS_MAX, Some(&push(i))));
        }
        let handled = [request(0).id];
        assert!(added(&state, after(&handled), request(99)).unwrap().is_some(), "a push keeps nobody out");
        assert_eq!(added(&pending(0..REQUESTS_MAX), after(&[]), push(99)), Err(NotAdded::TooMany));
    }
}
