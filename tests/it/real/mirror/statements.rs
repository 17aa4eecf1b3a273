//! InfluxQL of both servers: every statement of `wire::influxql`, whole and in pieces, in both formats, on every way.

use sluice::testing::model::filter::Filter;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::wire::influxql::query::{self, Grouping, SelectStatement};

use super::data::{DAY_NS, HARD_NAMES, KEYS, START_NS};
use super::older::Older;
use super::pair::{Asked, Pair, Way};

/// The largest time, which no Flux range reaches.
const END: TimeRange = TimeRange { start: Timestamp::MAX, stop: Timestamp::STOP_MAX };

/// Who is asked.
#[derive(Clone, Copy)]
pub(crate) enum Ends<'a> {
    /// A server of 2.x: bytes and headers are compared.
    Newer(&'a Pair),
    /// A server of 1.x: what the answers mean is compared.
    Older(&'a Older),
}

/// Asks in one way after the other, so that each statement is asked in a few of them and all of them in each.
pub(crate) struct Asker<'a> {
    ends: Ends<'a>,
    turn: usize,
    pub(crate) asked: usize,
    /// Of all answers.
    pub(crate) bytes: usize,
    pub(crate) wrong: Vec<String>,
}

impl<'a> Asker<'a> {
    pub(crate) const fn new(ends: Ends<'a>) -> Self {
        Self { ends, turn: 0, asked: 0, bytes: 0, wrong: Vec::new() }
    }

    pub(crate) async fn ask(&mut self, bucket: &str, text: &str) {
        self.ask_bytes(bucket, text.as_bytes()).await;
    }

    pub(crate) async fn ask_bytes(&mut self, bucket: &str, text: &[u8]) {
        for _ in 0..2 {
            let turn = self.turn;
            self.turn += 7;
            let asked = Asked {
                bucket,
                text,
                way: [Way::Get, Way::Form, Way::Raw][turn % 3],
                msgpack: turn.is_multiple_of(2),
                chunk_rows: [None, Some(1), Some(3), Some(10_000)][turn / 2 % 4],
                epoch: ["ns", "ns", "ns", "", "u"][turn % 5],
            };
            self.compare(asked).await;
        }
    }

    async fn compare(&mut self, asked: Asked<'_>) {
        let (bytes, wrong) = match self.ends {
            Ends::Newer(pair) => pair.influxql(asked).await,
            Ends::Older(older) => older.influxql(asked).await,
        };
        self.asked += 1;
        self.bytes += bytes;
        self.wrong.extend(wrong);
    }

    /// As JSON and as MessagePack, whole and in chunks.
    pub(crate) async fn ask_all(&mut self, bucket: &str, text: &str) {
        for msgpack in [false, true] {
            for chunk_rows in [None, Some(1), Some(3), Some(10_000)] {
                let text = text.as_bytes();
                let asked = Asked { bucket, text, way: Way::Raw, msgpack, chunk_rows, epoch: "ns" };
                self.compare(asked).await;
            }
        }
    }
}

fn range(from_ns: i64, to_ns: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_ns(from_ns), Timestamp::from_ns(to_ns))
}

fn ranges() -> [TimeRange; 5] {
    [
        range(START_NS, START_NS + 21 * DAY_NS),
        range(START_NS + 3_600_000_000_001, START_NS + 8 * DAY_NS),
        range(START_NS + 8 * DAY_NS, START_NS + 9 * DAY_NS),
        range(0, 1),
        TimeRange::ALL,
    ]
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Selects of one measurement under these filters and groupings.
async fn selects(
    asker: &mut Asker<'_>,
    bucket: &str,
    measurement: &str,
    filters: &[Filter],
    keys: &[&[&str]],
    among: (&str, &[&str]),
) {
    let keys: Vec<Vec<String>> = keys.iter().map(|keys| texts(keys)).collect();
    let values = texts(among.1);
    for range in ranges() {
        for filter in filters {
            let whole = SelectStatement {
                measurement,
                range,
                filter,
                grouping: Grouping::All,
                among: None,
            };
            let keyed =
                keys.iter().map(|keys| SelectStatement { grouping: Grouping::Keys(keys), ..whole });
            let some = SelectStatement { among: Some((among.0, &values)), ..whole };
            let all: Vec<_> =
                [whole, some].into_iter().chain(keyed).map(|one| query::select(&one)).collect();
            for text in &all {
                asker.ask(bucket, text).await;
            }
            asker.ask(bucket, &all[..3].join("; ")).await;
            asker.ask(bucket, &query::count(measurement, END, filter)).await;
        }
    }
}

/// What the planner asks.
async fn catalogue(asker: &mut Asker<'_>, bucket: &str, measurements: &[&str]) {
    for text in [
        query::SHOW_FIELD_KEYS,
        query::SHOW_TAG_KEYS,
        query::SHOW_SERIES_CARDINALITY,
        "SHOW MEASUREMENTS",
        "SHOW SERIES",
    ] {
        asker.ask_all(bucket, text).await;
    }
    for measurement in measurements {
        asker.ask(bucket, &query::show_series(measurement)).await;
        asker.ask(bucket, &query::show_series_cardinality(measurement)).await;
    }
}

/// The random lines of the Flux mirror.
pub(crate) async fn generated(asker: &mut Asker<'_>, bucket: &str) {
    let filters = [
        Filter::default(),
        Filter {
            tags: vec![("Host".into(), "a".into()), ("Host".into(), "c d".into())],
            fields: texts(&["f0", "zz"]),
            ..Filter::default()
        },
        Filter { fields: texts(&["nope", "F1", "F1"]), ..Filter::default() },
        Filter {
            fields: texts(&["Host"]),
            tags: vec![("zone".into(), String::new())],
            ..Filter::default()
        },
    ];
    let keys: [&[&str]; 4] = [&KEYS, &["zone", "Host"], &[], &["none", "f0"]];
    for measurement in ["cpu", "a b", "_odd", "none"] {
        selects(asker, bucket, measurement, &filters, &keys, ("zone", &["a", "", "g=h"])).await;
    }
    catalogue(asker, bucket, &["cpu", "a b", "none"]).await;
    for text in [
        "SELECT * FROM cpu",
        "SELECT * FROM /.*/ GROUP BY *",
        "SELECT *::field FROM /^[a-z]/ GROUP BY zone",
        "SELECT *::tag, f0::field FROM cpu GROUP BY Host LIMIT 3",
        "SELECT f0, F1::float, _f2::integer, zz::string, \"f 3\"::boolean FROM cpu LIMIT 2 OFFSET 3",
        "SELECT count(*) FROM /.*/ GROUP BY zone",
        "SELECT count(f0::field), count(nope), count(f0) FROM cpu WHERE zone !~ /^[aB]/ AND time > 5",
        "SELECT *::field FROM cpu WHERE zone =~ /a|^$/ GROUP BY zone, Host, zone",
    ] {
        asker.ask_all(bucket, text).await;
    }
}

/// Fields whose type changes from shard group to shard group.
pub(crate) async fn changing(asker: &mut Asker<'_>, bucket: &str) {
    let filters = [
        Filter::default(),
        Filter { fields: texts(&["w", "v"]), ..Filter::default() },
        Filter { fields: texts(&["s"]), ..Filter::default() },
    ];
    for measurement in ["m", "n"] {
        for from in 0..4 {
            for days in 1..=4 - from {
                let range = range(START_NS + from * DAY_NS, START_NS + (from + days) * DAY_NS);
                for filter in &filters {
                    for keys in [None, Some(texts(&["a"])), Some(Vec::new())] {
                        let grouping = keys.as_deref().map_or(Grouping::All, Grouping::Keys);
                        let one =
                            SelectStatement { measurement, range, filter, grouping, among: None };
                        asker.ask(bucket, &query::select(&one)).await;
                    }
                }
            }
        }
    }
    for cast in ["float", "integer", "unsigned", "string", "boolean", "field", "tag"] {
        asker.ask(bucket, &format!("SELECT v::{cast}, w::{cast} FROM m GROUP BY a")).await;
        asker.ask(bucket, &format!("SELECT count(v::{cast}) FROM /./ GROUP BY b")).await;
    }
    for text in ["SELECT * FROM /./ GROUP BY *", "SELECT * FROM m, n", "SELECT * FROM m"] {
        if !text.contains(',') {
            asker.ask_all(bucket, text).await;
        }
    }
    catalogue(asker, bucket, &["m"]).await;
}

/// Names that have to be quoted, and those that no statement can hold.
pub(crate) async fn hard_names(asker: &mut Asker<'_>, bucket: &str) {
    let filter = Filter::default();
    for name in HARD_NAMES {
        let name = String::from_utf8_lossy(name).replace('\n', "");
        let whole = SelectStatement {
            measurement: &name,
            range: TimeRange::ALL,
            filter: &filter,
            grouping: Grouping::All,
            among: None,
        };
        let keys = [name.clone()];
        let fields = Filter {
            fields: vec![name.clone()],
            tags: vec![("k".into(), "v".into())],
            ..Filter::default()
        };
        let values = Filter { tags: vec![("k".into(), name.clone())], ..Filter::default() };
        for text in [
            query::select(&whole),
            query::select(&SelectStatement {
                measurement: "tags",
                grouping: Grouping::Keys(&keys),
                ..whole
            }),
            query::select(&SelectStatement { measurement: "fields", filter: &fields, ..whole }),
            query::select(&SelectStatement { measurement: "values", filter: &values, ..whole }),
            query::count(&name, END, &fields),
            query::show_series(&name),
            query::show_series_cardinality(&name),
        ] {
            asker.ask(bucket, &text).await;
        }
    }
    asker.ask_bytes(bucket, b"SELECT *::field FROM \"u\xe9v\" GROUP BY *").await;
    for text in
        ["SELECT *::field FROM /^c.r$/ GROUP BY *", "SELECT *::field FROM /^[^a-z]/ GROUP BY *"]
    {
        asker.ask_all(bucket, text).await;
    }
    for measurement in ["tags", "values", "fields"] {
        asker.ask_all(bucket, &format!("SELECT *::field FROM {measurement} GROUP BY *")).await;
    }
    catalogue(asker, bucket, &["tags"]).await;
}

/// Extremes.
pub(crate) async fn odd_shapes(asker: &mut Asker<'_>, bucket: &str) {
    let filter = Filter::default();
    let measurements = [
        "bare",
        "edge",
        "wide",
        "long",
        "alike",
        "system",
        "systemtag",
        "_series",
        "_tagKey",
        "late",
    ];
    for measurement in measurements {
        for range in ranges() {
            for keys in [None, Some(texts(&["k"])), Some(texts(&["a", "b"])), Some(Vec::new())] {
                let grouping = keys.as_deref().map_or(Grouping::All, Grouping::Keys);
                let one =
                    SelectStatement { measurement, range, filter: &filter, grouping, among: None };
                if range == TimeRange::ALL {
                    asker.ask_all(bucket, &query::select(&one)).await;
                } else {
                    asker.ask(bucket, &query::select(&one)).await;
                }
            }
        }
        asker.ask_all(bucket, &query::count(measurement, END, &filter)).await;
        asker.ask(bucket, &format!("SELECT count(*::field) FROM {measurement} GROUP BY *")).await;
    }
    catalogue(asker, bucket, &measurements).await;
    for name in ["_name", "_tagKey", "_tagValue", "_seriesKey", "_fieldKey"] {
        asker.ask(bucket, &format!("SELECT {name}::field FROM system GROUP BY h")).await;
        asker.ask(bucket, &format!("SELECT {name}::field FROM bare")).await;
        asker.ask(bucket, &format!("SELECT *::field FROM systemtag GROUP BY \"{name}\"")).await;
    }
    asker.ask(bucket, "SELECT f FROM systemtag WHERE \"_name\"::tag = 'n'").await;
    asker.ask(bucket, "SELECT f FROM systemtag WHERE \"_name\"::tag = 'systemtag'").await;
}

/// What fails, as a whole and in one of several statements.
pub(crate) async fn failures(asker: &mut Asker<'_>, bucket: &str) {
    for text in FAILURES {
        asker.ask(bucket, text).await;
        asker
            .ask_all(bucket, &format!("SHOW MEASUREMENTS; {text}; SHOW TAG KEYS; SHOW SERIES"))
            .await;
    }
    for text in [
        "SELECT f FROM m",
        "SHOW TAG KEYS",
        "SHOW MEASUREMENTS",
        "SHOW FIELD KEYS",
        "SHOW SERIES",
        "SHOW SERIES EXACT CARDINALITY",
        "SELECT f FROM m; SHOW TAG KEYS",
    ] {
        asker.ask("no such bucket", text).await;
        asker.ask("", text).await;
    }
}

/// Requests that are odd as such, and the mappings of databases; what differs.
pub(crate) async fn requests(pair: &Pair, bucket: &str) -> Vec<String> {
    let token = ("Authorization", "Token TOKEN");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let raw = ("Content-Type", "application/vnd.influxql; charset=utf-8");
    let show = format!("/query?db={bucket}&q=SHOW%20TAG%20KEYS");
    let none = format!("/query?db={bucket}");
    let both = format!("{show};SHOW%20MEASUREMENTS");
    let mut wrong = Vec::new();
    for (method, path, headers, body) in [
        ("GET", &show, &[("Authorization", "Bearer TOKEN")][..], ""),
        ("GET", &show, &[("Authorization", "token TOKEN")], ""),
        ("GET", &show, &[("Authorization", "Token nobody")], ""),
        ("GET", &show, &[], ""),
        ("GET", &both, &[token], ""),
        ("GET", &none, &[token], ""),
        ("POST", &none, &[token], ""),
        ("POST", &none, &[token, ("Content-Type", "text/plain")], "SHOW TAG KEYS"),
        ("POST", &none, &[token, raw], "SHOW TAG KEYS; ;; SHOW MEASUREMENTS;"),
        ("POST", &none, &[token, raw], " "),
        ("POST", &none, &[token, raw, ("Accept", "application/x-msgpack")], ""),
        ("POST", &format!("{none}&chunked=true"), &[token, raw], ""),
        ("POST", &show, &[token, raw], "SHOW MEASUREMENTS"),
        ("POST", &show, &[token, form], "q=SHOW+MEASUREMENTS"),
        ("POST", &show, &[token, form], "q=SHOW%20MEASUREMENTS%3BSHOW%20TAG%20KEYS"),
        ("POST", &show, &[token, form], "q=SHOW MEASUREMENTS;"),
        ("GET", &format!("{show}&chunked=true&chunk_size=x"), &[token], ""),
        ("GET", &format!("{show}&epoch=x&rp=autogen"), &[token], ""),
        ("GET", &format!("/query?db={bucket}&rp=none&q=SELECT%20f%20FROM%20bare"), &[token], ""),
    ] {
        wrong.extend(pair.bare(method, path, headers, body, &[]).await);
    }
    let mut ids = vec![(pair.real.org_id.clone(), "37e0d56ad7b6896a".to_owned())];
    for name in [bucket, "a/b"] {
        let path = format!("/api/v2/buckets?name={}", name.replace('/', "%2F"));
        let found = pair.real.api("GET", &path, &serde_json::Value::Null).await;
        let real = found["buckets"][0]["id"].as_str().unwrap().to_owned();
        ids.push((real, pair.sim.store().bucket(name).unwrap().id));
    }
    let org = format!("/api/v2/dbrps?orgID={}", pair.real.org_id);
    for path in [
        format!("{org}&bucketID={}", ids[1].0),
        format!("{org}&bucketID={}", ids[2].0),
        format!("{org}&bucketID=00000000000000aa"),
        format!("{org}&bucketID=x"),
        format!("{org}&db={bucket}&default=true&rp=autogen"),
        format!("{org}&db={bucket}&default=false"),
        format!("{org}&db=a"),
        format!("{org}&default=x"),
        format!("/api/v2/dbrps?org={}&db=none", pair.real.org),
        "/api/v2/dbrps?orgID=0000000000000001".to_owned(),
        "/api/v2/dbrps?orgID=x".to_owned(),
        "/api/v2/dbrps?org=nobody".to_owned(),
        "/api/v2/dbrps".to_owned(),
    ] {
        wrong.extend(pair.bare("GET", &path, &[token], "", &ids).await);
    }
    wrong
}

const FAILURES: [&str; 53] = [
    "",
    ";;",
    "SELEC x",
    "SELECT",
    "SELECT FROM m",
    "SELECT f",
    "SELECT *::field m",
    "SELECT f FROM",
    "SELECT f FROM m WHERE",
    "SELECT f FROM m WHERE (time > 1",
    "SELECT f FROM m WHERE k::tag = 'x' AND",
    "SELECT f FROM m WHERE k::tag",
    "SELECT f FROM m WHERE k::tag = 'x\\q'",
    "SELECT f FROM m WHERE k::tag = 'x",
    "SELECT f FROM m WHERE k =~ 'x'",
    "SELECT f FROM m WHERE time > 'x'",
    "SELECT f FROM m WHERE time > '2020-13-01'",
    "SELECT f FROM m WHERE time > '2020-01-01T00:00:00'",
    "SELECT f FROM m WHERE time != 5",
    "SELECT f FROM m WHERE time >= 99999999999999999999",
    "SELECT f FROM m WHERE time >= -9223372036854775809",
    "SELECT f FROM m WHERE time >= 9223372036854775808",
    "SELECT f FROM m WHERE \"Time\"::tag = 'x'",
    "SELECT f FROM m GROUP *",
    "SELECT f FROM m GROUP BY",
    "SELECT f FROM m GROUP BY time",
    "SELECT f FROM m GROUP BY \"a",
    "SELECT f FROM m LIMIT x",
    "SELECT f FROM m LIMIT",
    "SELECT f FROM m foo",
    "SELECT f FROM \"l\nf\"",
    "SELECT f FROM \"c\rr\"",
    "SELECT f FROM \"n\0ul\"",
    "SELECT f FROM \"\\t\"",
    "SELECT f FROM \"\"",
    "SELECT f FROM select",
    "SELECT f FROM _name",
    "SELECT f FROM _fieldKeys",
    "SELECT f::foo FROM m",
    "SELECT *::float FROM m",
    "SELECT f:field FROM m",
    "SELECT nosuch(f) FROM m",
    "SELECT f, count(f) FROM m",
    "SELECT 1 FROM m",
    "SHOW",
    "SHOW FOO",
    "SHOW TAG",
    "SHOW FIELD",
    "SHOW SERIES FROM",
    "SHOW SERIES CARDINALITY",
    "DROP MEASUREMENT",
    "DROP MEASUREMENT \"no such measurement\"",
    "CREATE DATABASE x",
];
