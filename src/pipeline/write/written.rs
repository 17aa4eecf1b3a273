//! What became of what was given to be written.

use super::rejects::refusals::RefusedValues;
use crate::model::frame::Frame;
use crate::model::measurement_digests::MeasurementDigests;
use crate::pipeline::error::Error;

/// What became of some lines.
#[derive(Debug, Default)]
pub struct Written {
    /// Lines acknowledged.
    pub lines: u64,
    /// Values acknowledged.
    pub values: u64,
    /// Values refused.
    pub refusals: RefusedValues,
    /// Digests of what a bucket has acknowledged.
    pub digests: MeasurementDigests,
    /// The values themselves, where they are kept for a comparison.
    pub frames: Vec<Frame>,
}

impl Written {
    /// Adds another part.
    pub fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.values += other.values;
        self.refusals.add(other.refusals);
        self.digests.add(other.digests);
        self.frames.extend(other.frames);
    }

    /// Adds values that were refused just now.
    pub async fn refuse(&mut self, mut refusals: RefusedValues) -> Result<(), Error> {
        refusals.settle().await?;
        self.refusals.add(refusals);
        Ok(())
    }
}
