//! Which setting to use, with what margin, and what limits it.
//!
//! The fastest setting is the one with the shortest time for the whole migration. Settings that are as fast, within the
//! spread of its own runs, are equal to it. Of equals the shortest interval is best whose batches are worth a record: the
//! least is read again after a crash; if none is, the longest. A setting is safe if the fullest batch seen, made larger by as much as batches of one stratum were seen to
//! differ, still stays under every bound: the source's time limit for one query, one window of the quota for one batch,
//! half of the memory of this machine.

use super::extrapolate::Whole;
use super::record::{Trial, scaled};
use super::sample::Stratum;
use super::setting::TrialSetting;
use super::statistics::median;
use super::verdict::{Bound, Recommendation, SettingRow};
use crate::limits::{LOAD_BATCH_VALUES_MIN, QUOTA_WINDOW_MS};

/// Differences of time below this are none, and those above this are always some, in thousandths.
const EQUAL_PER_MILLE: (u64, u64) = (10, 50);

/// The best of some settings, each with its trials.
pub(crate) fn best<'a>(
    rows: impl IntoIterator<Item = (&'a SettingRow, &'a [Trial])>,
    whole: &Whole,
) -> Option<Recommendation> {
    let judged = rows.into_iter().map(|(row, trials)| (judge(row, trials, whole), held(trials)));
    let judged: Vec<(Recommendation, u64)> = judged.collect();
    let safe = judged.iter().any(|(judged, _)| judged.is_safe());
    let fit: Vec<_> = judged.into_iter().filter(|(judged, _)| judged.is_safe() == safe).collect();
    let time = fit.iter().map(|(judged, _)| judged.whole_ms).min_by_key(|time| time.likely)?;
    let (least, most) = EQUAL_PER_MILLE;
    let own = scaled(time.high.saturating_sub(time.low) / 2, 1_000, time.likely.max(1));
    let equal = own.clamp(least, most);
    let slowest_ms = time.likely.saturating_add(scaled(time.likely, equal, 1_000));
    let order = |(judged, values): &&(Recommendation, u64)| {
        let TrialSetting { concurrency, body_bytes, .. } = judged.setting;
        let length = judged.setting.interval_ns();
        let is_small = *values < LOAD_BATCH_VALUES_MIN;
        let length = if is_small { -length } else { length };
        (is_small, length, concurrency, body_bytes, judged.whole_ms.likely)
    };
    let equals = fit.iter().filter(|(judged, _)| judged.whole_ms.likely <= slowest_ms);
    equals.min_by_key(order).map(|(judged, _)| judged.clone())
}

/// Values of a usual batch where they lie densest.
fn held(trials: &[Trial]) -> u64 {
    let dense = trials.iter().filter(|trial| trial.counts() && trial.stratum != Stratum::Sparse);
    let values: Vec<u64> =
        dense.flat_map(|trial| trial.batches.iter().map(|batch| batch.values)).collect();
    median(&values).unwrap_or(0)
}

fn judge(row: &SettingRow, trials: &[Trial], whole: &Whole) -> Recommendation {
    let counting: Vec<&Trial> = trials.iter().filter(|trial| trial.counts()).collect();
    let most = |number: &dyn Fn(&Trial) -> u64| {
        counting.iter().map(|trial| number(trial)).max().unwrap_or(0).max(1)
    };
    let slice_us = most(&|trial| trial.slice_us.high);
    let deadline = scaled(whole.query_timeout_ms, 1_000_000, slice_us);
    let mut bounds = vec![(deadline, Bound::Deadline)];
    if let Some(rate) = whole.quota_bytes_per_s {
        let window = scaled(rate, QUOTA_WINDOW_MS, 1_000);
        let batch = most(&|trial| trial.batches.iter().map(|batch| batch.bytes).max().unwrap_or(0));
        bounds.push((scaled(window, 1_000, batch), Bound::Window));
    }
    if let Some(memory) = whole.memory_bytes
        && counting.iter().any(|trial| trial.memory_bytes_max.is_some())
    {
        let used = most(&|trial| trial.memory_bytes_max.unwrap_or(0));
        bounds.push((scaled(memory / 2, 1_000, used), Bound::Memory));
    }
    let nearest = bounds.into_iter().min_by_key(|(headroom, _)| *headroom);
    let (headroom_per_mille, bound) = nearest.unwrap_or((u64::MAX, Bound::Deadline));
    Recommendation {
        setting: row.setting,
        whole_ms: row.whole_ms,
        limit: row.limit,
        variation_per_mille: variation(&counting),
        headroom_per_mille,
        bound,
    }
}

/// How far batches of one stratum differ: the fullest in thousandths of the median one, where they differ most.
fn variation(trials: &[&Trial]) -> u64 {
    let of = |stratum: Stratum| {
        let own = trials.iter().filter(|trial| trial.stratum == stratum);
        let bytes: Vec<u64> = own
            .flat_map(|trial| trial.batches.iter().map(|batch| batch.bytes))
            .filter(|bytes| *bytes > 0)
            .collect();
        let most = bytes.iter().copied().max()?;
        Some(scaled(most, 1_000, median(&bytes)?))
    };
    Stratum::ALL.into_iter().filter_map(of).max().unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::extrapolate;
    use crate::bench::record::{TrialBatch, TrialEnding, TrialSink};
    use crate::bench::setting::Way;
    use crate::bench::verdict::Limit;
    use crate::model::spread::Spread;
    use crate::model::time::Timestamp;

    fn whole(sink: TrialSink, quota_bytes_per_s: Option<u64>) -> Whole {
        Whole {
            strata: vec![(Stratum::Dense, 1_000_000_000)],
            quota_bytes_per_s,
            query_timeout_ms: 90_000,
            sink,
            cpus: 2,
            memory_bytes: Some(8_000_000_000),
        }
    }

    /// Two million values in ten seconds, in batches of these bytes.
    fn trial(interval: &str, bytes: &[u64]) -> Trial {
        let batch =
            |bytes: &u64| TrialBatch { start: Timestamp::EPOCH, values: bytes / 2, bytes: *bytes };
        Trial {
            number: 1,
            setting: TrialSetting {
                interval: interval.parse().unwrap(),
                transport: Way(None),
                concurrency: 2,
                body_bytes: 2_097_152,
            },
            repetition: 1,
            warm_up: false,
            stratum: Stratum::Dense,
            start: Timestamp::EPOCH,
            stop: Timestamp::EPOCH,
            ending: TrialEnding::Complete,
            values_predicted: 2_000_000,
            bytes_predicted: 4_000_000,
            values: 2_000_000,
            bytes_wire: 4_000_000,
            bytes_decoded: 4_000_000,
            bytes_charged: 4_000_000,
            bytes_begun: 0,
            requests: 10,
            elapsed_us: 10_000_000,
            begun_us: 0,
            waited_us: 0,
            slices: 4,
            first_byte_us: Spread::exact(50_000),
            slice_us: Spread::exact(4_000_000),
            answers_us: 16_000_000,
            reader_busy_us: 0,
            written_us: 100_000,
            retries: 0,
            splits: 0,
            cpu_us: Some(2_000_000),
            memory_bytes_max: Some(200_000_000),
            bodies: 0,
            body_bytes_sum: 0,
            transports: Vec::new(),
            batches: bytes.iter().map(batch).collect(),
        }
    }

    fn row(trial: &Trial, whole: &Whole) -> SettingRow {
        extrapolate::row(trial.setting, std::slice::from_ref(trial), whole).unwrap()
    }

    #[test]
    fn what_limits_is_found() {
        type Change<'a> = &'a dyn Fn(&mut Trial);
        let cases: [(TrialSink, Change<'_>, Limit); 9] = [
            (TrialSink::Discard, &|_| (), Limit::Source),
            (TrialSink::Discard, &|trial| trial.slice_us.high = 46_000_000, Limit::Deadline),
            (
                TrialSink::Discard,
                &|trial| trial.memory_bytes_max = Some(5_000_000_000),
                Limit::Memory,
            ),
            (TrialSink::Destination, &|trial| trial.reader_busy_us = 9_000_000, Limit::Destination),
            (TrialSink::Discard, &|trial| trial.reader_busy_us = 9_000_000, Limit::Client),
            (TrialSink::Destination, &|trial| trial.written_us = 9_000_000, Limit::Destination),
            (TrialSink::Discard, &|trial| trial.written_us = 9_000_000, Limit::Client),
            (TrialSink::Discard, &|trial| trial.cpu_us = Some(17_000_000), Limit::Client),
            (TrialSink::Discard, &|trial| trial.cpu_us = None, Limit::Source),
        ];
        for (sink, change, limit) in cases {
            let mut trial = trial("1h", &[1_000_000]);
            change(&mut trial);
            assert_eq!(row(&trial, &whole(sink, None)).limit, limit);
            // 400 kB/s are read; half of that is granted.
            assert_eq!(row(&trial, &whole(sink, Some(200_000))).limit, Limit::Quota);
        }
    }

    #[test]
    fn a_batch_that_may_outgrow_its_bound_is_passed_over() {
        // A window brings 60 MB. Batches of a day differ fourfold, the fullest one has room for twice itself only.
        let whole = whole(TrialSink::Discard, Some(200_000));
        let long = trial("1d", &[30_000_000, 7_500_000, 7_500_000]);
        let mut short = trial("6h", &[4_000_000, 3_900_000, 4_100_000]);
        short.bytes_charged = 4_400_000;
        let (long_row, short_row) = (row(&long, &whole), row(&short, &whole));
        assert!(long_row.whole_ms.likely < short_row.whole_ms.likely);
        let (long, short) = ([long], [short]);
        let both = [(&long_row, &long[..]), (&short_row, &short[..])];
        let found = best(both, &whole).unwrap();
        assert_eq!(
            (found.setting.interval.to_string().as_str(), found.bound),
            ("6h", Bound::Window)
        );
        assert!(found.is_safe() && found.variation_per_mille < 1_100, "{found:?}");
        let alone = best([(&long_row, &long[..])], &whole).unwrap();
        assert_eq!((alone.variation_per_mille, alone.headroom_per_mille), (4_000, 2_000));
        assert!(!alone.is_safe(), "said, because there is nothing better");
        assert_eq!(best([], &whole), None);
    }
}
