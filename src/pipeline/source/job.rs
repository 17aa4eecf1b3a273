//! What is moved of a bucket, with everything resolved.

use super::layer::Layer;
use super::route::{InfluxqlAccess, Routes};
use super::shape::{SourceShape, TypeHistory};
use super::unreturned::Unreturned;
use crate::limits::SLICE_BYTES_MAX;
use crate::model::batch::BatchPlan;
use crate::model::filter::Filter;
use crate::model::interval::Interval;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::wire::flux::{self, Selection};

/// What is read, with everything resolved.
#[derive(Debug, Clone)]
pub struct BucketJob {
    /// Bucket that is read.
    pub source_bucket: String,
    /// Its id, where another one of the name would be noticed; else empty.
    pub source_bucket_id: String,
    /// The organization that it belongs to, by id; empty where the other is.
    pub source_org_id: String,
    /// How its storage is cut.
    pub shape: SourceShape,
    /// What of it is moved.
    pub filter: Filter,
    /// Who reads what.
    pub routes: Routes,
    /// The transport that was asked for; else each measurement gets its own.
    pub transport: Option<Transport>,
    /// The column that holds the field name after the rename.
    pub field_label: String,
    /// True if it had strings when it was surveyed: for forecasts.
    pub holds_strings: bool,
    /// Retention of the source bucket, if it is finite: older values vanish while they are read.
    pub source_retention_ns: Option<i64>,
    /// The whole job, from its start to this run's stop.
    pub range: TimeRange,
    /// True if it is meant to begin at the oldest value there is.
    pub is_from_oldest: bool,
    /// The batches of this run.
    pub plan: BatchPlan,
    /// Their length.
    pub interval: Interval,
    /// Slices read at one time.
    pub slices_in_flight: usize,
    /// Source bytes of one slice at the most, by prediction.
    pub slice_bytes_max: u64,
    /// Source bytes of this run at the most.
    pub transfer_bytes_max: Option<u64>,
    /// Bytes charged to the quota, since the program's start, at which reading is cut off in the middle of a batch. For
    /// trials: a migration ends between batches.
    pub cut_at_bytes: Option<u64>,
}

impl BucketJob {
    /// All of a bucket, as it is counted: plain Flux, one request at a time.
    pub fn to_count(bucket: &str, shape: SourceShape, routes: Routes, range: TimeRange) -> Self {
        let interval = Interval::from_ns(shape.shard_group_ns);
        Self {
            source_bucket: bucket.to_owned(),
            source_bucket_id: String::new(),
            source_org_id: String::new(),
            shape,
            filter: Filter::default(),
            routes,
            transport: Some(Transport::Flux),
            field_label: flux::FIELD_LABEL.to_owned(),
            holds_strings: false,
            source_retention_ns: None,
            range,
            is_from_oldest: false,
            plan: BatchPlan::new(range.start, interval, range.stop),
            interval,
            slices_in_flight: 1,
            slice_bytes_max: SLICE_BYTES_MAX,
            transfer_bytes_max: None,
            cut_at_bytes: None,
        }
    }

    /// The same of a range, as one batch.
    #[must_use]
    pub(crate) fn over(self, range: TimeRange) -> Self {
        let length_ns = i64::try_from(range.duration_ns()).unwrap_or(i64::MAX).max(1);
        let interval = Interval::from_ns(length_ns);
        let plan = BatchPlan::new(range.start, interval, range.stop);
        Self { range, plan, interval, ..self }
    }

    /// What a plain Flux query reads of a range.
    pub fn selection(&self, range: TimeRange) -> Selection<'_> {
        self.selection_of(Layer::Plain, range)
    }

    /// What a Flux query reads of a layer; with [`BucketJob::filter_of`] that layer.
    pub fn selection_of(&self, layer: Layer, range: TimeRange) -> Selection<'_> {
        Selection {
            bucket: &self.source_bucket,
            range,
            filter: &self.filter,
            measurements: &[],
            without: match layer {
                Layer::Plain | Layer::InfluxqlOnly => &self.routes.plain,
                Layer::Mixed | Layer::LargestTime => &self.routes.unreadable,
            },
        }
    }

    /// The filter of a layer.
    pub fn filter_of(&self, layer: Layer) -> Filter {
        let mut filter = self.filter.clone();
        if layer == Layer::Mixed {
            let mixed = self.routes.is_mixed();
            filter.predicate = Some(match filter.predicate {
                Some(predicate) => format!("({mixed}) and ({predicate})"),
                None => mixed,
            });
        }
        filter
    }

    /// How time is cut for a layer; `None` if the job has no such layer.
    pub fn shape_of(&self, layer: Layer) -> Option<SourceShape> {
        match layer {
            Layer::Plain | Layer::LargestTime => Some(self.shape),
            Layer::Mixed => (!self.routes.mixed.is_empty())
                .then_some(SourceShape { types: TypeHistory::Several, ..self.shape }),
            Layer::InfluxqlOnly => self.routes.access.as_ref().map(|_| self.shape),
        }
    }

    /// What the source returns to no query of a run, in words, with the number of its values, as far as that is known.
    pub fn unreturned(&self) -> Vec<(String, u64)> {
        let listed = |found: &Unreturned| (found.to_string(), found.series.max(1));
        let mut all: Vec<_> = self.routes.unreturned.iter().map(listed).collect();
        let reached = self.routes.out_of_reach.filter(|found| self.range.start < found.before);
        all.extend(reached.map(|found| (found.to_string(), found.values.unwrap_or(1))));
        all
    }

    /// The same, for the batch with which it is told: the first one of the job, since nobody knows its times.
    pub fn unreturned_in(&self, batch: TimeRange) -> Vec<(String, u64)> {
        if batch.start == self.range.start { self.unreturned() } else { Vec::new() }
    }

    /// Batches of the whole job, those that earlier runs have moved among them.
    pub fn batches_of_whole(&self) -> u64 {
        BatchPlan::new(self.range.start, self.interval, self.range.stop).len()
    }

    /// How InfluxQL names a measurement that it reads.
    pub fn influxql_name<'a>(
        &'a self,
        measurement: &'a [u8],
    ) -> Option<(&'a InfluxqlAccess, &'a str)> {
        let access = self.routes.access.as_ref()?;
        let known = self.routes.influxql.contains_key(measurement);
        Some((access, std::str::from_utf8(measurement).ok().filter(|_| known)?))
    }
}
