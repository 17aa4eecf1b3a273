//! What is tried again, how often, and what is not.

use std::sync::Arc;
use std::time::Duration;

use sluice::testing::influx::client::ClientSettings;
use sluice::testing::influx::error::FailureKind;
use sluice::testing::influx::influxql::Database;
use sluice::testing::influx::quota::{QuotaLedger, QuotaSettings};
use sluice::testing::influx::signal::{Signal, WaitCause};
use sluice::testing::influx::token::TokenSource;
use sluice::testing::model::side::Side;
use sluice::testing::wire::influxql::decoder::Format;
use sluice::testing::wire::influxql::show::parse_show_keys;

use super::{client_of, destination, drain, given, recorder, settings, silent, source};
use crate::support::scripted::{Scripted, Step, chunk, head, reply};

const CSV: (&str, &str) = ("Content-Type", "text/csv");
const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn temporary_trouble_is_retried_up_to_the_budget() {
    let (observer, heard) = recorder();
    let trouble = [
        reply(200, &[CSV], "\r\n"),
        vec![Step::Close],
        vec![Step::Reset],
        reply(500, &[], ""),
        reply(502, &[], "<html>"),
        reply(200, &[CSV], "\r\n"),
    ];
    let server = Scripted::start(trouble).await;
    let client = client_of(Side::Source, &server.host, given(), settings(), observer);
    client.query_all("x", "the first").await.unwrap();
    assert_eq!(client.query_all("x", "the count").await.unwrap(), b"\r\n");
    let retried = |signal: &Signal| matches!(signal, Signal::Retried { what, side: Side::Source, .. } if what == "the count");
    assert_eq!(heard.lock().unwrap().iter().filter(|signal| retried(signal)).count(), 4);
    let backoffs = heard
        .lock()
        .unwrap()
        .iter()
        .filter(|signal| matches!(signal, Signal::WaitEnded { cause: WaitCause::Backoff, .. }))
        .count();
    assert_eq!(backoffs, 4);

    let server = Scripted::start(
        (0..50).map(|_| reply(500, &[JSON], "{\"code\":\"x\",\"message\":\"no\"}")),
    )
    .await;
    let few = ClientSettings { retries_max: 3, ..settings() };
    let client = client_of(Side::Destination, &server.host, given(), few, silent());
    let error = client.write_retrying("b", "m f=1 1".into(), "a body").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts, error.status),
        (FailureKind::ServerError, 4, Some(500))
    );
    assert_eq!(server.requests().len(), 4);
    assert!(
        error
            .to_string()
            .starts_with("destination: a body: server error (status 500): no, after 4 attempts")
    );
}

#[tokio::test]
async fn what_would_fail_again_is_sent_once() {
    let text = |text: &str| serde_json::json!({ "code": "invalid", "message": text }).to_string();
    for (status, body, kind) in [
        (400, text("compilation failed: error @1:1"), FailureKind::BadRequest),
        (400, text("memory allocation limit reached"), FailureKind::MemoryLimit),
        (404, text("could not find bucket"), FailureKind::NotFound),
        (401, text("unauthorized access"), FailureKind::Unauthorized),
        (429, text("org has exceeded limited_cardinality plan limit"), FailureKind::Cardinality),
    ] {
        let server = Scripted::start((0..3).map(|_| reply(status, &[JSON], &body))).await;
        let error = source(&server.host).query_all("x", "rows").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts, server.requests().len()), (kind, 1, 1));
    }
}

/// One status means one thing or another by its text: half a text decides nothing.
#[tokio::test]
async fn an_error_whose_text_breaks_off_is_asked_for_again() {
    let text = "{\"code\":\"not found\",\"message\":\"bucket \\\"plant\\\" not found\"}";
    for status in [400, 401, 403, 404, 422, 500] {
        for cut in 0..text.len() {
            let mut broken = reply(status, &[JSON], text);
            if let Some(Step::Send(bytes)) = broken.first_mut() {
                bytes.truncate(bytes.len() - text.len() + cut);
            }
            broken.push(Step::Close);
            // HTTP says that this one is complete.
            let mut whole = head(status, &[JSON, ("Transfer-Encoding", "chunked")]);
            if cut > 0 {
                whole.extend(chunk(&text.as_bytes()[..cut]));
            }
            whole.extend(chunk(b""));
            for cut_answer in [broken, vec![Step::Send(whole)]] {
                let server = Scripted::start([cut_answer, reply(200, &[CSV], "\r\n")]).await;
                let answer = source(&server.host).query_all("x", "rows").await;
                assert_eq!(answer.unwrap(), b"\r\n", "status {status}, cut at {cut}");
            }
        }
    }
}

#[tokio::test]
async fn a_streamed_query_and_a_plain_write_are_single_attempts() {
    let server =
        Scripted::start([reply(500, &[], ""), vec![Step::Close], reply(500, &[], "")]).await;
    assert_eq!(
        source(&server.host).query("x", "rows").await.unwrap_err().kind(),
        FailureKind::ServerError
    );
    let client = destination(&server.host);
    let lost = client.write("b", "m f=1 1".into(), "a body").await.unwrap_err();
    assert_eq!(lost.kind(), FailureKind::Interrupted);
    let refused = client.write("b", "m f=1 1".into(), "a body").await.unwrap_err();
    assert_eq!((refused.kind(), refused.attempts), (FailureKind::ServerError, 1));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn nobody_listens() {
    let closed = { Scripted::start([]).await.host.clone() };
    tokio::task::yield_now().await;
    let none = ClientSettings { retries_max: 1, ..settings() };
    let client = client_of(Side::Source, &closed, given(), none.clone(), silent());
    let error = client.query_all("x", "rows").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts), (FailureKind::Connect, 2), "{error}");
    let unknown = client_of(Side::Source, "http://no-such-host.invalid", given(), none, silent());
    assert_eq!(unknown.query("x", "rows").await.unwrap_err().kind(), FailureKind::Connect);
}

/// An address where nothing has ever answered is more likely wrong than its trouble passing.
#[tokio::test]
async fn before_the_first_answer_there_are_two_tries() {
    let closed = { Scripted::start([]).await.host.clone() };
    tokio::task::yield_now().await;
    let error = source(&closed).query_all("x", "rows").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts), (FailureKind::Connect, 2), "{error}");
    assert!(!error.reached);
    for step in [Step::Close, Step::Reset] {
        let server = Scripted::start((0..9).map(|_| vec![step.clone()])).await;
        let error = source(&server.host).query_all("x", "rows").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts), (FailureKind::Interrupted, 2), "{error}");
    }
    // A server that limits us, or is starting, is there.
    let busy = (0..3).map(|_| reply(503, &[("Retry-After", "1"), JSON], "{\"code\":\"starting\"}"));
    let server = Scripted::start(busy.chain([reply(200, &[CSV], "\r\n")])).await;
    source(&server.host).query_all("x", "rows").await.unwrap();
}

/// A page or nothing in place of an answer, and what is not of its format.
#[tokio::test]
async fn what_is_no_answer_is_asked_for_again() {
    let table = "#datatype,string,long,long\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n";
    let whole = format!("{table},,0,1\r\n\r\n");
    let page = "<html>\r\n<h1>Bad gateway</h1>\r\n\r\n";
    let html = ("Content-Type", "text/html");
    let server = Scripted::start([
        reply(200, &[CSV], &whole),
        reply(200, &[html], page),
        reply(200, &[CSV], page),
        reply(200, &[], page),
        reply(204, &[], ""),
        reply(200, &[CSV], whole.replace(",,0,1", ",,0,1,7")),
        reply(200, &[CSV], whole.replace("#group", "#grou\u{7f}")),
        reply(200, &[CSV], whole.replace("long,long", "long,lonf")),
        reply(200, &[CSV], whole.replace(",,0,1", ",,0,q")),
        reply(200, &[CSV], &whole),
    ])
    .await;
    let client = source(&server.host);
    client.query_all("x", "first").await.unwrap();
    assert_eq!(client.query_all("x", "rows").await.unwrap(), whole.as_bytes());
    assert_eq!(server.requests().len(), 10);
    // JSON that is well-formed and not what was asked for.
    let none = "{\"buckets\":[]}";
    let answers = [none, "{\"bucketr\":[]}", "{\"buckets\":{}}", none];
    let server = Scripted::start(answers.map(|text| reply(200, &[JSON], text))).await;
    let client = source(&server.host);
    for _ in 0..2 {
        assert!(client.bucket_by_name("b").await.unwrap().is_none());
    }
    assert_eq!(server.requests().len(), 4);
    // JSON and MessagePack.
    let (database, statements) =
        (Database { name: "b".to_owned(), policy: None }, ["SELECT 1".to_owned()]);
    let packed = ("Content-Type", "application/x-msgpack");
    for (encoding, content, good, bad) in [
        (
            Format::Json,
            JSON,
            &b"{\"results\":[]}\n"[..],
            [&b"{\"results\":["[..], b"{\"res\x02lts:[]}", page.as_bytes(), b""],
        ),
        (
            Format::MessagePack,
            packed,
            b"\x81\xa7results\x90",
            [b"\x81\xa7results\x91", b"\x81\xa7results\xc1", page.as_bytes(), b""],
        ),
    ] {
        let replies = [good].into_iter().chain(bad).chain([good]);
        let server = Scripted::start(replies.map(|body| reply(200, &[content], body))).await;
        let client = source(&server.host);
        for _ in 0..2 {
            let answer = client.influxql_all(&database, &statements, encoding, "rows").await;
            assert_eq!(answer.unwrap(), good, "{encoding:?}");
        }
        assert_eq!(server.requests().len(), 6, "{encoding:?}");
    }
    // What the server itself refuses is not.
    let refused = reply(400, &[JSON], "{\"code\":\"invalid\",\"message\":\"error @1:1: no\"}");
    let server = Scripted::start([reply(200, &[CSV], &whole), refused]).await;
    let client = source(&server.host);
    client.query_all("x", "first").await.unwrap();
    assert_eq!(client.query_all("x", "rows").await.unwrap_err().attempts, 1);
}

#[tokio::test]
async fn after_a_429_one_probe_passes_before_the_others() {
    let (observer, heard) = recorder();
    let limited = || reply(429, &[("Retry-After", "1")], "{}");
    let rest = (0..7).map(|_| reply(200, &[CSV], "\r\n"));
    let server = Scripted::start([limited(), limited()].into_iter().chain(rest)).await;
    let client = client_of(Side::Source, &server.host, given(), settings(), observer);
    let begun = std::time::Instant::now();
    let refused = client.query("x", "first").await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::RateLimited { retry_after_ms: Some(1_000) });
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let client = client.clone();
        waiting.spawn(async move { client.query_all("x", "others").await });
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(server.requests().len(), 2, "one probe, refused again");
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().unwrap(), b"\r\n");
    }
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(server.requests().len(), 8, "six answers for two refusals");
    let heard = heard.lock().unwrap();
    let waits = |signal: &&Signal| {
        matches!(signal, Signal::WaitBegan { cause: WaitCause::RateLimited, .. })
    };
    assert_eq!(heard.iter().filter(waits).count(), 2);
    assert_eq!(heard.iter().filter(|signal| matches!(signal, Signal::Retried { .. })).count(), 1);
}

#[tokio::test]
async fn retry_after_in_all_its_forms() {
    let date = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (value, expected) in [
        (None, None),
        (Some("30"), Some(30_000)),
        (Some("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30_000)),
        (Some("Sun, 06 Nov 1994 08:00:00 GMT"), Some(1_000)),
        (Some("0"), None),
        (Some("-1"), None),
        (Some("1000000000"), Some(900_000)),
        (Some("1e9"), None),
        (Some("in a moment"), None),
    ] {
        let mut headers = vec![date];
        headers.extend(value.map(|value| ("Retry-After", value)));
        let server = Scripted::start([reply(429, &headers, ""), reply(503, &headers, "")]).await;
        let kind = source(&server.host).query("x", "rows").await.unwrap_err().kind();
        assert_eq!(kind, FailureKind::RateLimited { retry_after_ms: expected }, "{value:?}");
        let kind = source(&server.host).query("x", "rows").await.unwrap_err().kind();
        assert_eq!(kind, FailureKind::Unavailable { retry_after_ms: expected }, "{value:?}");
    }
}

#[tokio::test]
async fn a_refused_token_is_read_again_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "old-token\n").unwrap();
    let refused =
        || reply(401, &[JSON], "{\"message\":\"unauthorized access: old-token new-token\"}");
    let fine = || reply(200, &[CSV], "\r\n");
    let server =
        Scripted::start([fine(), refused(), fine(), fine(), refused(), refused(), refused()]).await;
    let file = TokenSource::File { path: path.clone() };
    let client = client_of(Side::Source, &server.host, file, settings(), silent());
    client.query_all("x", "rows").await.unwrap();
    std::fs::write(&path, "new-token\n").unwrap();
    client.query_all("x", "rows").await.unwrap();
    client.query_all("x", "rows").await.unwrap();
    let error = client.query_all("x", "rows").await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unauthorized);
    assert!(!format!("{error} {error:?}").contains("-token"), "{error}");
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    let (old, new) = ("Token old-token", "Token new-token");
    assert_eq!(sent, [old, old, new, new, new], "an unchanged token is not sent again");
}

#[tokio::test]
async fn reading_is_charged_to_the_ledger() {
    let table = "#datatype,string,long,string\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n,,0,";
    let rows = [table.as_bytes(), &vec![b'x'; 9_996 - table.len()], b"\r\n\r\n"].concat();
    let server = Scripted::start([
        reply(200, &[CSV], &rows),
        reply(200, &[CSV], &rows),
        reply(500, &[], "trouble"),
        reply(200, &[CSV], "\r\n"),
    ])
    .await;
    let ledger = Arc::new(QuotaLedger::new(&QuotaSettings {
        bytes_per_window: Some(300_000_000),
        ..QuotaSettings::default()
    }));
    let client = source(&server.host).with_quota(Arc::clone(&ledger));
    client.query_all("x", "rows").await.unwrap();
    assert_eq!(ledger.usage().window_bytes, 10_000);
    let admission = client.admit(5_000).await;
    let mut stream = client.query("x", "rows").await.unwrap().charge(admission);
    let reading = tokio::spawn(async move { (drain(&mut stream).await.1, stream) });
    let (end, stream) = reading.await.unwrap();
    end.unwrap();
    assert_eq!((ledger.usage().window_bytes, stream.received_bytes()), (20_000, 10_000));
    client.query_all("x", "rows").await.unwrap();
    assert_eq!(ledger.usage().window_bytes, 20_009, "an error's text counts too");
    let destination = destination(&server.host).with_quota(Arc::clone(&ledger));
    assert!(!Arc::ptr_eq(destination.quota(), &ledger));
}

#[tokio::test]
async fn no_more_queries_are_sent_than_may_run_at_one_time() {
    let begun = [head(200, &[CSV, ("Transfer-Encoding", "chunked")]), chunk(b"x")].concat();
    let begun = || vec![Step::Send(begun.clone()), Step::Hang];
    let answers =
        [begun(), begun(), reply(200, &[CSV], "\r\n"), reply(200, &[JSON], "{\"buckets\":[]}")];
    let server = Scripted::start(answers).await;
    let ledger =
        QuotaLedger::new(&QuotaSettings { queries_max: Some(2), ..QuotaSettings::default() });
    let client = source(&server.host).with_quota(Arc::new(ledger));
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = client.query("x", "rows").await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), "x");
        streams.push(stream);
    }
    // A count, a look-up: neither is sent while two answers are still to come.
    let some = Duration::from_millis(100);
    assert!(tokio::time::timeout(some, client.query_all("x", "a count")).await.is_err());
    assert!(
        tokio::time::timeout(
            some,
            client.influxql(
                &Database { name: "b".to_owned(), policy: None },
                "SHOW FIELD KEYS",
                "fields",
                parse_show_keys
            )
        )
        .await
        .is_err()
    );
    assert_eq!(server.requests().len(), 2);
    drop(streams.pop());
    client.query_all("x", "a count").await.unwrap();
    // What is no query does not wait.
    let more = [client.query("x", "rows"), client.query("x", "rows")];
    assert_eq!(client.bucket_by_name("b").await.unwrap(), None);
    drop(more);
}
