//! What others do to a server while it is used: late points, deletions, forgotten data, silence.

use std::sync::Arc;
use std::time::Duration;

use sluice::testing::sim::{
    BucketStore, Fault, FaultScript, Forgotten, Matcher, Rule, Server, ServerSettings, StoreChange,
    When,
};

use crate::support::cases::{Answer, ask};

async fn serve() -> Server {
    let store = Arc::new(BucketStore::default());
    store.create_bucket("b", 0);
    store.write_lp("b", b"m,k=a f=1i 10\nm,k=b f=2i 20\nn f=3i 30").unwrap();
    Server::start(ServerSettings::oss("o", "secret"), store).await.unwrap()
}

fn headers() -> Vec<(String, String)> {
    let all = [("Authorization", "Token secret"), ("Content-Type", "application/json")];
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn query(server: &Server, script: &str) -> Answer {
    let body = serde_json::json!({"query": script, "type": "flux"}).to_string();
    ask(server.addr(), "POST", "/api/v2/query?org=o", &headers(), body.as_bytes()).await
}

/// The number in the last column of an answer; 0 without one.
async fn influxql_count(server: &Server, statement: &str) -> usize {
    let mut headers = headers();
    headers[1].1 = "application/vnd.influxql".to_owned();
    let answer = ask(server.addr(), "POST", "/query?db=b", &headers, statement.as_bytes()).await;
    let text = answer.text();
    let count = text.rsplit_once(',').and_then(|(_, rest)| rest.split(']').next());
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// The number of values that the server counts; -1 without an answer of it.
async fn count(server: &Server) -> i64 {
    let script = "from(bucket: \"b\") |> range(start: 0) |> group() |> count()";
    let text = query(server, script).await.text();
    text.trim_end().rsplit(',').next().and_then(|count| count.parse().ok()).unwrap_or(-1)
}

async fn write(server: &Server, lines: &str) -> u16 {
    let path = "/api/v2/write?org=o&bucket=b";
    ask(server.addr(), "POST", path, &headers(), lines.as_bytes()).await.status
}

fn rule(matcher: Matcher, times: u32, fault: Fault) -> Rule {
    Rule { matcher, times, fault }
}

/// As InfluxDB OSS 2.9.1 answers before and after it is started again.
#[tokio::test]
async fn a_restart_puts_the_first_shard_group_out_of_reach() {
    let store = Arc::new(BucketStore::default());
    store.create_bucket("b", 0);
    let write = |values: &[(i64, i64)]| {
        let line = |(time, value): &(i64, i64)| format!("m,h=a f={value} {time}\n");
        store.write_lp("b", values.iter().map(line).collect::<String>().as_bytes()).unwrap();
    };
    write(&[(i64::MIN + 2, 1), (i64::MIN + 3, 2), (1_577_836_800_000_000_000, 3)]);
    let server = Server::start(ServerSettings::oss("o", "secret"), Arc::clone(&store)).await;
    let server = server.unwrap();
    let (first, early) = ("1677-09-21T00:12:43.145224194Z", "1677-10-01T00:00:00Z");
    let found = async || {
        let mut numbers = Vec::new();
        for (stop, steps) in [
            (early, ""),
            (early, "|> count()"),
            (early, "|> group() |> first()"),
            ("2262-04-10T23:34:00Z", ""),
            ("2262-04-10T23:35:00Z", "|> filter(fn: (r) => r._time < 1677-10-01T00:00:00Z)"),
            ("2262-04-11T23:47:16.854775807Z", "|> group() |> count()"),
        ] {
            let script =
                format!("from(bucket: \"b\") |> range(start: {first}, stop: {stop}) {steps}");
            let answer = query(&server, &script).await.text();
            let rows = || answer.lines().filter(|line| line.starts_with(",_result"));
            let count = rows().next().filter(|_| steps.contains("count"));
            let count = count.map(|row| row.split(',').nth(5).unwrap().parse().unwrap());
            numbers.push(count.unwrap_or_else(|| rows().count()));
        }
        for statement in [
            "SELECT count(f) FROM m",
            "SELECT count(f) FROM m WHERE time < 1600000000000000000",
            "SELECT count(f) FROM m WHERE time < -9223372036854775800",
        ] {
            numbers.push(influxql_count(&server, statement).await);
        }
        numbers
    };
    assert_eq!(found().await, [2, 2, 1, 3, 2, 3, 3, 3, 2]);
    store.restart();
    assert_eq!(found().await, [0, 0, 0, 1, 2, 3, 3, 1, 0]);
    write(&[(i64::MIN + 2, 11), (i64::MIN + 4, 12)]);
    assert_eq!(found().await, [2, 2, 1, 3, 4, 5, 5, 3, 2]);
    store.restart();
    assert_eq!(found().await[..4], [0, 0, 0, 1]);
}

fn deleted(measurement: Option<&[u8]>, start: i64, stop: i64) -> StoreChange {
    let measurement = measurement.map(<[u8]>::to_vec);
    StoreChange::Delete { bucket: "b".to_owned(), measurement, start, stop }
}

#[tokio::test]
async fn late_points_come_right_before_or_after_an_answer() {
    let counts = || Matcher::path("/api/v2/query").body("count()");
    let server = serve().await;
    server.inject(rule(counts().skip(1), 1, Fault::written_after("b", b"m,k=a f=9i 11")));
    assert_eq!([count(&server).await, count(&server).await, count(&server).await], [3, 3, 4]);
    assert_eq!(server.records()[1].fault, Some("change"));
    assert!(server.faults_used_up());
    server.inject(rule(counts().skip(1), 1, Fault::written_before("b", b"m,k=a f=9i 12")));
    assert_eq!([count(&server).await, count(&server).await, count(&server).await], [4, 5, 5]);
    // Lines that the server would refuse change nothing.
    server.inject(rule(counts(), 1, Fault::written_before("b", b"m,k=a f=\"text\" 13")));
    assert_eq!(count(&server).await, 5);
}

#[tokio::test]
async fn values_are_deleted_between_two_answers() {
    let server = serve().await;
    let change =
        |when, change| rule(Matcher::path("/api/v2/query"), 1, Fault::Change { when, change });
    server.inject(change(When::After, deleted(Some(b"m"), 0, 20)));
    assert_eq!([count(&server).await, count(&server).await], [3, 2]);
    let left: Vec<_> = server.store().dump("b").iter().map(|value| value.time).collect();
    assert_eq!(left, [20, 30]);
    server.inject(change(When::Before, deleted(None, 0, 25)));
    assert_eq!(count(&server).await, 1);
    // What has no value left is gone from the index, its types too: they can be others now.
    let names =
        query(&server, "import \"influxdata/influxdb/schema\"\nschema.measurements(bucket: \"b\")");
    let names = names.await.text();
    assert!(names.contains(",n\r\n") && !names.contains(",m\r\n"), "{names}");
    assert_eq!(write(&server, "m,k=a f=\"text\" 10").await, 204);
}

#[tokio::test]
async fn a_change_leaves_other_faults_to_strike() {
    let server = serve().await;
    let path = || Matcher::path("/api/v2/query");
    server.inject(rule(path(), 1, Fault::written_before("b", b"m,k=a f=9i 11")));
    server.inject(rule(path(), 1, Fault::Refuse));
    server.inject(rule(path(), 2, Fault::written_after("b", b"m,k=a f=9i 12")));
    assert_eq!(query(&server, "x").await.status, 0);
    assert_eq!(server.store().count("b"), 4, "a refused request has no answer to write after");
    assert_eq!([count(&server).await, count(&server).await], [4, 5]);
}

#[tokio::test]
async fn acknowledged_lines_are_forgotten() {
    let lines = "m f=1i 1\nm s=\"a\nb\" 2\nm f=3i 3\n";
    for (forgotten, kept) in [
        (Forgotten::All, &[][..]),
        (Forgotten::From(1), &[1][..]),
        (Forgotten::From(2), &[1, 2]),
        (Forgotten::EverySecond, &[2]),
    ] {
        for zipped in [false, true] {
            let store = Arc::new(BucketStore::default());
            store.create_bucket("b", 0);
            let server = Server::start(ServerSettings::oss("o", "secret"), store).await.unwrap();
            let fault = Fault::Forget { lines: forgotten };
            server.inject(rule(Matcher::path("/api/v2/write"), 1, fault));
            let mut headers = headers();
            let mut body = lines.as_bytes().to_vec();
            if zipped {
                headers.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
                body = sluice::testing::influx::pack(&body).to_vec();
            }
            let path = "/api/v2/write?org=o&bucket=b";
            let answer = ask(server.addr(), "POST", path, &headers, &body).await;
            assert_eq!(answer.status, 204);
            let times: Vec<_> = server.store().dump("b").iter().map(|value| value.time).collect();
            assert_eq!(times, kept, "{forgotten:?}, zipped {zipped}");
            assert_eq!(write(&server, lines).await, 204);
            assert_eq!(server.store().count("b"), 3, "the next write is kept");
        }
    }
}

#[tokio::test]
async fn a_hanging_server_answers_nobody_until_it_is_cleared() {
    let store = Arc::new(BucketStore::default());
    store.create_bucket("b", 0);
    let mut settings = ServerSettings::oss("o", "secret");
    settings.faults = FaultScript::none().with(Matcher::default().skip(1), 1, Fault::Hang);
    let server = Arc::new(Server::start(settings, store).await.unwrap());
    assert_eq!(write(&server, "m f=1i 1").await, 204);
    let waiting = |line: &'static str| {
        let server = Arc::clone(&server);
        tokio::spawn(async move { write(&server, line).await })
    };
    let (gone, kept) = (waiting("m f=1i 2"), waiting("m f=1i 3"));
    let ping = {
        let server = Arc::clone(&server);
        tokio::spawn(async move { ask(server.addr(), "GET", "/ping", &[], b"").await.status })
    };
    while server.requests_waiting() < 3 {
        tokio::task::yield_now().await;
    }
    assert!(!ping.is_finished() && !kept.is_finished() && !gone.is_finished());
    gone.abort();
    while server.requests_waiting() > 2 {
        tokio::task::yield_now().await;
    }
    server.clear_faults();
    let patience = Duration::from_secs(10);
    assert_eq!(tokio::time::timeout(patience, kept).await.unwrap().unwrap(), 204);
    assert_eq!(tokio::time::timeout(patience, ping).await.unwrap().unwrap(), 204);
    let times: Vec<_> = server.store().dump("b").iter().map(|value| value.time).collect();
    assert_eq!(times, [1, 3], "what a client asked that is gone is never carried out");
}
