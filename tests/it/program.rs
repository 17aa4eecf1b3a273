//! The program as its users meet it: a process with arguments, variables, two streams, signals and an exit code, against
//! simulated servers in this process.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, in its helper functions too")]

mod bench;
mod contact;
mod dashboard;
mod ends;
mod exits;
mod extra;
mod hanging;
mod interrupted;
mod leases;
mod limits;
mod looked_at;
mod names;
mod network;
mod object_store;
mod output;
mod plan;
mod receipt;
mod refusals;
mod secrets;
mod spools;
mod status;
mod streams;
mod terminal;
mod tokens;
mod two_jobs;
mod verify;
mod verify_resumed;
mod verify_spool;
mod volume;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use sluice::testing::model::time::Timestamp;
use sluice::testing::sim::tsbs::Workload;
use sluice::testing::sim::{BucketStore, RequestRecord, Server, ServerSettings, Value};
use tempfile::TempDir;

use crate::support::process::{Ended, Running, bare};

const BUCKET: &str = "plant";
const PROGRESS: &str = "migration";
const CLOUD_ORG: &str = "ops-eu";
const OSS_ORG: &str = "ops";
const CLOUD_TOKEN: &str = "cloud-read-token";
const OSS_TOKEN: &str = "oss-all-token";

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
fn sink() -> BucketStore {
    let store = BucketStore::default();
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
        let store = BucketStore::default();
        store.create_bucket(BUCKET, 0);
        DATA.load(&store, BUCKET).unwrap();
        Self::of(cloud, store, oss, sink()).await
    }

    async fn of(
        cloud: ServerSettings,
        source: BucketStore,
        oss: ServerSettings,
        sink: BucketStore,
    ) -> Self {
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
