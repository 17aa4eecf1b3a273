//! The simulated servers against recorded answers of InfluxDB OSS 2.9.1, and their faults as a client sees them.

#[path = "support/cases.rs"]
mod cases;

use std::sync::Arc;

use cases::{Answer, Case, Exchange, ask, bytes};
use sluice::sim::{Clock, Fault, FaultScript, Matcher, QuotaSettings, Rule, Server, ServerSettings, Store, TimeoutForm, Token, tsbs};

const DAY_NS: i64 = 86_400_000_000_000;

/// Now, at the recording of the exchanges with a retention.
const CAPTURED_AT_NS: i64 = 1_795_408_350_888_731_229;

fn golden_settings() -> ServerSettings {
    let mut settings = ServerSettings::oss("golden", "golden-token");
    settings.version = "dev".to_owned();
    settings.clock = Clock::at(CAPTURED_AT_NS);
    for (kind, bucket) in [("read", "dst"), ("read", "src"), ("write", "dst")] {
        let text = format!("<token only-{kind}-{bucket}>");
        settings.tokens.push(if kind == "read" { Token::read(&text, bucket) } else { Token::write(&text, bucket) });
    }
    settings
}

/// Requests that no part of sluice sends and that the simulation does not answer as the real server does.
fn out_of_scope(case: &str, exchange: &Exchange) -> bool {
    let id = exchange.id.as_str();
    let script = String::from_utf8_lossy(&exchange.body);
    // Flux beyond reads, counts, edges and the schema functions.
    let flux = ["pivot(", "aggregateWindow", "window(", "array.from", "union(", "cardinality", "limit(n", "sort(", "profiler", "experimental", "fieldsAsCols"];
    let flux = flux.iter().any(|part| script.contains(part)) || script.contains("map(fn: (r) => ({r with _value: r._value +");
    // InfluxQL that reads data: its statements are refused as syntax.
    let influxql = exchange.path.starts_with("/query?") && !exchange.path.contains("SHOW%20FIELD%20KEYS") && !exchange.path.contains("SHOW%20TAG%20KEYS")
        && !exchange.path.contains("SHOW%20MEASUREMENTS");
    let known_influxql = ["i_syntax", "i_missing_db_show", "i_bad_token", "i_no_token", "i_empty_query", "i_msgpack_syntax"].contains(&id);
    // Empty tables from a filter, the empty-result preference, script errors by die(), system buckets, set-up.
    let shapes = script.contains("onEmpty") || id.starts_with("q_prefer") || id.starts_with("q_die") || script.contains("die(")
        || script.contains("secrets.get") || script.contains("host: \\\"") || script.contains("buckets()")
        || ["root_api", "setup_allowed", "setup_again", "authorizations_bucket_token", "delete_predicate", "buckets", "buckets_limit_2"].contains(&id);
    // The order of several yields varies on the real server; a type error inside arithmetic; JSON errors of Go.
    let others = id.starts_with("yields") || id == "q_type_error" || id == "q_content_type_text";
    // MessagePack is not spoken; 51 MB in one line say nothing more.
    let bulk = id == "w_50mb" || id.ends_with(".msgpack");
    flux || influxql && !known_influxql || shapes || others || bulk || case == "11-transport"
}

/// The recorded bodies that are too long to be stored are written as `<65532 times x>`.
fn expanded(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let Some((before, rest)) = text.split_once('<').filter(|(_, rest)| rest.contains(" times x>")) else { return body.to_vec() };
    let (count, after) = rest.split_once(" times x>").unwrap();
    let after = after.split(" (series key").next().unwrap();
    format!("{before}{}{}", "x".repeat(count.parse().unwrap()), after.replace("\\n", "\n")).into_bytes()
}

/// Hides what differs from run to run: the moment in retention errors.
fn normal(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut parts = text.split("Lower Bound at ");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |done, part| done + "Lower Bound at T" + part.trim_start_matches(|c: char| !matches!(c, 'Z')))
}

fn difference(got: &str, wanted: &str) -> String {
    let (got, wanted): (Vec<_>, Vec<_>) = (got.split('\n').collect(), wanted.split('\n').collect());
    let at = got.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    format!("line {}:\n     got {:?}\n  wanted {:?}", at + 1, got.get(at).unwrap_or(&"<end>"), wanted.get(at).unwrap_or(&"<end>"))
}

/// Plays a case and lists every difference.
async fn play(case: &Case, server: &Server, ids: &mut Vec<(String, String)>) -> (usize, Vec<String>) {
    let (mut played, mut wrong) = (0, Vec::new());
    for exchange in case.exchanges.iter().filter(|exchange| !out_of_scope(&case.name, exchange)) {
        played += 1;
        let to_ours = |text: &str| ids.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
        let body = expanded(&exchange.body);
        let answer = ask(server.addr(), &exchange.method, &to_ours(&exchange.path), &exchange.headers, &body).await;
        if let (Some(theirs), Some(ours)) = (made_id(&exchange.response), made_id(&answer.body)) {
            ids.push((theirs, ours));
        }
        let to_ours = |text: &str| ids.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
        let wanted = to_ours(&normal(&exchange.response));
        let mut complain = |what: String| wrong.push(format!("{} {}: {what}", case.name, exchange.id));
        if answer.status != exchange.status {
            complain(format!("status {} instead of {}: {}", answer.status, exchange.status, answer.text()));
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
        if exchange.id.starts_with("create_") && exchange.id != "create_for_patch" && exchange.status == 201 {
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
    let Some(golden) = crate::support::golden() else { return };
    let mut dirs: Vec<_> = std::fs::read_dir(golden.join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    dirs.sort();
    let (mut played, mut wrong) = (0, Vec::new());
    for dir in dirs {
        let case = Case::load(&dir);
        let store = Arc::new(Store::default());
        store.create_bucket("golden", 0);
        store.create_bucket(&case.bucket, 0);
        if !case.exchanges.iter().any(|exchange| exchange.id == "write") && dir.join("data.lp").exists() {
            store.write_lp(&case.bucket, &std::fs::read(dir.join("data.lp")).unwrap()).unwrap();
        }
        let server = Server::start(golden_settings(), store).await.unwrap();
        let (count, found) = play(&case, &server, &mut Vec::new()).await;
        played += count;
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{} differences in {played} exchanges:\n{}", wrong.len(), wrong.join("\n"));
    assert!(played > 150, "only {played} exchanges were played");
}

#[tokio::test]
async fn errors_are_as_recorded() {
    let Some(golden) = crate::support::golden() else { return };
    let case = Case::load(&golden.join("errors"));
    let store = Arc::new(Store::default());
    store.create_bucket("golden", 0);
    let mut ids = Vec::new();
    for (name, retention_s, theirs) in [("src", 0, "4b0b88b8ae5443a4"), ("dst", 0, "2dab931013181e76"), ("short", 86_400, "eefa05c9aa77fbcd")] {
        ids.push((theirs.to_owned(), store.create_bucket(name, retention_s)));
    }
    let server = Server::start(golden_settings(), store).await.unwrap();
    let (played, wrong) = play(&case, &server, &mut ids).await;
    assert!(wrong.is_empty(), "{} differences in {played} exchanges:\n{}", wrong.len(), wrong.join("\n"));
    assert!(played > 90, "only {played} exchanges were played");
}

#[tokio::test]
async fn every_recorded_line_is_taken_refused_and_read_back_alike() {
    let Some(golden) = crate::support::golden() else { return };
    let lines = std::fs::read_to_string(golden.join("cases/13-lp-lines/lines.jsonl")).unwrap();
    let store = Arc::new(Store::default());
    let server = Server::start(golden_settings(), Arc::clone(&store)).await.unwrap();
    let query = serde_json::json!({"query": "from(bucket: \"lines\") |> range(start: 2000-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)", "type": "flux"});
    let auth = [("Authorization".to_owned(), "Token golden-token".to_owned()), ("Content-Type".to_owned(), "application/json".to_owned())];
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = store.create_bucket("lines", 0);
        let write = ask(server.addr(), "POST", "/api/v2/write?org=golden&bucket=lines&precision=ns", &auth, &bytes(&record["line"])).await;
        let read = ask(server.addr(), "POST", "/api/v2/query?org=golden", &auth, query.to_string().as_bytes()).await;
        let wanted = record["response"].as_str().unwrap_or_default().replace("228105c00ca4b8f9", &id);
        let same = u64::from(write.status) == record["status"] && write.text() == wanted && u64::from(read.status) == record["flux_status"];
        if !same || read.body != bytes(&record["flux"]) {
            wrong.push(format!("{:?}\n  {} {}\n  {} {}\n  {} {:?}\n  {} {}", record["line"], write.status, write.text(), record["status"], wanted, read.status, read.text(), record["flux_status"], record["flux"]));
        }
        store.remove_bucket(&id);
    }
    assert!(wrong.is_empty(), "{} of {} lines:\n{}", wrong.len(), lines.lines().count(), wrong.join("\n"));
}

/// A server with one bucket `b` of generated data, and its address.
async fn generated(change: impl FnOnce(&mut ServerSettings)) -> Server {
    let store = Arc::new(Store::default());
    store.create_bucket("b", 0);
    tsbs::Workload { hosts: 2, ..tsbs::Workload::default() }.load(&store, "b").unwrap();
    let mut settings = ServerSettings::cloud("o", "secret-token");
    change(&mut settings);
    Server::start(settings, store).await.unwrap()
}

const ALL: &str = "from(bucket: \"b\") |> range(start: 2000-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)";

fn headers(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = [("Authorization", "Token secret-token"), ("Content-Type", "application/json")];
    all.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn query_with(server: &Server, script: &str, more: &[(&str, &str)]) -> Answer {
    let body = serde_json::json!({"query": script, "type": "flux", "dialect": {"annotations": ["datatype", "group", "default"]}});
    ask(server.addr(), "POST", "/api/v2/query?org=o", &headers(more), body.to_string().as_bytes()).await
}

async fn query(server: &Server, script: &str) -> Answer {
    query_with(server, script, &[]).await
}

async fn write(server: &Server, lines: &str) -> Answer {
    ask(server.addr(), "POST", "/api/v2/write?org=o&bucket=b", &headers(&[]), lines.as_bytes()).await
}

#[tokio::test]
async fn the_queries_of_sluice_are_understood() {
    use sluice::model::filter::Filter;
    use sluice::model::time::TimeRange;
    use sluice::wire::flux::{self, Selection};

    let server = generated(|_| {}).await;
    let lines = "odd\\ one,k=v,$x=${y} s=\"a\rb\\\\c\nd\",f=1.5 1577836800000000000\nodd\\ one s=\"plain\" 1577836801000000000";
    assert_eq!(write(&server, lines).await.status, 204);
    let filter = Filter {
        measurements: vec!["odd one".into(), "no\"ne".into()],
        tags: vec![("$x".into(), "${y}".into())],
        fields: vec!["s".into()],
        predicate: Some("r._value =~ /^a.b/ and exists r.k and not r.k == \"w\"".into()),
    };
    let without = [b"cpu".to_vec().into_boxed_slice()];
    let everything = Selection { bucket: "b", range: TimeRange::ALL, filter: &Filter::default(), without: &[] };
    let some = Selection { filter: &filter, without: &without, ..everything };
    let rows = |answer: &Answer| answer.text().matches("\r\n,,").count();
    let (all, one) = (query(&server, &flux::read(everything, "~f")).await, query(&server, &flux::read(some, "~f")).await);
    assert_eq!((rows(&all), rows(&one)), (2 * 360 * 10 + 3, 1), "{}", one.text());
    assert!(all.text().contains(",result,table,_time,_value,~f,_measurement,"), "{}", &all.text()[..600]);
    for (script, last) in [
        (flux::count(some), ",1"),
        (flux::count(everything), ",7203"),
        (flux::count_by_measurement(everything), ",3,odd one"),
        (flux::count_carriage_returns(everything), ",1"),
        (flux::earliest(everything), ",2020-01-01T00:00:00Z"),
        (flux::latest(everything), ",2020-01-01T00:59:50Z"),
        (flux::read_carriage_returns(everything, "~f"), ",,0,${y},s,odd one,2020-01-01T00:00:00Z,a\\rb\\\\c\\nd,v"),
        (flux::first_of_measurement(everything, b"odd one"), "d\",${y},s,odd one,v"),
        (flux::measurements("b", TimeRange::ALL), ",odd one"),
        (flux::tag_keys("b", TimeRange::ALL), ",team"),
        (flux::newest_record("b", "odd one", [("k", "v"), ("$x", "${y}"), ("$x", "${y}")]), "d\",${y},s,odd one,v"),
        (flux::oldest_record("b", "odd one", [("k", "v"), ("$x", "${y}"), ("$x", "${y}")]), "d\",${y},s,odd one,v"),
    ] {
        let answer = query(&server, &script).await;
        let text = answer.text();
        assert!(answer.status == 200 && text.trim_end().ends_with(last), "{script}\n{} {text}\nwanted {last}", answer.status);
    }
}

#[tokio::test]
async fn rows_of_one_series_stay_together_after_the_rename() {
    let server = generated(|_| {}).await;
    let text = query(&server, &format!("{ALL} |> rename(columns: {{_field: \"~f\"}}) |> drop(columns: [\"_start\", \"_stop\"])")).await.text();
    let hosts: Vec<_> = text.lines().filter(|line| line.starts_with(",,")).map(|line| line.contains(",host_1,")).collect();
    assert_eq!(hosts.iter().zip(&hosts[1..]).filter(|(a, b)| a != b).count(), 1, "one change from host_0 to host_1");
}

#[tokio::test]
async fn answers_are_chunked_and_compressed_like_the_real_ones() {
    let server = generated(|_| {}).await;
    let plain = query(&server, ALL).await;
    assert!(plain.complete && plain.chunks[..plain.chunks.len() - 1].iter().all(|&size| size == 4_096));
    let zipped = query_with(&server, ALL, &[("Accept-Encoding", "br, gzip")]).await;
    assert_eq!(zipped.header("Content-Encoding"), Some("gzip"));
    let mut unzipped = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped.body[..]), &mut unzipped).unwrap();
    assert_eq!(unzipped, plain.body);
    for (script, accepted) in [(format!("{ALL} |> group() |> count()"), "gzip"), (ALL.to_owned(), "gzip;q=0")] {
        let answer = query_with(&server, &script, &[("Accept-Encoding", accepted)]).await;
        assert_eq!(answer.header("Content-Encoding"), None, "{script}");
    }
    let records = server.records();
    assert_eq!((records[1].decoded_bytes, records[1].sent_bytes), (plain.body.len() as u64, zipped.body.len() as u64));
    assert!(records[0].body_head.starts_with("from(bucket") && !format!("{records:?}{server:?}").contains("secret-token"));
}

/// Starts a server with one fault on queries.
async fn faulty(fault: Fault) -> Server {
    generated(|settings| settings.faults = FaultScript::none().with(Matcher::path("/api/v2/query").body("range("), 1, fault)).await
}

#[tokio::test]
async fn transport_faults_strike_once_and_as_told() {
    let whole = query(&generated(|_| {}).await, ALL).await;
    for (fault, status, bytes, complete) in [
        (Fault::Refuse, 0, 0, false),
        (Fault::Cut { after_bytes: 5_000 }, 200, 5_000, false),
        (Fault::Cut { after_bytes: whole.body.len() as u64 }, 200, whole.body.len(), false),
        (Fault::CutClean { after_bytes: 5_000 }, 200, 5_000, true),
        (Fault::CutClean { after_bytes: 0 }, 200, 0, true),
        (Fault::Stall { after_bytes: 0, ms: 5 }, 200, whole.body.len(), true),
        (Fault::Stall { after_bytes: 9_000, ms: 5 }, 200, whole.body.len(), true),
        (Fault::Drip { bytes: 500_000, tick_ms: 1 }, 200, whole.body.len(), true),
    ] {
        let server = faulty(fault.clone()).await;
        let answer = query(&server, ALL).await;
        assert_eq!((answer.status, answer.body.len(), answer.complete), (status, bytes, complete), "{fault:?}");
        assert_eq!(answer.body[..], whole.body[..bytes], "{fault:?}");
        assert_eq!(server.records()[0].fault, Some(fault.name()));
        assert!(server.faults_used_up());
        assert_eq!(query(&server, ALL).await.body, whole.body, "the next one is well: {fault:?}");
    }
    let server = faulty(Fault::Reset { after_bytes: 5_000 }).await;
    let answer = query(&server, ALL).await;
    assert!(answer.reset && !answer.complete && answer.body.len() <= 5_000);
}

#[tokio::test]
async fn answers_can_be_replaced() {
    for (fault, status, retry_after, part) in [
        (Fault::unauthorized(), 401, None, "unauthorized access"),
        (Fault::too_many(Some(17)), 429, Some("17"), "limited_query"),
        (Fault::too_many(None), 429, None, "limited_query"),
        (Fault::unavailable(Some(3)), 503, Some("3"), "unavailable"),
        (Fault::unprocessable("partial write: x"), 422, None, "partial write: x"),
        (Fault::too_large(), 413, None, "too large"),
        (Fault::Status { status: 502, retry_after: Some("Fri, 01 Jan 2100 00:00:00 GMT".into()), body: "<html>".into() }, 502, Some("Fri, 01 Jan 2100 00:00:00 GMT"), "<html>"),
    ] {
        let server = faulty(fault).await;
        let answer = query(&server, ALL).await;
        assert_eq!((answer.status, answer.header("Retry-After"), answer.text().contains(part)), (status, retry_after, true));
    }
    let server = faulty(Fault::ErrorTable { after_rows: 1_000, message: "out, of luck".into() }).await;
    let text = query(&server, ALL).await.text();
    assert_eq!(text.matches("\r\n,,").count(), 1_000);
    assert!(text.ends_with("\r\n\r\n#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,\"out, of luck\",\r\n"), "{}", &text[text.len() - 200..]);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_written() {
    let server = generated(|settings| settings.faults = FaultScript::none().with(Matcher::path("/api/v2/write").skip(1), 1, Fault::LostAck)).await;
    assert_eq!(write(&server, "m f=1 1").await.status, 204);
    let lost = write(&server, "m f=1 2").await;
    assert!(lost.status == 0 && lost.reset, "{lost:?}");
    assert_eq!(server.store().count("b"), 7_202);
    server.inject(Rule { matcher: Matcher::default(), times: 2, fault: Fault::Refuse });
    assert_eq!((write(&server, "m f=1 3").await.status, write(&server, "m f=1 3").await.status, write(&server, "m f=1 3").await.status), (0, 0, 204));
}

#[tokio::test]
async fn slow_queries_time_out_in_either_form() {
    for (form, complete) in [(TimeoutForm::ErrorTable, true), (TimeoutForm::Cut, false)] {
        let slow = |settings: &mut ServerSettings| {
            settings.timeout_form = form;
            settings.read_bytes_per_s = Some(10_000_000);
            settings.query_timeout_ms = Some(5);
        };
        let answer = query(&generated(slow).await, ALL).await;
        assert_eq!((answer.complete, answer.text().contains(",error,reference\r\n,query timeout")), (complete, complete), "{form:?}");
        assert!((45_000..60_000).contains(&answer.body.len()), "{}", answer.body.len());
        let answer = query(&generated(slow).await, &format!("{ALL} |> group() |> count()")).await;
        assert!(answer.complete && answer.text().contains(",7200\r\n"), "a short answer is in time");
        let server = generated(|settings| settings.timeout_form = form).await;
        server.inject(Rule { matcher: Matcher::default(), times: 1, fault: Fault::Timeout });
        assert_eq!(query(&server, ALL).await.complete, complete);
    }
}

#[tokio::test]
async fn the_quota_refuses_until_its_window_ends() {
    let server = generated(|settings| {
        settings.quota = Some(QuotaSettings { bytes_per_window: 300_000, window_ms: 300_000, phase_ms: 100_000 });
    })
    .await;
    let first = query(&server, ALL).await;
    assert!(first.complete && first.body.len() > 300_000, "what was let in runs to its end");
    assert_eq!(server.quota_used(), first.body.len() as u64);
    let refused = query(&server, ALL).await;
    let retry_after: u64 = refused.header("Retry-After").unwrap().parse().unwrap();
    assert!(refused.status == 429 && (190..=200).contains(&retry_after), "{refused:?}");
    assert_eq!(refused.text(), "{\"code\":\"too many requests\",\"message\":\"org 37e0d56ad7b6896a has exceeded limited_query plan limit\"}");
    assert_eq!(write(&server, "m f=1 1").await.status, 204, "writes are not metered");
    assert_eq!(server.records()[1].status, 429);
    let limits = ask(server.addr(), "GET", "/api/v2/orgs/37e0d56ad7b6896a/limits", &headers(&[]), b"").await;
    let limits: serde_json::Value = serde_json::from_slice(&limits.body).unwrap();
    assert_eq!(limits["limits"]["rate"]["readKBs"], 1);
}

#[tokio::test]
async fn cloud_shows_no_version_and_may_lack_influxql_and_limits() {
    let server = generated(|settings| {
        settings.limits_readable = false;
        settings.clock = Clock::at(784_887_151 * 1_000_000_000);
    })
    .await;
    let ping = ask(server.addr(), "GET", "/ping", &[], b"").await;
    assert_eq!((ping.status, ping.header("X-Influxdb-Version")), (204, None));
    assert!(ping.header("Date").unwrap().starts_with("Tue, 15 Nov 1994 08:12:3"));
    assert_eq!(ask(server.addr(), "GET", "/api/v2/orgs/37e0d56ad7b6896a/limits", &headers(&[]), b"").await.status, 401);
    let influxql = ask(server.addr(), "GET", "/query?db=b&q=SHOW%20FIELD%20KEYS", &headers(&[]), b"").await;
    assert_eq!(influxql.text(), "{\"results\":[{\"statement_id\":0,\"error\":\"database not found: b\"}]}\n");
    assert_eq!(ask(server.addr(), "GET", "/health", &headers(&[]), b"").await.status, 404);
}

#[tokio::test]
async fn tasks_are_listed_and_paused() {
    let task = sluice::sim::Task { id: "00000000000000aa".into(), name: "migrate".into(), status: "active".into(), flux: "option task = {}".into() };
    let server = generated(|settings| settings.tasks = vec![task]).await;
    let listed = ask(server.addr(), "GET", "/api/v2/tasks?name=migrate", &headers(&[]), b"").await;
    let listed: serde_json::Value = serde_json::from_slice(&listed.body).unwrap();
    assert_eq!(listed["tasks"][0]["flux"], "option task = {}");
    let patched = ask(server.addr(), "PATCH", "/api/v2/tasks/00000000000000aa", &headers(&[]), b"{\"status\":\"inactive\"}").await;
    assert_eq!((patched.status, server.tasks()[0].status.as_str()), (200, "inactive"));
    assert_eq!(ask(server.addr(), "PATCH", "/api/v2/tasks/00000000000000ab", &headers(&[]), b"{}").await.status, 404);
}

#[tokio::test]
async fn a_write_can_be_too_large() {
    let server = generated(|settings| settings.write_bytes_max = Some(10)).await;
    assert_eq!((write(&server, "m f=1 1").await.status, write(&server, "m f=1 1234567").await.status), (204, 413));
}

#[test]
fn equal_seeds_give_equal_data() {
    let load = |workload: tsbs::Workload, shard_s| {
        let store = Store::default();
        store.create_bucket_with("b", 0, shard_s);
        workload.load(&store, "b").unwrap();
        (store.count("b"), store.digest("b"), store.dump("b").len() as u64)
    };
    let workload = tsbs::Workload::default();
    let (count, digest, dumped) = load(workload, 604_800);
    assert_eq!((count, dumped), (workload.values(), workload.values()));
    assert_eq!(load(workload, 3_600).1, digest, "shard groups do not show");
    assert_ne!(load(tsbs::Workload { seed: 2, ..workload }, 3_600).1, digest);
    assert_ne!(load(tsbs::Workload { floats: true, ..workload }, 3_600).1, digest);
}

#[test]
fn content_does_not_depend_on_the_way_it_came() {
    let (a, b) = (Store::default(), Store::default());
    for store in [&a, &b] {
        store.create_bucket("b", 0);
    }
    a.write_lp("b", b"m,t=1 f=1,g=\"x\" 5\nm,t=1 f=2 3\nm f=3 5").unwrap();
    for line in ["m f=3 5", "m,t=1 g=\"x\" 5", "m,t=1 f=9 5", "m,t=1 f=2 3", "m,t=1 f=1 5"] {
        b.write_lp("b", line.as_bytes()).unwrap();
    }
    assert_eq!((a.dump("b"), a.digest("b")), (b.dump("b"), b.digest("b")));
    b.write_lp("b", b"m f=4 5").unwrap();
    assert_ne!(a.digest("b"), b.digest("b"));
    assert!(a.write_lp("b", b"m f=1i 5").unwrap_err().contains("field type conflict"));
    assert!(a.write_lp("b", b"nonsense").unwrap_err().contains("unable to parse"));
}

#[test]
fn shard_groups_begin_on_mondays() {
    let store = Store::default();
    store.create_bucket("b", 0);
    let monday_ns = 1_578_268_800_000_000_000_i64;
    for (time, value) in [(monday_ns - 1, "1i"), (monday_ns, "1.5"), (monday_ns + 7 * DAY_NS - 1, "2.5"), (monday_ns + 7 * DAY_NS, "\"x\"")] {
        store.write_lp("b", format!("m f={value} {time}").as_bytes()).unwrap();
    }
    assert!(store.write_lp("b", format!("m f=1i {}", monday_ns + 3 * DAY_NS).as_bytes()).is_err());
}
