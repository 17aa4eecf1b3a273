//! What of a spool is read: by time and measurement, or all of it.

use std::collections::BTreeSet;

use crate::checkpoint::identity::filter_text;
use crate::config::range::{RangeStart, RangeStop};
use crate::job::error::Error;
use crate::model::filter::Filter;
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::pipeline::plan::spool::Lacking;
use crate::spool::stored::{Stored, StoredSelection};

/// A part of a spool.
#[derive(Debug)]
pub(crate) struct SpoolPart {
    /// Times, inside of what is complete.
    pub range: TimeRange,
    /// These; `None` is all.
    pub measurements: Option<BTreeSet<Name>>,
    /// What the spool does not hold of it.
    pub lacking: Lacking,
    /// What makes this part another job than the rest: the filter of the spool, and what was chosen of it.
    pub filter: String,
}

impl SpoolPart {
    /// The part that was asked for, its times counted already. A filter that the spool itself was written with means all of it.
    pub(crate) fn of(
        stored: &Stored,
        place: &str,
        filter: &Filter,
        (start, stop): (RangeStart, RangeStop),
    ) -> Result<Self, Error> {
        let job = stored.job();
        let own = &job.identity.filter;
        let all = filter.is_empty() || filter_text(filter) == *own;
        let by_measurement =
            Filter { measurements: filter.measurements.clone(), ..Filter::default() };
        if !all && *filter != by_measurement {
            return Err(Error::NotLoadable { filter: filter_text(filter), own: own.clone() });
        }
        let names: BTreeSet<Name> =
            filter.measurements.iter().map(|name| Name::from(name.as_bytes())).collect();
        if !all {
            let held = stored.describe().measurements;
            let known = |name: &&Name| held.iter().any(|measurement| measurement.name == **name);
            if let Some(missing) = names.iter().find(|name| !known(name)) {
                let measurement = String::from_utf8_lossy(missing).into_owned();
                return Err(Error::NotSpooled { measurement, place: place.to_owned() });
            }
        }
        let text =
            if all { own.clone() } else { format!("{own}; loaded: {}", filter_text(filter)) };
        let whole = TimeRange::new(job.identity.start, stored.watermark());
        let start = match start {
            RangeStart::At(time) => time.max(whole.start),
            RangeStart::Earliest | RangeStart::Back(_) => whole.start,
        };
        // All that the last run was to stage, whether it did or not.
        let meant = job.stop.max(whole.stop);
        let stop = match stop {
            RangeStop::At(time) => time.min(meant),
            RangeStop::Now { .. } | RangeStop::Back(_) => meant,
        };
        let stop_there = stop.min(whole.stop);
        let range = TimeRange::new(start, stop_there.max(start));
        let staged = (stop > stop_there).then_some((stop_there, stop));
        let lacking = Lacking { staged, values: stored.rejected_in(range) };
        Ok(Self { range, measurements: (!all).then_some(names), lacking, filter: text })
    }

    /// Its files and values.
    pub(crate) fn selection(&self) -> StoredSelection {
        StoredSelection {
            range: self.range,
            measurements: self.measurements.clone(),
            buckets: None,
        }
    }
}
