//! Every recorded exchange that is in scope, byte for byte.

use std::sync::Arc;

use sluice::testing::sim::{AccessToken, BucketStore, Server, ServerClock, ServerSettings};

use super::msgpack::documents;
use crate::support::cases::{Case, Exchange, ask, bytes};

const MSGPACK: &str = "application/x-msgpack";

/// Now, at the recording of the exchanges with a retention.
const CAPTURED_AT_NS: i64 = 1_795_408_350_888_731_229;

fn golden_settings() -> ServerSettings {
    let mut settings = ServerSettings::oss("golden", "golden-token");
    "dev".clone_into(&mut settings.version);
    settings.clock = ServerClock::at(CAPTURED_AT_NS);
    for (kind, bucket) in [("read", "dst"), ("read", "src"), ("write", "dst")] {
        let text = format!("<token only-{kind}-{bucket}>");
        settings.tokens.push(if kind == "read" {
            AccessToken::read(&text, bucket)
        } else {
            AccessToken::write(&text, bucket)
        });
    }
    settings
}

/// Requests that no part of sluice sends and that the simulation does not answer as the real server does.
fn out_of_scope(case: &str, exchange: &Exchange) -> bool {
    let id = exchange.id.as_str();
    let script = String::from_utf8_lossy(&exchange.body);
    // Flux beyond reads, counts, edges and the schema functions.
    let flux = [
        "aggregateWindow",
        "window(",
        "array.from",
        "union(",
        "sort(",
        "profiler",
        "experimental",
        "fieldsAsCols",
    ];
    let flux = flux.iter().any(|part| script.contains(part))
        || script.contains("map(fn: (r) => ({r with _value: r._value +");
    // InfluxQL as CSV, functions but count, and what says nothing about data.
    let influxql = exchange.path.starts_with("/query?")
        && (exchange.headers.iter().any(|(_, value)| value == "application/csv")
            || id.starts_with("influxql_first")
            || id.starts_with("influxql_last")
            || id == "influxql_histogram.json"
            || [
                "influxql_pretty.json",
                "show_tag_values.json",
                "show_rp.json",
                "i_into",
                "i_delete",
                "i_show_databases",
            ]
            .contains(&id));
    // Empty tables from a filter, the empty-result preference, script errors by die(), system buckets, set-up.
    let shapes = script.contains("onEmpty")
        || id.starts_with("q_prefer")
        || id.starts_with("q_die")
        || script.contains("die(")
        || script.contains("secrets.get")
        || script.contains("host: \\\"")
        || script.contains("buckets()")
        || [
            "root_api",
            "setup_allowed",
            "setup_again",
            "authorizations_bucket_token",
            "delete_predicate",
            "buckets",
            "buckets_limit_2",
        ]
        .contains(&id);
    // Recorded without its header.
    let redacted = id == "q_scheme_bearer";
    // The order of several yields varies on the real server; a type error inside arithmetic; JSON errors of Go.
    let others = id.starts_with("yields") || id == "q_type_error" || id == "q_content_type_text";
    // 51 MB in one line say nothing more.
    let bulk = id == "w_50mb";
    flux || influxql || shapes || redacted || others || bulk || case == "11-transport"
}

/// The recorded bodies that are too long to be stored are written as `<65532 times x>`.
fn expanded(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let Some((before, rest)) = text.split_once('<').filter(|(_, rest)| rest.contains(" times x>"))
    else {
        return body.to_vec();
    };
    let (count, after) = rest.split_once(" times x>").unwrap();
    let after = after.split(" (series key").next().unwrap();
    format!("{before}{}{}", "x".repeat(count.parse().unwrap()), after.replace("\\n", "\n"))
        .into_bytes()
}

/// Hides what differs from run to run: the moment in retention errors.
fn normal(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut parts = text.split("Lower Bound at ");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |done, part| {
        done + "Lower Bound at T" + part.trim_start_matches(|c: char| !matches!(c, 'Z'))
    })
}

fn difference(got: &str, wanted: &str) -> String {
    let (got, wanted): (Vec<_>, Vec<_>) = (got.split('\n').collect(), wanted.split('\n').collect());
    let at = got.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    format!(
        "line {}:\n     got {:?}\n  wanted {:?}",
        at + 1,
        got.get(at).unwrap_or(&"<end>"),
        wanted.get(at).unwrap_or(&"<end>")
    )
}

/// Plays a case and lists every difference.
async fn play(
    case: &Case,
    server: &Server,
    ids: &mut Vec<(String, String)>,
) -> (usize, Vec<String>) {
    let (mut played, mut wrong) = (0, Vec::new());
    for exchange in case.exchanges.iter().filter(|exchange| !out_of_scope(&case.name, exchange)) {
        played += 1;
        let to_ours = |text: &str| {
            ids.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
        };
        let body = expanded(&exchange.body);
        let answer = ask(
            server.addr(),
            &exchange.method,
            &to_ours(&exchange.path),
            &exchange.headers,
            &body,
        )
        .await;
        if let (Some(theirs), Some(ours)) = (made_id(&exchange.response), made_id(&answer.body)) {
            ids.push((theirs, ours));
        }
        let to_ours = |text: &str| {
            ids.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
        };
        let wanted = to_ours(&normal(&exchange.response));
        let mut complain =
            |what: String| wrong.push(format!("{} {}: {what}", case.name, exchange.id));
        if answer.status != exchange.status {
            complain(format!(
                "status {} instead of {}: {}",
                answer.status,
                exchange.status,
                answer.text()
            ));
        } else if exchange.response_headers.iter().any(|(_, value)| value == MSGPACK) {
            // Its maps come in random order.
            let (got, recorded) = (documents(&answer.body), documents(&exchange.response));
            if got.is_none() || got != recorded {
                complain(format!("{got:?}\n  wanted {recorded:?}"));
            }
        } else if normal(&answer.body) != wanted {
            complain(difference(&normal(&answer.body), &wanted));
        }
        for (name, value) in &exchange.response_headers {
            // The recorded bodies had other moments in them when their length was noted.
            let moments = ["Lower Bound", "createdAt"].iter().any(|moment| wanted.contains(moment));
            let length_varies = name == "Content-Length" && moments;
            if answer.header(name) != Some(value) && !length_varies {
                complain(format!("header {name}: {:?} instead of {value}", answer.header(name)));
            }
        }
        if exchange.id.starts_with("create_")
            && exchange.id != "create_for_patch"
            && exchange.status == 201
        {
            server.store().remove_bucket(&made_id(&answer.body).unwrap());
        }
    }
    (played, wrong)
}

fn made_id(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(json["id"].as_str()?.to_owned())
}

#[tokio::test]
async fn answers_as_recorded() {
    let golden = crate::support::golden();
    let mut dirs: Vec<_> = std::fs::read_dir(golden.join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    dirs.sort();
    let (mut played, mut wrong) = (0, Vec::new());
    for dir in dirs {
        let case = Case::load(&dir);
        let store = Arc::new(BucketStore::default());
        store.create_bucket("golden", 0);
        store.create_bucket(&case.bucket, 0);
        if !case.exchanges.iter().any(|exchange| exchange.id == "write")
            && dir.join("data.lp").exists()
        {
            store.write_lp(&case.bucket, &std::fs::read(dir.join("data.lp")).unwrap()).unwrap();
        }
        let server = Server::start(golden_settings(), store).await.unwrap();
        let (count, found) = play(&case, &server, &mut Vec::new()).await;
        played += count;
        wrong.extend(found);
    }
    assert!(
        wrong.is_empty(),
        "{} differences in {played} exchanges:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(played, 322, "of 392; more are left out than were");
}

/// The recorded messages are whole ones with their framing; beside each lies what it decodes to.
#[tokio::test]
async fn messages_decode_to_what_was_recorded() {
    let golden = crate::support::golden();
    let dir = golden.join("cases/11-transport");
    let case = Case::load(&dir);
    let store = Arc::new(BucketStore::default());
    store.create_bucket(&case.bucket, 0);
    store.write_lp(&case.bucket, &std::fs::read(dir.join("data.lp")).unwrap()).unwrap();
    let server = Server::start(golden_settings(), store).await.unwrap();
    let mut played = 0;
    for exchange in case.exchanges.iter().filter(|exchange| exchange.id != "write") {
        played += 1;
        let id = &exchange.id;
        let answer =
            ask(server.addr(), &exchange.method, &exchange.path, &exchange.headers, &exchange.body)
                .await;
        for (name, value) in exchange.response_headers.iter().filter(|(n, _)| n != "Connection") {
            assert_eq!(answer.header(name), Some(value.as_str()), "{id}");
        }
        assert!(answer.status == exchange.status && answer.complete, "{id}");
        let mut body = answer.body.clone();
        if answer.header("Content-Encoding") == Some("gzip") {
            body.clear();
            let mut unzipped = flate2::read::GzDecoder::new(&answer.body[..]);
            std::io::Read::read_to_end(&mut unzipped, &mut body).unwrap();
        }
        let recorded = std::fs::read(dir.join(format!("{id}.body")));
        // A message that was recorded in two ways decodes to the same.
        let recorded = recorded
            .or_else(|_| std::fs::read(dir.join(format!("{}.body", id.replace("_gzip", "")))))
            .unwrap();
        if answer.header("Content-Type") == Some(MSGPACK) {
            assert_eq!(documents(&body), documents(&recorded), "{id}");
        } else {
            let (got, wanted) = (normal(&body), normal(&recorded));
            assert!(got == wanted, "{id}: {}", difference(&got, &wanted));
        }
    }
    assert_eq!(played, 14);
}

#[tokio::test]
async fn errors_are_as_recorded() {
    let golden = crate::support::golden();
    let case = Case::load(&golden.join("errors"));
    let store = Arc::new(BucketStore::default());
    store.create_bucket("golden", 0);
    let mut ids = Vec::new();
    for (name, retention_s, theirs) in [
        ("src", 0, "4b0b88b8ae5443a4"),
        ("dst", 0, "2dab931013181e76"),
        ("short", 86_400, "eefa05c9aa77fbcd"),
    ] {
        ids.push((theirs.to_owned(), store.create_bucket(name, retention_s)));
    }
    let server = Server::start(golden_settings(), store).await.unwrap();
    let (played, wrong) = play(&case, &server, &mut ids).await;
    assert!(
        wrong.is_empty(),
        "{} differences in {played} exchanges:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(played, 164, "of 198; more are left out than were");
}

#[tokio::test]
async fn every_recorded_line_is_taken_refused_and_read_back_alike() {
    let golden = crate::support::golden();
    let lines = std::fs::read_to_string(golden.join("cases/13-lp-lines/lines.jsonl")).unwrap();
    let store = Arc::new(BucketStore::default());
    let server = Server::start(golden_settings(), Arc::clone(&store)).await.unwrap();
    let query = serde_json::json!({"query": "from(bucket: \"lines\") |> range(start: 2000-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)", "type": "flux"});
    let auth = [
        ("Authorization".to_owned(), "Token golden-token".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = store.create_bucket("lines", 0);
        let write = ask(
            server.addr(),
            "POST",
            "/api/v2/write?org=golden&bucket=lines&precision=ns",
            &auth,
            &bytes(&record["line"]),
        )
        .await;
        let read = ask(
            server.addr(),
            "POST",
            "/api/v2/query?org=golden",
            &auth,
            query.to_string().as_bytes(),
        )
        .await;
        let wanted =
            record["response"].as_str().unwrap_or_default().replace("228105c00ca4b8f9", &id);
        let same = u64::from(write.status) == record["status"]
            && write.text() == wanted
            && u64::from(read.status) == record["flux_status"];
        if !same || read.body != bytes(&record["flux"]) {
            wrong.push(format!(
                "{:?}\n  {} {}\n  {} {}\n  {} {:?}\n  {} {}",
                record["line"],
                write.status,
                write.text(),
                record["status"],
                wanted,
                read.status,
                read.text(),
                record["flux_status"],
                record["flux"]
            ));
        }
        store.remove_bucket(&id);
    }
    assert!(
        wrong.is_empty(),
        "{} of {} lines:\n{}",
        wrong.len(),
        lines.lines().count(),
        wrong.join("\n")
    );
}
