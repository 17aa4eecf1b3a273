//! InfluxQL as a client meets it: rights, mappings of databases, faults, quota, time limits.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use sluice::testing::sim::{
    AccessToken, BucketStore, Dbrp, Fault, Matcher, ReadQuota, Rule, Server, ServerSettings,
    TimeoutForm, Value, tsbs,
};

use super::msgpack::{Tree, documents};
use crate::support::cases::{Answer, ask};

const ALL: &str = "SELECT *::field FROM cpu GROUP BY hostname";

/// A server with two series of 360 rows of ten values in bucket `b`.
async fn generated(change: impl FnOnce(&mut ServerSettings)) -> Server {
    let store = Arc::new(BucketStore::default());
    store.create_bucket("b", 0);
    tsbs::Workload { hosts: 2, ..tsbs::Workload::default() }.load(&store, "b").unwrap();
    let mut settings = ServerSettings::oss("o", "secret");
    change(&mut settings);
    Server::start(settings, store).await.unwrap()
}

async fn query_with(server: &Server, text: &str, more: &str, headers: &[(&str, &str)]) -> Answer {
    let all = [("Authorization", "Token secret"), ("Content-Type", "application/vnd.influxql")];
    let mut sent: Vec<_> =
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for (name, value) in headers {
        sent.retain(|(known, _)| known != name);
        sent.push(((*name).to_owned(), (*value).to_owned()));
    }
    let path = format!("/query?epoch=ns&{more}");
    ask(server.addr(), "POST", &path, &sent, text.as_bytes()).await
}

async fn query(server: &Server, text: &str, more: &str) -> Answer {
    query_with(server, text, &format!("db=b&{more}"), &[]).await
}

/// The results of all documents of a JSON answer.
fn results(answer: &Answer) -> Vec<serde_json::Value> {
    let text = answer.text();
    let documents = text.lines().map(|line| serde_json::from_str(line).unwrap());
    documents
        .flat_map(|document: serde_json::Value| {
            document["results"].as_array().cloned().unwrap_or_default()
        })
        .collect()
}

fn rows(results: &[serde_json::Value]) -> usize {
    let series = results.iter().filter_map(|result| result["series"].as_array()).flatten();
    series.map(|series| series["values"].as_array().unwrap().len()).sum()
}

fn error(answer: &Answer) -> String {
    results(answer)[0]["error"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_chunked_answer_fails_behind_whole_chunks() {
    for (after_rows, chunk, sent) in [
        (0, 100, 0),
        (100, 100, 0),
        (101, 100, 100),
        (250, 100, 200),
        (361, 100, 360),
        (720, 7, 717),
    ] {
        for msgpack in [false, true] {
            let server = generated(|_| {}).await;
            let fault = Fault::ErrorTable { after_rows, message: "out of luck".into() };
            server.inject(Rule { matcher: Matcher::path("/query").body("cpu"), times: 1, fault });
            let accept = if msgpack { "application/x-msgpack" } else { "application/json" };
            let more = format!("db=b&chunked=true&chunk_size={chunk}");
            let text = format!("{ALL}; SHOW MEASUREMENTS; SHOW TAG KEYS");
            let answer = query_with(&server, &text, &more, &[("Accept", accept)]).await;
            assert!(answer.status == 200 && answer.complete);
            assert_eq!(server.records()[0].fault, Some("error table"));
            if msgpack {
                let text = |text: &str| {
                    let length = u8::try_from(text.len()).unwrap();
                    Tree::Scalar([&[0xa0 | length], text.as_bytes()].concat())
                };
                let error = |message: &str| {
                    let error = Tree::Map(vec![(text("error"), text(message))]);
                    Tree::Map(vec![(text("results"), Tree::List(vec![error]))])
                };
                let documents = documents(&answer.body).unwrap();
                let tail = [error("out of luck"), error("not executed"), error("not executed")];
                assert!(documents.ends_with(&tail), "{documents:?}");
            } else {
                let all = results(&answer);
                let (data, errors) = all.split_at(all.len() - 3);
                assert_eq!(rows(data), sent, "{after_rows} {chunk}");
                assert!(data.iter().all(|result| result["partial"] == true));
                let texts: Vec<_> = errors.iter().map(|error| &error["error"]).collect();
                assert_eq!(texts, ["out of luck", "not executed", "not executed"]);
                assert!(errors.iter().all(|error| error["statement_id"] == 0));
            }
            let text = query(&server, ALL, "chunked=true").await;
            assert_eq!(rows(&results(&text)), 720, "the next one is well");
        }
    }
}

#[tokio::test]
async fn one_document_holds_its_error_alone() {
    for (after_rows, fails) in [(0, true), (500, true), (720, true), (721, false)] {
        let server = generated(|_| {}).await;
        let fault = Fault::ErrorTable { after_rows, message: "out of luck".into() };
        server.inject(Rule { matcher: Matcher::path("/query"), times: 1, fault });
        let answer = query(&server, ALL, "").await;
        let expected = "{\"results\":[{\"statement_id\":0,\"error\":\"out of luck\"}]}\n";
        assert_eq!(answer.text() == expected, fails, "{after_rows}");
        assert_eq!(rows(&results(&answer)), if fails { 0 } else { 720 });
    }
    let server = generated(|_| {}).await;
    let fault = Fault::ErrorTable { after_rows: 800, message: "out of luck".into() };
    server.inject(Rule { matcher: Matcher::path("/query"), times: 1, fault });
    let answer = query(&server, &format!("{ALL}; {ALL}; {ALL}"), "").await;
    let all = results(&answer);
    assert_eq!((all.len(), rows(&all)), (2, 720));
    assert_eq!((&all[1]["statement_id"], &all[1]["error"]), (&1.into(), &"not executed".into()));
}

#[tokio::test]
async fn faults_of_transport_strike_as_in_flux() {
    let whole = query(&generated(|_| {}).await, ALL, "chunked=true").await;
    let short = query(&generated(|_| {}).await, "SHOW MEASUREMENTS", "").await;
    assert!(short.chunks.is_empty() && short.complete, "short answers have a length");
    for (text, whole) in [(ALL, &whole), ("SHOW MEASUREMENTS", &short)] {
        for (fault, bytes, complete) in [
            (Fault::Cut { after_bytes: 10 }, 10, false),
            (Fault::CutClean { after_bytes: 10 }, 10, true),
            (Fault::Stall { after_bytes: 5, ms: 1 }, whole.body.len(), true),
        ] {
            let server = generated(|_| {}).await;
            server.inject(Rule {
                matcher: Matcher::path("/query"),
                times: 1,
                fault: fault.clone(),
            });
            let answer = query(&server, text, "chunked=true").await;
            assert_eq!((answer.body.len(), answer.complete), (bytes, complete), "{fault:?}");
            assert_eq!(answer.body[..], whole.body[..bytes]);
        }
    }
    let server = generated(|_| {}).await;
    let fault = Fault::too_many(Some(3));
    server.inject(Rule { matcher: Matcher::path("/query"), times: 1, fault });
    assert_eq!(query(&server, ALL, "").await.status, 429);
}

#[tokio::test]
async fn answers_are_compressed_and_recorded_like_the_real_ones() {
    let server = generated(|_| {}).await;
    let plain = query(&server, ALL, "chunked=true").await;
    let shown = "SHOW FIELD KEYS; SHOW TAG KEYS; SHOW SERIES; SHOW FIELD KEYS; SHOW TAG KEYS";
    for (text, chunked) in [(ALL, true), (shown, false)] {
        let gzip = [("Accept-Encoding", "gzip")];
        let zipped = query_with(&server, text, "db=b&chunked=true", &gzip).await;
        assert_eq!(zipped.header("Content-Encoding"), Some("gzip"), "{text}");
        // What is short once it is compressed has a length.
        assert_eq!(zipped.header("Content-Length").is_none(), chunked);
        let mut unzipped = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(&zipped.body[..]);
        std::io::Read::read_to_end(&mut reader, &mut unzipped).unwrap();
        assert_eq!(unzipped == plain.body, chunked);
    }
    let records = server.records();
    assert_eq!(records[1].decoded_bytes, plain.body.len() as u64);
    assert!(records[1].sent_bytes < records[1].decoded_bytes && records[1].body_head == ALL);
    let headers = [("Authorization".to_owned(), "Token secret".to_owned())];
    ask(server.addr(), "GET", "/query?db=b&q=SHOW+TAG%20KEYS", &headers, b"").await;
    assert_eq!(server.records()[3].body_head, "SHOW TAG KEYS");
}

#[tokio::test]
async fn the_quota_counts_these_answers_too() {
    let server = generated(|settings| {
        settings.quota =
            Some(ReadQuota { bytes_per_window: 1_000, window_ms: 300_000, phase_ms: 0 });
    })
    .await;
    let first = query(&server, ALL, "chunked=true").await;
    assert_eq!((first.status, server.quota_used()), (200, first.body.len() as u64));
    let refused = query(&server, "SHOW MEASUREMENTS", "").await;
    assert!(refused.status == 429 && refused.header("Retry-After").is_some());
}

#[tokio::test]
async fn slow_queries_time_out_as_an_error_or_a_cut() {
    let slow = |form| {
        move |settings: &mut ServerSettings| {
            settings.timeout_form = form;
            settings.read_bytes_per_s = Some(1_000_000);
            settings.query_timeout_ms = Some(10);
        }
    };
    let text = "query timeout: context deadline exceeded";
    let server = generated(slow(TimeoutForm::ErrorTable)).await;
    let answer = query(&server, ALL, "chunked=true&chunk_size=50").await;
    let all = results(&answer);
    let (last, data) = all.split_last().unwrap();
    assert!(last["error"] == text && (50..720).contains(&rows(data)), "{last}");
    let answer = query(&server, ALL, "").await;
    assert_eq!(error(&answer), text, "one document fails as a whole");
    assert_eq!(rows(&results(&query(&server, "SHOW TAG KEYS", "").await)), 10);
    let server = generated(slow(TimeoutForm::Cut)).await;
    assert!(!query(&server, ALL, "chunked=true").await.complete);
    let server = generated(|_| {}).await;
    server.inject(Rule { matcher: Matcher::default(), times: 2, fault: Fault::Timeout });
    for more in ["", "chunked=true"] {
        let answer = query(&server, ALL, more).await;
        assert!(error(&answer) == text && rows(&results(&answer)) == 0);
    }
}

#[tokio::test]
async fn what_a_token_may_not_read_does_not_exist() {
    let server = generated(|settings| {
        settings.tokens.push(AccessToken::read("reader", "b"));
        settings.tokens.push(AccessToken::read("stranger", "other"));
        settings.tokens.push(AccessToken::write("writer", "b"));
    })
    .await;
    for (token, text, wanted) in [
        ("reader", ALL, ""),
        ("stranger", ALL, "database not found: b"),
        ("writer", ALL, "database not found: b"),
        ("stranger", "SHOW TAG KEYS", "default retention policy not set for: b"),
        ("stranger", "SHOW MEASUREMENTS", ""),
        ("stranger", "SHOW SERIES", "database not found: b"),
        ("reader", "DROP MEASUREMENT cpu; SHOW MEASUREMENTS", "insufficient permissions"),
    ] {
        let header = ("Authorization", format!("Token {token}"));
        let answer = query_with(&server, text, "db=b", &[(header.0, &header.1)]).await;
        assert_eq!((answer.status, error(&answer)), (200, wanted.to_owned()), "{token} {text}");
    }
    for (scheme, status) in [("Token", 200), ("token", 401), ("Bearer", 401)] {
        let header = format!("{scheme} secret");
        let answer = query_with(&server, ALL, "db=b", &[("Authorization", &header)]).await;
        assert_eq!(answer.status, status, "{scheme}");
    }
    // The endpoint runs it even on a GET.
    let headers = [("Authorization".to_owned(), "Token secret".to_owned())];
    let path = "/query?db=b&q=DROP%20MEASUREMENT%20cpu";
    let answer = ask(server.addr(), "GET", path, &headers, b"").await;
    assert_eq!((answer.text().as_str(), server.store().count("b")), ("{}\n", 0));
    assert_eq!(
        query(&server, "SHOW SERIES; SHOW FIELD KEYS", "").await.text().matches("series").count(),
        0
    );
}

#[tokio::test]
async fn databases_follow_the_mappings() {
    let dbrps = |settings: &ServerSettings, server: &Server| {
        let path = format!("/api/v2/dbrps?orgID={}", settings.org_id);
        let headers = [("Authorization".to_owned(), "Token secret".to_owned())];
        let addr = server.addr();
        async move {
            let answer = ask(addr, "GET", &path, &headers, b"").await;
            let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            json["content"].as_array().unwrap().clone()
        }
    };
    let cloud = |made: Vec<Dbrp>| {
        let mut settings = ServerSettings::cloud("o", "secret");
        settings.dbrps = made;
        settings
    };
    let other = |default| Dbrp { default, ..Dbrp::default_of("legacy", "b") };
    for (settings, database, policy, wanted) in [
        (cloud(vec![]), "b", "", Some("database not found: b")),
        (cloud(vec![Dbrp::default_of("b", "b")]), "b", "", None),
        (cloud(vec![other(true)]), "b", "", Some("database not found: b")),
        (cloud(vec![other(true)]), "legacy", "", None),
        (cloud(vec![other(false)]), "legacy", "autogen", None),
        // The first one of a database is its default, whatever was asked for.
        (cloud(vec![other(false)]), "legacy", "", None),
        (cloud(vec![other(true)]), "legacy", "none", Some("retention policy not found: none")),
        (
            cloud(vec![Dbrp::default_of("x", "no such bucket")]),
            "x",
            "",
            Some("database not found: x"),
        ),
        (ServerSettings::oss("o", "secret"), "b", "autogen", None),
    ] {
        let server = generated(|target| *target = settings.clone()).await;
        let found = query_with(&server, ALL, &format!("db={database}&rp={policy}"), &[]).await;
        assert_eq!(error(&found), wanted.unwrap_or_default(), "{database} {:?}", settings.dbrps);
        assert_eq!(rows(&results(&found)) > 0, wanted.is_none());
        let listed = dbrps(&settings, &server).await;
        let virtual_ones = listed.iter().filter(|mapping| mapping["virtual"] == true).count();
        assert_eq!(virtual_ones, usize::from(settings.influxql));
        let bucket_id = server.store().bucket("b").unwrap().id;
        assert!(listed.iter().all(|mapping| mapping["bucketID"] == bucket_id.as_str()));
    }
    // A mapping that was made takes the place of the one that every bucket has.
    let mut settings = ServerSettings::oss("o", "secret");
    settings.dbrps = vec![Dbrp { retention_policy: "rp".into(), ..Dbrp::default_of("b", "b") }];
    let server = generated(|target| *target = settings.clone()).await;
    let listed = dbrps(&settings, &server).await;
    let defaults: Vec<_> = listed.iter().map(|mapping| mapping["default"].clone()).collect();
    assert_eq!(defaults, [true, false]);
}

/// Series, field, time and value as text.
type Stored = BTreeSet<(String, String, i64, String)>;

/// What the pieces of an answer hold together; a series of the answer may stand in several.
fn read(results: &[serde_json::Value]) -> Stored {
    let mut all = Stored::new();
    for series in results.iter().filter_map(|result| result["series"].as_array()).flatten() {
        let mut name = series["name"].as_str().unwrap().to_owned();
        for (key, value) in series["tags"].as_object().into_iter().flatten() {
            if value != "" {
                name.push_str(&format!(",{key}={}", value.as_str().unwrap()));
            }
        }
        let columns = series["columns"].as_array().unwrap();
        for row in series["values"].as_array().unwrap() {
            let time = row[0].as_i64().unwrap();
            for (column, value) in columns.iter().zip(row.as_array().unwrap()).skip(1) {
                let field = column.as_str().unwrap().to_owned();
                let new =
                    value.is_null() || all.insert((name.clone(), field, time, value.to_string()));
                assert!(new, "{name} {column} {time} stands there twice");
            }
        }
    }
    all
}

fn stored(store: &BucketStore) -> Stored {
    let dump = store.dump("b").into_iter();
    dump.map(|one| {
        let value = match &one.value {
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::String(text) => format!("{:?}", String::from_utf8_lossy(text)),
            other => panic!("{other:?}"),
        };
        let field = String::from_utf8_lossy(&one.field).into_owned();
        (one.series.to_string(), field, one.time, value)
    })
    .collect()
}

/// Points of two measurements in three shard groups: fields of three types, tags that come and go, times that meet.
fn points() -> impl Strategy<Value = String> {
    let tag = |key: &'static str| {
        prop_oneof![Just(String::new()), "[xy]".prop_map(move |value| format!(",{key}={value}"))]
    };
    let field = prop_oneof![
        (0..9_i64).prop_map(|value| format!("i={value}i")),
        (0..9_i64).prop_map(|value| format!("f={value}.5")),
        "[a-c]{0,2}".prop_map(|text| format!("s=\"{text}\"")),
    ];
    let time = (0..3_i64, 0..5_i64).prop_map(|(week, ns)| week * 604_800_000_000_000 + ns);
    ("[mn]", tag("a"), tag("b"), field, time)
        .prop_map(|(name, a, b, field, time)| format!("{name}{a}{b} {field} {time}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_the_pieces_every_value_is_there_once(lines in prop::collection::vec(points(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = generated(|_| {}).await;
            server.store().remove_bucket(&server.store().bucket("b").unwrap().id);
            server.store().create_bucket("b", 0);
            server.store().write_lp("b", lines.concat().as_bytes()).unwrap();
            let statement = |name| format!("SELECT *::field FROM {name} GROUP BY *");
            let both = format!("{}; {}", statement("m"), statement("n"));
            for more in ["", "chunked=true&chunk_size=1", "chunked=true&chunk_size=3"] {
                let answer = query(&server, &both, more).await;
                assert_eq!(read(&results(&answer)), stored(server.store()), "{more}");
            }
            // Without a grouping no row is lost either, and times rise.
            let counts = query(&server, "SELECT count(*::field) FROM /./", "").await;
            let counted: i64 = results(&counts)[0]["series"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|series| series["values"][0].as_array().unwrap().iter().skip(1))
                .filter_map(serde_json::Value::as_i64)
                .sum();
            assert_eq!(counted, i64::try_from(server.store().count("b")).unwrap());
            let rows = query(&server, "SELECT *::field FROM m", "chunked=true&chunk_size=2").await;
            let mut times = Vec::new();
            for series in results(&rows).iter().filter_map(|result| result["series"].as_array()).flatten() {
                let values = series["values"].as_array().unwrap();
                times.extend(values.iter().map(|row| row[0].as_i64().unwrap()));
            }
            assert!(times.is_sorted());
        });
    }
}
