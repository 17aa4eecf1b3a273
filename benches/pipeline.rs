//! Speed of the whole path in one process, with each end that a run can have: simulated Cloud to simulated OSS, to a
//! spool, to nowhere (values are encoded and dropped), and from the spool to simulated OSS. The servers take their share
//! of the machine, so the figures are for comparison within one run, and with earlier ones.
//!
//! `cargo bench --bench pipeline`; without `--bench` a tiny size, only to see that it runs. With the two real servers of a
//! file of settings instead (`source_bucket`, range and tokens among them): `cargo bench --bench pipeline -- --config
//! plant.toml`. Each round writes two new buckets, named after the destination bucket, and leaves them there.

mod size;

use std::sync::Arc;
use std::time::Instant;

use sluice::testing::cli::args::Command;
use sluice::testing::cli::argv;
use sluice::testing::commands::bench::machine;
use sluice::testing::config::env::Env;
use sluice::testing::config::inputs::{Inputs, read_file};
use sluice::testing::config::job::{JobConfig, SpoolChoice};
use sluice::testing::job::ends::Ends;
use sluice::testing::job::prepare::prepare;
use sluice::testing::job::run::{self, Prepared};
use sluice::testing::job::{judge, load_spool};
use sluice::testing::model::time::Timestamp;
use sluice::testing::model::time_type::TimeType;
use sluice::testing::pipeline::commit::Checkpoint;
use sluice::testing::pipeline::event::Counters;
use sluice::testing::pipeline::stop::stop_pair;
use sluice::testing::pipeline::write::Destination;
use sluice::testing::sim::tsbs::Workload;
use sluice::testing::sim::{BucketStore, Server, ServerSettings};
use sluice::testing::spool::place::Surroundings;

use self::size::Size;

const BUCKET: &str = "plant";

/// Where the values come from and go to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Copy,
    Discard,
    Stage,
    Load,
}

const WAYS: [(Way, &str); 4] = [
    (Way::Copy, "bucket to bucket"),
    (Way::Discard, "bucket to nowhere"),
    (Way::Stage, "bucket to spool"),
    (Way::Load, "spool to bucket"),
];

/// What one run moved, and how long it took.
#[derive(Debug, Clone, Copy)]
struct Figures {
    values: u64,
    seconds: f64,
    source_bytes: u64,
    body_bytes: u64,
}

#[tokio::main]
async fn main() {
    let Some(size) = Size::asked() else { return };
    let args: Vec<String> = std::env::args().collect();
    let file = args.windows(2).find(|pair| pair[0] == "--config").map(|pair| pair[1].clone());
    println!(
        "{:<10} {:<18} {:>10} {:>12} {:>14} {:>10} {:>10}",
        "values", "from and to", "count", "values/s", "source B/value", "out B/val", "peak MB"
    );
    let rounds = size.of(3, 1);
    if let Some(file) = file {
        // The ways take turns, so that a slow minute of the machine meets all of them.
        let mut best = Best::default();
        for round in 0..rounds {
            let ends = Servers::named(&file, round);
            best.round(&ends).await;
        }
        return best.print("real");
    }
    for (name, floats) in [("integers", false), ("floats", true)] {
        let (hosts, points_per_host) = size.of((20, 8_640), (2, 60));
        let workload = Workload { hosts, points_per_host, floats, ..Workload::default() };
        let mut best = Best::default();
        for _ in 0..rounds {
            let servers = Servers::simulated(workload).await;
            best.round(&servers).await;
        }
        best.print(name);
    }
}

/// The fastest run of each way.
#[derive(Default)]
struct Best([Option<Figures>; WAYS.len()]);

impl Best {
    async fn round(&mut self, servers: &Servers) {
        for ((way, _), best) in WAYS.iter().zip(&mut self.0) {
            let figures = servers.run(*way).await;
            if best.is_none_or(|best| figures.seconds < best.seconds) {
                *best = Some(figures);
            }
        }
    }

    fn print(self, name: &str) {
        for ((_, way), best) in WAYS.iter().zip(self.0) {
            print(name, way, best.expect("at least one round"));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn print(name: &str, way: &str, figures: Figures) {
    let values = figures.values as f64;
    println!(
        "{name:<10} {way:<18} {:>10} {:>12.0} {:>14.1} {:>10.1} {:>10}",
        figures.values,
        values / figures.seconds,
        figures.source_bytes as f64 / values,
        figures.body_bytes as f64 / values,
        // So far; both servers and their content are among it.
        machine::memory_peak_bytes().map_or("?".to_owned(), |peak| (peak >> 20).to_string())
    );
}

/// Both servers, and a folder for a spool.
struct Servers {
    /// The servers that live in this process, and what is in the first one.
    simulated: Option<(Server, Server, Workload)>,
    /// What leads to them.
    flags: Vec<String>,
    /// Distinguishes the buckets of this round.
    round: String,
    folder: tempfile::TempDir,
}

impl Servers {
    /// Those that a file of settings names.
    fn named(file: &str, round: usize) -> Self {
        let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_secs());
        let flags = vec!["--config".to_owned(), file.to_owned()];
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { simulated: None, flags, round: format!("{seconds}-{round}"), folder }
    }

    async fn simulated(workload: Workload) -> Self {
        let (source, sink) = (BucketStore::default(), BucketStore::default());
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
        let stop = workload.range(0..workload.points_per_host).stop.to_string();
        let flags = [
            ["--source-host", &cloud.url()],
            ["--source-org", "cloud"],
            ["--source-bucket", BUCKET],
            ["--destination-host", &oss.url()],
            ["--destination-org", "oss"],
            ["--stop", &stop],
            ["--batch-interval", "1h"],
            ["--quota", "none"],
        ];
        let flags = flags.as_flattened().iter().map(|&flag| flag.to_owned()).collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { simulated: Some((cloud, oss, workload)), flags, round: "0".to_owned(), folder }
    }

    /// Moves the workload once. The spool is staged before it is loaded.
    async fn run(&self, way: Way) -> Figures {
        let destination = format!("bench-{way:?}-{}", self.round);
        let config = self.config(way, &destination);
        let prepared = self.prepared(way, &config).await;
        let counters = Arc::new(Counters::default());
        let begin = Instant::now();
        run::execute(prepared, Arc::new(|_| {}), Arc::clone(&counters), stop_pair().1)
            .await
            .expect("a whole run");
        let seconds = begin.elapsed().as_secs_f64();
        if let Some((cloud, oss, workload)) = &self.simulated {
            if matches!(way, Way::Copy | Way::Load) {
                let (from, to) = (cloud.store(), oss.store());
                assert_eq!(from.digest(BUCKET), to.digest(&destination), "the ends differ");
            }
            assert_eq!(Counters::get(&counters.values_read), workload.values());
        }
        Figures {
            values: Counters::get(&counters.values_read),
            seconds,
            source_bytes: Counters::get(&counters.slice_bytes_decoded),
            body_bytes: Counters::get(&counters.body_bytes),
        }
    }

    async fn prepared(&self, way: Way, config: &JobConfig) -> Prepared {
        let signals = run::ClientSignals::default();
        let ends = Ends::connect(config, &signals.observer()).expect("two addresses");
        if way == Way::Load {
            let spool = load_spool::OpenedSpool::open(&self.stage(), &Surroundings::default())
                .await
                .expect("a spool that was staged");
            let checked =
                load_spool::check(&spool, config, &ends.destination).await.expect("a server");
            let checked = checked.0.expect("a spool that is whole");
            let stop = stop_pair().1;
            let prepared =
                load_spool::prepare(&spool, checked, config, &ends.destination, &stop).await;
            return prepared.expect("buckets and a plan");
        }
        let checked = judge::check(config, &ends).await.expect("two servers");
        let source = checked.source.expect("the source was found");
        let mut destination = checked.destination.expect("the destination was found");
        let stop = stop_pair().1;
        let mut prepared = prepare(config, &ends, &source, Some(&mut destination), &stop)
            .await
            .expect("buckets and a plan");
        if way == Way::Discard {
            prepared.sink = Destination::Discard;
            prepared.begun.keeper = Checkpoint::None;
        }
        prepared
    }

    fn stage(&self) -> String {
        self.folder.path().join("stage").display().to_string()
    }

    fn config(&self, way: Way, destination: &str) -> JobConfig {
        let progress = format!("{destination}-progress");
        let mut argv = vec!["sluice", "migrate"];
        argv.extend(self.flags.iter().map(String::as_str));
        argv.extend(["--destination-bucket", destination, "--batch-bucket", &progress]);
        argv.extend(["--create-buckets", "--yes"]);
        let Ok(Command::Migrate(args)) = argv::parse_argv(argv).map(|args| args.command) else {
            panic!("a command line of migrate");
        };
        let state = self.folder.path().display().to_string();
        let env = match &self.simulated {
            Some(_) => Env::new([
                ("INFLUXDB_CLOUD_TOKEN", "read"),
                ("INFLUX_TOKEN", "write"),
                ("XDG_STATE_HOME", &*state),
            ]),
            None => Env::new([("XDG_STATE_HOME", &*state)]),
        };
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_nanos());
        let now = Timestamp::from_ns(i64::try_from(now).expect("a clock before the year 2262"));
        let mut config = Inputs::load(args.typed(), env.expect("Unicode"), &read_file)
            .and_then(|inputs| inputs.check(now))
            .expect("good settings");
        if way == Way::Stage {
            config.ends.spool = Some(SpoolChoice {
                place: self.stage(),
                time_type: TimeType::NsUtc,
                surroundings: Surroundings::default(),
                for_load: Vec::new(),
            });
        }
        config
    }
}
