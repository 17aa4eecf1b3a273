//! The batch interval that nobody has to work out by hand: from the density of the data, as a few counts show it.

use crate::influx::client::Client;
use crate::limits::{DENSITY_SAMPLES_MAX, SLICE_VALUES_MAX};
use crate::model::interval::Interval;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::plan::cost::LearnedCost;
use crate::pipeline::plan::one_count;
use crate::wire::flux::Selection;

/// Lengths to choose from.
const LADDER_S: [i64; 10] =
    [60, 300, 900, 3_600, 6 * 3_600, 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400, 365 * 86_400];

/// Values that a batch should hold: a few slices, so that little is read again after a crash.
const BATCH_VALUES_TARGET: u64 = 4 * SLICE_VALUES_MAX;

/// Length of a sample.
const SAMPLE_S: i64 = 3_600;

/// The longest interval of the ladder that is no longer than a shard group and whose batches hold no more than a few
/// slices, even where the samples are densest. `all` is what will be read, most of it by `transport`.
pub(crate) async fn choose(
    client: &Client,
    all: Selection<'_>,
    transport: Transport,
    shard_group_ns: i64,
) -> Result<Interval, Error> {
    let mut values_per_hour = 0;
    for range in samples(all.range) {
        let sample = Selection { range, ..all };
        let Some(values) = one_count::ask(client, sample, "sample of the density").await? else {
            // More than the source can count in one go is more than any batch should hold.
            return Ok(Interval::from_ns(LADDER_S[0] * NS_PER_S));
        };
        values_per_hour = values_per_hour.max(values);
    }
    let slice_bytes = client.quota().request_bytes_max();
    let value_bytes = LearnedCost::of(transport).bytes(1).max(1);
    let values_max = slice_bytes.map_or(BATCH_VALUES_TARGET, |bytes| 4 * bytes / value_bytes);
    let shard_s = shard_group_ns / NS_PER_S;
    let length_s = longest(shard_s, values_per_hour, values_max.min(BATCH_VALUES_TARGET));
    Ok(Interval::from_ns(length_s * NS_PER_S))
}

/// Hours spread evenly over the range, the first and the last among them.
fn samples(range: TimeRange) -> Vec<TimeRange> {
    let sample_ns = SAMPLE_S * NS_PER_S;
    let steps = DENSITY_SAMPLES_MAX - 1;
    let last = range.duration_ns() - i128::from(sample_ns);
    if last <= 0 {
        return if range.is_empty() { Vec::new() } else { vec![range] };
    }
    let sample = |step: usize| {
        let offset = last / steps as i128 * step as i128;
        let start = i64::try_from(i128::from(range.start.ns()) + offset)
            .map_or(range.start, Timestamp::from_ns);
        TimeRange::new(start, start.saturating_add_ns(sample_ns)).intersect(range)
    };
    (0..=steps).map(sample).collect()
}

fn longest(shard_s: i64, values_per_hour: u64, values_max: u64) -> i64 {
    let values_in = |length_s: i64| {
        u128::from(values_per_hour) * u128::from(length_s.unsigned_abs())
            / u128::from(SAMPLE_S.unsigned_abs())
    };
    let fits =
        |length_s: &&i64| **length_s <= shard_s && values_in(**length_s) <= u128::from(values_max);
    LADDER_S.iter().rev().find(fits).copied().unwrap_or(LADDER_S[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_follows_the_density() {
        let (day, week) = (86_400, 7 * 86_400);
        for (shard_s, per_hour, values_max, length_s) in [
            (week, 0, 4_000_000, week),
            (week, 360_000, 4_000_000, 6 * 3_600),
            (day, 10, 4_000_000, day),
            (week, 360_000, 180_000, 900),
            (week, 10_000_000_000, 4_000_000, 60),
            (3_600, 10, 4_000_000, 3_600),
        ] {
            assert_eq!(
                longest(shard_s, per_hour, values_max),
                length_s,
                "{shard_s} {per_hour} {values_max}"
            );
        }
    }

    #[test]
    fn samples_lie_inside_and_reach_both_ends() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        for (start, stop, count) in [
            ("2020-01-01", "2020-01-01", 0),
            ("2020-01-01", "2020-01-01T00:10:00Z", 1),
            ("2020-01-01", "2021-01-01", DENSITY_SAMPLES_MAX),
            ("1677-09-22", "2262-04-11", DENSITY_SAMPLES_MAX),
        ] {
            let range = TimeRange::new(time(start), time(stop));
            let samples = samples(range);
            assert_eq!(samples.len(), count);
            for sample in &samples {
                assert!(
                    !sample.is_empty() && range.start <= sample.start && sample.stop <= range.stop
                );
            }
            if count > 1 {
                assert_eq!(samples[0].start, range.start);
                assert!(range.stop.ns() - samples[count - 1].stop.ns() < NS_PER_S);
            }
        }
    }
}
