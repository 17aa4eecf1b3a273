//! What the commands print that only look, each by the program itself.

use std::sync::{Arc, LazyLock};

use sluice::testing::sim::tsbs::Workload;
use sluice::testing::sim::{BucketStore, ReadQuota, Server, ServerSettings};

use crate::support::process::bare;
use crate::support::rig::time;

const QUOTA: ReadQuota =
    ReadQuota { bytes_per_window: 3_000_000_000, window_ms: 300_000, phase_ms: 0 };

/// What a command prints for people and for programs.
pub(super) struct Look {
    pub(super) text: String,
    pub(super) json: String,
}

/// All of them.
pub(super) struct Looks {
    pub(super) preflight: Look,
    /// Of a filter with a slip.
    pub(super) filter: Look,
    /// Of tokens that both servers refuse.
    pub(super) tokens: Look,
    pub(super) plan: Look,
    pub(super) plan_source_only: Look,
    pub(super) dry_run: Look,
    /// Of a flag that does not exist.
    pub(super) mistyped: String,
}

const SLIP: [&str; 5] = ["--create-buckets", "--measurement", "evens", "--tag", "hostname=host_7"];

/// One measurement without a quota.
const EVENTS: [&str; 7] =
    ["migrate", "--dry-run", "--create-buckets", "--quota", "none", "--measurement", "events"];

pub(super) static LOOKS: LazyLock<Looks> = LazyLock::new(looks);

/// Two servers on a runtime that serves them while the program runs.
struct Ends {
    cloud: Server,
    oss: Server,
    _runtime: tokio::runtime::Runtime,
}

impl Ends {
    fn start(source: BucketStore, destination: BucketStore) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let cloud =
            ServerSettings { quota: Some(QUOTA), ..ServerSettings::cloud("ops-eu", "read-token") };
        let oss = ServerSettings::oss("ops", "all-token");
        let (cloud, oss) = runtime.block_on(async {
            let cloud = Server::start(cloud, Arc::new(source)).await.unwrap();
            (cloud, Server::start(oss, Arc::new(destination)).await.unwrap())
        });
        Self { cloud, oss, _runtime: runtime }
    }

    /// What stands on stdout; the addresses of this run are replaced.
    fn ask(&self, word: &[&str], destination: bool, tokens: [&str; 2]) -> String {
        let (cloud, oss) = (self.cloud.url(), self.oss.url());
        let source =
            ["--source-host", &cloud, "--source-org", "ops-eu", "--source-bucket", "plant"];
        let end = ["--destination-host", &oss, "--destination-org", "ops"];
        let job = ["--start", "2022-01-01", "--stop", "2022-03-01", "--batch-interval", "1d"];
        let folder = tempfile::tempdir().unwrap();
        let mut command = bare(&[word, &source, &job].concat());
        command.env("HOME", folder.path()).env("INFLUXDB_CLOUD_TOKEN", tokens[0]);
        if destination {
            command.args(end).env("INFLUX_TOKEN", tokens[1]);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let address = |server: &Server| server.addr().to_string();
        text.replace(&address(&self.cloud), "cloud1:8086").replace(&address(&self.oss), "oss1:8086")
    }

    fn look(&self, word: &[&str], destination: bool) -> Look {
        self.look_with(word, destination, ["read-token", "all-token"])
    }

    fn look_with(&self, word: &[&str], destination: bool, tokens: [&str; 2]) -> Look {
        let json = self.ask(&[word, &["--json"]].concat(), destination, tokens);
        Look { text: self.ask(word, destination, tokens), json }
    }
}

/// Two months of a plant with a gap between them, and two events.
fn plant() -> BucketStore {
    let store = BucketStore::default();
    store.create_bucket_with("plant", 0, 7 * 86_400);
    for (start, days) in [("2022-01-03", 20), ("2022-02-10", 15)] {
        let workload = Workload {
            hosts: 3,
            points_per_host: 144 * days,
            interval_ns: 600_000_000_000,
            start_ns: time(start).ns(),
            ..Workload::default()
        };
        workload.load(&store, "plant").unwrap();
    }
    let (before, after) = (time("2022-01-05").ns(), time("2022-02-20").ns());
    let lines = format!(
        "events level=1,text=\"two\nlines\" {before}\nevents level=2,text=\"off\" {after}\n"
    );
    store.write_lp("plant", lines.as_bytes()).unwrap();
    store
}

/// A destination that keeps too little, holds something, and knows a field by another type.
fn hard_destination() -> BucketStore {
    let store = BucketStore::default();
    store.create_bucket("_monitoring", 7 * 86_400);
    store.create_bucket_with("plant", 30 * 86_400, 86_400);
    let lines = format!("events level=\"high\" {}\n", time("2022-01-06").ns());
    store.write_lp("plant", lines.as_bytes()).unwrap();
    store.create_bucket("migration", 7 * 86_400);
    store
}

fn looks() -> Looks {
    let hard = Ends::start(plant(), hard_destination());
    let empty = BucketStore::default();
    empty.create_bucket("_monitoring", 7 * 86_400);
    let plain = Ends::start(plant(), empty);
    let mistyped = bare(&["migrate", "--json", "--quotta", "none"]).output().unwrap();
    Looks {
        preflight: hard.look(&["preflight"], true),
        filter: plain.look(&[&["preflight"], &SLIP[..]].concat(), true),
        tokens: plain.look_with(&["preflight"], true, ["no", "no"]),
        plan: hard.look(&["plan"], true),
        plan_source_only: plain.look(&["plan", "--quota", "none"], false),
        dry_run: plain.look(&EVENTS, true),
        mistyped: String::from_utf8(mistyped.stdout).unwrap(),
    }
}
