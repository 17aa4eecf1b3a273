//! What is believed of the source: nothing that an answer has not proven.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::values::ExistingPolicy;
use sluice::testing::exit::ExitCode;
use sluice::testing::limits::CATALOGUE_VALUES_MIN;
use sluice::testing::model::time::TimeRange;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{
    BucketStore, DamageEnd, DamagePlace, Dbrp, Fault, Matcher, RequestRecord, ServerSettings,
};

use crate::support::rig::{BUCKET, Rig, Run, cloud, oss_source, store_of, time};

const DAY_S: u64 = 86_400;
const NOON_S: i64 = 1_641_038_400;

/// `count` values of a series, 10 s apart from `start_s` on.
fn values(host: &str, start_s: i64, count: i64) -> Vec<u8> {
    let line = |n: i64| format!("m,host={host} v={n}i {}000000000\n", start_s + n * 10);
    (0..count).map(line).collect::<String>().into_bytes()
}

/// A batch over two shard groups, with more in the first than in the second.
async fn over_two_groups(source: ServerSettings) -> Rig {
    let data = [values("a", NOON_S, 300), values("a", NOON_S + 43_200, 20)].concat();
    let rig = Rig::start(source, store_of(&data, DAY_S)).await;
    rig.over("2022-01-01T12:00:00Z", "2022-01-02T12:00:00Z", "1d")
}

fn is_named(run: &Run) -> bool {
    run.exit() == ExitCode::Rejected && !run.finished().outcome.closing.source.is_empty()
}

fn is_equal(rig: &Rig) -> bool {
    rig.source.store().dump(BUCKET) == rig.destination.store().dump(BUCKET)
}

/// How many requests of this kind a run sends until its first batch is committed.
async fn requests_to_first_commit(rig: &Rig, is_meant: impl Fn(&&RequestRecord) -> bool) -> u32 {
    let is_committed = |event: &Event| matches!(event, Event::Committed { .. });
    rig.migrate_until(rig.config(), is_committed).await;
    let records = rig.source.records();
    let sent = records.iter().filter(is_meant).count();
    u32::try_from(sent).unwrap()
}

/// Late values between any two answers of the run, in either part of the batch: they arrive or are named, and no other
/// value is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_arrive_between_two_answers_hide_no_others() {
    for source in [oss_source(), cloud()] {
        let mut brought = 0;
        // What arrives once both ends are counted for the last time nobody sees.
        let is_count = |sent: &&RequestRecord| sent.body_head.contains("count()");
        let undisturbed = over_two_groups(source.clone()).await;
        for skip in 0..requests_to_first_commit(&undisturbed, is_count).await {
            for (late_s, count) in [(NOON_S + 5, 300), (NOON_S + 43_205, 300), (NOON_S + 5, 1)] {
                let rig = over_two_groups(source.clone()).await;
                let counts = Matcher::path("/api/v2/query").body("count()").skip(skip);
                let late = Fault::written_after(BUCKET, &values("late", late_s, count));
                rig.source_fault(counts, 1, late);
                let run = rig.migrate(rig.config()).await;
                let what = format!("{:?} {skip} {late_s} {count}: {}", source.kind, run.words());
                if is_equal(&rig) {
                    assert_eq!(run.exit(), ExitCode::Done, "{what}");
                    brought += 1;
                } else {
                    assert!(is_named(&run), "{what}");
                }
                let (here, there) = (rig.source.store(), rig.destination.store());
                let untouched = |store: &BucketStore| {
                    let all = store.dump(BUCKET);
                    all.into_iter().filter(|value| &*value.series.tags[0].1 == b"a").count()
                };
                assert_eq!(untouched(here), untouched(there), "{what}");
            }
        }
        assert!(brought > 3, "most arrive before the batch is read");
    }
}

/// Values that arrive when their batch was committed are named, batch by batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_arrive_behind_the_watermark_are_named() {
    for source in [oss_source(), cloud()] {
        let data =
            (0..6).flat_map(|hour| values("a", NOON_S + hour * 3_600, 60)).collect::<Vec<_>>();
        let rig = Rig::start(source.clone(), store_of(&data, DAY_S)).await;
        let rig = rig.over("2022-01-01T12:00:00Z", "2022-01-01T18:00:00Z", "1h");
        let fifth = Matcher::path("/api/v2/query").body("start: 2022-01-01T16:00:00Z");
        let late = [values("late", NOON_S, 18), values("late", NOON_S + 7_200, 24)].concat();
        rig.source_fault(fifth, 1, Fault::written_after(BUCKET, &late));
        let mut config = rig.config();
        config.pace.concurrency = 1;
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Rejected);
        let found: Vec<_> = run
            .finished()
            .outcome
            .closing
            .source
            .iter()
            .map(|one| (one.range.to_string(), one.expected, one.found))
            .collect();
        assert_eq!(
            found,
            [
                ("[2022-01-01T12:00:00Z, 2022-01-01T13:00:00Z)".to_owned(), 60, 78),
                ("[2022-01-01T14:00:00Z, 2022-01-01T15:00:00Z)".to_owned(), 60, 84),
            ],
            "{:?}",
            source.kind
        );
        // A run that has nothing to do tells it again.
        let again = rig.migrate(rig.config()).await;
        again.assert_exit(ExitCode::Rejected);
        assert_eq!(again.finished().outcome.closing.source.len(), 2);
        assert!(run.finished().outcome.closing.destination.is_empty());
        // As the summary advises: one range after the other, each with a place of its own.
        for (n, range) in run.finished().outcome.closing.source.iter().enumerate() {
            rig.migrate(bringing(&rig, range.range, n)).await.assert_exit(ExitCode::Done);
            let known = rig.migrate(rig.config()).await;
            let closing = &known.finished().outcome.closing;
            assert_eq!((closing.source.len(), closing.destination.len()), (1 - n, 0));
            let of_all = if n == 0 { ExitCode::Rejected } else { ExitCode::Done };
            known.assert_exit(of_all);
        }
        assert!(is_equal(&rig));
        // What only the destination has more is no such thing.
        let foreign = values("foreign", NOON_S, 3);
        rig.destination.store().write_lp(BUCKET, &foreign).unwrap();
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Different);
    }
}

/// The job that brings what came late into a range.
fn bringing(rig: &Rig, range: TimeRange, n: usize) -> JobConfig {
    let mut config = rig.config();
    config.scope.start = RangeStart::At(range.start);
    config.scope.stop = RangeStop::At(range.stop);
    config.ends.batch_bucket = format!("late-{n}");
    config.safety.existing = ExistingPolicy::Merge;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_behind_the_stop_is_counted() {
    let ahead = 4_102_444_800;
    let data = [values("a", NOON_S, 60), values("b", NOON_S + 7_200, 7), values("c", ahead, 3)];
    let rig = Rig::start(oss_source(), store_of(&data.concat(), DAY_S)).await;
    let rig = rig.over("2022-01-01T12:00:00Z", "2022-01-01T13:00:00Z", "1h");
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Done);
    let closing = &run.finished().outcome.closing;
    assert_eq!(closing.newer, Some(10));
    assert_eq!(closing.ahead.map(|time| time.to_string()).as_deref(), Some("2100-01-01T00:00:20Z"));
}

/// The newest value is told though no range of Flux reaches it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_at_the_largest_time_is_the_newest() {
    let at = |ns: i64| format!("m,host=a v=1i {ns}\n").into_bytes();
    let data = [values("a", NOON_S, 60), at(i64::MAX - 2), at(i64::MAX - 1)];
    for source in [oss_source(), cloud()] {
        let rig = Rig::start(source, store_of(&data.concat(), DAY_S)).await;
        let rig = rig.over("2022-01-01T12:00:00Z", "2022-01-01T13:00:00Z", "1h");
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::Done);
        let closing = &run.finished().outcome.closing;
        assert_eq!(closing.newer, Some(2));
        let ahead = closing.ahead.map(|time| time.to_string());
        assert_eq!(ahead.as_deref(), Some("2262-04-11T23:47:16.854775806Z"));
    }
}

/// A destination that acknowledges and does not store, or forgets later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_destination_forgets_is_found() {
    use sluice::testing::sim::{Forgotten, StoreChange, When};
    let hour = |hour: i64| NOON_S + hour * 3_600;
    let forgets =
        |lines| (Matcher::path("/api/v2/write").body("m,host=a v=0i"), Fault::Forget { lines });
    let drops = StoreChange::Delete {
        bucket: BUCKET.to_owned(),
        measurement: None,
        start: hour(1) * 1_000_000_000,
        stop: (hour(1) + 600) * 1_000_000_000,
    };
    for (matcher, fault) in [
        forgets(Forgotten::All),
        forgets(Forgotten::EverySecond),
        forgets(Forgotten::From(30)),
        (
            Matcher::path("/api/v2/write").body("batch_stop=\"2022-01-01T18"),
            Fault::Change { when: When::After, change: drops },
        ),
    ] {
        let data = (0..6).flat_map(|h| values("a", hour(h), 60)).collect::<Vec<_>>();
        let rig = Rig::start(oss_source(), store_of(&data, DAY_S)).await;
        let rig = rig.over("2022-01-01T12:00:00Z", "2022-01-01T18:00:00Z", "1h");
        rig.destination_fault(matcher, 1, fault.clone());
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::Different);
        let found = &run.finished().outcome.closing.destination;
        assert_eq!(found.len(), 1, "{fault:?}: {found:?}");
        let there = rig.destination.store().count(BUCKET);
        assert_eq!(found[0].expected - found[0].found, 360 - there, "{fault:?}");
        // It is not forgotten by a later run.
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Different);
    }
}

/// Two buckets of the same form and other values.
fn twins(own: &str, other: &str) -> Arc<BucketStore> {
    let store = Arc::new(BucketStore::default());
    for (bucket, value) in [(other, 9), (own, 1)] {
        store.create_bucket_with(bucket, 0, DAY_S);
        let line = |host: i64, s: i64| {
            format!("m,host=h{host:03} v={value}i,w={} {}000000000\n", s * value, NOON_S + s)
        };
        let dense = (0..300).map(|host| line(host, 0));
        let lines: String = dense.chain((1..400).map(|s| line(0, s * 60))).collect();
        store.write_lp(bucket, lines.as_bytes()).unwrap();
    }
    store
}

fn reads_influxql(rig: &Rig) -> bool {
    rig.source.records().iter().any(|record| record.body_head.contains("SELECT *::field"))
}

async fn of_bucket(
    settings: ServerSettings,
    store: Arc<BucketStore>,
    own: &str,
) -> (Rig, JobConfig) {
    let rig = Rig::start(settings, store).await;
    let rig = rig.over("2022-01-01T12:00:00Z", "2022-01-02T12:00:00Z", "6h");
    let mut config = rig.config();
    config.ends.source_bucket = own.to_owned();
    (rig, config)
}

/// Whatever leads to another bucket under the name of this one, its values are not taken for this one's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_bucket_behind_the_name_is_not_read() {
    let mapped = |database: &str, policy: &str, default, bucket: &str| Dbrp {
        database: database.to_owned(),
        retention_policy: policy.to_owned(),
        default,
        bucket: bucket.to_owned(),
    };
    for (own, other, dbrps) in [
        (BUCKET, "twin", vec![Dbrp::default_of(BUCKET, "twin")]),
        (BUCKET, "twin", vec![mapped(BUCKET, "autogen", false, "twin")]),
        (BUCKET, "twin", vec![mapped(BUCKET, "other", true, "twin")]),
        ("plant/autogen", "plant", vec![]),
        ("plant", "plant/autogen", vec![]),
        ("plant/week", "plant", vec![mapped("plant", "week", false, "plant")]),
    ] {
        for transport in [None, Some(Transport::Influxql), Some(Transport::FluxKeyed)] {
            let settings = ServerSettings { dbrps: dbrps.clone(), ..oss_source() };
            let (rig, mut config) = of_bucket(settings, twins(own, other), own).await;
            config.pace.transport = transport;
            let run = rig.migrate(config).await;
            assert_eq!(run.exit(), ExitCode::Done, "{own} {dbrps:?}: {}", run.words());
            let (here, there) =
                (rig.source.store().dump(own), rig.destination.store().dump(BUCKET));
            assert!(here == there, "{own} {dbrps:?} {transport:?}");
        }
    }
}

/// The name of a bucket that the list gives is used, also where somebody else made it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_read_by_the_name_that_leads_to_it() {
    for dbrps in [vec![], vec![Dbrp::default_of("elsewhere", BUCKET)]] {
        let settings = ServerSettings { dbrps, ..oss_source() };
        let (rig, config) = of_bucket(settings, twins(BUCKET, "twin"), BUCKET).await;
        rig.migrate(config).await.assert_exit(ExitCode::Done);
        assert!(is_equal(&rig) && reads_influxql(&rig));
    }
    // No list, no name: nothing is guessed.
    let (rig, config) = of_bucket(oss_source(), twins(BUCKET, "twin"), BUCKET).await;
    let closed = Fault::Status { status: 403, retry_after: None, body: "closed".to_owned() };
    rig.source_fault(Matcher::path("/api/v2/dbrps"), 9, closed);
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    assert!(is_equal(&rig) && !reads_influxql(&rig));
}

fn damage(after_bytes: u64, places: u32, place: DamagePlace, end: DamageEnd) -> Fault {
    Fault::Damage { after_bytes, places, place, end }
}

/// Another bucket that is the same in its oldest and newest values, and in `same` of the values between them.
fn almost_twins(same: i64) -> Arc<BucketStore> {
    let store = store_of(b"", DAY_S);
    for (bucket, other) in [("twin", 1_000), (BUCKET, 0)] {
        store.create_bucket_with(bucket, 0, DAY_S);
        let line =
            |n: i64, value: i64| format!("m,host=a v={value}i {}000000000\n", NOON_S + n * 10);
        let inside = (400..5_600).map(|n| line(n, if n < 400 + same { n } else { n + other }));
        let ends = (0..5).chain(6_000..6_005).map(|n| line(n, n));
        store.write_lp(bucket, ends.chain(inside).collect::<String>().as_bytes()).unwrap();
    }
    store
}

/// A source whose list of InfluxQL names is wrong: it calls the bucket as another one is called.
async fn with_a_wrong_list(store: Arc<BucketStore>, interval: &'static str) -> Rig {
    let id = store.bucket(BUCKET).unwrap().id;
    let rig = Rig::start(oss_source(), store).await;
    let list = format!(
        "{{\"content\":[{{\"id\":\"0000000000000001\",\"database\":\"twin\",\"retention_policy\":\"autogen\",\
         \"default\":true,\"virtual\":true,\"orgID\":\"0000000000000002\",\"bucketID\":\"{id}\"}}]}}"
    );
    let answer = Fault::Status { status: 200, retry_after: None, body: list };
    rig.source_fault(Matcher::path("/api/v2/dbrps"), u32::MAX, answer);
    rig.over("2022-01-01T12:00:00Z", "2022-01-02T12:00:00Z", interval)
}

/// InfluxQL reads another bucket, and nothing but its values tells: none of them is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_that_differs_from_flux_is_not_written() {
    for interval in ["1d", "1h", "10m"] {
        let rig = with_a_wrong_list(almost_twins(0), interval).await;
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::Done);
        assert!(is_equal(&rig), "{interval}");
        let told = |event: &Event| matches!(event, Event::Notice(text) if text.contains("otherwise than Flux"));
        assert!(run.count(told) > 0 && reads_influxql(&rig), "{interval} {:?}", run.events);
    }
}

/// The same where a good part is the same and written already: it stays, and is named, also by later runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_wrong_reading_left_is_named() {
    let rig = with_a_wrong_list(almost_twins(600), "10m").await;
    let mut config = rig.config();
    config.pace.concurrency = 1;
    let first = rig.migrate(config).await;
    for run in [first, rig.migrate(rig.config()).await] {
        run.assert_exit(ExitCode::Rejected);
        let doubts = &run.finished().outcome.doubts;
        assert_eq!(doubts.len(), 1, "{doubts:?}");
        assert!(doubts[0].contains("values of measurement m from 2022-01-01T1"), "{doubts:?}");
        assert!(doubts[0].contains("influxql reads measurement m at"), "{doubts:?}");
    }
}

/// Answers whose damage shows only at their end: nothing of them is at the destination.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_of_a_damaged_answer_is_written() {
    let mut lines = String::new();
    for n in 0..30_000 {
        let at = NOON_S * 1_000_000_000 + i64::from(n / 600) * 60_000_000_000;
        lines.push_str(&format!("m,host=h{:03},rack=r{} v={n}i {at}\n", n % 600, n % 7));
    }
    let data = store_of(lines.as_bytes(), DAY_S);
    for transport in Transport::ALL.into_iter().map(Some).chain([None]) {
        for end in [
            DamageEnd::Checksum,
            DamageEnd::Cut { bytes: 200 },
            DamageEnd::CutClean { bytes: 200 },
            DamageEnd::Reset { bytes: 200 },
        ] {
            let rig = Rig::start(oss_source(), Arc::clone(&data)).await;
            let rig = rig.over("2022-01-01T12:00:00Z", "2022-01-01T13:00:00Z", "1h");
            let mut config = rig.config();
            config.pace.transport = transport;
            for path in ["/query", "/api/v2/query"] {
                let text = if path == "/query" { "SELECT *::field" } else { "rename" };
                let long = Matcher::path(path).body(text).body("1641038400").skip(0);
                let long =
                    if path == "/query" { long } else { Matcher::path(path).body(text).skip(6) };
                rig.source_fault(long, 2, damage(1_000, 3, DamagePlace::Time, end));
            }
            let run = rig.migrate(config).await;
            let what = format!("{transport:?} {end:?}: {}", run.words());
            assert_eq!(run.exit(), ExitCode::Done, "{what}");
            assert!(is_equal(&rig), "{what}");
        }
    }
}

/// Measurements that are listed and never returned, alone and beside those whose values come under their name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_source_never_returns_is_named() {
    let at = NOON_S * 1_000_000_000;
    for (lost, kept, names) in [
        (vec!["disk\\\\ c,host=a free=2"], vec![], vec!["disk\\ c"]),
        (vec!["disk\\\\ c,host=a free=2"], vec!["disk\\ c,host=a free=1"], vec!["disk\\ c"]),
        (vec!["com\\\\,ma v=1i"], vec!["com\\,ma v=2i", "other v=3i"], vec!["com\\,ma"]),
        (vec!["eq\\\\=x v=1i"], vec!["plain v=1i"], vec!["eq\\=x"]),
        (vec!["e\\=x v=1i"], vec!["plain v=1i"], vec!["e=x"]),
        (
            vec!["a\\\\ z v=1i", "a\\\\\\ z v=2i"],
            vec!["a\\ z v=3i", "a\\z v=4i"],
            vec!["a\\ z", "a\\\\ z"],
        ),
    ] {
        for source in [oss_source(), cloud()] {
            for transport in Transport::ALL.into_iter().map(Some).chain([None]) {
                let lines = |lines: &[&str]| -> Vec<u8> {
                    let numbered = (0_i64..).zip(lines);
                    numbered
                        .flat_map(|(n, line)| format!("{line} {}\n", at + n).into_bytes())
                        .collect()
                };
                let all = [lines(&lost), lines(&kept)].concat();
                let rig = Rig::start(source.clone(), store_of(&all, DAY_S)).await;
                let rig = rig.over("2022-01-01T12:00:00Z", "2022-01-01T14:00:00Z", "1h");
                let mut config = rig.config();
                config.pace.transport = transport;
                let run = rig.migrate(config).await;
                let what = format!(
                    "{lost:?} {:?} {transport:?}: {}\n{}",
                    source.kind,
                    run.words(),
                    rig.rejects()
                );
                assert_eq!(run.exit(), ExitCode::Rejected, "{what}");
                let expected = store_of(&lines(&kept), DAY_S);
                assert!(expected.dump(BUCKET) == rig.destination.store().dump(BUCKET), "{what}");
                for name in &names {
                    let named = format!("measurement '{name}', 1 series");
                    assert!(rig.rejects().contains(&named), "{named}: {what}");
                    assert!(run.finding("P08").is_some(), "{what}");
                }
                rig.migrate(rig.config()).await.assert_exit(ExitCode::Rejected);
            }
        }
    }
}

/// A field whose values lie between shards that know it by another type: no count, no first and no last value shows them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_between_shards_of_another_type_are_found() {
    let day = |n: i64| NOON_S - 43_200 + n * 86_400;
    let mut lines = String::new();
    // Floats at the edges, outside the batch; one integer in the middle, or several, with gaps.
    for (at, value) in [
        (day(0), "1.5"),
        (day(2), "7i"),
        (day(3), "8i"),
        (day(6), "true"),
        (day(9) + 80_000, "2.5"),
    ] {
        lines.push_str(&format!(
            "m,host=a v={value},w=1i {at}000000000\nm,host=b w=2i {at}000000000\n"
        ));
    }
    for source in [oss_source(), cloud()] {
        for (start, stop, interval) in [
            ("2022-01-01T12:00:00Z", "2022-01-10T12:00:00Z", "30d"),
            ("2022-01-01T12:00:00Z", "2022-01-10T12:00:00Z", "3d"),
            ("2022-01-01T00:00:00Z", "2022-02-10T00:00:00Z", "5h"),
        ] {
            let rig = Rig::start(source.clone(), store_of(lines.as_bytes(), DAY_S)).await;
            let rig = rig.over(start, stop, interval);
            let run = rig.migrate(rig.config()).await;
            let what = format!("{:?} {interval} {}", source.kind, run.words());
            assert_eq!(run.exit(), ExitCode::Done, "{what}");
            let inside = |store: &BucketStore| {
                let (start, stop) = (time(start).ns(), time(stop).ns());
                let mut all = store.dump(BUCKET);
                all.retain(|value| (start..stop).contains(&value.time));
                all
            };
            assert!(inside(rig.source.store()) == inside(rig.destination.store()), "{what}");
        }
    }
}

/// A run for each request until the first commit, behind which somebody writes these lines.
async fn written_behind_each_request(
    rig: impl AsyncFn() -> Rig,
    late: &[u8],
    look: impl AsyncFn(u32, &Rig, &Run),
) {
    for skip in 0..requests_to_first_commit(&rig().await, |_| true).await {
        let rig = rig().await;
        rig.source_fault(Matcher::path("").skip(skip), 1, Fault::written_after(BUCKET, late));
        let run = rig.migrate(rig.config()).await;
        look(skip, &rig, &run).await;
    }
}

/// A field gets a second type while the run goes on, in a later shard group of a batch that is read as one: Flux stops at the
/// change in silence, in its counts too. The new values arrive or are named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_comes_late_hides_no_value() {
    let days = |day: i64| NOON_S + day * 86_400;
    let data: Vec<u8> = (0..2).flat_map(|day| values("a", days(day), 60)).collect();
    let late = format!("m,host=a v=1.5 {}000000000\n", days(2)).into_bytes();
    for source in [oss_source(), cloud()] {
        let of = async || {
            let rig = Rig::start(source.clone(), store_of(&data, DAY_S)).await;
            rig.over("2022-01-01T12:00:00Z", "2022-01-04T12:00:00Z", "3d")
        };
        written_behind_each_request(of, &late, async |skip, rig, run| {
            let what = format!("{:?} {skip}: {}", source.kind, run.words());
            assert!(is_equal(rig) || is_named(run), "{what}");
        })
        .await;
    }
}

/// The same in an earlier shard group, before the job and in the group that it begins in: Flux would take the type of all that
/// comes behind from there, and find nothing. Values that were there all the time arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_comes_before_the_job_hides_none_of_its_values() {
    let days = |day: i64| NOON_S + day * 86_400;
    let data: Vec<u8> = (1..3).flat_map(|day| values("a", days(day), 60)).collect();
    let late = format!("m,host=a v=1.5 {}000000000\n", NOON_S - 3_600).into_bytes();
    for source in [oss_source(), cloud()] {
        let of = async || {
            let rig = Rig::start(source.clone(), store_of(&data, DAY_S)).await;
            rig.over("2022-01-01T12:00:00Z", "2022-01-04T12:00:00Z", "3d")
        };
        written_behind_each_request(of, &late, async |skip, rig, run| {
            let what = format!("{:?} {skip}: {}", source.kind, run.words());
            assert_eq!(rig.destination.store().count(BUCKET), 120, "{what}");
            assert_eq!(run.exit(), ExitCode::Done, "{what}");
        })
        .await;
    }
}

/// A field becomes one of another kind of numbers while the run goes on, in a shard group that is read later. InfluxQL returns
/// the new ones as the old ones. They arrive as what they are, or are named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_another_type_that_come_late_are_not_taken_for_the_old_ones() {
    let days = |day: i64| NOON_S + day * 86_400;
    let doubted = AtomicUsize::new(0);
    for (old, new) in [("1i", "2u"), ("1u", "2i"), ("1i", "2"), ("1", "2i"), ("1u", "2")] {
        let line = |n: i64| format!("m,host=a v={old} {}000000000\n", days(0) + n * 10);
        // So many that nothing is held against Flux again until they have doubled.
        let data: String = (0..600).map(line).collect();
        let line = |n: i64| format!("m,host=a v={new} {}000000000\n", days(2) + n * 10);
        let late: String = (0..60).map(line).collect();
        let of = async || {
            let rig = Rig::start(oss_source(), store_of(data.as_bytes(), DAY_S)).await;
            rig.over("2022-01-01T12:00:00Z", "2022-01-04T12:00:00Z", "1d")
        };
        written_behind_each_request(of, late.as_bytes(), async |skip, rig, run| {
            let outcome = &run.finished().outcome;
            let what = format!("{old} {new} {skip}: {outcome:?}");
            let told = outcome.doubts.iter().filter(|doubt| doubt.contains("copied as"));
            doubted.fetch_add(told.count(), Ordering::Relaxed);
            if is_equal(rig) {
                return;
            }
            assert_eq!(run.exit(), ExitCode::Rejected, "{what}");
            // A later run of the same command knows both types, and does not take the first one's word for it.
            let again = rig.migrate(rig.config()).await;
            assert_eq!(again.exit(), ExitCode::Rejected, "{what}");
        })
        .await;
    }
    assert!(doubted.into_inner() > 0, "some of them are read as the old ones");
}

/// Flux drops the carriage returns of texts. They arrive also where it was not meant to read any: where InfluxQL gave way,
/// because series were added, or where the first texts of all came while the batch was read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carriage_returns_arrive_whatever_brought_a_slice_to_flux() {
    let texts = |host: &str, start_s: i64| {
        let line = |n: i64| format!("m,host={host} s=\"a\rb{n}\" {}000000000\n", start_s + n * 10);
        (0..30).map(line).collect::<String>().into_bytes()
    };
    let many = i64::try_from(CATALOGUE_VALUES_MIN).unwrap();
    let [few, many] =
        [300, many].map(|count| [values("a", NOON_S, count), texts("a", NOON_S + 5)].concat());
    let mut by_flux = 0;
    for (data, late, path) in [
        (&few, texts("b", NOON_S + 7_200), ""),
        (&values("a", NOON_S, 300), texts("a", NOON_S + 5), ""),
        (&many, texts("b", NOON_S + 7_200), "/query"),
    ] {
        let of = async || {
            let rig = Rig::start(oss_source(), store_of(data, DAY_S)).await;
            rig.over("2022-01-01T12:00:00Z", "2022-01-04T12:00:00Z", "3d")
        };
        for skip in
            0..requests_to_first_commit(&of().await, |sent| sent.path.starts_with(path)).await
        {
            let rig = of().await;
            let request = Matcher::path(path).skip(skip);
            rig.source_fault(request, 1, Fault::written_after(BUCKET, &late));
            let run = rig.migrate(rig.config()).await;
            let there = rig.source.store().dump(BUCKET);
            let here = rig.destination.store().dump(BUCKET);
            let what = format!("{path} {skip}: {}", run.words());
            assert_eq!(here.iter().find(|value| !there.contains(value)), None, "{what}");
            assert!(here.len() == there.len() || is_named(&run), "{what}");
            let gave_way =
                |event: &Event| matches!(event, Event::Notice(text) if text.contains(" instead"));
            by_flux += usize::from(run.events.iter().any(gave_way));
        }
    }
    assert!(by_flux > 0, "InfluxQL never gave way");
}

/// The last instant has queries of its own, also for texts with carriage returns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carriage_returns_at_the_largest_time_arrive() {
    let lines =
        "m,h=1 s=\"a\rb\\\\c\nd\",t=\"plain, quoted\",i=3i,f=2.5,b=true 9223372036854775806\n";
    for source in [oss_source(), cloud()] {
        for transport in [None, Some(Transport::Flux), Some(Transport::FluxKeyed)] {
            let rig = Rig::start(source.clone(), store_of(lines.as_bytes(), DAY_S)).await;
            let rig = rig.over("2262-04-11T23:00:00Z", "2262-04-11T23:47:16.854775807Z", "1h");
            let mut config = rig.config();
            config.pace.transport = transport;
            let run = rig.migrate(config).await;
            assert_eq!(
                run.exit(),
                ExitCode::Done,
                "{:?} {transport:?} {}",
                source.kind,
                run.words()
            );
            assert!(is_equal(&rig), "{:?} {transport:?}", source.kind);
        }
    }
}

/// A destination without room on its disk: what it acknowledged may be gone later, which every later run says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_whose_disk_was_full_is_remembered() {
    let full = || {
        Fault::Status {
        status: 500,
        retry_after: None,
        body: "{\"code\":\"internal error\",\"message\":\"unexpected error writing points to database: write \
               /wal/_00001.wal: no space left on device\"}"
            .to_owned(),
    }
    };
    for (times, exit) in [(u32::MAX, ExitCode::DiskFull), (2, ExitCode::Rejected)] {
        let data = (0..6).flat_map(|h| values("a", NOON_S + h * 3_600, 60)).collect::<Vec<_>>();
        let mut rig = Rig::start(oss_source(), store_of(&data, DAY_S)).await;
        rig.client.retries_max = 3;
        let rig = rig.over("2022-01-01T12:00:00Z", "2022-01-01T18:00:00Z", "1h");
        rig.destination_fault(
            Matcher::path("/api/v2/write").body("m,host=a").skip(2),
            times,
            full(),
        );
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(exit);
        assert!(
            exit != ExitCode::DiskFull || run.words().contains("into a new bucket"),
            "{}",
            run.words()
        );
        rig.destination.clear_faults();
        for _ in 0..2 {
            let run = rig.migrate(rig.config()).await;
            run.assert_exit(ExitCode::Rejected);
            let doubts = &run.finished().outcome.doubts;
            assert!(
                doubts.len() == 1 && doubts[0].contains("disk of the destination was full"),
                "{doubts:?}"
            );
        }
        assert!(is_equal(&rig));
    }
}
