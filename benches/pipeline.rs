//! Speed of the whole path in one process: simulated Cloud, read, decode, merge, encode, write, simulated OSS, compare.
//! The two servers take their share of the machine, so the figures are for comparison with earlier ones only.
//!
//! `cargo bench --bench pipeline`; without `--bench` a tiny size, only to see that it runs.

use std::sync::Arc;
use std::time::Instant;

use sluice::cli::args::Command;
use sluice::cli::argv;
use sluice::commands::facts::Ends;
use sluice::commands::{migrate, preflight, run};
use sluice::config::env::Env;
use sluice::config::inputs::{Inputs, read_file};
use sluice::config::migrate::MigrateConfig;
use sluice::model::time::Timestamp;
use sluice::pipeline::event::Counters;
use sluice::sim::tsbs::Workload;
use sluice::sim::{Server, ServerSettings, Store};

const BUCKET: &str = "plant";

/// What one run moved, and how long it took.
struct Figures {
    values: u64,
    seconds: f64,
    source_bytes: u64,
    body_bytes: u64,
}

#[tokio::main]
async fn main() {
    let measure = std::env::args().any(|arg| arg == "--bench")
        && !std::env::args().any(|arg| arg == "--test");
    println!(
        "{:<10} {:>10} {:>12} {:>14} {:>14} {:>10} {:>10}",
        "values", "count", "values/s", "source B/s", "source B/value", "body B/val", "peak MB"
    );
    for (name, floats) in [("integers", false), ("floats", true)] {
        let (hosts, points_per_host, rounds) = if measure { (20, 8_640, 3) } else { (2, 60, 1) };
        let workload = Workload { hosts, points_per_host, floats, ..Workload::default() };
        let mut best: Option<Figures> = None;
        for _ in 0..rounds {
            let figures = copy(workload).await;
            if best.as_ref().is_none_or(|best| figures.seconds < best.seconds) {
                best = Some(figures);
            }
        }
        print(name, &best.expect("at least one round"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn print(name: &str, figures: &Figures) {
    let values = figures.values as f64;
    println!(
        "{name:<10} {:>10} {:>12.0} {:>14.0} {:>14.1} {:>10.1} {:>10}",
        figures.values,
        values / figures.seconds,
        figures.source_bytes as f64 / figures.seconds,
        figures.source_bytes as f64 / values,
        figures.body_bytes as f64 / values,
        peak_mb().map_or("?".to_owned(), |mb| mb.to_string())
    );
}

/// Peak of resident memory so far, both servers and their content among it.
fn peak_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? / 1_024)
}

/// Copies the workload from one simulated server to the other.
async fn copy(workload: Workload) -> Figures {
    let (source, sink) = (Store::default(), Store::default());
    source.create_bucket(BUCKET, 0);
    // The servers of one organisation number their buckets alike; this one keeps the ids apart.
    sink.create_bucket("_monitoring", 0);
    workload.load(&source, BUCKET).expect("generated values have one type per field");
    let quiet = |settings| ServerSettings { record_requests: false, ..settings };
    let cloud = Server::start(quiet(ServerSettings::cloud("cloud", "read")), Arc::new(source))
        .await
        .expect("loopback can be listened on");
    let oss = Server::start(quiet(ServerSettings::oss("oss", "write")), Arc::new(sink))
        .await
        .expect("loopback can be listened on");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = config(&cloud.url(), &oss.url(), folder.path(), workload);
    let signals = run::Signals::default();
    let ends = Ends::connect(&config, &signals.observer()).expect("two addresses");
    let checked = preflight::check(&config, &ends).await.expect("two servers");
    let source = checked.source.expect("the source was found");
    let mut destination = checked.destination.expect("the destination was found");
    let prepared = migrate::prepare(&config, &ends, &source, Some(&mut destination))
        .await
        .expect("buckets and a plan");
    let counters = Arc::new(Counters::default());
    let begin = Instant::now();
    run::execute(prepared, Arc::new(|_| {}), Arc::clone(&counters), migrate::never())
        .await
        .expect("a whole run");
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(cloud.store().digest(BUCKET), oss.store().digest(BUCKET), "the ends differ");
    Figures {
        values: workload.values(),
        seconds,
        source_bytes: Counters::get(&counters.source_bytes_decoded),
        body_bytes: Counters::get(&counters.body_bytes),
    }
}

fn config(cloud: &str, oss: &str, folder: &std::path::Path, workload: Workload) -> MigrateConfig {
    let rows = i64::try_from(workload.points_per_host).expect("few rows");
    let stop = Timestamp::from_ns(workload.start_ns + rows * workload.interval_ns).to_string();
    let (state, argv) = (
        folder.display().to_string(),
        [
            ["sluice", "migrate"],
            ["--source-host", cloud],
            ["--source-org", "cloud"],
            ["--source-bucket", BUCKET],
            ["--destination-host", oss],
            ["--destination-org", "oss"],
            ["--stop", &stop],
            ["--batch-interval", "1h"],
            ["--quota", "none"],
            ["--create-buckets", "--yes"],
        ]
        .as_flattened()
        .to_vec(),
    );
    let Ok(Command::Migrate(args)) = argv::parse(argv).map(|args| args.command) else {
        panic!("a command line of migrate");
    };
    let env = Env::new([
        ("INFLUXDB_CLOUD_TOKEN", "read"),
        ("INFLUX_TOKEN", "write"),
        ("XDG_STATE_HOME", &*state),
    ]);
    Inputs::load(&args, env.expect("three variables"), &read_file)
        .and_then(|inputs| inputs.check(Timestamp::from_ns(workload.start_ns)))
        .expect("good settings")
}
