//! A real InfluxDB 2.x, where there is one: `SLUICE_TEST_INFLUXD` names its program, or its address together with
//! `SLUICE_TEST_INFLUXD_TOKEN` and `SLUICE_TEST_INFLUXD_ORG`. The only tests that do not trust the simulated servers; one
//! of them shows that they can be trusted.

#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    clippy::type_complexity,
    reason = "test support"
)]
#![expect(clippy::unwrap_used, reason = "a test may fail by panic, in its helper functions too")]

mod content;
mod dashboard;
mod mirror;
mod random;
mod task;
mod transports;
mod verify;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::cases::{Answer, ask};
use crate::support::need::{What, influxd_2x_access, need};
use crate::support::process::{Ended, Running, bare};

const POLL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that plays both ends.
struct Real {
    process: Option<Child>,
    addr: SocketAddr,
    token: String,
    org: String,
    org_id: String,
    folder: TempDir,
}

impl Real {
    /// The server, ready and set up, where there is one.
    async fn start() -> Option<Self> {
        let given = need(What::Influxd2x)?;
        let given = given.to_str().expect("UTF-8");
        let folder = tempfile::tempdir().unwrap();
        let mut real = Self {
            process: None,
            addr: ([127, 0, 0, 1], 0).into(),
            token: "real-server-token".to_owned(),
            org: "real".to_owned(),
            org_id: String::new(),
            folder,
        };
        if let Some(authority) = given.strip_prefix("http://") {
            real.addr = authority.trim_end_matches('/').parse().expect("an address and a port");
            (real.token, real.org) = influxd_2x_access();
        } else {
            real.spawn(given).await;
        }
        let orgs = real.api("GET", &format!("/api/v2/orgs?org={}", real.org), &Json::Null).await;
        orgs["orgs"][0]["id"].as_str().expect("an organization").clone_into(&mut real.org_id);
        Some(real)
    }

    async fn spawn(&mut self, program: &str) {
        self.addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let path = |name: &str| self.folder.path().join(name);
        let log = std::fs::File::create(path("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("run").arg("--reporting-disabled");
        command.arg("--bolt-path").arg(path("influxd.bolt"));
        command.arg("--engine-path").arg(path("engine"));
        command.arg("--sqlite-path").arg(path("influxd.sqlite"));
        command.arg("--http-bind-address").arg(self.addr.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("the program of SLUICE_TEST_INFLUXD starts"));
        let listening = async {
            while tokio::net::TcpStream::connect(self.addr).await.is_err()
                || self.ask("GET", "/health", b"").await.status != 200
            {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, listening).await.expect("the server answers");
        let setup = json!({
            "username": "user", "password": "a long password", "org": self.org, "bucket": "first",
            "token": self.token, "retentionPeriodSeconds": 0,
        });
        self.api("POST", "/api/v2/setup", &setup).await;
    }

    fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let headers = [
            ("Authorization".to_owned(), format!("Token {}", self.token)),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        ask(self.addr, method, path, &headers, body).await
    }

    /// A request that must succeed, with JSON both ways.
    async fn api(&self, method: &str, path: &str, body: &Json) -> Json {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.ask(method, path, body.as_bytes()).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap_or(Json::Null)
    }

    /// A new bucket that keeps everything, with shard groups of this length.
    async fn bucket(&self, name: &str, shard_s: Option<u64>) {
        let rule = json!({"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": shard_s.unwrap_or(0)});
        let body = json!({"orgID": self.org_id, "name": name, "retentionRules": [rule]});
        self.api("POST", "/api/v2/buckets", &body).await;
    }

    async fn write(&self, bucket: &str, lines: &[u8]) -> Answer {
        let path = format!("/api/v2/write?org={}&bucket={bucket}&precision=ns", self.org);
        self.ask("POST", &path, lines).await
    }

    /// Writes lines, which must all be taken.
    async fn load(&self, bucket: &str, lines: &[u8]) {
        let answer = self.write(bucket, lines).await;
        assert_eq!(answer.status, 204, "{bucket}: {}", answer.text());
    }

    /// The answer to a query as sluice sends it.
    async fn query(&self, flux: &str) -> Answer {
        let body = query_body(flux);
        self.ask("POST", &format!("/api/v2/query?org={}", self.org), &body).await
    }

    /// One InfluxQL statement, as JSON text.
    async fn influxql(&self, bucket: &str, statement: &str) -> Answer {
        let q: String = statement.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.ask("GET", &format!("/query?db={bucket}&epoch=ns&q={q}"), b"").await
    }

    /// `sluice migrate` from one bucket to another of this server.
    async fn migrate(&self, source: &str, destination: &str, more: &[&str]) -> Ended {
        self.run("migrate", source, destination, more).await
    }

    async fn run(&self, word: &str, source: &str, destination: &str, more: &[&str]) -> Ended {
        let (url, progress) = (self.url(), format!("progress-{destination}"));
        let usual = [
            [word, "--create-buckets"],
            ["--source-host", &url],
            ["--source-org", &self.org],
            ["--source-bucket", source],
            ["--destination-host", &url],
            ["--destination-org", &self.org],
            ["--destination-bucket", destination],
            ["--batch-bucket", &progress],
            ["--quota", "none"],
        ];
        let mut command = bare(&[usual.as_flattened(), more].concat());
        command
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.state())
            .env("INFLUXDB_CLOUD_TOKEN", &self.token)
            .env("INFLUX_TOKEN", &self.token);
        Running::start(command, self.folder.path()).ended().await
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Its folder goes with it, so nothing needs an orderly end.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn query_body(flux: &str) -> Vec<u8> {
    let dialect = json!({"annotations": ["datatype", "group", "default"]});
    json!({"query": flux, "type": "flux", "dialect": dialect}).to_string().into_bytes()
}
