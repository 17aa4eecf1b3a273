//! How much a run would move, for a person who is to say yes to it, or who asked what it would do.

use super::measurements::Looked;
use super::tally::Tally;
use crate::model::foretold::Outlook;
use crate::model::spread::Spread;
use crate::pipeline::error::Error;
use crate::pipeline::source::SourceBucket;

/// What was counted, and what a run of it would read.
pub(crate) async fn of(
    context: &SourceBucket,
    tally: &Tally,
    quota_bytes: Option<u64>,
) -> Result<Outlook, Error> {
    let (values, is_whole) = (tally.total(), tally.uncounted.is_empty());
    if values == 0 {
        return Ok(Outlook { values, is_whole, bytes: Spread::default(), time_ms: None });
    }
    let forecast = Looked::at(context, tally).await?.forecast(context, quota_bytes, tally);
    let bytes = forecast.bytes.plus(forecast.count_bytes);
    Ok(Outlook { values, is_whole, bytes, time_ms: forecast.time_ms })
}
