//! One day of quota windows: runs that read as the pipeline does, and what is held against them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use sluice::testing::influx::backoff::Jitter;
use sluice::testing::influx::gate::Gate;
use sluice::testing::influx::quota::{QuotaLedger, QuotaSettings};
use sluice::testing::influx::signal::{Observer, Signal, WaitCause};
use sluice::testing::model::share::Share;
use sluice::testing::model::side::Side;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cloud::{Cloud, Other, QUOTA, Says, Settings};
use crate::support::virtual_time;

pub(super) const HOUR_S: u64 = 3_600;
pub(super) const DAY_S: u64 = 24 * HOUR_S;

/// One run: when it starts and ends, in seconds, and whether it is killed at its end.
pub(super) type Life = (u64, u64, End);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    Proper,
    Killed,
}
pub(super) use End::{Killed, Proper};

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) name: &'static str,
    pub(super) cloud: Settings,
    pub(super) share: &'static str,
    pub(super) readers: u64,
    /// The true size of an answer lies this far around the prediction, in per mille.
    pub(super) error_per_mille: (u64, u64),
    /// How long an answer takes, in ms.
    pub(super) answer_ms: (u64, u64),
    pub(super) lives: &'static [Life],
    /// Used of what was there to be used, per mille.
    pub(super) used_min: u64,
    /// Refused requests, per mille of all; none may be refused where this is 0.
    pub(super) refused_max: u64,
    /// Used of share x the limit of query time, per mille.
    pub(super) time_min: u64,
}

pub(super) const CLOUD: Settings = Settings {
    seed: 1,
    quota: QUOTA,
    other: Other::Nobody,
    says: Says::Seconds,
    random: None,
    query_time_ms: None,
    queries_max: None,
    date: "2024-02-28T05:17:03Z",
    jumps: &[],
};

pub(super) const DAY: Day = Day {
    name: "",
    cloud: CLOUD,
    share: "90%",
    readers: 2,
    error_per_mille: (700, 1_300),
    answer_ms: (100, 2_500),
    lives: &[(0, DAY_S, Proper)],
    used_min: 970,
    refused_max: 0,
    time_min: 0,
};

/// What a run shares with its readers.
struct Run {
    cloud: Arc<Cloud>,
    ledger: Arc<QuotaLedger>,
    gate: Gate,
    observer: Observer,
    day: Day,
    end: Instant,
}

/// Counts the pauses that the gate made: first ones, and those after a probe that was refused.
#[derive(Default)]
struct Pauses {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Pauses {
    fn observer(self: &Arc<Self>) -> Observer {
        let pauses = Arc::clone(self);
        Arc::new(move |signal| match signal {
            Signal::WaitBegan { cause: WaitCause::RateLimited, .. } => {
                pauses.begun.fetch_add(1, SeqCst);
            }
            Signal::WaitEnded { cause: WaitCause::RateLimited, .. } => {
                pauses.ended.fetch_add(1, SeqCst);
            }
            _ => {}
        })
    }
}

/// Asks for slice after slice, as a worker of the pipeline does.
async fn read(run: Arc<Run>, mut random: Jitter) {
    let bytes_max = run.ledger.request_bytes_max().unwrap();
    while Instant::now() < run.end {
        let predicted = bytes_max / 20 + random.up_to(bytes_max - bytes_max / 20);
        let (low, high) = run.day.error_per_mille;
        let actual = predicted * (low + random.up_to(high - low)) / 1_000;
        let mut admission = run.ledger.admit(predicted, &run.observer).await;
        let _slot = run.ledger.slot(&run.observer).await;
        let pass = run.gate.enter().await;
        let query = match run.cloud.ask() {
            Ok(query) => query,
            Err(wait_ms) => {
                pass.refused(WaitCause::RateLimited, wait_ms);
                continue;
            }
        };
        let sent = Instant::now();
        let (least_ms, most_ms) = run.day.answer_ms;
        let took_ms = least_ms + random.up_to(most_ms - least_ms);
        let head_ms = random.up_to(took_ms / 2);
        tokio::time::sleep(Duration::from_millis(head_ms)).await;
        pass.answered();
        admission.begun(sent);
        run.ledger.note_time(run.cloud.date());
        let parts = 1 + random.up_to(7);
        let mut received = 0;
        for part in 1..=parts {
            let until = actual * part / parts;
            query.send(until - received);
            received = until;
            admission.record(received);
            tokio::time::sleep(Duration::from_millis((took_ms - head_ms) / parts)).await;
        }
        match random.up_to(9) {
            0 => drop(admission),
            _ => admission.settle(received),
        }
    }
}

/// One run from its start to its end.
async fn live(
    day: Day,
    number: u64,
    life: Life,
    folder: &Path,
    cloud: &Arc<Cloud>,
    pauses: &Arc<Pauses>,
) {
    let (start_s, end_s, ending) = life;
    let begin = Instant::now();
    tokio::time::sleep(Duration::from_secs(start_s)).await;
    let ledger = Arc::new(QuotaLedger::new(&QuotaSettings {
        bytes_per_window: Some(day.cloud.quota),
        query_time_ms: day.cloud.query_time_ms,
        queries_max: day.cloud.queries_max.map(|max| max as u64),
        share: day.share.parse().unwrap(),
    }));
    ledger.note_time(cloud.date());
    let observer = pauses.observer();
    if day.lives.len() > 1 {
        ledger.share(folder, &observer).await;
    }
    let seed = day.cloud.seed * 1_000 + number * 100;
    let end = begin + Duration::from_secs(end_s);
    let gate = Gate::new(Side::Source, Arc::clone(&observer), Jitter::new(Some(seed)));
    let run = Arc::new(Run { cloud: Arc::clone(cloud), ledger, gate, observer, day, end });
    let mut readers = JoinSet::new();
    for reader in 0..day.readers {
        readers.spawn(read(Arc::clone(&run), Jitter::new(Some(seed + reader))));
    }
    if ending == Killed {
        tokio::time::sleep_until(end).await;
        // What is left of a killed process: its file, without a lock.
        let files = run_files(folder);
        readers.abort_all();
        while readers.join_next().await.is_some() {}
        drop(run);
        let left = run_files(folder);
        for (path, part) in files.iter().filter(|file| !left.contains(file)) {
            std::fs::write(path, part).unwrap();
        }
    } else {
        readers.join_all().await;
    }
}

fn run_files(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let runs = paths.filter(|path| path.extension().is_some_and(|ending| ending == "run"));
    runs.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// What all runs of the day together may have read: share x quota for as long as one of them lived.
fn granted(day: &Day, length_s: u64) -> u64 {
    let share: Share = day.share.parse().unwrap();
    let begin: sluice::testing::model::time::Timestamp = day.cloud.date.parse().unwrap();
    let of = |second: u64| {
        let jumps = day.cloud.jumps.iter().filter(|(at_s, _)| *at_s <= second);
        let jumped: i64 = jumps.map(|(_, by_s)| by_s).sum();
        let now =
            begin.saturating_add_ns((i64::try_from(second).unwrap() + jumped) * 1_000_000_000);
        day.cloud.quota * u64::from(share.at(now)) / 1_000 / 300
    };
    let lived = |second: &u64| {
        day.lives.iter().any(|(start, end, _)| (*start..(*end).min(length_s)).contains(second))
    };
    (0..length_s).filter(lived).map(of).sum()
}

/// Spends one day, on a clock of its own; gives the bytes that were read.
pub(super) fn spend(day: Day) -> u64 {
    virtual_time::run_without_sockets(spent(day))
}

async fn spent(day: Day) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::new(day.cloud);
    let pauses = Arc::<Pauses>::default();
    let mut lives = JoinSet::new();
    for (number, life) in (0..).zip(day.lives) {
        let (folder, cloud) = (folder.path().join("quota"), Arc::clone(&cloud));
        let pauses = Arc::clone(&pauses);
        lives.spawn(async move { live(day, number, *life, &folder, &cloud, &pauses).await });
    }
    lives.join_all().await;
    judge(&day, &cloud, &pauses);
    cloud.bytes()
}

fn judge(day: &Day, cloud: &Cloud, pauses: &Pauses) {
    let name = day.name;
    let (worst, fixed) = cloud.worst_bytes();
    let (asked, refused) = cloud.asked();
    let length_s = cloud.now_ms() / 1_000;
    let (used, available) = match day.cloud.other {
        Other::Nobody => (cloud.bytes(), granted(day, length_s)),
        _ => cloud.ours_and_available(900),
    };
    let used_per_mille = used * 1_000 / available;
    let (pauses, openings) = (pauses.begun.load(SeqCst), pauses.ended.load(SeqCst));
    let (running, passing_ms, ended_ms) = cloud.worst_queries();
    eprintln!(
        "{name}: used {used_per_mille} per mille of {} MB, worst five minutes {} MB, worst window {} MB, \
         {refused} of {asked} refused in {pauses} pauses; {running} at one time, {passing_ms} and {ended_ms} ms in 30 s",
        available / 1_000_000,
        worst / 1_000_000,
        fixed / 1_000_000
    );
    assert!(worst <= day.cloud.quota, "{name}: {worst} in some five minutes");
    if day.cloud.other == Other::Nobody {
        assert!(fixed <= day.cloud.quota, "{name}: {fixed} in a window");
    }
    assert!(used_per_mille >= day.used_min, "{name}: only {used_per_mille} per mille used");
    if day.cloud.other == Other::Nobody {
        assert!(used_per_mille <= 1_010, "{name}: {used_per_mille} per mille used");
    }
    assert!(refused * 1_000 <= asked * day.refused_max, "{name}: {refused} of {asked} refused");
    assert!(
        day.cloud.queries_max.is_none_or(|max| running <= max),
        "{name}: {running} at one time"
    );
    if let Some(limit_ms) = day.cloud.query_time_ms {
        assert!(
            passing_ms.max(ended_ms) <= limit_ms,
            "{name}: {passing_ms} and {ended_ms} ms in 30 s"
        );
        let (mean_ms, share) = (cloud.mean_query_ms(), limit_ms * 9 / 10);
        eprintln!("{name}: {} per mille of the time used", mean_ms * 1_000 / share);
        assert!(mean_ms * 1_000 >= share * day.time_min, "{name}: {mean_ms} of {share} ms in 30 s");
    }
    // One request per pause; the first of a row of pauses may meet others that were under way already.
    let late = openings * (day.readers - 1) * day.lives.len() as u64;
    assert!(refused <= pauses + late, "{name}: {refused} refused in {pauses} pauses");
}

/// Spends all days of a table; several tests, so that they run side by side.
pub(super) fn spend_all(days: &[Day]) {
    for day in days {
        spend(*day);
    }
}
