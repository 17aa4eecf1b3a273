//! Series that values were restored from, listed again: what stands on those that were replaced is read again or named.

use super::reader::BucketReader;
use super::restored::{OnSeries, Relist};
use crate::model::number;
use crate::model::series::{Name, Readable};
use crate::model::time::TimeRange;
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::error::Error;
use crate::pipeline::event::Event;
use crate::pipeline::plan::catalogue;

/// Lists series again, and holds them against those that values were restored from.
pub(crate) async fn prove(reader: &BucketReader, when: Relist) -> Result<(), Error> {
    let taken = reader.restored.take(when);
    if taken.is_empty() {
        return Ok(());
    }
    for (measurement, each) in taken {
        let now = catalogue::series_of(&reader.source, &measurement).await?;
        let (mut wrong, mut replaced) = (Vec::new(), 0);
        for one in each {
            let found = now.as_ref().map_or(u64::MAX, |now| one.known.catalogue.replaced(now));
            if found > 0 {
                replaced = replaced.max(found);
                wrong.push(one);
            }
        }
        let why = match now {
            _ if wrong.is_empty() => continue,
            Ok(_) => {
                let series = number::counted(replaced, "series", "series");
                format!("{series} came in place of others with the same key tags")
            }
            Err(refusal) => format!("its series cannot be listed again: {refusal}"),
        };
        reader.choices.forget(&measurement);
        doubt(reader, &measurement, &wrong, &why).await?;
    }
    reader.restored.listed();
    Ok(())
}

/// Has open batches read again, and keeps for good what else may be wrong.
async fn doubt(
    reader: &BucketReader,
    measurement: &Name,
    wrong: &[OnSeries],
    why: &str,
) -> Result<(), Error> {
    let name = Readable(measurement);
    let done = reader.restored.mark(wrong);
    reader.tell(Event::Notice(format!("measurement {name}: {why}")));
    // What a spool holds of an open batch is taken away with it; what was written to a bucket stays.
    let stays: Vec<(TimeRange, u64)> = match reader.checkpoint {
        Checkpoint::Bucket(_) => wrong.iter().map(|one| (one.batch, one.values)).collect(),
        Checkpoint::Spool(_) | Checkpoint::None | Checkpoint::Memory(_) => done,
    };
    let (Some(first), Some(last)) = (
        stays.iter().map(|(batch, _)| batch.start).min(),
        stays.iter().map(|(batch, _)| batch.stop).max(),
    ) else {
        return Ok(());
    };
    let values: u64 = stays.iter().map(|(_, values)| values).sum();
    let doubt = format!(
        "{values} values of measurement {name} in [{first}, {last}): read by their key tags, perhaps wrongly, and values may \
         stand there that the source does not hold ({why})"
    );
    reader.tell(Event::Notice(doubt.clone()));
    reader.checkpoint.note_doubt(&doubt).await
}
