//! A spool in the place of the source: whether it is of the job, and what of the job it holds. Nothing of the source is asked.

use std::sync::Arc;

use super::moved::MovedJob;
use crate::checkpoint::identity::filter_text;
use crate::config::ends::TokenSetting;
use crate::config::job::JobConfig;
use crate::config::range::{RangeStart, RangeStop};
use crate::influx::id::is_id;
use crate::job::error::Error;
use crate::job::load_config::local_now;
use crate::job::opened_spool::{OpenedSpool, batch_interval};
use crate::job::place::hold_batches;
use crate::job::spool_part::SpoolPart;
use crate::model::batch::BatchPlan;
use crate::model::filter::Filter;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::event::EventSink;
use crate::pipeline::plan::spool::SpoolJob;
use crate::pipeline::verify::evidence::Evidence;
use crate::pipeline::verify::spool::ComparedSpool;
use crate::spool::place::Surroundings;

/// The spool that a destination is held against.
#[derive(Debug)]
pub(super) struct SourceSpool {
    opened: OpenedSpool,
    part: SpoolPart,
    /// The filter of the settings.
    asked: String,
}

impl SourceSpool {
    /// Opens it, and gives the settings of the job as one whose source is not asked. A spool of a source with other names is
    /// refused.
    pub(super) async fn open(
        place: &str,
        surroundings: &Surroundings,
        config: &JobConfig,
    ) -> Result<(Self, JobConfig), Error> {
        let opened = OpenedSpool::open(place, surroundings).await?;
        let (job, scope) = (&opened.job, &config.scope);
        let bounds = (scope.start, scope.stop);
        let part = SpoolPart::of(&opened.stored, place, &scope.filter, bounds)?;
        let asked = filter_text(&scope.filter);
        let mut config = config.clone();
        is_same(place, "source bucket", &config.ends.source_bucket, &job.source_bucket)?;
        // An id that was given instead of the name tells nothing here.
        let org = config.ends.source.org.take().filter(|org| !is_id(org));
        if let Some(org) = &org {
            is_same(place, "organization of the source", org, &job.source_org)?;
        }
        config.ends.source.org = Some(job.source_org.clone());
        config.ends.source.token = TokenSetting::None;
        // Where the settings would stage to is another matter.
        config.ends.spool = None;
        Ok((Self { opened, part, asked }, config))
    }

    /// The filters that the job may have: that of the settings, or of a load of this spool with these settings.
    pub(super) fn filters(&self) -> Vec<String> {
        vec![self.asked.clone(), self.part.filter.clone()]
    }

    /// Refuses the spool of another job, as far as the batch bucket knows of this one.
    fn is_of(&self, moved: &MovedJob) -> Result<(), Error> {
        let (place, identity) = (&self.opened.place, &self.opened.job.identity);
        if let Some(id) = &moved.source_bucket_id {
            is_same(place, "id of the source bucket", id, &identity.source_bucket_id)?;
        }
        let holds_all = identity.filter == filter_text(&Filter::default());
        match &moved.filter {
            // Of a spool of everything the measurements of such a job are a part.
            Some(filter) if !(holds_all && *filter == self.asked) => {
                is_same(place, "filter", filter, &self.part.filter)
            }
            _ => Ok(()),
        }
    }

    /// What of the range of the job is held against the spool, and why the rest of both is not. The spool of another job is
    /// refused.
    pub(super) fn share(&self, config: &JobConfig, moved: &MovedJob) -> Result<SharedRange, Error> {
        self.is_of(moved)?;
        let (job, moved) = (&self.opened.job, moved.range);
        let staged = TimeRange::new(job.identity.start, self.opened.stored.watermark());
        let meant = moved.stop.max(staged.stop).max(job.stop);
        let all = TimeRange::new(staged.start.min(moved.start), meant);
        let (scope, now) = (&config.scope, local_now());
        // Only a time that is given asks for what neither of them knows.
        let start = match scope.start {
            RangeStart::At(time) => time,
            given => given.counted_from(now).map_or(all.start, |time| time.max(all.start)),
        };
        let stop = match scope.stop {
            RangeStop::At(time) => time,
            RangeStop::Now { .. } => all.stop,
            given @ RangeStop::Back(_) => given.counted_from(now).min(all.stop),
        };
        Ok(SharedRange::of(TimeRange::new(start, stop.max(start)), staged, moved))
    }

    /// The spool as evidence of this range.
    pub(super) fn evidence(
        &self,
        config: &JobConfig,
        range: TimeRange,
        events: &EventSink,
    ) -> Result<Evidence, Error> {
        let (stored, part) = (&self.opened.stored, &self.part);
        let interval = batch_interval(config, stored, &part.selection(), range);
        let job = SpoolJob {
            stored: stored.clone(),
            measurements: part.measurements.clone(),
            range,
            plan: BatchPlan::new(range.start, interval, range.stop),
            interval,
            slices_in_flight: config.pace.concurrency,
            lacking: part.lacking,
        };
        hold_batches(&job.plan, interval)?;
        Ok(Evidence::Spool(Arc::new(ComparedSpool::new(&job, events))))
    }
}

/// A range that both spool and job hold, and what one of them does not, with the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SharedRange {
    /// What is compared.
    pub(super) range: TimeRange,
    /// What is not.
    pub(super) rest: Vec<(TimeRange, &'static str)>,
}

impl SharedRange {
    fn of(asked: TimeRange, staged: TimeRange, moved: TimeRange) -> Self {
        let (mut at, mut rest) = (asked.start, Vec::new());
        let mut up_to = |stop: Timestamp, why: Option<&'static str>| {
            let range = TimeRange::new(at, stop.min(asked.stop).max(at));
            rest.extend(why.filter(|_| !range.is_empty()).map(|why| (range, why)));
            at = range.stop;
            range
        };
        up_to(staged.start, Some("the spool begins later"));
        up_to(moved.start, Some("no part of the job"));
        let range = up_to(staged.stop.min(moved.stop), None);
        up_to(staged.stop, Some("not committed yet"));
        up_to(asked.stop, Some("not staged"));
        Self { range, rest }
    }
}

/// Refuses a spool in which this is another one.
fn is_same(place: &str, what: &'static str, of_job: &str, of_spool: &str) -> Result<(), Error> {
    if of_job == of_spool {
        return Ok(());
    }
    let [of_job, of_spool] = [of_job, of_spool].map(str::to_owned);
    Err(Error::OtherSpool { place: place.to_owned(), what, of_job, of_spool })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range((start, stop): (i64, i64)) -> TimeRange {
        TimeRange::new(Timestamp::from_ns(start), Timestamp::from_ns(stop))
    }

    #[test]
    fn what_is_not_in_both_has_its_reason() {
        let (later, no_part) = ("the spool begins later", "no part of the job");
        let (open, unstaged) = ("not committed yet", "not staged");
        for (asked, staged, moved, shared, rest) in [
            ((0, 9), (0, 9), (0, 9), (0, 9), vec![]),
            ((0, 9), (0, 6), (0, 9), (0, 6), vec![((6, 9), unstaged)]),
            ((0, 9), (0, 9), (0, 6), (0, 6), vec![((6, 9), open)]),
            ((0, 9), (0, 7), (0, 6), (0, 6), vec![((6, 7), open), ((7, 9), unstaged)]),
            ((0, 9), (2, 9), (4, 9), (4, 9), vec![((0, 2), later), ((2, 4), no_part)]),
            ((0, 9), (4, 9), (2, 9), (4, 9), vec![((0, 4), later)]),
            ((3, 5), (0, 9), (0, 9), (3, 5), vec![]),
            // They have nothing in common.
            ((0, 9), (0, 3), (5, 9), (5, 5), vec![((0, 5), no_part), ((5, 9), unstaged)]),
            ((0, 9), (5, 9), (0, 3), (5, 5), vec![((0, 5), later), ((5, 9), open)]),
            ((20, 30), (0, 9), (0, 9), (20, 20), vec![((20, 30), unstaged)]),
            ((5, 5), (0, 9), (0, 9), (5, 5), vec![]),
        ] {
            let found = SharedRange::of(range(asked), range(staged), range(moved));
            let rest = rest.into_iter().map(|(part, why)| (range(part), why)).collect();
            let expected = SharedRange { range: range(shared), rest };
            assert_eq!(found, expected, "{asked:?} {staged:?} {moved:?}");
        }
    }
}
