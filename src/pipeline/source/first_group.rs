//! Values of the first shard group of all time, which a server that was started again returns to no bounded query.
//!
//! That group begins before the smallest time. InfluxDB keeps its begin in nanoseconds, which wrap around to the end of all
//! times: from the next start on it looks the group up only for queries that reach so far. Seen on InfluxDB OSS 2.9.1, in
//! Flux and in InfluxQL. Batches end long before. What is written there later is in another group of the same stretch, and
//! may replace what is in this one without a trace of which came last: so what is out of reach is not read, but named.

use super::earliest::earliest;
use super::route::Routes;
use super::schema;
use super::unreturned::OutOfReach;
use crate::influx::client::Client;
use crate::limits::{FIRST_GROUP_NS_MAX, FIRST_GROUP_TRIES};
use crate::model::filter::Filter;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::flux::{self, Selection};
use crate::wire::influxql::{query, show};

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstGroup<'a> {
    /// Whom to ask.
    pub source: &'a Client,
    /// The bucket, by name.
    pub bucket: &'a str,
    /// What of it is moved.
    pub filter: &'a Filter,
    /// Who reads what of it.
    pub routes: &'a Routes,
    /// The job, as far as it lies in the stretch that the group may take.
    stretch: TimeRange,
}

impl<'a> FirstGroup<'a> {
    /// As far as a job reaches into it.
    pub(crate) fn of(
        source: &'a Client,
        bucket: &'a str,
        filter: &'a Filter,
        routes: &'a Routes,
        job: TimeRange,
    ) -> Self {
        let stop = Timestamp::MIN.saturating_add_ns(FIRST_GROUP_NS_MAX);
        let stretch = job.intersect(TimeRange::new(Timestamp::MIN, stop));
        Self { source, bucket, filter, routes, stretch }
    }

    /// What of it is out of reach.
    pub(crate) async fn out_of_reach(self) -> Result<Option<OutOfReach>, Error> {
        if self.stretch.is_empty() {
            return Ok(None);
        }
        let mut values = self.by_flux().await?;
        for name in &self.routes.influxql_only {
            let more = self.by_influxql(name).await?;
            values = values.zip(more).map(|(values, more)| values + more);
        }
        let found = OutOfReach { before: self.stretch.stop, values };
        Ok((values != Some(0)).then_some(found))
    }

    /// What Flux reads of it, whatever its type: the first group is read before any other type is met.
    async fn by_flux(self) -> Result<Option<u64>, Error> {
        let Self { source, bucket, filter, routes, stretch } = self;
        let of = |range| {
            let without = &routes.unreadable;
            Selection { bucket, range, filter, measurements: &[], without }
        };
        let whole = TimeRange::new(stretch.start, Timestamp::STOP_MAX);
        let oldest = earliest(source, of(whole)).await?;
        let Some(oldest) = oldest.filter(|oldest| *oldest < stretch.stop) else {
            return Ok(Some(0));
        };
        let what = "count of the first shard group";
        let count = async |range| {
            let query = flux::count_before(of(range), stretch.stop);
            small_answer::number_unless_too_slow(source, &query, what).await
        };
        let Some(all) = count(whole).await? else {
            // At least the oldest value tells.
            let found = count(TimeRange::new(oldest, oldest.saturating_add_ns(1))).await?;
            return Ok(if found == Some(0) { None } else { Some(0) });
        };
        // What arrives meanwhile makes this one larger, and is no reason to name anything.
        Ok(count(stretch).await?.map(|reached| all.saturating_sub(reached)))
    }

    /// The same of a measurement that only InfluxQL reads. It cannot be asked for less than all of the time up to the end, so
    /// what lies behind the stretch is counted too, until two counts of it agree.
    async fn by_influxql(self, name: &str) -> Result<Option<u64>, Error> {
        let whole = TimeRange::new(self.stretch.start, Timestamp::STOP_MAX);
        let Some((access, fields)) =
            self.routes.access.as_ref().zip(self.routes.influxql.get(name.as_bytes()))
        else {
            return Ok(Some(0));
        };
        let filter = Filter { fields: fields.listed.clone(), ..self.filter.clone() };
        let refused = |text| Error::Refused { what: "first shard group".to_owned(), text };
        let (source, database) = (self.source, &access.database);
        let statement = query::oldest(name, whole, &filter);
        let oldest = schema::ask(source, database, &statement, show::parse_first_time).await?;
        if oldest.map_err(refused)?.is_none_or(|oldest| oldest >= self.stretch.stop.ns()) {
            return Ok(Some(0));
        }
        let count = async |range| {
            let statement = query::count(name, range, &filter);
            schema::ask(source, database, &statement, show::parse_counts).await?.map_err(refused)
        };
        let rest = TimeRange::new(self.stretch.stop, whole.stop);
        let mut before = count(rest).await?;
        for _ in 0..FIRST_GROUP_TRIES {
            let (all, after) = (count(whole).await?, count(rest).await?);
            if before == after {
                let reached = count(self.stretch).await?;
                return Ok(Some(all.saturating_sub(after).saturating_sub(reached)));
            }
            before = after;
        }
        Ok(None)
    }
}
