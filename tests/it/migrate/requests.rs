//! Every request that a run sends, and passing trouble at each of them: it is waited out, and leaves no trace.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;

use sluice::testing::config::job::JobConfig;
use sluice::testing::exit::ExitCode;
use sluice::testing::model::side::Side;
use sluice::testing::sim::{BucketStore, Fault, FluxTask, Matcher, RequestRecord, ServerSettings};

use crate::support::rig::{BUCKET, Rig, oss, oss_source, plant, store_of};
use crate::support::rows;

/// One kind of request: what it is for, which end, method, path, and what its text or parameters hold.
type Kind = (&'static str, Side, &'static str, &'static str, &'static str);

/// In the order of a run. What cannot be told apart by a text stands once for all.
const KINDS: [Kind; 23] = [
    ("version", Side::Source, "GET", "/ping", ""),
    ("bucket", Side::Source, "GET", "/api/v2/buckets", ""),
    ("name of the organization", Side::Source, "GET", "/api/v2/orgs", ""),
    ("limits", Side::Source, "GET", "/api/v2/orgs/", ""),
    ("database of the bucket", Side::Source, "GET", "/api/v2/dbrps", ""),
    ("fields", Side::Source, "POST", "/query", "SHOW FIELD KEYS"),
    ("tags", Side::Source, "POST", "/query", "SHOW TAG KEYS"),
    ("survey", Side::Source, "POST", "/api/v2/query", "schema."),
    ("ends of the data", Side::Source, "POST", "/api/v2/query", "first()"),
    ("counts", Side::Source, "POST", "/api/v2/query", "count()"),
    ("probe and slices by Flux", Side::Source, "POST", "/api/v2/query", "rename"),
    ("probe and slices by InfluxQL", Side::Source, "POST", "/query", "SELECT"),
    ("version", Side::Destination, "GET", "/ping", ""),
    ("buckets", Side::Destination, "GET", "/api/v2/buckets", ""),
    ("database of the bucket", Side::Destination, "GET", "/api/v2/dbrps", ""),
    ("types", Side::Destination, "POST", "/query", "SHOW FIELD KEYS"),
    ("right to write", Side::Destination, "POST", "/api/v2/write", ""),
    ("tasks", Side::Destination, "GET", "/api/v2/tasks", ""),
    ("a task to be paused", Side::Destination, "PATCH", "/api/v2/tasks/", ""),
    ("progress and lease", Side::Destination, "POST", "/api/v2/query", "last()"),
    ("records", Side::Destination, "POST", "/api/v2/write", "batch_stop"),
    ("lease", Side::Destination, "POST", "/api/v2/write", "lease"),
    ("data", Side::Destination, "POST", "/api/v2/write", "air,"),
];

/// Those of a destination without buckets.
const CREATING: [Kind; 2] = [
    ("a bucket to be created", Side::Destination, "POST", "/api/v2/buckets", ""),
    ("shard groups of a bucket", Side::Destination, "PATCH", "/api/v2/buckets/", ""),
];

/// Trouble that passes.
fn faults() -> Vec<Fault> {
    let status = |status, retry_after: Option<&str>| Fault::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
        body: "{\"code\":\"x\",\"message\":\"not now\"}".to_owned(),
    };
    vec![
        status(429, Some("1")),
        status(429, None),
        status(500, None),
        status(502, None),
        status(503, Some("1")),
        Fault::Refuse,
        Fault::Reset { after_bytes: 0 },
        Fault::LostAck,
        Fault::Unframed,
    ]
}

/// A source that answers InfluxQL and is not named by its organization, and a destination with a task.
async fn rig(creating: bool) -> (Rig, JobConfig) {
    let task = FluxTask {
        id: "0000000000000abc".to_owned(),
        name: "migrate".to_owned(),
        status: "active".to_owned(),
        flux: format!("migration = {{batchInterval: 1h, sourceBucket: \"{BUCKET}\"}}"),
    };
    let target = Arc::new(BucketStore::default());
    if !creating {
        target.create_bucket(BUCKET, 0);
        target.create_bucket(crate::support::rig::BATCHES, 0);
    }
    let destination = ServerSettings { tasks: vec![task], ..oss() };
    let source = store_of(&plant(0..3), 3_600);
    let rig = Rig::between(oss_source(), source, destination, target).await;
    let mut rig = rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h");
    rig.client.retries_max = 4;
    let mut config = rig.config();
    config.safety.pause_task = true;
    config.ends.source.org = None;
    config.pace.quota = sluice::testing::config::values::QuotaChoice::Auto;
    (rig, config)
}

fn matcher(kind: Kind) -> Matcher {
    let (_, _, method, path, body) = kind;
    let mut matcher = Matcher::path(path).body(body);
    matcher.method = method.to_owned();
    matcher
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passing_trouble_at_any_request_is_waited_out() {
    let plain = KINDS.map(|kind| (kind, false));
    let creating = CREATING.map(|kind| (kind, true));
    let kinds = plain.into_iter().chain(creating);
    let cases = kinds.flat_map(|kind| faults().into_iter().map(move |fault| (kind, fault)));
    rows::all_of(cases.map(|((kind, creating), fault)| async move {
        let (rig, config) = rig(creating).await;
        let struck = match kind.1 {
            Side::Source => {
                rig.source_fault(matcher(kind), 1, fault.clone());
                &rig.source
            }
            Side::Destination => {
                rig.destination_fault(matcher(kind), 1, fault.clone());
                &rig.destination
            }
        };
        let run = rig.migrate(config).await;
        let what = format!("{kind:?} {fault:?}: {} {:?}", run.words(), run.preflight);
        assert_eq!(run.exit(), ExitCode::Done, "{what}");
        assert!(struck.faults_used_up(), "{what}: it struck");
        rig.assert_copied();
    }))
    .await;
}

/// The table for operators names every request that was seen, and none that no run sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_requests_are_those_that_are_sent() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limits-and-retries.md");
    let text = std::fs::read_to_string(page).unwrap();
    let table = text.split("<!-- requests -->").nth(1).unwrap();
    let table = table.split("<!-- end of requests -->").next().unwrap();
    let documented: Vec<(String, String)> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .flat_map(|line| {
            let (request, rest) = line.split_once("` |").unwrap();
            let side = rest.split('|').next().unwrap().trim().to_owned();
            [(side, request.to_owned())]
        })
        .collect();
    let mut seen = vec![false; documented.len()];
    for creating in [false, true] {
        let (rig, config) = rig(creating).await;
        rig.migrate(config).await.assert_exit(ExitCode::Done);
        for (side, server) in [("source", &rig.source), ("destination", &rig.destination)] {
            for request in server.records() {
                let found = documented.iter().position(|(sides, documented)| {
                    (sides == "both" || sides == side) && is(documented, &request)
                });
                let at =
                    found.unwrap_or_else(|| panic!("{side}: {} {}", request.method, request.path));
                seen[at] = true;
            }
        }
    }
    let unseen: Vec<_> =
        documented.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(row, _)| &row.1).collect();
    // What only other commands send.
    assert_eq!(unseen, ["GET /api/v2/tasks/ID", "DELETE /api/v2/buckets/ID"]);
}

/// An id stands for any.
fn is(documented: &str, request: &RequestRecord) -> bool {
    let path: Vec<&str> = request.path.split('/').collect();
    let (method, wanted) = documented.split_once(' ').unwrap();
    let wanted: Vec<&str> = wanted.split('/').collect();
    let is_id = |text: &str| text.len() == 16;
    method == request.method
        && wanted.len() == path.len()
        && wanted
            .iter()
            .zip(&path)
            .all(|(wanted, part)| wanted == part || *wanted == "ID" && is_id(part))
}

/// A gateway that closes the path of the version is no hindrance: the other answers tell it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_ping_does_not_end_a_run() {
    for (status, body) in
        [(403, "<html>no</html>"), (404, "<html>no</html>"), (405, ""), (200, "ok")]
    {
        let (rig, config) = rig(false).await;
        let fault = || Fault::Status { status, retry_after: None, body: body.to_owned() };
        rig.source_fault(Matcher::path("/ping"), u32::MAX, fault());
        rig.destination_fault(Matcher::path("/ping"), u32::MAX, fault());
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Done);
        rig.assert_copied();
        let told = format!("{:?}", run.preflight);
        assert!(told.contains("(v2.9.1)") && told.contains("(OSS v2.9.1)"), "{told}");
    }
}

/// What an old proxy does to every answer is told on the second try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_never_tell_their_end_are_told_of() {
    for (kind, words) in [(KINDS[1], "P01"), (KINDS[13], "P10"), (KINDS[9], "HTTP/1.0")] {
        let (rig, config) = rig(false).await;
        let server = if kind.1 == Side::Source { &rig.source } else { &rig.destination };
        let (matcher, times) = (matcher(kind), u32::MAX);
        server.inject(sluice::testing::sim::Rule { matcher, times, fault: Fault::Unframed });
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Permanent);
        let said = format!("{} {:?}", run.words(), run.preflight);
        assert!(said.contains(words) && said.contains("HTTP/1.0"), "{said}");
        assert!(rig.records().is_empty());
    }
}
