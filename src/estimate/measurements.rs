//! The measurements as they were looked at, and what follows from that for a run.

use std::collections::{BTreeMap, BTreeSet};

use crate::estimate::fields::BucketSeries;
use crate::estimate::forecast;
use crate::estimate::look::{self, Batch, Look, SeriesLeft};
use crate::estimate::sample::Sample;
use crate::estimate::tally::{self, Tally};
use crate::limits::{PLAN_COMPARED_MEASUREMENTS_MAX, PLAN_MEASUREMENTS_MAX, PLAN_REST_SAMPLES};
use crate::model::foretold::{Forecast, Guide, PlanMeasurement};
use crate::model::number;
use crate::model::series::{Name, Readable};
use crate::model::spread::Spread;
use crate::model::time::{NS_PER_S, TimeRange};
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::plan::cost::LearnedCost;
use crate::pipeline::source::SourceBucket;
use crate::spool::size::EncodedSize;

/// The range of the guide's formula.
const GUIDE_RANGE_NS: i64 = 86_400 * NS_PER_S;

/// The largest measurements one by one, and some of the others for all of them.
#[derive(Debug)]
pub(crate) struct Looked {
    batches: Vec<Batch>,
    /// Values of a sampled cell, and of its fullest batch.
    fullest: Vec<(u64, u64)>,
    order: Vec<Name>,
    looks: BTreeMap<Name, Look>,
    others: Vec<(Name, Look)>,
    mixed_milli: Spread,
}

impl Looked {
    /// Looks at the measurements that were counted.
    pub(crate) async fn at(context: &SourceBucket, tally: &Tally) -> Result<Self, Error> {
        let (mut batches, mut fullest): (Vec<Batch>, Vec<_>) = (Vec::new(), Vec::new());
        for cell in forecast::sampled_cells(&tally.cells) {
            let found = look::fullest(context, cell).await?;
            fullest.extend(found.as_ref().map(|batch| (cell.values, batch.counted.values)));
            let is_new = |found: &Batch| batches.iter().all(|batch| batch.range != found.range);
            batches.extend(found.filter(is_new));
        }
        let sizes = tally.by_size();
        let (largest, small) = sizes.split_at(sizes.len().min(PLAN_MEASUREMENTS_MAX));
        let (mut looks, mut left) = (BTreeMap::new(), SeriesLeft::new());
        for (at, (name, values)) in largest.iter().enumerate() {
            let compare = at < PLAN_COMPARED_MEASUREMENTS_MAX;
            let look = look::at(context, &batches, (name, *values), &mut left, compare).await?;
            looks.insert(name.clone(), look);
        }
        let mut others = Vec::new();
        let step = small.len().div_ceil(PLAN_REST_SAMPLES).max(1);
        for (name, values) in small.iter().step_by(step) {
            let look = look::at(context, &batches, (name, *values), &mut left, false).await?;
            others.push((name.clone(), look));
        }
        let mixed = look::mixed(context, &batches).await?;
        let mixed = mixed.and_then(|sample| forecast::milli_bytes_per_value(&[(sample, 1)]));
        Ok(Self {
            batches,
            fullest,
            order: largest.iter().map(|(name, _)| name.clone()).collect(),
            looks,
            others,
            mixed_milli: mixed.unwrap_or_else(|| look::guess(&LearnedCost::of(Transport::Flux))),
        })
    }

    /// The largest ones, looked at one by one.
    pub(crate) fn names(&self) -> Vec<Name> {
        self.order.clone()
    }

    fn rest_milli(&self) -> Spread {
        let samples: Vec<_> =
            self.others.iter().flat_map(|(_, look)| look.samples.iter().copied()).collect();
        let guess = || {
            self.others.first().map_or(Spread::default(), |(_, look)| look.milli_bytes_per_value())
        };
        forecast::milli_bytes_per_value(&samples).unwrap_or_else(guess)
    }

    fn bytes(&self, tally: &Tally, name: &Name, milli: Spread) -> Spread {
        let values = |of: &BTreeMap<Name, u64>| of.get(name).copied().unwrap_or(0);
        let mixed = self.mixed_milli.bytes_of(values(&tally.mixed));
        milli.bytes_of(values(&tally.values)).plus(mixed)
    }

    /// A row for each of the largest ones, and one for the others.
    pub(crate) fn rows(
        &self,
        tally: &Tally,
        series: &BucketSeries,
    ) -> (Vec<PlanMeasurement>, Option<PlanMeasurement>) {
        let sizes = tally.by_size();
        let (largest, small) = sizes.split_at(self.order.len());
        let row = |(name, values): &(Name, u64)| {
            let look = &self.looks[name];
            let mixed_only = look.choice.is_none();
            let milli = if mixed_only { self.mixed_milli } else { look.milli_bytes_per_value() };
            let choice = look.choice.as_ref();
            let reason = choice
                .map_or("only fields of several types: windows of one type".to_owned(), |choice| {
                    choice.reason.clone()
                });
            let missing =
                look.missing.as_ref().map_or(String::new(), |why| format!("; no sample: {why}"));
            let others = look.others.iter().map(|(transport, cost)| {
                let cost = cost.clone().map(Sample::milli_bytes_per_value);
                (transport.name().to_owned(), cost)
            });
            PlanMeasurement {
                name: Readable(name).to_string(),
                values: *values,
                series: series.of.get(name).copied(),
                transport: choice.map_or("flux", |choice| choice.transport.name()).to_owned(),
                reason: format!("{reason}{missing}"),
                milli_bytes_per_value: milli,
                samples: look.samples.len() as u64,
                bytes: self.bytes(tally, name, milli),
                others: others.collect(),
            }
        };
        let rows: Vec<_> = largest.iter().map(row).collect();
        let rest = (!small.is_empty()).then(|| self.rest(tally, series, small, &rows));
        (rows, rest)
    }

    fn rest(
        &self,
        tally: &Tally,
        series: &BucketSeries,
        small: &[(Name, u64)],
        rows: &[PlanMeasurement],
    ) -> PlanMeasurement {
        let milli = self.rest_milli();
        let bytes = small.iter().map(|(name, _)| self.bytes(tally, name, milli));
        let transports: BTreeSet<_> = self
            .others
            .iter()
            .filter_map(|(_, look)| Some(look.choice.as_ref()?.transport.name()))
            .collect();
        let shown: Option<u64> = rows.iter().map(|row| row.series).sum();
        let samples: usize = self.others.iter().map(|(_, look)| look.samples.len()).sum();
        PlanMeasurement {
            name: format!("and {} more", number::grouped(small.len() as u64)),
            values: small.iter().map(|(_, values)| values).sum(),
            series: series.total.zip(shown).map(|(all, shown)| all.saturating_sub(shown)),
            transport: transports.into_iter().collect::<Vec<_>>().join("/"),
            reason: format!("as {} of them", self.others.len()),
            milli_bytes_per_value: milli,
            samples: samples as u64,
            bytes: bytes.fold(Spread::default(), Spread::plus),
            others: Vec::new(),
        }
    }

    /// What a run will take.
    pub(crate) fn forecast(
        &self,
        context: &SourceBucket,
        quota_bytes: Option<u64>,
        tally: &Tally,
    ) -> Forecast {
        let sizes = tally.by_size();
        let of = |(name, _): &(Name, u64)| {
            let milli = match self.looks.get(name) {
                Some(look) => look.milli_bytes_per_value(),
                None => self.rest_milli(),
            };
            self.bytes(tally, name, milli)
        };
        let bytes = sizes.iter().map(of).fold(Spread::default(), Spread::plus);
        let held = forecast::held(&context.job.plan, &tally.cells, &self.fullest);
        let each: Vec<_> =
            self.batches.iter().map(|batch| look::requests(context, batch, &self.looks)).collect();
        let counts: Vec<_> = self.batches.iter().map(|batch| batch.counted.bytes).collect();
        let asked = self.batches.iter().map(|batch| batch.requests).sum();
        // One more count is as large as those of a batch.
        let more = held.searches.plus(held.last_counts());
        let searched = more.scaled(counts.iter().sum(), asked);
        let count_bytes = Spread::of_samples(&counts).times(held.batches).plus(searched);
        let bytes_per_s = context.client.quota().bytes_per_s();
        let time_ms = bytes_per_s.and_then(|rate| bytes.plus(count_bytes).duration_ms(rate));
        let body = self
            .unchanged_milli(tally)
            .map(|milli| Spread::exact(milli).bytes_of(tally.total()).likely);
        Forecast {
            batches: context.job.plan.len(),
            batches_held: held.batches.high,
            requests: Spread::of_samples(&each).times(held.batches).plus(more),
            bytes,
            count_bytes,
            quota_bytes,
            bytes_per_s,
            time_ms,
            spool_bytes: self.spool_bytes(tally, held.batches),
            task_ms: body
                .zip(quota_bytes)
                .and_then(|(body, quota)| forecast::official_task_ms(body, quota)),
        }
    }

    /// Disk for a spool of all values: as the samples were, and at the most with a file for each measurement in each
    /// batch that may hold something. None without a sample.
    fn spool_bytes(&self, tally: &Tally, held: Spread) -> Option<Spread> {
        let sizes = tally.by_size();
        let looks = self.looks.values().chain(self.others.iter().map(|(_, look)| look));
        let all = looks.map(|look| look.encoded).fold(EncodedSize::default(), EncodedSize::plus);
        if all.values == 0 {
            return None;
        }
        let own = |name: &Name| self.looks.get(name).map(|look| look.encoded);
        let of = |(name, values): &(Name, u64)| {
            let encoded = own(name).filter(|encoded| encoded.values > 0).unwrap_or(all);
            let grows = Spread::exact(encoded.bytes).scaled(*values, encoded.values).likely;
            let files = Spread::exact(encoded.file_bytes);
            Spread::exact(grows).plus(files.times(Spread { low: 1, ..held }))
        };
        Some(sizes.iter().map(of).fold(Spread::default(), Spread::plus))
    }

    /// Thousandths of a byte for each value in the form of the guide, by the largest measurements.
    fn unchanged_milli(&self, tally: &Tally) -> Option<u64> {
        let samples: Vec<_> = self
            .looks
            .iter()
            .filter_map(|(name, look)| {
                Some((look.unchanged?, tally.values.get(name).copied().unwrap_or(0)))
            })
            .collect();
        forecast::milli_bytes_per_value(&samples).map(|milli| milli.likely)
    }

    /// The guide's formula over the last day that holds values.
    pub(crate) async fn guide(
        &self,
        context: &SourceBucket,
        quota_bytes: Option<u64>,
        tally: &Tally,
    ) -> Result<Option<Guide>, Error> {
        let known = (quota_bytes, self.unchanged_milli(tally), tally.data);
        let (Some(limit_bytes), Some(milli), Some((_, last))) = known else { return Ok(None) };
        let stop = last.saturating_add_ns(1);
        let day = TimeRange::new(stop.saturating_add_ns(-GUIDE_RANGE_NS), stop)
            .intersect(context.job.plan.range());
        let values = tally::values(context, day).await?;
        let body_bytes = Spread::exact(milli).bytes_of(values).likely;
        let interval_ns = forecast::guide_interval_ns(limit_bytes, body_bytes, GUIDE_RANGE_NS);
        Ok(interval_ns.map(|interval_ns| Guide {
            limit_bytes,
            body_bytes,
            range_ns: GUIDE_RANGE_NS,
            interval_ns,
        }))
    }
}
