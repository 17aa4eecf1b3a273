//! The simulated server gives the bytes of the real one, for every query that sluice sends.

use std::fmt::Write as _;
use std::sync::Arc;

use sluice::model::filter::Filter;
use sluice::model::time::TimeRange;
use sluice::sim::{Server, ServerSettings, Store};
use sluice::wire::flux::{self, Selection};
use sluice::wire::influxql::query;

use super::{Real, query_body};
use crate::support::cases::ask;

const DAY_NS: i64 = 86_400_000_000_000;
const START_NS: i64 = 1_577_836_800_000_000_000;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// Lines over three shard groups: tag sets that come and go, keys whose case and sign decide their order, fields that are
/// missing here and there, each of the five types.
fn lines(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let keys = ["Host", "host", "_tag", "a b", "zone", "Zone", "~tag", "ä", "F", "f0"];
    let values = ["a", "B", "c d", "e,f", "g=h", "\"i\"", "ö", "0", "~"];
    let mut text = String::new();
    for row in 0..400_i64 {
        let escaped = |name: &str| name.replace([' ', ',', '='], "\\ ");
        let mut line = random.one(&["cpu", "Mem", "_odd", "a b"]).replace(' ', "\\ ");
        for key in keys {
            if random.below(4) == 0 {
                write!(line, ",{}={}", escaped(key), escaped(random.one(&values))).unwrap();
            }
        }
        let mut fields = Vec::new();
        let number = random.below(1_000_000);
        for (field, value) in [
            ("f0", format!("{number}i")),
            ("F1", format!("{}u", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            ("_f2", format!("{}.{number}e-{}", number % 7, number % 30)),
            (
                "f 3",
                format!("\"text {number} \\\"q\\\", {}\"", random.one(&values).replace('"', "")),
            ),
            ("zz", number.is_multiple_of(2).to_string()),
        ] {
            if random.below(3) > 0 || fields.is_empty() {
                fields.push(format!("{}={value}", escaped(field)));
            }
        }
        let offset = row % 3 * 7 * DAY_NS + i64::try_from(random.below(1 << 40)).unwrap() * 500;
        writeln!(text, "{line} {} {}", fields.join(","), START_NS + offset).unwrap();
    }
    text.into_bytes()
}

/// Every form of `wire::flux`, over ranges that fit the data and ranges that do not.
fn forms(bucket: &str) -> Vec<String> {
    let all = [
        Filter::default(),
        Filter { measurements: vec!["cpu".into(), "a b".into()], ..Filter::default() },
        Filter {
            tags: vec![("Host".into(), "a".into()), ("Host".into(), "B".into())],
            fields: vec!["f0".into(), "zz".into()],
            ..Filter::default()
        },
        Filter { predicate: Some("r._field != \"f 3\"".into()), ..Filter::default() },
    ];
    let time = |ns: i64| sluice::model::time::Timestamp::from_ns(ns);
    let ranges = [
        TimeRange::new(time(START_NS), time(START_NS + 21 * DAY_NS)),
        TimeRange::new(time(START_NS + 3_600_000_000_001), time(START_NS + 8 * DAY_NS)),
        TimeRange::new(time(0), time(1)),
        TimeRange::ALL,
    ];
    let mut texts = Vec::new();
    for range in ranges {
        for filter in &all {
            let plain = Selection { bucket, range, filter, without: &[] };
            let conditions =
                [flux::literal::not_measurement(b"_odd"), flux::literal::not_field(b"cpu", b"zz")];
            for selection in [plain, Selection { without: &conditions, ..plain }] {
                texts.extend([
                    flux::read(selection, "~~~f"),
                    flux::read(selection, "\u{10ffff}"),
                    flux::count(selection),
                    flux::count_by_measurement(selection),
                    flux::count_by_series(selection),
                    flux::first(selection),
                    flux::earliest(selection),
                    flux::latest(selection),
                    flux::first_of_measurement(selection, b"cpu"),
                    flux::first_of_measurement(selection, b"none"),
                ]);
            }
        }
        texts.push(flux::measurements(bucket, range));
        texts.push(flux::tag_keys(bucket, range));
    }
    // The two that compare strings need a field that holds nothing else.
    let filter = Filter { fields: vec!["f 3".into()], ..Filter::default() };
    let selection = Selection { bucket, range: ranges[0], filter: &filter, without: &[] };
    texts.push(flux::count_carriage_returns(selection));
    texts.push(flux::read_carriage_returns(selection, "~~~f"));
    texts.push(flux::count_carriage_returns_in_tags(selection, &[b"Host", b"zone"]));
    texts
}

/// The queries of the checkpoint.
fn checkpoint_forms(bucket: &str) -> Vec<String> {
    let tags = [("dstBucket", "d"), ("srcBucket", "s"), ("srcOrg", "o")];
    let mut texts = Vec::new();
    for measurement in ["batches", "batch_details", "none"] {
        texts.push(flux::record::newest_record(bucket, measurement, &tags));
        texts.push(flux::record::oldest_record(bucket, measurement, &tags));
        texts.push(flux::record::sum_of_records(bucket, measurement, &tags, "rows"));
    }
    texts
}

struct Pair {
    real: Real,
    sim: Server,
}

impl Pair {
    async fn start() -> Option<Self> {
        let real = Real::start().await?;
        let settings = ServerSettings::oss(&real.org, &real.token);
        let sim = Server::start(settings, Arc::new(Store::default())).await.unwrap();
        Some(Self { real, sim })
    }

    async fn load(&self, bucket: &str, shard_s: u64, lines: &[u8]) {
        self.real.bucket(bucket, Some(shard_s)).await;
        self.real.load(bucket, lines).await;
        self.sim.store().create_bucket_with(bucket, 0, shard_s);
        self.sim.store().write_lp(bucket, lines).unwrap();
    }

    /// The same request to both; what differs.
    async fn compare(&self, method: &str, path: &str, body: &[u8], what: &str) -> Option<String> {
        let headers = [
            ("Authorization".to_owned(), format!("Token {}", self.real.token)),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let real = ask(self.real.addr, method, path, &headers, body).await;
        let sim = ask(self.sim.addr(), method, path, &headers, body).await;
        let same =
            real.status == sim.status && real.body == sim.body && real.complete && sim.complete;
        (!same).then(|| {
            let at = real.body.iter().zip(&sim.body).take_while(|(a, b)| a == b).count();
            let near = |bytes: &[u8]| {
                String::from_utf8_lossy(&bytes[at.saturating_sub(200)..bytes.len().min(at + 200)])
                    .into_owned()
            };
            format!(
                "{what}\n real {} {} bytes, at {at}: {}\n sim {} {} bytes: {}",
                real.status,
                real.body.len(),
                near(&real.body),
                sim.status,
                sim.body.len(),
                near(&sim.body)
            )
        })
    }

    async fn query(&self, flux: &str) -> Option<String> {
        let path = format!("/api/v2/query?org={}", self.real.org);
        self.compare("POST", &path, &query_body(flux), flux).await
    }
}

#[tokio::test]
async fn the_simulated_server_answers_byte_for_byte() {
    let Some(pair) = Pair::start().await else { return };
    let (mut asked, mut wrong) = (0, Vec::new());
    for (seed, shard_s) in [(1, 604_800), (2, 86_400), (3, 604_800)] {
        let bucket = format!("generated-{seed}");
        pair.load(&bucket, shard_s, &lines(seed)).await;
        for text in forms(&bucket) {
            asked += 1;
            wrong.extend(pair.query(&text).await);
        }
        for statement in [query::SHOW_FIELD_KEYS, query::SHOW_TAG_KEYS] {
            asked += 1;
            let path = format!("/query?db={bucket}&q={}", statement.replace(' ', "%20"));
            wrong.extend(pair.compare("GET", &path, b"", statement).await);
        }
    }
    let records = "batches,dstBucket=d,srcBucket=s,srcOrg=o batch_start=\"a\",batch_stop=\"b\",percent_complete=1.5,rows=7i 1577836800000000000\n\
        batches,dstBucket=d,srcBucket=s,srcOrg=o batch_start=\"b\",batch_stop=\"c\",percent_complete=3,rows=8i 1578836800000000000\n\
        batches,dstBucket=e,srcBucket=s,srcOrg=o batch_start=\"b\",batch_stop=\"c\",percent_complete=3,rows=8i 1579836800000000000\n\
        batch_details,dstBucket=d,kind=lease,srcBucket=s,srcOrg=o machine=\"m\",released=0i,run=\"r\" 1578836800000000000\n\
        batch_details,dstBucket=d,kind=batch,srcBucket=s,srcOrg=o rejected=3i,rows=1i 1578836800000000000\n";
    pair.load("records", 604_800, records.as_bytes()).await;
    for text in checkpoint_forms("records") {
        asked += 1;
        wrong.extend(pair.query(&text).await);
    }
    let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {asked} answers differ:\n{shown}", wrong.len());
}
