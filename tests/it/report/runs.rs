//! Real runs between simulated servers, on a clock that moves while nothing else does: what the screens are drawn from.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::values::QuotaChoice;
use sluice::testing::influx::client::ClientSettings;
use sluice::testing::limits::QUOTA_WINDOW_MS;
use sluice::testing::pipeline::event::{Event, StopReason};
use sluice::testing::pipeline::stop::{StopSignal, Stopper, stop_pair};
use sluice::testing::report::state::{Header, QuotaShown, RunState, SinkKind};
use sluice::testing::report::summary::{FailureInput, SummaryInput};
use sluice::testing::report::text::Glyphs;
use sluice::testing::sim::tsbs::Workload;
use sluice::testing::sim::{BucketStore, Fault, Matcher, ReadQuota, ServerSettings};

use crate::support::rig::{BUCKET, CLOUD_ORG, Rig, Run, oss_source, store_of, time, with};
use crate::support::virtual_time;

const DAY_NS: i64 = 86_400_000_000_000;
/// Few bytes, so that pacing shows, and many enough that no clock has to tick for minutes.
const QUOTA_BYTES: u64 = 1_200_000;

/// A run, and the names that its screens show.
pub(super) struct Told {
    pub(super) header: Header,
    pub(super) run: Run,
    /// What the address of a server of this process is shown as.
    addresses: [(String, &'static str); 2],
}

impl Told {
    /// What was known after so many events, as the screen looked it up.
    fn after(&self, events: usize, glyphs: Glyphs) -> RunState {
        let mut state = RunState::new(self.header.clone(), glyphs);
        let told = self.run.events.iter().zip(&self.run.moments);
        for (event, moment) in told.take(events) {
            state.apply(event, moment.at_ms);
            state.observe(moment.totals, moment.at_ms);
        }
        state
    }

    /// The first moment of this kind.
    pub(super) fn when(&self, is: impl Fn(&RunState, u64) -> bool) -> (RunState, u64) {
        let moments = self.run.moments.iter().enumerate();
        moments
            .map(|(at, moment)| (self.after(at + 1, Glyphs::Ascii), moment.at_ms))
            .find(|(state, now_ms)| is(state, *now_ms))
            .expect("the run has such a moment")
    }

    /// All that was known in the end.
    pub(super) fn end(&self) -> RunState {
        let mut state = self.after(self.run.events.len(), Glyphs::Ascii);
        state.observe(self.run.end.totals, self.run.end.at_ms);
        state
    }

    /// As the command hands it on.
    pub(super) fn summary(&self) -> SummaryInput {
        let finished = self.run.finished();
        let rejects = "~/.local/state/sluice/plant/rejects.lp".to_owned();
        SummaryInput {
            outcome: finished.outcome.clone(),
            source: self.header.source.clone(),
            destination: self.header.destination.clone(),
            elapsed_ms: self.run.end.at_ms,
            exit: finished.exit.number(),
            rejects: (finished.rejected_total > 0).then_some(rejects),
            next: None,
            later: None,
            read_back: None,
        }
    }

    /// The same for a run that failed.
    pub(super) fn failure(&self) -> FailureInput {
        let errors = sluice::testing::job::error::chain(self.run.error());
        FailureInput {
            errors: errors.iter().map(|text| self.shown(text)).collect(),
            facts: self.run.error().facts(),
            elapsed_ms: self.run.end.at_ms,
            exit: self.run.exit().number(),
        }
    }

    /// A text without the ports of this run.
    pub(super) fn shown(&self, text: &str) -> String {
        self.addresses.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// Three hosts with ten fields every ten minutes, for twelve days and an hour; every two minutes on the first of them, which
/// is enough for a look at how to read it.
fn data() -> Arc<BucketStore> {
    let store = store_of(b"", 7 * 86_400);
    let dense = Workload {
        hosts: 3,
        points_per_host: 720,
        interval_ns: 120_000_000_000,
        start_ns: start_ns(),
        ..Workload::default()
    };
    dense.load(&store, BUCKET).unwrap();
    let workload = Workload {
        hosts: 3,
        points_per_host: 144 * 11 + 6,
        interval_ns: 600_000_000_000,
        start_ns: start_ns() + DAY_NS,
        ..Workload::default()
    };
    workload.load(&store, BUCKET).unwrap();
    store
}

fn start_ns() -> i64 {
    time("2022-01-01").ns()
}

async fn rig(source: ServerSettings) -> Rig {
    let mut rig = Rig::start(source, data()).await.over("2022-01-01", "2022-01-13", "1d");
    rig.client = ClientSettings { seed: Some(7), ..ClientSettings::default() };
    rig
}

fn paced() -> ServerSettings {
    let quota =
        ReadQuota { bytes_per_window: QUOTA_BYTES, window_ms: QUOTA_WINDOW_MS, phase_ms: 0 };
    ServerSettings { quota: Some(quota), ..oss_source() }
}

fn paced_config(rig: &Rig) -> JobConfig {
    let mut config = rig.config();
    config.pace.quota = QuotaChoice::Bytes { per_window: QUOTA_BYTES };
    config
}

async fn told(
    rig: &Rig,
    config: JobConfig,
    stop: StopSignal,
    hear: impl Fn(&Event) + Send + Sync + 'static,
) -> Told {
    let address = |url: String| url.split_once("://").unwrap().1.to_owned();
    let quota = match config.pace.quota {
        QuotaChoice::Bytes { per_window } => {
            Some(QuotaShown { window_bytes: per_window, share_percent: 90 })
        }
        _ => None,
    };
    let org = config.ends.destination.org.clone().unwrap();
    let run = Box::pin(rig.migrate_here_stoppable(config, stop, hear)).await;
    let header = Header {
        command: "migrate".to_owned(),
        source: format!("{CLOUD_ORG}/{BUCKET}"),
        destination: format!("{org}@oss1:8086/{BUCKET}"),
        sink: SinkKind::Bucket,
        quota,
    };
    let addresses =
        [(address(rig.source.url()), "cloud1:8086"), (address(rig.destination.url()), "oss1:8086")];
    Told { header, run, addresses }
}

async fn told_alone(rig: &Rig, config: JobConfig) -> Told {
    told(rig, config, stop_pair().1, |_| ()).await
}

/// Lines of one time of each host are refused.
fn refuse_some(rig: &Rig) {
    let line = format!(" {}\n", start_ns() + 3 * DAY_NS);
    let message = "partial write: points beyond retention policy dropped=1";
    let refused = Matcher::path("/api/v2/write").body(&line);
    rig.destination_fault(refused, u32::MAX, Fault::unprocessable(message));
}

/// A run that is paced, meets trouble of each kind, and ends; then the same command again.
pub(super) static PACED: LazyLock<[Told; 2]> = LazyLock::new(|| {
    virtual_time::run(async {
        let rig = rig(paced()).await;
        refuse_some(&rig);
        let reads = |skip| Matcher::path("/query").body("SELECT *::field").skip(skip);
        rig.source_fault(reads(2), 1, Fault::Reset { after_bytes: 100 });
        rig.source_fault(reads(3), 1, Fault::too_many(Some(12)));
        rig.source_fault(reads(14), 2, Fault::Timeout);
        let first = told_alone(&rig, paced_config(&rig)).await;
        let again = told_alone(&rig, paced_config(&rig)).await;
        [first, again]
    })
});

/// A run without a quota, whose batches keep changing; then the same command again.
pub(super) static CHANGING: LazyLock<Told> = LazyLock::new(|| {
    virtual_time::run(async {
        let rig = rig(oss_source()).await;
        let store = Arc::clone(rig.source.store());
        let late = AtomicI64::new(0);
        let grow = move |event: &Event| {
            if let Event::BatchOpened { batch, .. } = event {
                let n = late.fetch_add(1, Ordering::SeqCst);
                let line = format!("cpu,hostname=late usage_user={n}i {}\n", batch.start.ns() + n);
                store.write_lp(BUCKET, line.as_bytes()).unwrap();
            }
        };
        told(&rig, rig.config(), stop_pair().1, grow).await
    })
});

/// A run without a quota and without trouble; then the same command again.
pub(super) static SMOOTH: LazyLock<[Told; 2]> = LazyLock::new(|| {
    virtual_time::run(async {
        let rig = rig(oss_source()).await;
        [told_alone(&rig, rig.config()).await, told_alone(&rig, rig.config()).await]
    })
});

/// A run that goes on behind the newest value, and one of a range that holds nothing.
pub(super) static IDLE: LazyLock<[Told; 2]> = LazyLock::new(|| {
    virtual_time::run(async {
        let rig = rig(oss_source()).await;
        let over = |start, stop| {
            with(rig.config(), |config| {
                config.scope.start = RangeStart::At(time(start));
                config.scope.stop = RangeStop::At(time(stop));
            })
        };
        told_alone(&rig, over("2022-01-01", "2022-01-14")).await;
        let again = told_alone(&rig, over("2022-01-01", "2022-01-20")).await;
        let mut empty = over("2021-01-01", "2021-01-02");
        empty.ends.batch_bucket = "another".to_owned();
        [again, told_alone(&rig, empty).await]
    })
});

/// A paced run that a signal ends while batches are open.
pub(super) static STOPPED: LazyLock<Told> = LazyLock::new(|| {
    virtual_time::run(async {
        let rig = rig(paced()).await;
        let (stopper, stop) = stop_pair();
        let opened = AtomicI64::new(0);
        let hear = move |event: &Event| {
            if matches!(event, Event::BatchOpened { .. }) {
                stop_at_fifth(&stopper, opened.fetch_add(1, Ordering::SeqCst) + 1);
            }
        };
        told(&rig, paced_config(&rig), stop, hear).await
    })
});

fn stop_at_fifth(stopper: &Stopper, opened: i64) {
    if opened == 5 {
        stopper.stop(StopReason::Interrupted);
    }
}

/// A run whose destination takes writes and says nothing for a while, and then goes on.
pub(super) static HANGING: LazyLock<Told> = LazyLock::new(|| {
    virtual_time::run(async {
        let rig = rig(oss_source()).await;
        let writes = Matcher::path("/api/v2/write").body("cpu,").skip(2);
        rig.destination_fault(writes, u32::MAX, Fault::Stall { after_bytes: 0, ms: 75_000 });
        told_alone(&rig, rig.config()).await
    })
});

/// A run that may not read all.
pub(super) static BUDGETED: LazyLock<Told> = LazyLock::new(|| {
    virtual_time::run(async {
        let rig = rig(oss_source()).await;
        let mut config = rig.config();
        config.pace.max_transfer_bytes = Some(60_000);
        told_alone(&rig, config).await
    })
});

/// A run whose source is gone in the middle.
pub(super) static FAILED: LazyLock<Told> = LazyLock::new(|| {
    virtual_time::run(async {
        let mut rig = rig(oss_source()).await;
        (rig.client.backoff_ms_min, rig.client.backoff_ms_max) = (1, 100);
        let reads = Matcher::path("/query").body("SELECT *::field").skip(6);
        rig.source_fault(reads, u32::MAX, Fault::Refuse);
        told_alone(&rig, rig.config()).await
    })
});
