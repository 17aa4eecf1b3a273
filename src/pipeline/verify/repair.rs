//! What is missing or changed at the destination, written again as the source holds it. Nothing is deleted.

use tokio::sync::mpsc;

use super::difference::ValueDifference;
use crate::limits::FRAMES_QUEUED_MAX;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::event::EventSink;
use crate::pipeline::write::bucket::DestinationBucket;
use crate::pipeline::write::{Destination, DestinationWriter};
use crate::wire::frames::each::frames_of;

/// Writes values again.
#[derive(Debug)]
pub(crate) struct Repairer {
    out: DestinationWriter,
    /// What came of it so far.
    pub(crate) repaired: Repaired,
}

/// What was written again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repaired {
    /// Values that the destination acknowledged.
    pub values: u64,
    /// Values that it refused.
    pub refused: u64,
    /// Why, of the first of them.
    pub refusal: Option<String>,
}

impl Repairer {
    /// Of a bucket.
    pub(crate) fn new(bucket: DestinationBucket, events: &EventSink) -> Self {
        let out = DestinationWriter::uncounted(Destination::Bucket(bucket), events);
        Self { out, repaired: Repaired::default() }
    }

    /// Writes what of these differences the source holds.
    pub(crate) async fn write(
        &mut self,
        range: TimeRange,
        differing: &[ValueDifference],
    ) -> Result<(), Error> {
        let held = differing.iter().filter_map(|found| {
            Some((&found.series, &found.field, found.time, found.source.as_ref()?))
        });
        let frames = frames_of(held);
        if frames.is_empty() {
            return Ok(());
        }
        let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
        let feed = async move {
            for frame in frames {
                // The writer tells why it takes no more.
                if sender.send(frame).await.is_err() {
                    break;
                }
            }
        };
        let sink = self.out.open(range);
        let ((), written) = tokio::join!(feed, sink.take(receiver, false));
        let written = written?;
        let repaired = &mut self.repaired;
        repaired.values += written.values;
        repaired.refused += written.refusals.values();
        repaired.refusal = repaired.refusal.take().or_else(|| written.refusals.reason());
        Ok(())
    }
}
