//! The dashboard on a real server: each of its queries, and that it comes and goes alone.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use sluice::testing::sim::{BucketStore, Server, ServerSettings};

use super::{Real, query_body};
use crate::support::cases::ask;
use crate::support::dashboard::{Chosen, column, rows};
use crate::support::kept::KeptJob;
use crate::support::process::{Ended, Running, bare};

const BUCKET: &str = "dashboard-source";
const PROGRESS: &str = "progress-dashboard-copy";

impl Real {
    async fn dashboard(&self, word: &str, more: &[&str]) -> Ended {
        let url = self.url();
        let usual = [
            ["dashboard", word],
            ["--destination-host", &url],
            ["--destination-org", &self.org],
            ["--batch-bucket", PROGRESS],
        ];
        let mut command = bare(&[usual.as_flattened(), more].concat());
        command.env("HOME", self.folder.path()).env("INFLUX_TOKEN", &self.token);
        Running::start(command, self.folder.path()).ended().await
    }

    async fn assert_dashboard(&self, word: &str, more: &[&str], says: &str) {
        let ended = self.dashboard(word, more).await;
        ended.assert_code(0);
        assert!(ended.out.starts_with(says), "{says}: {ended:?}");
    }

    /// Dashboards, variables, labels and stacks of the organization, without those of this bucket.
    async fn others(&self) -> Vec<Json> {
        let mut all = Vec::new();
        for kind in ["dashboards", "variables", "labels", "stacks"] {
            let found = self
                .api("GET", &format!("/api/v2/{kind}?orgID={}", self.org_id), &Json::Null)
                .await;
            let list = found[kind].as_array().cloned().unwrap_or_default();
            all.extend(list.into_iter().filter(|object| !is_own(object)));
        }
        all
    }

    /// How many of them are of this bucket.
    async fn own(&self, kind: &str) -> usize {
        let found =
            self.api("GET", &format!("/api/v2/{kind}?orgID={}", self.org_id), &Json::Null).await;
        let list = found[kind].as_array().cloned().unwrap_or_default();
        list.iter().filter(|object| is_own(object)).count()
    }
}

fn is_own(object: &Json) -> bool {
    let name = object["name"].as_str().unwrap_or_default();
    name.contains(PROGRESS) || name.starts_with("sluice_progress_2ddashboard_2dcopy_")
}

#[tokio::test]
async fn it_shows_what_a_run_has_left_and_comes_and_goes_alone() {
    let Some(real) = Real::start().await else { return };
    real.bucket(BUCKET, None).await;
    real.load(BUCKET, b"m,t=a f=1i,g=1 1577836800000000000\nn v=1 1577838000000000000\n").await;
    let range =
        ["--start", "2020-01-01", "--stop", "2020-01-01T01:00:00Z", "--batch-interval", "10m"];
    let ended = real
        .migrate(BUCKET, "dashboard-copy", &[&range[..], &["--verify", "batch"]].concat())
        .await;
    ended.assert_code(0);
    // Somebody has a dashboard and a variable.
    let body = json!({"orgID": real.org_id, "name": "mine", "description": ""});
    real.api("POST", "/api/v2/dashboards", &body).await;
    let body = json!({
        "orgID": real.org_id, "name": "mine", "selected": [],
        "arguments": {"type": "constant", "values": ["a"]},
    });
    real.api("POST", "/api/v2/variables", &body).await;
    let others = real.others().await;
    real.assert_dashboard("apply", &["--dry-run"], "would install").await;
    assert_eq!((real.own("dashboards").await, real.own("stacks").await), (0, 0));
    real.assert_dashboard("apply", &[], "installed").await;
    assert_eq!(
        (real.own("dashboards").await, real.own("variables").await, real.own("stacks").await),
        (1, 2, 1)
    );
    let all = |real: &Real| format!("/api/v2/dashboards?orgID={}", real.org_id);
    let before = real.api("GET", &all(&real), &Json::Null).await;
    real.assert_dashboard("apply", &[], "unchanged").await;
    let after = real.api("GET", &all(&real), &Json::Null).await;
    assert_eq!(before, after, "not even the time of the last change");
    // Somebody gives it another name.
    let own = before["dashboards"].as_array().unwrap().iter().find(|object| is_own(object));
    let id = own.unwrap()["id"].as_str().unwrap().to_owned();
    real.api("PATCH", &format!("/api/v2/dashboards/{id}"), &json!({"name": "other"})).await;
    real.assert_dashboard("apply", &[], "updated").await;
    real.assert_dashboard("apply", &[], "unchanged").await;
    assert_queries(&real).await;
    real.assert_dashboard("remove", &[], "removed").await;
    real.assert_dashboard("remove", &[], "nothing to remove").await;
    assert_eq!(real.others().await, others);
    for kind in ["dashboards", "variables", "stacks"] {
        assert_eq!(real.own(kind).await, 0, "{kind}");
    }
    // A variable of somebody else is not written over.
    let name = "sluice_progress_2ddashboard_2dcopy_source_org";
    let body = json!({
        "orgID": real.org_id, "name": name, "selected": [],
        "arguments": {"type": "constant", "values": ["a"]},
    });
    let made = real.api("POST", "/api/v2/variables", &body).await;
    let taken = real.dashboard("apply", &[]).await;
    taken.assert_code(7);
    assert!(taken.err.contains(name), "{taken:?}");
    assert_eq!(real.own("stacks").await, 0);
    let path = format!("/api/v2/variables/{}", made["id"].as_str().unwrap());
    assert_eq!(real.ask("DELETE", &path, b"").await.status, 204);
}

/// Each cell returns rows, or none where there is nothing to show.
async fn assert_queries(real: &Real) {
    let chosen = Chosen {
        batch_bucket: PROGRESS,
        source_org: &real.org,
        source_bucket: BUCKET,
        shown: ("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    };
    let near = Chosen { shown: ("-5m", "now()"), ..chosen };
    for (name, query) in near.of_influxdb().into_iter().chain(near.of_grafana()) {
        let answer = real.query(&query).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let rows = rows(&answer.text());
        let values = |label: &str| column(&rows, label);
        match name {
            "time_left_min" | "time_left_max" | "quota_used" | "last_errors" => {
                assert!(rows.is_empty(), "{name}: {rows:?}");
            }
            "percent_complete" => assert_eq!(values("_value"), ["100"]),
            "run" => assert_eq!(values("state"), ["complete"]),
            "values_per_s" => assert_eq!(values("_value"), ["0.3"]),
            "verified_ranges" => assert!(values("start").len() >= 2, "{rows:?}"),
            _ => assert!(!rows.is_empty(), "{name}"),
        }
    }
    for (query, value) in near.of_variables().iter().zip([&real.org, BUCKET, &real.org, BUCKET]) {
        assert_eq!(column(&rows(&real.query(query).await.text()), "_value"), [value]);
    }
}

/// 2023-11-14T22:13:20Z.
const NOW_NS: i64 = 1_700_000_000_000_000_000;

/// What two runs have left, and three batches.
fn records() -> String {
    let first = KeptJob {
        state: "failed",
        seen_s: 900,
        hours: 12,
        rejected: 3,
        last_error: "it, \\\"broke\\\"",
        end: Some(("error", 7)),
        ..KeptJob::NEW
    };
    let second = KeptJob {
        state: "waiting",
        hours: 41,
        waits: Some(("quota", "source quota (normal)", 1)),
        eta: Some((225, 290)),
        ..KeptJob::NEW
    };
    let batch = |minute: i64, rest: &str| {
        format!(
            "batch_details,dstBucket=plant,srcBucket=plant,srcOrg=ops-eu,kind=batch start=\"a{minute}\",stop=\"b\",\
             read={minute}00i,source_bytes={minute}000i,retries={minute}i,rejected=0i{rest} {}\n",
            NOW_NS - minute * 60_000_000_000
        )
    };
    let quota = second.lines(NOW_NS).replace("quota_bytes=0i", "quota_bytes=1000i");
    let quota = quota.replace("quota_used_bytes=0i", "quota_used_bytes=333i");
    [first.lines(NOW_NS), quota, batch(9, ",proven=1i"), batch(5, ""), batch(2, ",proven=1i")]
        .concat()
}

#[tokio::test]
async fn the_simulated_server_answers_each_query_alike() {
    let Some(real) = Real::start().await else { return };
    let bucket = "dashboard-alike";
    real.bucket(bucket, None).await;
    real.load(bucket, records().as_bytes()).await;
    let store = BucketStore::default();
    store.create_bucket(bucket, 0);
    store.write_lp(bucket, records().as_bytes()).unwrap();
    let settings = ServerSettings::oss(&real.org, "simulated");
    let simulated = Server::start(settings, Arc::new(store)).await.unwrap();
    let headers = [
        ("Authorization".to_owned(), "Token simulated".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let path = format!("/api/v2/query?org={}", real.org);
    let chosen = Chosen {
        batch_bucket: bucket,
        source_org: "ops-eu",
        source_bucket: "plant",
        shown: ("2023-11-14T22:00:00Z", "2023-11-14T22:30:05Z"),
    };
    let variables = chosen.of_variables().into_iter().map(|query| ("variable", query));
    let cells = chosen.of_influxdb().into_iter().chain(chosen.of_grafana());
    for (name, query) in cells.chain(variables) {
        let wanted = real.query(&query).await;
        let body = query_body(&query);
        let given = ask(simulated.addr(), "POST", &path, &headers, &body).await;
        assert_eq!(given.text(), wanted.text(), "{name}: {query}");
        assert!(wanted.text().lines().count() > 4 || name == "variable", "{name} shows nothing");
    }
}
