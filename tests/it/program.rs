//! The program as its users meet it: a process with arguments, variables, two streams, signals and an exit code, against
//! simulated servers in this process.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, in its helper functions too")]

mod exits;
mod interrupted;
mod output;
mod secrets;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sluice::model::time::Timestamp;
use sluice::sim::tsbs::Workload;
use sluice::sim::{RequestRecord, Server, ServerSettings, Store, Value};
use tempfile::TempDir;

const BUCKET: &str = "plant";
const PROGRESS: &str = "migration";
const CLOUD_ORG: &str = "ops-eu";
const OSS_ORG: &str = "ops";
const CLOUD_TOKEN: &str = "cloud-read-token";
const OSS_TOKEN: &str = "oss-all-token";

const POLL: Duration = Duration::from_millis(3);
/// Longer than any step of a healthy run, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two simulated servers, and a folder for everything that the program leaves.
struct World {
    cloud: Server,
    oss: Server,
    folder: TempDir,
}

/// 4 hosts, one hour, ten fields: 14,400 values in 12 batches of five minutes.
const DATA: Workload = Workload {
    hosts: 4,
    start_ns: 1_577_836_800_000_000_000,
    interval_ns: 10_000_000_000,
    points_per_host: 360,
    floats: false,
    seed: 1,
};

fn cloud_settings() -> ServerSettings {
    ServerSettings::cloud(CLOUD_ORG, CLOUD_TOKEN)
}

fn oss_settings() -> ServerSettings {
    ServerSettings::oss(OSS_ORG, OSS_TOKEN)
}

/// An OSS server as it is after its installation. Its own bucket also keeps the ids of the two servers apart.
fn sink() -> Store {
    let store = Store::default();
    store.create_bucket("_monitoring", 604_800);
    store
}

impl World {
    /// The usual data, answered as fast as it can be.
    async fn new() -> Self {
        Self::with(cloud_settings(), oss_settings()).await
    }

    /// The same data at a slow source: a whole run takes a second or two.
    async fn slow() -> Self {
        let cloud = ServerSettings { read_bytes_per_s: Some(1_500_000), ..cloud_settings() };
        Self::with(cloud, oss_settings()).await
    }

    async fn with(cloud: ServerSettings, oss: ServerSettings) -> Self {
        let store = Store::default();
        store.create_bucket(BUCKET, 0);
        DATA.load(&store, BUCKET).unwrap();
        Self::of(cloud, store, oss, sink()).await
    }

    async fn of(cloud: ServerSettings, source: Store, oss: ServerSettings, sink: Store) -> Self {
        Self {
            cloud: Server::start(cloud, Arc::new(source)).await.unwrap(),
            oss: Server::start(oss, Arc::new(sink)).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A command with nothing but its own environment: no proxy, no profile, no token but the two.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = bare(args);
        command
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.state())
            .env("INFLUXDB_CLOUD_TOKEN", CLOUD_TOKEN)
            .env("INFLUX_TOKEN", OSS_TOKEN);
        command
    }

    /// `sluice <word>` for the whole hour in batches of five minutes, and what else is asked.
    fn job(&self, word: &str, more: &[&str]) -> Command {
        let (cloud, oss) = (self.cloud.url(), self.oss.url());
        let usual = [
            word,
            "--source-host",
            &cloud,
            "--source-org",
            CLOUD_ORG,
            "--source-bucket",
            BUCKET,
            "--destination-host",
            &oss,
            "--destination-org",
            OSS_ORG,
            "--create-buckets",
            "--stop",
            "2020-01-01T01:00:00Z",
            "--batch-interval",
            "5m",
            "--quota",
            "none",
        ];
        let keep = |pair: &&[&str]| !more.contains(&pair[0]) || pair.len() < 2;
        let pairs = usual[1..].chunk_by(|_, next| !next.starts_with("--"));
        let args: Vec<&str> =
            [word].into_iter().chain(pairs.filter(keep).flatten().copied()).collect();
        self.command(&[&args[..], more].concat())
    }

    /// Runs a job to its end.
    async fn migrate(&self, more: &[&str]) -> Ended {
        self.start(self.job("migrate", more)).ended().await
    }

    /// Starts a command with its streams in files of the folder.
    fn start(&self, command: Command) -> Running {
        Running::start(command, self.folder.path())
    }

    /// Both ends hold the same, the records are one chain over the whole hour, and nothing was refused.
    fn assert_whole(&self) {
        assert_eq!(self.oss.store().count(BUCKET), self.cloud.store().count(BUCKET));
        assert_eq!(self.oss.store().digest(BUCKET), self.cloud.store().digest(BUCKET));
        let chain = self.records();
        assert_eq!(chain.first().map(|record| record.0.as_str()), Some("2020-01-01T00:00:00Z"));
        assert_eq!(chain.last().map(|record| record.1.as_str()), Some("2020-01-01T01:00:00Z"));
    }

    /// The committed batches in the order of their records; each must begin where the one before stops.
    fn records(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for value in self.oss.store().dump(PROGRESS) {
            if &value.series.measurement[..] == b"batches"
                && let Value::String(text) = &value.value
            {
                let time: Timestamp = std::str::from_utf8(text).unwrap().parse().unwrap();
                found.push((value.time, value.field.to_vec(), time.to_string()));
            }
        }
        found.sort();
        let chain: Vec<_> = found
            .chunks(2)
            .map(|pair| {
                assert_eq!(
                    (&pair[0].1[..], &pair[1].1[..]),
                    (&b"batch_start"[..], &b"batch_stop"[..])
                );
                (pair[0].2.clone(), pair[1].2.clone())
            })
            .collect();
        for pair in chain.windows(2) {
            assert_eq!(pair[0].1, pair[1].0, "the records are no chain: {chain:?}");
        }
        chain
    }

    /// Writes to a bucket of the destination that it has acknowledged; the empty ones only ask for the right.
    fn writes(&self, bucket: &str) -> usize {
        let bucket = format!("bucket={bucket}");
        let is_write = |record: &&RequestRecord| {
            record.path == "/api/v2/write"
                && record.status == 204
                && record.body_bytes > 0
                && record.query.split('&').any(|pair| pair == bucket)
        };
        self.oss.records().iter().filter(is_write).count()
    }
}

/// The program with an empty environment.
fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.env_clear().args(args).stdin(Stdio::null());
    command
}

/// Runs a command that needs no server.
async fn run(command: Command) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    Running::start(command, folder.path()).ended().await
}

/// A process under way; it is killed if the test ends first.
struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// How a process ended.
#[derive(Debug)]
struct Ended {
    /// `None` if a signal ended it.
    code: Option<i32>,
    out: String,
    err: String,
}

impl Running {
    fn start(mut command: Command, folder: &Path) -> Self {
        static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (out, err) =
            (folder.join(format!("stdout-{number}")), folder.join(format!("stderr-{number}")));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Self { child: command.spawn().unwrap(), out, err }
    }

    fn out(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    fn err(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }

    /// Waits for something that a healthy run does while it goes on.
    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !done(self) {
                if let Some(status) = self.child.try_wait().unwrap() {
                    panic!("{status} before {what}\n{}\n{}", self.out(), self.err());
                }
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("no {what} in {PATIENCE:?}\n{}\n{}", self.out(), self.err());
        }
    }

    /// Sends a signal by the shell's own `kill`.
    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Kills it as the system would, and waits until it is gone.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn ended(mut self) -> Ended {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let Ok(status) = tokio::time::timeout(PATIENCE, waiting).await else {
            panic!("no end in {PATIENCE:?}\n{}\n{}", self.out(), self.err());
        };
        let ended = Ended { code: status.code(), out: self.out(), err: self.err() };
        assert!(!ended.err.contains("panicked"), "{ended:?}");
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has ended, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    #[track_caller]
    fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
    }

    /// The JSON lines of stdout.
    fn lines(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}
