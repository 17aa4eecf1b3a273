//! The pacing under the source's limits, on a paused clock.

mod cloud;
mod day;
mod days;
mod sharing;

use std::sync::Arc;
use std::time::Duration;

use sluice::testing::influx::quota::{QuotaLedger, QuotaSettings};
use sluice::testing::influx::signal::{Observer, Signal, WaitCause};
use tokio::time::Instant;

use super::{recorder, silent};
use cloud::QUOTA;

fn ledger(bytes_per_window: Option<u64>) -> Arc<QuotaLedger> {
    Arc::new(QuotaLedger::new(&QuotaSettings { bytes_per_window, ..QuotaSettings::default() }))
}

#[test]
fn the_rate_is_a_share_of_the_quota() {
    let usage = ledger(Some(QUOTA)).usage();
    assert_eq!((usage.quota_bytes, usage.bytes_per_s), (Some(QUOTA), Some(900_000)));
    assert_eq!((usage.share_per_mille, usage.share_change, usage.runs), (900, None, 1));
    assert_eq!(ledger(Some(QUOTA)).request_bytes_max(), Some(6_000_000));
    assert_eq!(ledger(None).request_bytes_max(), None);
}

#[tokio::test(start_paused = true)]
async fn what_came_beyond_the_prediction_is_paid_before_the_next() {
    let ledger = ledger(Some(QUOTA));
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
async fn unused_predictions_are_credit_as_far_as_they_were_in_flight() {
    let ledger = ledger(Some(QUOTA));
    let observer = silent();
    // Uses up the burst, then brings nothing, as a request does that is refused.
    drop(ledger.admit(6_000_000, &observer).await);
    let begin = Instant::now();
    for _ in 0..2 {
        ledger.admit(3_000_000, &observer).await.settle(3_000_000);
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "paid from credit");
    ledger.admit(3_000_000, &observer).await.settle(3_000_000);
    assert!(begin.elapsed() > Duration::from_secs(3), "which is used up");
    // What was never in flight is no credit: 18 MB may be, whatever was paid.
    drop(ledger.admit(60_000_000, &observer).await);
    let begin = Instant::now();
    ledger.admit(17_000_000, &observer).await.settle(17_000_000);
    assert!(begin.elapsed() < Duration::from_secs(1), "paid from credit");
    ledger.admit(3_000_000, &observer).await.settle(3_000_000);
    assert!(begin.elapsed() > Duration::from_secs(2), "the rest was given up");
}

#[tokio::test(start_paused = true)]
async fn giving_up_while_waiting_loses_no_payment_and_no_debt() {
    let ledger = ledger(Some(QUOTA));
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
    let ledger = ledger(Some(QUOTA));
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
    let ledger = ledger(None);
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

fn timed(share: &str, now: &str) -> Arc<QuotaLedger> {
    let share = share.parse().unwrap();
    let bytes_per_window = Some(QUOTA);
    let settings = QuotaSettings { bytes_per_window, share, ..QuotaSettings::default() };
    let ledger = QuotaLedger::new(&settings);
    ledger.note_time(now.parse().unwrap());
    Arc::new(ledger)
}

#[tokio::test(start_paused = true)]
async fn the_usage_shows_the_share_and_its_next_change() {
    let ledger = timed("08:00,30% 19:00,95%", "2024-05-01T18:00:00Z");
    let usage = ledger.usage();
    let change = usage.share_change.unwrap();
    assert_eq!((usage.share_per_mille, usage.bytes_per_s), (300, Some(300_000)));
    assert_eq!((change.at.to_string().as_str(), change.per_mille), ("2024-05-01T19:00:00Z", 950));
    tokio::time::sleep(Duration::from_secs(3_599)).await;
    assert_eq!(ledger.usage().share_per_mille, 300);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let usage = ledger.usage();
    assert_eq!((usage.share_per_mille, usage.bytes_per_s), (950, Some(950_000)));
    assert_eq!(usage.share_change.unwrap().at.to_string(), "2024-05-02T08:00:00Z");
    // What follows from the largest share holds all day.
    assert_eq!(
        ledger.request_bytes_max(),
        timed("95%", "2024-05-01T18:00:00Z").request_bytes_max()
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_paces_anew_who_waits_and_grants_no_burst() {
    for (share, rate_kb, then_kb) in
        [("08:00,30% 19:00,90%", 300, 900), ("08:00,90% 19:00,30%", 900, 300)]
    {
        let ledger = timed(share, "2024-05-01T18:58:00Z");
        let (observer, heard) = recorder();
        ledger.admit(1_024, &observer).await.settle(1_024);
        tokio::time::sleep(Duration::from_secs(110)).await;
        // Uses up the burst, so that there are 10 s at the first rate and the rest at the second.
        ledger.admit(6_000_000, &observer).await.settle(6_000_000);
        let begin = Instant::now();
        let bytes = rate_kb * 10_000 + then_kb * 20_000;
        ledger.admit(bytes, &observer).await.settle(bytes);
        let waited_ms = u64::try_from(begin.elapsed().as_millis()).unwrap();
        // What was filled up of a piece, a quarter of the burst, is lost with the old rate.
        assert!((29_900..32_000).contains(&waited_ms), "{share}: {waited_ms} ms");
        let heard = heard.lock().unwrap();
        let told = heard.iter().any(|signal| match signal {
            Signal::Notice { text, .. } => {
                text.contains(&format!("{then_kb} kB/s")) && text.contains("until 08:00 UTC")
            }
            _ => false,
        });
        assert!(told, "{heard:?}");
        let paced = heard.iter().any(|signal| {
            matches!(signal, Signal::Paced { bytes_per_s, runs: 1, .. } if *bytes_per_s == then_kb * 1_000)
        });
        assert!(paced, "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_with_another_clock_is_followed_at_once() {
    let ledger = timed("08:00,30% 19:00,90%", "2024-05-01T12:00:00Z");
    let observer = silent();
    ledger.admit(6_000_000, &observer).await.settle(6_000_000);
    let begin = Instant::now();
    let waiting = {
        let (ledger, observer) = (Arc::clone(&ledger), Arc::clone(&observer));
        tokio::spawn(async move { ledger.admit(6_000_000, &observer).await.settle(6_000_000) })
    };
    tokio::time::sleep(Duration::from_secs(5)).await;
    ledger.note_time("2024-05-01T20:00:00Z".parse().unwrap());
    waiting.await.unwrap();
    // 5 s at 0.3 MB/s and 5 s at 0.9 MB/s.
    let waited_ms = begin.elapsed().as_millis();
    assert!((9_900..10_600).contains(&waited_ms), "{waited_ms} ms");
    // To and fro, once a second: the share follows, and no burst is had by it.
    let begin = Instant::now();
    for second in 0..60 {
        let hour = if second % 2 == 0 { "09" } else { "21" };
        ledger.note_time(format!("2024-05-02T{hour}:00:00Z").parse().unwrap());
        let some = Duration::from_secs(1);
        drop(tokio::time::timeout(some, ledger.admit(2_000_000, &observer)).await);
    }
    assert!(begin.elapsed().as_secs() >= 59, "{:?}", begin.elapsed());
    assert!(ledger.usage().window_bytes <= 12_000_000);
}
