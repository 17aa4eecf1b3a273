//! The pacing against a server that counts in fixed windows: days of them, on a paused clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluice::influx::backoff::Jitter;
use sluice::influx::quota::{Bounds, QuotaLedger};
use sluice::influx::signal::{Observer, Signal, WaitCause};
use tokio::time::Instant;

use super::{recorder, silent};

const QUOTA: u64 = 300_000_000;
const WINDOW_MS: u64 = 300_000;

#[test]
fn share_burst_credit_and_flight_never_exceed_the_quota() {
    for quota in [1_000_000, 5_000_000, QUOTA, 3_000_000_000, 123_456_789_012] {
        for share in [0, 1, 100, 500, 900, 950, 980, 990, 1_000, u32::MAX] {
            let bounds = Bounds::new(quota, share);
            let flight = bounds.in_flight_bytes_max * 4 / 3;
            let sum = bounds.rate_bytes_per_window
                + bounds.burst_bytes
                + bounds.credit_bytes_max
                + flight;
            assert!(sum <= quota + 4_096, "{quota} {share} {bounds:?}");
            assert!(bounds.burst_bytes <= (quota / 50).max(1_024));
        }
    }
    let bounds = Bounds::new(QUOTA, 900);
    assert_eq!((bounds.rate_bytes_per_window, bounds.burst_bytes), (270_000_000, 6_000_000));
    let ledger = QuotaLedger::new(Some(QUOTA), 900);
    assert_eq!(
        (ledger.request_bytes_max(), ledger.bytes_per_s()),
        (Some(6_000_000), Some(900_000))
    );
    assert_eq!(QuotaLedger::new(None, 900).request_bytes_max(), None);
}

/// What the server counts in its windows, and in every window of any phase.
#[derive(Default)]
struct Meter {
    fixed: BTreeMap<u64, u64>,
    flow: Vec<(u64, u64)>,
}

impl Meter {
    fn count(&mut self, at_ms: u64, phase_ms: u64, bytes: u64) {
        *self.fixed.entry((at_ms + phase_ms) / WINDOW_MS).or_default() += bytes;
        self.flow.push((at_ms, bytes));
    }

    /// The most that any five minutes saw.
    fn worst_bytes(&self) -> u64 {
        let (mut worst, mut sum, mut first) = (0, 0, 0);
        for (at_ms, bytes) in &self.flow {
            sum += bytes;
            while self.flow[first].0 + WINDOW_MS <= *at_ms {
                sum -= self.flow[first].1;
                first += 1;
            }
            worst = worst.max(sum);
        }
        worst
    }
}

struct Day {
    quota: u64,
    share_per_mille: u32,
    readers: u64,
    /// The true size of an answer lies this far around the prediction, in percent.
    error_percent: (u64, u64),
    seed: u64,
    hours: u64,
}

async fn live(day: &Day) -> (Meter, Duration) {
    let ledger = Arc::new(QuotaLedger::new(Some(day.quota), day.share_per_mille));
    let meter = Arc::new(Mutex::new(Meter::default()));
    let begin = Instant::now();
    let end = begin + Duration::from_secs(day.hours * 3_600);
    let phase_ms = Jitter::new(Some(day.seed)).up_to(WINDOW_MS - 1);
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..day.readers {
        let (ledger, meter) = (Arc::clone(&ledger), Arc::clone(&meter));
        let mut random = Jitter::new(Some(day.seed * 1_000 + reader));
        let (low, high) = day.error_percent;
        readers.spawn(async move {
            let observer = silent();
            let bytes_max = ledger.request_bytes_max().unwrap();
            while Instant::now() < end {
                let predicted = bytes_max / 20 + random.up_to(bytes_max - bytes_max / 20);
                let actual = predicted * (low + random.up_to(high - low)) / 100;
                let mut admission = ledger.admit(predicted, &observer).await;
                tokio::time::sleep(Duration::from_millis(random.up_to(900))).await;
                let parts = 1 + random.up_to(7);
                let mut received = 0;
                for part in 1..=parts {
                    let until = actual * part / parts;
                    let at_ms = u64::try_from(begin.elapsed().as_millis()).unwrap();
                    meter.lock().unwrap().count(at_ms, phase_ms, until - received);
                    received = until;
                    admission.record(received);
                    tokio::time::sleep(Duration::from_millis(random.up_to(400))).await;
                }
                match random.up_to(9) {
                    0 => drop(admission),
                    _ => admission.settle(received),
                }
            }
        });
    }
    readers.join_all().await;
    let meter = std::mem::take(&mut *meter.lock().unwrap());
    (meter, begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_day_stays_within_every_window_and_uses_its_share() {
    for (seed, quota, share_per_mille, readers, error_percent, hours) in [
        (1, QUOTA, 900, 2, (70, 130), 24),
        (2, QUOTA, 900, 4, (70, 130), 24),
        (3, QUOTA, 900, 16, (70, 130), 6),
        (4, 3_000_000_000, 900, 8, (70, 130), 6),
        (5, QUOTA, 980, 16, (70, 130), 6),
        (6, QUOTA, 500, 3, (70, 130), 6),
        (7, QUOTA, 900, 4, (100, 130), 6),
        (8, QUOTA, 900, 4, (70, 100), 6),
    ] {
        let day = Day { quota, share_per_mille, readers, error_percent, seed, hours };
        let (meter, length) = live(&day).await;
        let fixed = meter.fixed.values().max().unwrap();
        assert!(*fixed <= quota, "seed {seed}: {fixed} bytes in a window of {quota}");
        assert!(
            meter.worst_bytes() <= quota,
            "seed {seed}: {} in some five minutes",
            meter.worst_bytes()
        );
        let total: u64 = meter.fixed.values().sum();
        let share = u128::from(quota) * u128::from(share_per_mille) / 1_000;
        let granted = share * length.as_millis() / u128::from(WINDOW_MS);
        let used_per_mille = u128::from(total) * 1_000 / granted;
        assert!(
            used_per_mille >= 970,
            "seed {seed}: only {used_per_mille} per mille of the share used"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_beyond_the_prediction_is_paid_before_the_next() {
    let ledger = Arc::new(QuotaLedger::new(Some(QUOTA), 900));
    let (observer, heard) = recorder();
    ledger.admit(1_000_000, &observer).await.settle(90_000_000);
    assert_eq!(ledger.usage().window_bytes, 90_000_000);
    assert!(heard.lock().unwrap().is_empty(), "the burst needs no waiting");
    let begin = Instant::now();
    ledger.admit(1_000, &observer).await.settle(1_000);
    let waited = begin.elapsed().as_secs();
    // 90 MB less the burst of 6 MB, at 0.9 MB/s.
    assert!((92..=95).contains(&waited), "{waited} s");
    let heard = heard.lock().unwrap();
    assert!(
        matches!(
            heard[0],
            Signal::WaitBegan { cause: WaitCause::Quota, wait_ms: 90_000..=110_000, .. }
        ),
        "{heard:?}"
    );
    assert!(matches!(
        heard[1],
        Signal::WaitEnded { cause: WaitCause::Quota, waited_ms: 92_000..=95_000, .. }
    ));
    assert_eq!(heard.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn unused_predictions_are_credit_up_to_a_cap() {
    let ledger = Arc::new(QuotaLedger::new(Some(QUOTA), 900));
    let observer = silent();
    // Uses up the burst, then brings nothing: 1 % of the window is kept.
    drop(ledger.admit(6_000_000, &observer).await);
    let begin = Instant::now();
    ledger.admit(3_000_000, &observer).await.settle(3_000_000);
    assert!(begin.elapsed() < Duration::from_secs(1), "paid from credit");
    ledger.admit(3_000_000, &observer).await.settle(3_000_000);
    assert!(begin.elapsed() > Duration::from_secs(2), "the rest of the credit was given up");
}

#[tokio::test(start_paused = true)]
async fn giving_up_while_waiting_loses_no_payment_and_no_debt() {
    let ledger = Arc::new(QuotaLedger::new(Some(QUOTA), 900));
    let observer = silent();
    ledger.admit(1_000_000, &observer).await.settle(50_000_000);
    let begin = Instant::now();
    for _ in 0..10 {
        let some = Duration::from_secs(2);
        assert!(tokio::time::timeout(some, ledger.admit(2_000_000, &observer)).await.is_err());
        assert_eq!(ledger.usage().wait_ms, 0, "nobody waits any more");
    }
    ledger.admit(2_000_000, &observer).await.settle(2_000_000);
    let waited = begin.elapsed().as_secs();
    // 50 MB of the first less the burst of 6 MB, and 2 MB for this one, at 0.9 MB/s.
    assert!((49..=53).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn small_requests_pass_while_large_ones_are_in_flight() {
    let ledger = Arc::new(QuotaLedger::new(Some(QUOTA), 900));
    let observer: Observer = silent();
    let large =
        [ledger.admit(6_000_000, &observer).await, ledger.admit(6_000_000, &observer).await];
    let hour = Duration::from_secs(3_600);
    assert!(
        tokio::time::timeout(hour, ledger.admit(6_000_000, &observer)).await.is_err(),
        "no third"
    );
    assert!(tokio::time::timeout(hour, ledger.admit(4_096, &observer)).await.is_ok());
    drop(large);
    let oversize = ledger.admit(60_000_000, &observer).await;
    oversize.settle(60_000_000);
}

#[tokio::test(start_paused = true)]
async fn without_a_quota_bytes_are_counted_only() {
    let ledger = Arc::new(QuotaLedger::new(None, 900));
    let begin = Instant::now();
    for _ in 0..100 {
        ledger.admit(1_000_000_000, &silent()).await.settle(2_000_000_000);
    }
    ledger.charge(7);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(ledger.usage().window_bytes, 200_000_000_007);
    tokio::time::sleep(Duration::from_secs(301)).await;
    let usage = ledger.usage();
    assert_eq!((usage.window_bytes, usage.bytes_per_s, usage.wait_ms), (0, None, 0));
}
