//! What one request pays for its leave, on a ledger where nobody waits: admitted, its bytes counted, settled.

use std::fmt;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use sluice::testing::influx::quota::{QuotaLedger, QuotaSettings};
use sluice::testing::influx::signal::Observer;
use sluice::testing::limits::QUOTA_SMALL_BYTES_MAX;
use tokio::runtime::Builder;

use super::sized;

/// So many that no request waits for them; the pacing is the same.
const PLENTY: u64 = 1 << 50;

/// Requests in a row: what leads into the runtime costs nothing then.
const REQUESTS: usize = 1_000;

struct Case {
    name: &'static str,
    bytes_per_window: Option<u64>,
    query_time_ms: Option<u64>,
    request_bytes: u64,
}

const CASES: [Case; 4] = [
    Case {
        name: "no limit",
        bytes_per_window: None,
        query_time_ms: None,
        request_bytes: QUOTA_SMALL_BYTES_MAX,
    },
    Case {
        name: "bytes, small request",
        bytes_per_window: Some(PLENTY),
        query_time_ms: None,
        request_bytes: QUOTA_SMALL_BYTES_MAX,
    },
    Case {
        name: "bytes, large request",
        bytes_per_window: Some(PLENTY),
        query_time_ms: None,
        request_bytes: QUOTA_SMALL_BYTES_MAX + 1,
    },
    Case {
        name: "bytes and query time",
        bytes_per_window: Some(PLENTY),
        query_time_ms: Some(PLENTY),
        request_bytes: QUOTA_SMALL_BYTES_MAX + 1,
    },
];

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[divan::bench(args = CASES, sample_size = 1)]
fn admit_and_settle(bencher: Bencher<'_, '_>, case: &Case) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let observer: Observer = Arc::new(|signal| panic!("nobody waits, but {signal:?}"));
    let ledger = Arc::new(QuotaLedger::new(&QuotaSettings {
        bytes_per_window: case.bytes_per_window,
        query_time_ms: case.query_time_ms,
        ..QuotaSettings::default()
    }));
    let requests = sized(REQUESTS, 10);
    bencher.counter(ItemsCount::new(requests)).bench_local(|| {
        runtime.block_on(async {
            for _ in 0..requests {
                let mut admission = ledger.admit(case.request_bytes, &observer).await;
                admission.record(case.request_bytes / 2);
                admission.settle(case.request_bytes);
            }
        });
    });
}
