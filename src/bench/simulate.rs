//! A source that is only computed: quota, latency, bandwidth, speeds. A migration of any size is rehearsed in no time, by
//! the same cuts into batches and slices and the same pacing as a real one.
//!
//! The stages overlap, so each stretch takes as long as the slowest of them: the slices over all readers, the counts one
//! after the other, the line, the source, the destination; and the whole no less than the quota lets it.

use super::record::{Trial, TrialBatch, TrialEnding, scaled};
use super::schedule::terms::PlannedTrial;
use super::setting::{TrialSetting, Way};
use crate::influx::quota::Bounds;
use crate::limits::{
    BENCH_BATCHES_KEPT_MAX, CATALOGUE_VALUES_MIN, QUOTA_WINDOW_MS, SLICE_BYTES_MAX,
    SLICE_SECONDS_MAX, SLICE_VALUES_MAX,
};
use crate::model::density::Cell;
use crate::model::random::Random;
use crate::model::spread::Spread;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;

/// Bytes of a count, or of the check of a slice's series.
const COUNT_BYTES: u64 = 250;

/// What a way to read costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WayCost {
    /// Which.
    pub way: Way,
    /// Thousandths of a byte for each value.
    pub milli_bytes: u64,
    /// Bytes that each answer has beside its values.
    pub answer_bytes: u64,
    /// Values per second of one answer.
    pub values_per_s: u64,
    /// Requests for each slice: itself, and the check of its series.
    pub requests: u64,
}

/// The source, the line and the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// What is migrated, in the order of time; all equally long.
    pub cells: Vec<Cell>,
    /// The ways in which it can be read.
    pub ways: Vec<WayCost>,
    /// The quota of one window and the share of it that is taken, in thousandths; none without.
    pub quota: Option<(u64, u32)>,
    /// Time from a request to the first byte of its answer.
    pub latency_us: u64,
    /// Bytes per second of the line, all answers together.
    pub bandwidth_bytes_per_s: u64,
    /// Values per second of the source, all answers together.
    pub source_values_per_s: u64,
    /// Values per second of the destination; none where nothing is written.
    pub destination_values_per_s: Option<u64>,
    /// Requests to count one batch.
    pub count_requests: u64,
    /// Requests before the first batch, one after the other: the first count, and what the choice of a transport takes.
    pub begin_requests: u64,
    /// Shard groups of the source, which no slice crosses.
    pub shard_ns: i64,
}

/// A migration, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rehearsal {
    /// Batches that hold anything.
    pub batches: u64,
    /// Answers with values.
    pub slices: u64,
    /// All requests.
    pub requests: u64,
    /// Values.
    pub values: u64,
    /// Bytes that the quota is charged with.
    pub bytes: u64,
    /// The longest answer.
    pub slice_us: u64,
    /// Values of the fullest batch.
    pub batch_values_max: u64,
    /// Windows of the quota that it takes; none without a quota.
    pub windows: Option<u64>,
    /// Time by the quota alone; none without.
    pub quota_ms: Option<u64>,
    /// Time before the first batch.
    pub begun_us: u64,
    /// Time by everything else.
    pub engine_us: u64,
}

impl Rehearsal {
    /// Time of all of it.
    pub fn whole_ms(&self) -> u64 {
        (self.engine_us / 1_000).max(self.quota_ms.unwrap_or(0)) + self.begun_us / 1_000
    }
}

impl Model {
    /// The whole migration with a setting; none if the setting's way is none of the model's.
    pub fn rehearse(&self, setting: TrialSetting) -> Option<Rehearsal> {
        let (first, last) = (self.cells.first()?, self.cells.last()?);
        self.part(setting, TimeRange::new(first.range.start, last.range.stop))
    }

    /// Bytes per second that the pacing grants; none without a quota.
    pub fn bytes_per_s(&self) -> Option<u64> {
        let rate = self.bounds()?.rate_bytes_per_window(self.quota?.1);
        Some(rate / (QUOTA_WINDOW_MS / 1_000))
    }

    /// The largest answer within the quota; none without.
    pub fn request_bytes_max(&self) -> Option<u64> {
        Some(self.bounds()?.request_bytes_max)
    }

    fn bounds(&self) -> Option<Bounds> {
        self.quota.map(|(bytes, share)| Bounds::new(bytes, share))
    }

    fn part(&self, setting: TrialSetting, range: TimeRange) -> Option<Rehearsal> {
        let cost = self.ways.iter().find(|cost| cost.way == setting.transport)?;
        let mut found = Rehearsal { requests: self.begin_requests, ..Rehearsal::default() };
        self.each_batch(setting.interval_ns(), range, |batches, values| {
            self.add(&mut found, setting, cost, batches, values);
        });
        found.begun_us = self.begin_requests * self.latency_us;
        if let (Some(rate), Some(bounds)) = (self.bytes_per_s(), self.bounds()) {
            let paced = Spread::exact(found.bytes.saturating_sub(bounds.burst_bytes));
            found.quota_ms = paced.duration_ms(rate).map(|time| time.likely);
            found.windows =
                found.quota_ms.map(|_| found.whole_ms().div_ceil(QUOTA_WINDOW_MS).max(1));
        }
        Some(found)
    }

    fn add(
        &self,
        found: &mut Rehearsal,
        setting: TrialSetting,
        cost: &WayCost,
        batches: u64,
        values: u64,
    ) {
        if values == 0 {
            // A stretch without values is found by counts that reach twice as far each time.
            let counts = u64::from(batches.checked_ilog2().unwrap_or(0)) + 1;
            found.requests += counts;
            found.bytes += COUNT_BYTES * counts;
            found.engine_us = found.engine_us.saturating_add(counts * self.latency_us);
            return;
        }
        let each = values.div_ceil(batches);
        let bytes_max = self.request_bytes_max().unwrap_or(SLICE_BYTES_MAX).min(SLICE_BYTES_MAX);
        let by_bytes = scaled(bytes_max, 1_000, cost.milli_bytes.max(1));
        let by_time = cost.values_per_s.saturating_mul(SLICE_SECONDS_MAX);
        let values_max = by_bytes.min(by_time).clamp(1, SLICE_VALUES_MAX);
        let (interval_ns, shard_ns) = (setting.interval_ns(), self.shard_ns.max(1));
        let shards = interval_ns / shard_ns + i64::from(interval_ns % shard_ns != 0);
        let slices = each.div_ceil(values_max).max(u64::try_from(shards).unwrap_or(1)).min(each);
        let of_slice = each.div_ceil(slices);
        let answer_us = scaled(of_slice, 1_000_000, cost.values_per_s.max(1));
        let slice_us = answer_us + self.latency_us;
        let count = batches.saturating_mul(slices);
        // The series of a small batch are not looked at, so there is nothing to check.
        let checks = if each < CATALOGUE_VALUES_MIN { 0 } else { cost.requests.max(1) - 1 };
        let check_us = checks * self.latency_us;
        let slices_us = count.saturating_mul(slice_us + check_us);
        found.batches += batches;
        found.slices += count;
        found.requests += count * (1 + checks) + batches * self.count_requests;
        found.values += values;
        let values_bytes = scaled(values, cost.milli_bytes, 1_000) + count * cost.answer_bytes;
        let small = batches * self.count_requests + count * checks;
        let bytes = values_bytes + small * COUNT_BYTES;
        found.bytes += bytes;
        let per_s = |n: u64, rate: u64| scaled(n, 1_000_000, rate.max(1));
        let slowest_us = (slices_us / setting.concurrency.max(1) as u64)
            .max(batches.saturating_mul(self.count_requests * self.latency_us))
            .max(per_s(bytes, self.bandwidth_bytes_per_s))
            .max(per_s(values, self.source_values_per_s))
            .max(self.destination_values_per_s.map_or(0, |rate| per_s(values, rate)));
        found.engine_us = found.engine_us.saturating_add(slowest_us);
        found.slice_us = found.slice_us.max(slice_us);
        found.batch_values_max = found.batch_values_max.max(each);
    }

    /// Tells batches with the values of all of them: those of one cell together where they are shorter than it.
    fn each_batch(&self, interval_ns: i64, range: TimeRange, mut tell: impl FnMut(u64, u64)) {
        let interval = i128::from(interval_ns.max(1));
        let cell_ns = self.cells.first().map_or(1, |cell| cell.range.duration_ns()).max(1);
        let inside = |cell: &Cell| (cell.range.intersect(range), *cell);
        if interval <= cell_ns {
            let begun_before = |time: Timestamp| {
                let ns = i128::from(time.ns()) - i128::from(range.start.ns());
                (ns + interval - 1) / interval
            };
            for (part, cell) in self.cells.iter().map(inside).filter(|(part, _)| !part.is_empty()) {
                let batches = begun_before(part.stop) - begun_before(part.start);
                let values = cell.range.share(cell.values, part);
                tell(u64::try_from(batches).unwrap_or(u64::MAX).max(1), values);
            }
            return;
        }
        let mut start = range.start;
        while start < range.stop {
            let batch = TimeRange::new(start, start.saturating_add_ns(interval_ns).min(range.stop));
            let parts = self.cells.iter().map(|cell| (cell.range.intersect(batch), cell));
            let held = parts.filter(|(part, _)| !part.is_empty());
            tell(1, held.map(|(part, cell)| cell.range.share(cell.values, part)).sum());
            start = batch.stop;
        }
    }

    /// What a planned trial would have come to. `noise` gives each one another speed, up to a twentieth off.
    pub fn trial(&self, planned: &PlannedTrial, number: u64, noise: &mut Random) -> Option<Trial> {
        let part = self.part(planned.setting, planned.range)?;
        let off = 950 + noise.below(101);
        let busy_us = scaled(part.engine_us, off, 1_000).max(1);
        let begun_us = part.begun_us;
        let slice_us = scaled(part.slice_us, off, 1_000);
        let ending = if part.bytes > planned.bytes_max {
            TrialEnding::Cut { by: "byte budget".to_owned() }
        } else {
            TrialEnding::Complete
        };
        let charged = part.bytes.min(planned.bytes_max);
        let mut batches = Vec::new();
        let interval_ns = planned.setting.interval_ns();
        let mut start = planned.range.start;
        while start < planned.range.stop && batches.len() < BENCH_BATCHES_KEPT_MAX {
            let stop = start.saturating_add_ns(interval_ns).min(planned.range.stop);
            let of = self.part(planned.setting, TimeRange::new(start, stop))?;
            if of.values > 0 {
                batches.push(TrialBatch { start, values: of.values, bytes: of.bytes });
            }
            start = stop;
        }
        Some(Trial {
            number,
            setting: planned.setting,
            repetition: planned.repetition,
            warm_up: planned.warm_up,
            stratum: planned.stratum,
            start: planned.range.start,
            stop: planned.range.stop,
            ending,
            values_predicted: planned.values_predicted,
            bytes_predicted: planned.bytes_predicted,
            values: part.values,
            bytes_wire: charged,
            bytes_decoded: charged,
            bytes_charged: charged,
            bytes_begun: 0,
            requests: part.requests,
            elapsed_us: begun_us + busy_us,
            begun_us,
            waited_us: 0,
            slices: part.slices,
            first_byte_us: Spread::exact(self.latency_us),
            slice_us: Spread::exact(slice_us),
            answers_us: 0,
            reader_busy_us: 0,
            written_us: 0,
            retries: 0,
            splits: 0,
            cpu_us: None,
            memory_bytes_max: None,
            bodies: 0,
            body_bytes_sum: 0,
            transports: vec![
                planned.setting.transport.0.unwrap_or(Transport::Influxql).name().to_owned(),
            ],
            batches,
        })
    }
}
