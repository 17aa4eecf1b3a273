//! Queries, quota, faults and the smaller endpoints, as a client meets them.

use std::sync::Arc;

use sluice::testing::sim::{
    BucketStore, Fault, FaultScript, Matcher, ReadQuota, Rule, Server, ServerClock, ServerSettings,
    TimeoutForm, tsbs,
};

use crate::support::cases::{Answer, ask};

/// A server with one bucket `b` of generated data, and its address.
async fn generated(change: impl FnOnce(&mut ServerSettings)) -> Server {
    let store = Arc::new(BucketStore::default());
    store.create_bucket("b", 0);
    tsbs::Workload { hosts: 2, ..tsbs::Workload::default() }.load(&store, "b").unwrap();
    let mut settings = ServerSettings::cloud("o", "secret-token");
    change(&mut settings);
    Server::start(settings, store).await.unwrap()
}

const ALL: &str =
    "from(bucket: \"b\") |> range(start: 2000-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)";

fn headers(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = [("Authorization", "Token secret-token"), ("Content-Type", "application/json")];
    all.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn query_with(server: &Server, script: &str, more: &[(&str, &str)]) -> Answer {
    let body = serde_json::json!({"query": script, "type": "flux", "dialect": {"annotations": ["datatype", "group", "default"]}});
    ask(server.addr(), "POST", "/api/v2/query?org=o", &headers(more), body.to_string().as_bytes())
        .await
}

async fn query(server: &Server, script: &str) -> Answer {
    query_with(server, script, &[]).await
}

async fn write(server: &Server, lines: &str) -> Answer {
    ask(server.addr(), "POST", "/api/v2/write?org=o&bucket=b", &headers(&[]), lines.as_bytes())
        .await
}

#[tokio::test]
async fn the_queries_of_sluice_are_understood() {
    use sluice::testing::model::filter::Filter;
    use sluice::testing::model::time::TimeRange;
    use sluice::testing::wire::flux::{self, Selection};

    let server = generated(|_| {}).await;
    let lines = "odd\\ one,k=v,x=${y} s=\"a\rb\\\\c\nd\",f=1.5 1577836800000000000\nodd\\ one s=\"plain\" 1577836801000000000";
    assert_eq!(write(&server, lines).await.status, 204);
    let filter = Filter {
        measurements: vec!["odd one".into(), "no\"ne".into()],
        tags: vec![("x".into(), "${y}".into())],
        fields: vec!["s".into()],
        predicate: Some("r._value =~ /^a.b/ and exists r.k and not r.k == \"w\"".into()),
    };
    let without = [
        flux::literal::not_measurement(b"cpu"),
        flux::literal::not_field(b"cpu", b"x"),
        flux::carriage_returns::not_carriage_return_in(b"k"),
    ];
    let everything = Selection {
        bucket: "b",
        range: TimeRange::ALL,
        filter: &Filter::default(),
        measurements: &[],
        without: &[],
    };
    let some = Selection { filter: &filter, without: &without, ..everything };
    let (keys, host) = ([b"k".to_vec()], [b"hostname".to_vec()]);
    let rows = |answer: &Answer| answer.text().matches("\r\n,,").count();
    let (all, one) = (
        query(&server, &flux::read(everything, "~f")).await,
        query(&server, &flux::read(some, "~f")).await,
    );
    assert_eq!((rows(&all), rows(&one)), (2 * 360 * 10 + 3, 1), "{}", one.text());
    assert!(
        all.text().contains(",result,table,_time,_value,~f,_measurement,"),
        "{}",
        &all.text()[..600]
    );
    for (script, last) in [
        (flux::count(some), ",1"),
        (flux::count(everything), ",7203"),
        (flux::count_by_measurement(everything), ",3,odd one"),
        (flux::carriage_returns::count_carriage_returns(everything), ",1"),
        (flux::earliest(everything), ",2020-01-01T00:00:00Z"),
        (flux::earliest_by_field(everything), ",2020-01-01T00:00:00Z"),
        (flux::latest(everything), ",2020-01-01T00:59:50Z"),
        (
            flux::carriage_returns::read_carriage_returns(everything, "~f"),
            ",,0,s,odd one,2020-01-01T00:00:00Z,a\\rb\\\\c\\nd,v,${y}",
        ),
        (flux::read_keyed(everything, "~f", b"odd one", &keys), "d\",s,v"),
        (
            flux::read_pivoted(everything, "~f", b"cpu", &host),
            "T00:59:50Z,host_1,5,77,59,53,84,41,0,0,96,59",
        ),
        (flux::series_of(everything, b"odd one", &keys), ",,1,2020-01-01T00:00:00Z,v"),
        (flux::index::series_cardinality("b", b"odd one"), ",,0,2"),
        (flux::index::series_cardinality("b", b"none"), ",,0,0"),
        (flux::first_of_measurement(everything, b"odd one"), "d\",s,odd one,v,${y}"),
        (flux::index::measurements("b", TimeRange::ALL), ",odd one"),
        (flux::index::tag_keys("b", TimeRange::ALL), ",x"),
        (
            flux::record::newest_record(
                "b",
                "odd one",
                &[("k", "v"), ("x", "${y}"), ("x", "${y}")],
            ),
            "d\",s,odd one,v,${y}",
        ),
        (
            flux::record::oldest_record(
                "b",
                "odd one",
                &[("k", "v"), ("x", "${y}"), ("x", "${y}")],
            ),
            "d\",s,odd one,v,${y}",
        ),
    ] {
        let answer = query(&server, &script).await;
        let text = answer.text();
        assert!(
            answer.status == 200 && text.trim_end().ends_with(last),
            "{script}\n{} {text}\nwanted {last}",
            answer.status
        );
    }
}

#[tokio::test]
async fn rows_of_one_series_stay_together_after_the_rename() {
    let server = generated(|_| {}).await;
    let text = query(
        &server,
        &format!(
            "{ALL} |> rename(columns: {{_field: \"~f\"}}) |> drop(columns: [\"_start\", \"_stop\"])"
        ),
    )
    .await
    .text();
    let hosts: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with(",,"))
        .map(|line| line.contains(",host_1,"))
        .collect();
    assert_eq!(
        hosts.iter().zip(&hosts[1..]).filter(|(a, b)| a != b).count(),
        1,
        "one change from host_0 to host_1"
    );
}

#[tokio::test]
async fn answers_are_chunked_and_compressed_like_the_real_ones() {
    let server = generated(|_| {}).await;
    let plain = query(&server, ALL).await;
    assert!(
        plain.complete && plain.chunks[..plain.chunks.len() - 1].iter().all(|&size| size == 4_096)
    );
    let zipped = query_with(&server, ALL, &[("Accept-Encoding", "br, gzip")]).await;
    assert_eq!(zipped.header("Content-Encoding"), Some("gzip"));
    let mut unzipped = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped.body[..]), &mut unzipped)
        .unwrap();
    assert_eq!(unzipped, plain.body);
    for (script, accepted) in
        [(format!("{ALL} |> group() |> count()"), "gzip"), (ALL.to_owned(), "gzip;q=0")]
    {
        let answer = query_with(&server, &script, &[("Accept-Encoding", accepted)]).await;
        assert_eq!(answer.header("Content-Encoding"), None, "{script}");
    }
    let records = server.records();
    assert_eq!(
        (records[1].decoded_bytes, records[1].sent_bytes),
        (plain.body.len() as u64, zipped.body.len() as u64)
    );
    assert!(
        records[0].body_head.starts_with("from(bucket")
            && !format!("{records:?}{server:?}").contains("secret-token")
    );
}

/// Starts a server with one fault on queries.
async fn faulty(fault: Fault) -> Server {
    generated(|settings| {
        settings.faults =
            FaultScript::none().with(Matcher::path("/api/v2/query").body("range("), 1, fault);
    })
    .await
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
        assert_eq!(
            (answer.status, answer.body.len(), answer.complete),
            (status, bytes, complete),
            "{fault:?}"
        );
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
        (
            Fault::Status {
                status: 502,
                retry_after: Some("Fri, 01 Jan 2100 00:00:00 GMT".into()),
                body: "<html>".into(),
            },
            502,
            Some("Fri, 01 Jan 2100 00:00:00 GMT"),
            "<html>",
        ),
    ] {
        let server = faulty(fault).await;
        let answer = query(&server, ALL).await;
        assert_eq!(
            (answer.status, answer.header("Retry-After"), answer.text().contains(part)),
            (status, retry_after, true)
        );
    }
    let server =
        faulty(Fault::ErrorTable { after_rows: 1_000, message: "out, of luck".into() }).await;
    let text = query(&server, ALL).await.text();
    assert_eq!(text.matches("\r\n,,").count(), 1_000);
    assert!(text.ends_with("\r\n\r\n#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,\"out, of luck\",\r\n"), "{}", &text[text.len() - 200..]);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_written() {
    let server = generated(|settings| {
        settings.faults =
            FaultScript::none().with(Matcher::path("/api/v2/write").skip(1), 1, Fault::LostAck);
    })
    .await;
    assert_eq!(write(&server, "m f=1 1").await.status, 204);
    let lost = write(&server, "m f=1 2").await;
    assert!(lost.status == 0 && lost.reset, "{lost:?}");
    assert_eq!(server.store().count("b"), 7_202);
    server.inject(Rule { matcher: Matcher::default(), times: 2, fault: Fault::Refuse });
    assert_eq!(
        (
            write(&server, "m f=1 3").await.status,
            write(&server, "m f=1 3").await.status,
            write(&server, "m f=1 3").await.status
        ),
        (0, 0, 204)
    );
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
        assert_eq!(
            (answer.complete, answer.text().contains(",error,reference\r\n,query timeout")),
            (complete, complete),
            "{form:?}"
        );
        assert!((45_000..60_000).contains(&answer.body.len()), "{}", answer.body.len());
        let answer = query(&generated(slow).await, &format!("{ALL} |> group() |> count()")).await;
        assert!(
            answer.complete && answer.text().contains(",7200\r\n"),
            "a short answer is in time"
        );
        let server = generated(|settings| settings.timeout_form = form).await;
        server.inject(Rule { matcher: Matcher::default(), times: 1, fault: Fault::Timeout });
        assert_eq!(query(&server, ALL).await.complete, complete);
    }
}

#[tokio::test]
async fn the_quota_refuses_until_its_window_ends() {
    let server = generated(|settings| {
        settings.quota =
            Some(ReadQuota { bytes_per_window: 300_000, window_ms: 300_000, phase_ms: 100_000 });
    })
    .await;
    let first = query(&server, ALL).await;
    assert!(first.complete && first.body.len() > 300_000, "what was let in runs to its end");
    assert_eq!(server.quota_used(), first.body.len() as u64);
    let refused = query(&server, ALL).await;
    let retry_after: u64 = refused.header("Retry-After").unwrap().parse().unwrap();
    assert!(refused.status == 429 && (190..=200).contains(&retry_after), "{refused:?}");
    assert_eq!(
        refused.text(),
        "{\"code\":\"too many requests\",\"message\":\"org 37e0d56ad7b6896a has exceeded limited_query plan limit\"}"
    );
    assert_eq!(write(&server, "m f=1 1").await.status, 204, "writes are not metered");
    assert_eq!(server.records()[1].status, 429);
    let limits =
        ask(server.addr(), "GET", "/api/v2/orgs/37e0d56ad7b6896a/limits", &headers(&[]), b"").await;
    let limits: serde_json::Value = serde_json::from_slice(&limits.body).unwrap();
    assert_eq!(limits["limits"]["rate"]["readKBs"], 1);
}

#[tokio::test]
async fn cloud_shows_no_version_and_may_lack_influxql_and_limits() {
    let server = generated(|settings| {
        settings.limits_readable = false;
        settings.clock = ServerClock::at(784_887_151 * 1_000_000_000);
    })
    .await;
    let ping = ask(server.addr(), "GET", "/ping", &[], b"").await;
    assert_eq!((ping.status, ping.header("X-Influxdb-Version")), (204, None));
    assert!(ping.header("Date").unwrap().starts_with("Tue, 15 Nov 1994 08:12:3"));
    assert_eq!(
        ask(server.addr(), "GET", "/api/v2/orgs/37e0d56ad7b6896a/limits", &headers(&[]), b"")
            .await
            .status,
        401
    );
    let influxql =
        ask(server.addr(), "GET", "/query?db=b&q=SHOW%20FIELD%20KEYS", &headers(&[]), b"").await;
    assert_eq!(
        influxql.text(),
        "{\"results\":[{\"statement_id\":0,\"error\":\"database not found: b\"}]}\n"
    );
    assert_eq!(ask(server.addr(), "GET", "/health", &headers(&[]), b"").await.status, 404);
}

#[tokio::test]
async fn tasks_are_listed_and_paused() {
    let task = sluice::testing::sim::FluxTask {
        id: "00000000000000aa".into(),
        name: "migrate".into(),
        status: "active".into(),
        flux: "option task = {}".into(),
    };
    let server = generated(|settings| settings.tasks = vec![task]).await;
    let listed = ask(server.addr(), "GET", "/api/v2/tasks?name=migrate", &headers(&[]), b"").await;
    let listed: serde_json::Value = serde_json::from_slice(&listed.body).unwrap();
    assert_eq!(listed["tasks"][0]["flux"], "option task = {}");
    let patched = ask(
        server.addr(),
        "PATCH",
        "/api/v2/tasks/00000000000000aa",
        &headers(&[]),
        b"{\"status\":\"inactive\"}",
    )
    .await;
    assert_eq!((patched.status, server.tasks()[0].status.as_str()), (200, "inactive"));
    assert_eq!(
        ask(server.addr(), "PATCH", "/api/v2/tasks/00000000000000ab", &headers(&[]), b"{}")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_write_can_be_too_large() {
    let server = generated(|settings| settings.write_bytes_max = Some(10)).await;
    assert_eq!(
        (write(&server, "m f=1 1").await.status, write(&server, "m f=1 1234567").await.status),
        (204, 413)
    );
}
