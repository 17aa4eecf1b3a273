//! How a quota is divided: what goes at a steady rate, at once, and under way.

use crate::limits::{
    QUOTA_ERROR_PER_MILLE, QUOTA_SHARE_PER_MILLE_MAX, QUOTA_WINDOW_MS, SLICE_WINDOW_PER_MILLE_MAX,
};
use crate::model::scale::scaled;

/// The whole of a quota, in millionths: what the parts of all runs add up to at the most.
pub(crate) const WHOLE_PPM: u32 = 1_000_000;

pub(super) const KIB: u64 = 1024;

/// What the pacing may take of a quota, or of a part of it. All in bytes, except the share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The quota of one window.
    pub quota_bytes: u64,
    /// The largest share that is ever taken at the steady rate, in thousandths.
    pub share_per_mille_max: u32,
    /// Paid for at once after a pause.
    pub burst_bytes: u64,
    /// Paid for and not yet received, credit for what was paid and never came among it.
    pub in_flight_bytes_max: u64,
    /// The largest answer for which the bound holds.
    pub request_bytes_max: u64,
}

impl Bounds {
    /// Divides the quota. What the largest share of the day leaves over covers burst and what is in flight; so with a
    /// share above 90 % both shrink, and no more than [`QUOTA_SHARE_PER_MILLE_MAX`] is taken.
    pub(crate) fn new(quota_bytes: u64, share_per_mille_max: u32) -> Self {
        let share = share_per_mille_max.clamp(1, QUOTA_SHARE_PER_MILLE_MAX);
        let rest = quota_bytes - per_mille(quota_bytes, u64::from(share));
        let slice_bytes = per_mille(quota_bytes, SLICE_WINDOW_PER_MILLE_MAX);
        let burst_bytes = (rest / 5).min(slice_bytes).max(KIB);
        let in_flight = without_error(rest.saturating_sub(burst_bytes)).max(KIB);
        Self {
            quota_bytes,
            share_per_mille_max: share,
            burst_bytes,
            in_flight_bytes_max: in_flight,
            request_bytes_max: (in_flight / 2).min(slice_bytes),
        }
    }

    /// The same for a part of the quota. Requests stay as large as they were planned, so one of them is always
    /// allowed in flight: where it is more than the part has room for, the rate makes up for it.
    #[must_use]
    pub(crate) fn part(self, part_ppm: u32) -> Self {
        let part = |bytes: u64| scaled(bytes, u64::from(part_ppm), u64::from(WHOLE_PPM));
        Self {
            quota_bytes: part(self.quota_bytes),
            burst_bytes: part(self.burst_bytes),
            in_flight_bytes_max: part(self.in_flight_bytes_max).max(self.request_bytes_max),
            ..self
        }
    }

    /// Paid for in one window at the steady rate while this share holds.
    pub(crate) fn rate_bytes_per_window(&self, share_per_mille: u32) -> u64 {
        let share = share_per_mille.min(self.share_per_mille_max);
        let share_bytes = per_mille(self.quota_bytes, u64::from(share));
        let most = self.quota_bytes.saturating_sub(self.burst_bytes);
        let most = most.saturating_sub(self.in_flight_bytes_max + self.overrun_bytes_max());
        // A tenth at the least: the parts of very many runs have no room for one request each, and none may starve.
        share_bytes.min(most.max(share_bytes / 10))
    }

    /// What all that is in flight may bring beyond its prediction.
    pub(super) fn overrun_bytes_max(&self) -> u64 {
        per_mille(self.in_flight_bytes_max, QUOTA_ERROR_PER_MILLE)
    }

    /// Bytes per second at a rate per window.
    pub(super) fn per_second(bytes_per_window: u64) -> u64 {
        bytes_per_window / (QUOTA_WINDOW_MS / 1_000)
    }
}

fn without_error(bytes: u64) -> u64 {
    scaled(bytes, 1_000, 1_000 + QUOTA_ERROR_PER_MILLE)
}

fn per_mille(bytes: u64, per_mille: u64) -> u64 {
    scaled(bytes, per_mille, 1_000)
}

pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_all_runs_never_exceed_the_quota() {
        for quota in [1_000_000, 5_000_000, 300_000_000, 3_000_000_000, 123_456_789_012] {
            for share in [0, 1, 100, 300, 500, 900, 950, 980, 990, 1_000, u32::MAX] {
                let whole = Bounds::new(quota, share);
                for runs in 1..=33 {
                    let part = whole.part(WHOLE_PPM / runs);
                    let most = part.rate_bytes_per_window(1_000)
                        + part.burst_bytes
                        + part.in_flight_bytes_max
                        + part.overrun_bytes_max();
                    // The least quotas have bounds of 1 KiB each, whatever their size.
                    assert!(most <= part.quota_bytes + 4_096, "{quota} {share} {runs} {part:?}");
                    assert!(part.quota_bytes * u64::from(runs) <= quota);
                    assert!(part.request_bytes_max <= part.in_flight_bytes_max);
                }
                let starved = whole.part(WHOLE_PPM / 1_000).rate_bytes_per_window(1_000) == 0;
                assert!(!starved || quota / 1_000 * u64::from(share) < 10_000_000);
                assert!(whole.burst_bytes <= (quota / 50).max(KIB));
                assert_eq!(whole.part(WHOLE_PPM), whole);
            }
        }
    }

    #[test]
    fn up_to_three_runs_lose_nothing_of_the_rate() {
        let whole = Bounds::new(300_000_000, 900);
        assert_eq!(
            (whole.burst_bytes, whole.in_flight_bytes_max, whole.request_bytes_max),
            (6_000_000, 17_991_004, 6_000_000)
        );
        for (runs, per_mille_min) in [(1, 1_000), (2, 999), (3, 999), (4, 960), (8, 800)] {
            let rate = whole.part(WHOLE_PPM / runs).rate_bytes_per_window(900) * u64::from(runs);
            assert!(rate * 1_000 / 270_000_000 >= per_mille_min, "{runs} runs: {rate}");
        }
    }
}
