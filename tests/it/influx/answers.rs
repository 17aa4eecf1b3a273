//! Requests as they are sent, answers as they are understood, and that no token shows anywhere.

use std::collections::BTreeSet;

use sluice::testing::influx::api::{Limits, TaskStatus};
use sluice::testing::influx::classify::{
    Action, RequestKind, action, classify_query_text, classify_response,
};
use sluice::testing::influx::client::{Client, ClientSettings};
use sluice::testing::influx::endpoint::Endpoint;
use sluice::testing::influx::error::FailureKind as Kind;
use sluice::testing::influx::influxql::Database;
use sluice::testing::model::side::Side;
use sluice::testing::wire::influxql::show::parse_show_keys;

use super::{CANARY, client_of, destination, given, settings, silent, source};
use crate::support::golden;
use crate::support::scripted::{Scripted, reply};

const CSV: (&str, &str) = ("Content-Type", "text/csv; charset=utf-8");
const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");
const ID: &str = "4b0b88b8ae5443a4";

#[tokio::test]
async fn requests_are_as_the_api_wants_them() {
    let date = ("Date", "Thu, 01 Jan 1970 00:00:02 GMT");
    let answers = [
        reply(200, &[CSV, date], "\r\n"),
        reply(204, &[], ""),
        reply(200, &[JSON], "{\"results\":[]}"),
    ];
    let server = Scripted::start(answers).await;
    let client = destination(&server.host);
    assert_eq!(client.server_time(), None);
    client.query_all("from(bucket: \"b\")", "rows").await.unwrap();
    assert_eq!(client.server_time(), Some(2_000_000_000));
    client.write("b&c", "m f=1 1".into(), "a body").await.unwrap();
    client
        .influxql(
            &Database { name: "b".to_owned(), policy: None },
            "SHOW FIELD KEYS",
            "types",
            parse_show_keys,
        )
        .await
        .unwrap()
        .unwrap();
    let requests = server.requests();
    let lines: Vec<_> =
        requests.iter().map(|request| request.head.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "POST /api/v2/query?org=an+org HTTP/1.1",
            "POST /api/v2/write?org=an+org&bucket=b%26c&precision=ns HTTP/1.1",
            "POST /query?db=b&epoch=ns HTTP/1.1"
        ]
    );
    let body: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
    let dialect = serde_json::json!({ "annotations": ["datatype", "group", "default"] });
    assert_eq!(
        body,
        serde_json::json!({ "query": "from(bucket: \"b\")", "type": "flux", "dialect": dialect })
    );
    assert_eq!(requests[1].body, b"m f=1 1");
    for request in &requests {
        assert_eq!(request.header("authorization"), Some(&*format!("Token {CANARY}")));
        assert_eq!(
            request.header("user-agent"),
            Some(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        );
        assert_eq!(request.header("accept-encoding"), Some("gzip"));
    }
    let server = Scripted::start([reply(200, &[CSV], "\r\n")]).await;
    let plain = ClientSettings { gzip: false, ..settings() };
    client_of(Side::Source, &server.host, given(), plain, silent())
        .query_all("x", "rows")
        .await
        .unwrap();
    assert_eq!(server.requests()[0].header("accept-encoding"), None);
}

#[tokio::test]
async fn redirects_are_not_followed_and_pages_not_read() {
    let thief = Scripted::start([reply(200, &[CSV], "\r\n")]).await;
    for location in
        [format!("{}/x?token={CANARY}", thief.host), "/signin".to_owned(), String::new()]
    {
        let server = Scripted::start([reply(302, &[("Location", &location)], "")]).await;
        let error = source(&server.host).query_all("x", "rows").await.unwrap_err();
        assert_eq!((error.kind(), error.status), (Kind::Redirect, Some(302)));
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
    }
    assert!(thief.requests().is_empty(), "the token went nowhere else");
    for headers in [&[("Content-Type", "text/html")][..], &[JSON], &[]] {
        let server = Scripted::start([reply(200, headers, "<html>Sign in</html>")]).await;
        let error = source(&server.host).query("x", "rows").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unexpected);
        assert!(error.to_string().contains("Sign in"), "{error}");
    }
    let server = Scripted::start([reply(204, &[], "")]).await;
    assert_eq!(source(&server.host).query("x", "rows").await.unwrap_err().kind(), Kind::Unexpected);
}

#[tokio::test]
async fn the_source_is_never_written_to() {
    let server = Scripted::start([]).await;
    let client = source(&server.host);
    let errors = [
        client.write("b", "m f=1 1".into(), "w").await.unwrap_err(),
        client.write_retrying("b", "m f=1 1".into(), "w").await.unwrap_err(),
        client.probe_write("b").await.unwrap_err(),
        client.create_bucket(ID, "b").await.unwrap_err(),
        client.set_bucket_retention(ID, 0, None).await.unwrap_err(),
        client.set_task_status(ID, TaskStatus::Inactive).await.unwrap_err(),
        client
            .influxql(
                &Database { name: "b".to_owned(), policy: None },
                "DROP MEASUREMENT m",
                "i",
                parse_show_keys,
            )
            .await
            .unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == Kind::BadRequest));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn buckets_limits_tasks_and_version() {
    let bucket = |retention: &str| {
        format!(
            "{{\"id\":\"{ID}\",\"orgID\":\"37e0d56ad7b6896a\",\"name\":\"b\",\"retentionRules\":[{retention}]}}"
        )
    };
    let rule = "{\"type\":\"expire\",\"everySeconds\":3600,\"shardGroupDurationSeconds\":86400}";
    let none = "{\"buckets\":[]}";
    let listed = format!("{{\"buckets\":[{}]}}", bucket(rule));
    let page: Vec<_> = (0..100).map(|n| serde_json::json!({"id": format!("{n:016x}"), "name": "t", "status": "active", "flux": "x"})).collect();
    let page = serde_json::json!({ "tasks": page }).to_string();
    let task =
        serde_json::json!({"id": ID, "name": "t", "status": "inactive", "every": "5m"}).to_string();
    let limits = "{\"limits\":{\"orgID\":\"1\",\"rate\":{\"readKBs\":1000,\"writeKBs\":17,\"queryTime\":1500000000000}}}";
    let off = "{\"rate\":{\"readKBs\":-1,\"queryTime\":-1,\"concurrentReadRequests\":3}}";
    let answers = [
        reply(200, &[JSON], &listed),
        reply(200, &[JSON], none),
        reply(200, &[JSON], none),
        reply(200, &[JSON], "{\"orgs\":[]}"),
        reply(201, &[JSON], bucket("")),
        reply(200, &[JSON], bucket(rule)),
        reply(200, &[JSON], limits),
        reply(200, &[JSON], "{\"rate\":{\"readKBs\":0}}"),
        reply(200, &[JSON], off),
        reply(403, &[JSON], "{\"message\":\"no\"}"),
        reply(404, &[JSON], "{\"message\":\"path not found\"}"),
        reply(200, &[JSON], page),
        reply(200, &[JSON], "{\"tasks\":[]}"),
        reply(200, &[JSON], &task),
        reply(204, &[("X-Influxdb-Version", "2.9.1"), ("X-Influxdb-Build", "OSS")], ""),
        reply(204, &[], ""),
        reply(403, &[JSON], "{\"message\":\"insufficient permissions for write\"}"),
        reply(200, &[JSON], "{\"buckets\":7}"),
        reply(200, &[JSON], "{\"buckets\":7}"),
        reply(200, &[JSON], "{\"buckets\":7}"),
    ];
    let server = Scripted::start(answers).await;
    let client = destination(&server.host);
    let found = client.bucket_by_name("b").await.unwrap().unwrap();
    assert_eq!((found.retention_s, found.shard_group_duration_s), (3_600, Some(86_400)));
    assert_eq!(client.bucket_by_name("b").await.unwrap(), None);
    assert_eq!(client.org_id("b").await.unwrap(), None);
    let created = client.create_bucket("37e0d56ad7b6896a", "b").await.unwrap();
    assert_eq!((created.retention_s, created.shard_group_duration_s, &*created.id), (0, None, ID));
    assert_eq!(client.set_bucket_retention(ID, 3_600, Some(86_400)).await.unwrap(), found);
    let limits = client.limits(ID).await.unwrap().unwrap();
    let all = |limits: Limits| {
        (limits.read_bytes_per_window(), limits.query_time_ms(), limits.queries_max())
    };
    assert_eq!(all(limits), (Some(300_000_000), Some(1_500_000), None));
    assert_eq!(all(client.limits(ID).await.unwrap().unwrap()), (None, None, None));
    assert_eq!(all(client.limits(ID).await.unwrap().unwrap()), (None, None, Some(3)));
    assert_eq!(client.limits(ID).await.unwrap(), None);
    assert_eq!(client.limits(ID).await.unwrap(), None);
    assert_eq!(client.tasks().await.unwrap().len(), 100);
    assert_eq!(
        client.set_task_status(ID, TaskStatus::Inactive).await.unwrap().status,
        TaskStatus::Inactive
    );
    assert_eq!(client.server_info().await.unwrap().version.as_deref(), Some("2.9.1"));
    client.probe_write("b").await.unwrap();
    assert_eq!(client.probe_write("b").await.unwrap_err().kind(), Kind::Forbidden);
    assert_eq!(client.bucket_by_name("b").await.unwrap_err().kind(), Kind::Interrupted);
    assert_eq!(client.task("../buckets").await.unwrap_err().kind(), Kind::BadRequest);
    let requests = server.requests();
    let patch: serde_json::Value = serde_json::from_slice(&requests[5].body).unwrap();
    assert_eq!(patch["retentionRules"][0]["shardGroupDurationSeconds"], 86_400);
    assert!(
        requests[12]
            .head
            .starts_with("GET /api/v2/tasks?org=an+org&limit=100&after=0000000000000063 ")
    );
}

#[tokio::test]
async fn an_id_as_organization_goes_by_its_own_name() {
    let server = Scripted::start([reply(200, &[CSV], "\r\n")]).await;
    let endpoint = Endpoint {
        side: Side::Source,
        host: server.host.clone(),
        host_from: String::new(),
        org: Some(ID.into()),
        token: given(),
    };
    Client::new(endpoint, settings(), silent()).unwrap().query_all("x", "rows").await.unwrap();
    assert!(server.requests()[0].head.starts_with(&format!("POST /api/v2/query?orgID={ID} ")));
}

#[tokio::test]
async fn no_token_in_any_debug_or_error() {
    let echo = format!("<html>you sent Authorization: Token {CANARY}</html>");
    for status in [200, 400, 401, 404, 500] {
        let server = Scripted::start((0..2).map(|_| reply(status, &[], &echo))).await;
        let few = ClientSettings { retries_max: 0, ..settings() };
        let client = client_of(Side::Source, &server.host, given(), few, silent());
        let error = client.query_all("x", "rows").await.unwrap_err();
        let mut shown = format!("{error} {error:?} {client:?} {client:#?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(below) = cause {
            shown.push_str(&format!("{below} {below:?}"));
            cause = below.source();
        }
        assert!(!shown.contains(CANARY), "{shown}");
        assert!(shown.contains("(token)") || status == 401, "{shown}");
    }
}

/// What every recorded error answer must be taken for: status, beginning of the id, kind.
#[test]
fn recorded_errors_are_understood() {
    let golden = golden();
    let folder = golden.join("errors");
    let case: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("case.json")).unwrap()).unwrap();
    let mut seen = 0;
    for request in case["requests"].as_array().unwrap() {
        let (id, path) = (request["id"].as_str().unwrap(), request["path"].as_str().unwrap());
        let status = u16::try_from(request["status"].as_u64().unwrap()).unwrap();
        if status < 300 {
            continue;
        }
        let body =
            request["response_file"].as_str().map(|file| std::fs::read(folder.join(file)).unwrap());
        let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        let kind = if path.starts_with("/api/v2/query") || path.starts_with("/query") {
            RequestKind::Query
        } else if path.starts_with("/api/v2/write") {
            RequestKind::Write
        } else {
            RequestKind::Api
        };
        let expected = match (id, status, kind) {
            ("create_no_permission", ..) => Kind::Forbidden,
            ("q_wrong_org" | "q_wrong_org_id", ..) => Kind::NotFound,
            ("w_gzip_bad_crc", ..) => Kind::Interrupted,
            ("create_shard_above_retention" | "create_retention_10s", ..) => Kind::BadRequest,
            (_, 401, _) => Kind::Unauthorized,
            (_, 403, _) => Kind::Forbidden,
            (_, 404, _) => Kind::NotFound,
            (_, 422, RequestKind::Write) => Kind::PartialWrite,
            (_, 400..=499, _) => Kind::BadRequest,
            _ => Kind::ServerError,
        };
        assert_eq!(classify_response(kind, status, None, &body), expected, "{id}: {status} {body}");
        seen += 1;
    }
    assert!(seen > 60, "{seen}");
    let collision = "runtime error @1:1-1:9: keep: schema collision: cannot group float and integer types together";
    assert_eq!(classify_query_text(collision), Kind::BadRequest);
}

/// The table for operators says what the code does.
#[test]
fn the_documented_actions_are_the_real_ones() {
    let documented =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limits-and-retries.md"))
            .unwrap();
    let kinds = [
        Kind::Connect,
        Kind::Tls,
        Kind::Proxy,
        Kind::Timeout,
        Kind::Interrupted,
        Kind::Unframed,
        Kind::RateLimited { retry_after_ms: None },
        Kind::Unavailable { retry_after_ms: None },
        Kind::ServerError,
        Kind::MemoryLimit,
        Kind::CacheFull,
        Kind::DiskFull,
        Kind::Unauthorized,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::Cardinality,
        Kind::BadRequest,
        Kind::TooLarge,
        Kind::PartialWrite,
        Kind::Redirect,
        Kind::Unexpected,
        Kind::OtherProduct,
        Kind::TooBig,
    ];
    let (_, documented) = documented.split_once("## Kinds of failure").unwrap();
    let rows: BTreeSet<_> = documented.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), kinds.len());
    for kind in kinds {
        let name = format!("{kind:?}");
        let name = name.split(' ').next().unwrap();
        let snake = name.chars().fold(String::new(), |mut snake, c| {
            if c.is_ascii_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            snake
        });
        assert_eq!(kind.name(), snake);
        let word = match action(&kind) {
            Action::Retry => "retry",
            Action::Split => "split",
            Action::BackOff => "back off",
            Action::Reject => "reject",
            Action::Stop => "stop",
        };
        let row = rows
            .iter()
            .find(|row| row.starts_with(&format!("| `{name}` |")))
            .unwrap_or_else(|| panic!("{name}"));
        assert!(row.contains(&format!("| {word} |")), "{row}");
        assert!(row.contains(kind.words()), "{row} must say: {}", kind.words());
    }
}
