//! Which event follows a piece of work, if any.

use events::{
    EventType,
    state::{DesiredState, Note, RenderInputs, RenderState},
};
use model::{Commit, Digest, Failure};

use super::{Standing, Stored};

/// What a good render made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Digest of the manifests.
    pub digest: Digest,
    /// Number of objects.
    pub objects: u32,
    /// The manifests.
    pub manifests: events::Content,
    /// Blob with the sealed secret values.
    pub secrets: Option<Digest>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// How a piece of work went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Manifests were made.
    Rendered(Product),
    /// None were; `kept` is the last good desired state.
    Failed {
        /// Why.
        failure: Failure,
        /// What stays in force.
        kept: Option<DesiredState>,
    },
}

/// Decides which event follows; `None` if it would tell nothing new.
pub fn follow(
    stored: Option<&Stored>,
    made_from: RenderInputs,
    outcome: Outcome,
) -> Option<(EventType, RenderState)> {
    let stored = stored.filter(|stored| stored.standing == Standing::InForce);
    match outcome {
        Outcome::Rendered(product) => {
            let desired = desired(stored, &made_from, product);
            let state = RenderState { made_from, desired: Some(desired), failure: None };
            Some((EventType::DesiredStateRendered, state))
        }
        Outcome::Failed { failure, kept } => {
            let told = stored.is_some_and(|stored| {
                let same = stored.failure.as_ref().is_some_and(|known| known.same_as(&failure));
                same && has_same_inputs(&stored.made_from, &made_from)
            });
            let state = RenderState { made_from, desired: kept, failure: Some(failure) };
            (!told).then_some((EventType::RenderFailed, state))
        }
    }
}

/// An equal desired state keeps the revision that it was rendered from first.
fn desired(stored: Option<&Stored>, made_from: &RenderInputs, product: Product) -> DesiredState {
    let Product { digest, objects, manifests, secrets, notes } = product;
    let before = stored.and_then(|stored| stored.desired.as_ref());
    let (commit, observation): (Commit, u64) = match before {
        Some((known, commit, observation)) if *known == digest => (commit.clone(), *observation),
        Some(_) | None => (made_from.commit.clone(), made_from.observation),
    };
    DesiredState { digest, objects, manifests, secrets, commit, observation, notes }
}

fn has_same_inputs(a: &RenderInputs, b: &RenderInputs) -> bool {
    (&a.source, a.closure, &a.engine, &a.key_id) == (&b.source, b.closure, &b.engine, &b.key_id)
}

#[cfg(test)]
mod tests {
    use events::{Content, EventId};
    use model::{RetryClass, Timestamp};

    use super::*;

    fn inputs(observation: u64, closure: &str) -> RenderInputs {
        RenderInputs {
            source: "shop".parse().unwrap(),
            observation,
            commit: observation.to_string().repeat(40).parse().unwrap(),
            closure: Some(Digest::of(closure.as_bytes())),
            engine: "pipeline-1".into(),
            key_id: "k".into(),
        }
    }

    fn product(text: &str) -> Outcome {
        let manifests = Content::Inline(text.into());
        let digest = Digest::of(text.as_bytes());
        Outcome::Rendered(Product { digest, objects: 1, manifests, secrets: None, notes: vec![] })
    }

    fn failed(message: &str, kept: Option<DesiredState>) -> Outcome {
        let (class, at) = (RetryClass::Permanent, Timestamp::from_millis(1));
        let (code, message) = ("MANIFEST-SYNTAX".into(), message.into());
        let failure = Failure { code, message, remedy: String::new(), class, at, attempts: 1 };
        Outcome::Failed { failure, kept }
    }

    fn stored(state: &RenderState) -> Stored {
        let desired = state.desired.as_ref();
        Stored {
            n: 1,
            id: Digest::of(b"id").to_string().parse::<EventId>().unwrap(),
            standing: Standing::InForce,
            made_from: state.made_from.clone(),
            failure: state.failure.clone(),
            desired: desired.map(|desired| (desired.digest, desired.commit.clone(), desired.observation)),
            blobs: vec![],
        }
    }

    #[test]
    fn equal_results_are_told_but_keep_their_first_revision() {
        let (_, first) = follow(None, inputs(1, "a"), product("x")).unwrap();
        let (kind, second) = follow(Some(&stored(&first)), inputs(2, "b"), product("x")).unwrap();
        assert_eq!(kind, EventType::DesiredStateRendered);
        assert_eq!(second.made_from.observation, 2);
        assert_eq!(second.desired, first.desired);
        let (_, third) = follow(Some(&stored(&second)), inputs(3, "c"), product("y")).unwrap();
        assert_eq!(third.desired.unwrap().observation, 3);
    }

    #[test]
    fn a_failure_keeps_the_last_good_state_and_is_told_once() {
        let (_, good) = follow(None, inputs(1, "a"), product("x")).unwrap();
        let kept = good.desired.clone();
        let (kind, bad) =
            follow(Some(&stored(&good)), inputs(2, "b"), failed("line 3", kept.clone())).unwrap();
        assert_eq!((kind, &bad.desired), (EventType::RenderFailed, &kept));
        let before = stored(&bad);
        assert_eq!(follow(Some(&before), inputs(3, "b"), failed("line 3", kept.clone())), None);
        assert!(follow(Some(&before), inputs(3, "b"), failed("line 4", kept.clone())).is_some());
        assert!(follow(Some(&before), inputs(3, "c"), failed("line 3", kept.clone())).is_some());
        let (_, healed) = follow(Some(&before), inputs(4, "d"), product("x")).unwrap();
        assert_eq!((healed.failure, healed.desired), (None, kept));
    }

    #[test]
    fn a_render_that_comes_back_starts_afresh() {
        let (_, first) = follow(None, inputs(1, "a"), product("x")).unwrap();
        let gone = Stored { standing: Standing::Retired, ..stored(&first) };
        let (_, back) = follow(Some(&gone), inputs(7, "a"), product("x")).unwrap();
        assert_eq!(back.desired.unwrap().observation, 7);
    }
}
