//! What the failure of a slice calls for. Pure.

use crate::influx::classify::{self, Action};
use crate::influx::error::FailureKind;
use crate::limits::CUTS_BEFORE_SPLIT;
use crate::model::side::Side;
use crate::pipeline::error::{Error, failure_of_answer};

/// What kind of failure the `tries`th failed try of a slice was, if it was that of the end that is read.
pub(crate) fn source_failure(error: &Error, read: Side, tries: u32) -> Option<FailureKind> {
    match error {
        Error::Influx { source, .. } if source.side == read => Some(source.kind()),
        Error::TooMuchHeld { .. } => Some(FailureKind::TooLarge),
        // What is no answer of InfluxDB was damaged on the way, or came from something in between: that may pass. What looks
        // like the bucket's own content is believed the second time.
        Error::Decode { source, .. } if source.is_final() => {
            (tries < CUTS_BEFORE_SPLIT).then_some(FailureKind::Interrupted)
        }
        Error::Decode { source, .. } => Some(failure_of_answer(source)),
        Error::Misplaced { .. } => Some(FailureKind::Interrupted),
        _ => None,
    }
}

/// True if an answer does not fit what the choice of its transport was based on: a form that needs to know less will do.
pub(crate) fn is_misfit(error: &Error) -> bool {
    match error {
        Error::SeriesChanged { .. } | Error::NotAsFlux { .. } | Error::Misled { .. } => true,
        Error::Decode { source, .. } => source.is_misfit(),
        _ => false,
    }
}

/// What a slice that failed for the `tries`th time in a row calls for. An answer that breaks off twice at the same slice
/// breaks off for its size.
pub(crate) fn action(kind: FailureKind, tries: u32) -> Action {
    match kind {
        FailureKind::Interrupted if tries >= CUTS_BEFORE_SPLIT => Action::Split,
        // Of a smaller slice a proxy may tell the length; where there is none, it is what it is.
        FailureKind::Unframed if tries > CUTS_BEFORE_SPLIT => Action::Stop,
        FailureKind::Unframed if tries == CUTS_BEFORE_SPLIT => Action::Split,
        _ => classify::action(&kind),
    }
}
