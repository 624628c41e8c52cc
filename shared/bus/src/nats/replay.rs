//! Telling everything that is kept, for a backup.

use std::sync::Arc;

use futures::{StreamExt, stream};

use super::{
    envelope::{self, Stored},
    hub::Hub,
    streams,
    tail::{AfterLoss, Content, Course, Start, Step, Tail},
};
use crate::{ReadError, log::Replay};

/// From the log itself: its mirror lacks what every consumer has acknowledged.
pub(super) fn replay(hub: Arc<Hub>) -> Replay {
    let course = Course {
        stream: streams::LOG,
        filters: Vec::new(),
        start: Start::After(0),
        content: Content::Whole,
        after_loss: AfterLoss::GoOn,
    };
    let told = stream::try_unfold(Tail::new(hub, course), async |mut tail| {
        loop {
            match tail.next().await.map_err(ReadError::Unavailable)? {
                Step::Message(message) => {
                    let Ok(info) = message.info() else { continue };
                    let item = envelope::decode_entry(&Stored {
                        subject: &message.subject,
                        sequence: info.stream_sequence,
                        headers: message.headers.as_ref(),
                        payload: &message.payload,
                    });
                    return Ok(Some((item, tail)));
                }
                Step::CaughtUp => return Ok(None),
                Step::Restarted(seen, found) => return Err(ReadError::Restarted { seen, found }),
            }
        }
    });
    told.boxed()
}
