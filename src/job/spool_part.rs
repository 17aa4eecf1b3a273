//! What of a spool is read: by time and measurement, or all of it.

use std::collections::BTreeSet;

use crate::checkpoint::identity::filter_text;
use crate::config::range::{RangeStart, RangeStop};
use crate::job::error::Error;
use crate::job::matched::named;
use crate::model::filter::Filter;
use crate::model::nearest::nearest;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
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
    /// Times as they were asked for, which may lie beside of it.
    pub asked: TimeRange,
    /// True if no time that was asked for is one of the spool's job.
    pub is_beside: bool,
    /// Times of the first and the last value of the whole spool.
    pub holds: Option<(Timestamp, Timestamp)>,
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
                let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
                let (measurement, place) = (text(missing), place.to_owned());
                let there: Vec<_> =
                    held.iter().map(|measurement| text(&measurement.name)).collect();
                let meant = nearest(&measurement, there.iter().map(String::as_str));
                let meant = meant.map_or_else(String::new, |meant| {
                    format!("; did you mean --measurement {meant:?}?")
                });
                let there = named(&there) + &meant;
                return Err(Error::NotSpooled { measurement, place, there });
            }
        }
        let text =
            if all { own.clone() } else { format!("{own}; loaded: {}", filter_text(filter)) };
        let whole = TimeRange::new(job.identity.start, stored.watermark());
        let asked_from = match start {
            RangeStart::At(time) => time,
            RangeStart::Earliest | RangeStart::Back(_) => whole.start,
        };
        let start = asked_from.max(whole.start);
        // All that the last run was to stage, whether it did or not.
        let meant = job.stop.max(whole.stop);
        let asked_to = match stop {
            RangeStop::At(time) => time,
            RangeStop::Now { .. } | RangeStop::Back(_) => meant.max(asked_from),
        };
        let asked = TimeRange::new(asked_from, asked_to.max(asked_from));
        let is_beside = asked_to <= whole.start || asked_from >= meant;
        let stop = asked_to.min(meant);
        let stop_there = stop.min(whole.stop);
        let range = TimeRange::new(start, stop_there.max(start));
        let staged = (stop > stop_there && !is_beside).then_some((stop_there, stop));
        let lacking = Lacking { staged, values: stored.rejected_in(range) };
        let files = stored.files(&StoredSelection::ALL);
        let first = files.iter().map(|file| file.time_min).min();
        let last = files.iter().map(|file| file.time_max).max();
        let holds = first.zip(last);
        let holds =
            holds.map(|(first, last)| (Timestamp::from_ns(first), Timestamp::from_ns(last)));
        let measurements = (!all).then_some(names);
        Ok(Self { range, measurements, lacking, asked, is_beside, holds, filter: text })
    }

    /// The times to be told: those that are read, or those that were asked for where none is.
    pub(crate) fn told(&self) -> TimeRange {
        if self.is_beside { self.asked } else { self.range }
    }

    /// What is said where no value of the spool lies in them.
    pub(crate) fn nothing(&self) -> String {
        match self.holds {
            Some((first, last)) => {
                format!("no value lies in the range; the spool holds values from {first} to {last}")
            }
            None => "the spool holds no value".to_owned(),
        }
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
