//! Flux annotated CSV: what real servers answered, cut and damaged in every way, and random answers against slow
//! obvious readers.

mod errors_in_answers;
mod golden_answers;
mod keyed_answers;
mod pivoted_answers;
mod random_answers;
mod small_answers;
mod writer;

use sluice::testing::model::frame::Frame;

use crate::support::golden::{Point, flatten};

/// The values of a plain answer, for tests of other formats.
pub(crate) fn decode_plain(bytes: &[u8]) -> Vec<Point> {
    flatten(&decode_plain_frames(bytes))
}

/// The frames of a plain answer.
pub(crate) fn decode_plain_frames(bytes: &[u8]) -> Vec<Frame> {
    golden_answers::decode(bytes).expect("an answer that is exact").0
}
