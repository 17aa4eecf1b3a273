//! The simulated server gives the bytes of the real one, for every query that sluice sends.

mod data;
mod doubtful;
mod older;
mod pair;
mod statements;

use sluice::testing::model::filter::Filter;
use sluice::testing::model::time::TimeRange;
use sluice::testing::wire::flux::{self, Selection};

use data::{DAY_NS, START_NS};
use older::Older;
use pair::Pair;
use statements::{Asker, Ends};

use crate::support::influxd::Influxd;

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
    let time = |ns: i64| sluice::testing::model::time::Timestamp::from_ns(ns);
    let ranges = [
        TimeRange::new(time(START_NS), time(START_NS + 21 * DAY_NS)),
        TimeRange::new(time(START_NS + 3_600_000_000_001), time(START_NS + 8 * DAY_NS)),
        TimeRange::new(time(0), time(1)),
        TimeRange::ALL,
    ];
    let mut texts = Vec::new();
    for range in ranges {
        for filter in &all {
            let plain = Selection { bucket, range, filter, measurements: &[], without: &[] };
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
                    flux::earliest_by_field(selection),
                    flux::latest(selection),
                    flux::first_of_measurement(selection, b"cpu"),
                    flux::first_of_measurement(selection, b"none"),
                    flux::fields_of(selection),
                    flux::read_largest_time(selection, "~~~f"),
                ]);
                if selection.without.is_empty() {
                    texts.extend(keyed_forms(selection));
                }
            }
        }
        texts.push(flux::index::measurements(bucket, range));
        texts.push(flux::index::tag_keys(bucket, range));
        texts.extend(cardinalities(bucket, range));
    }
    for measurement in [&b"cpu"[..], b"none", b"a b"] {
        texts.push(flux::index::series_cardinality(bucket, measurement));
        for tag in ["_start", "_stop", "Host", "none"] {
            texts.push(flux::index::series_with_tag(bucket, tag));
        }
    }
    // The two that compare strings need a field that holds nothing else.
    let filter = Filter { fields: vec!["f 3".into()], ..Filter::default() };
    let selection =
        Selection { bucket, range: ranges[0], filter: &filter, measurements: &[], without: &[] };
    texts.push(flux::carriage_returns::count_carriage_returns(selection));
    texts.push(flux::carriage_returns::read_carriage_returns(selection, "~~~f"));
    texts.push(flux::carriage_returns::count_carriage_returns_in_tags(
        selection,
        &[b"Host", b"zone"],
    ));
    texts
}

/// The forms that read by key tags: by all, by some that tell series apart or do not, by none.
fn keyed_forms(selection: Selection<'_>) -> Vec<String> {
    let keys =
        |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>();
    let all = keys(&["Host", "host", "_tag", "a b", "zone", "Zone", "~tag", "ä", "F", "f0"]);
    let mut texts = Vec::new();
    for some in [&all, &keys(&["zone", "Host"]), &keys(&[])] {
        for label in ["~~~f", "\u{10ffff}"] {
            texts.push(flux::read_keyed(selection, label, b"cpu", some));
            texts.push(flux::read_pivoted(selection, label, b"cpu", some));
        }
        texts.push(flux::read_pivoted(selection, "~~~f", b"none", some));
        texts.push(flux::series_of(selection, b"cpu", some));
        texts.push(flux::series_of(selection, b"a b", some));
    }
    texts
}

/// Every form that names a measurement or a field, for names that no literal may hold.
fn forms_by_name(bucket: &str) -> Vec<String> {
    let filter = Filter::default();
    let all = Selection {
        bucket,
        range: TimeRange::ALL,
        filter: &filter,
        measurements: &[],
        without: &[],
    };
    let mut texts = Vec::new();
    for name in data::HARD_NAMES {
        let name: Vec<u8> = name.iter().copied().filter(|byte| *byte != b'\n').collect();
        let without =
            [flux::literal::not_measurement(&name), flux::literal::not_field(b"fields", &name)];
        let others = Selection { without: &without, ..all };
        let field = [flux::literal::is_field(&name)];
        let keys = [b"k".to_vec()];
        texts.extend([
            flux::read_keyed(all, "~f", &name, &keys),
            flux::read_pivoted(all, "~f", &name, &keys),
            flux::series_of(all, &name, &keys),
            flux::index::series_cardinality(bucket, &name),
            flux::first_of_measurement(all, &name),
            flux::count(others),
            flux::read_keyed(Selection { without: &field, ..all }, "~f", b"fields", &keys),
        ]);
    }
    for measurement in [&b"tags"[..], b"values", b"fields"] {
        texts.push(flux::read_keyed(all, "\u{10ffff}~f", measurement, &[b"k".to_vec()]));
        texts.push(flux::read_pivoted(all, "\u{10ffff}~f", measurement, &[b"k".to_vec()]));
        texts.push(flux::series_of(all, measurement, &[b"k".to_vec()]));
    }
    texts
}

/// Keyed forms of measurements whose fields change their type, and of odd ones.
fn forms_by_key(bucket: &str, measurements: &[&str], ranges: &[TimeRange]) -> Vec<String> {
    let filter = Filter::default();
    let mut texts = Vec::new();
    for range in ranges {
        let selection =
            Selection { bucket, range: *range, filter: &filter, measurements: &[], without: &[] };
        for measurement in measurements {
            for keys in [&["a", "b", "c"][..], &["k", "h"], &[]] {
                let keys: Vec<_> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
                let name = measurement.as_bytes();
                texts.extend([
                    flux::read_keyed(selection, "~f", name, &keys),
                    flux::read_pivoted(selection, "~f", name, &keys),
                    flux::series_of(selection, name, &keys),
                ]);
            }
            let first = flux::first_of_measurement(selection, measurement.as_bytes());
            // Texts and booleans cannot be summed.
            texts.push(
                first.replace(" |> first()", " |> filter(fn: (r) => r._field == \"f\") |> sum()"),
            );
            texts.push(first);
        }
        texts.extend([
            flux::count(selection),
            flux::count_by_measurement(selection),
            flux::count_by_series(selection),
            flux::first(selection),
            flux::earliest(selection),
            flux::earliest_by_field(selection),
            flux::latest(selection),
        ]);
    }
    texts
}

/// Cardinality of ranges that cut shard groups.
fn cardinalities(bucket: &str, range: TimeRange) -> Vec<String> {
    let ask = |start: String, stop: String| {
        format!(
            "import \"influxdata/influxdb\"\ninfluxdb.cardinality(bucket: \"{bucket}\", start: {start}, stop: {stop}, predicate: (r) => {})",
            flux::literal::is_measurement(b"Mem")
        )
    };
    let at = |days: i64| {
        sluice::testing::model::time::Timestamp::from_ns(START_NS + days * DAY_NS).to_string()
    };
    vec![
        ask(range.start.to_string(), range.stop.to_string()),
        ask(at(1), at(8)),
        ask(at(3), at(4)),
        ask(at(-30), at(15)),
        ask(at(9), at(2)),
        format!(
            "import \"influxdata/influxdb\"\ninfluxdb.cardinality(bucket: \"{bucket}\", start: {}, stop: {})",
            at(2),
            at(10)
        ),
    ]
}

/// Conditions on tags whose names the storage engine has for other columns.
fn forms_by_taken_tag(bucket: &str) -> Vec<String> {
    let none = Filter::default();
    let all =
        Selection { bucket, range: TimeRange::ALL, filter: &none, measurements: &[], without: &[] };
    let m = [flux::literal::is_measurement(b"m")];
    let mut texts = Vec::new();
    for key in ["$", "_name", "_tagKey", "_tagValue", "_seriesKey", "_fieldKey"] {
        for value in ["a", "m", "sa"] {
            let tags = vec![(key.to_owned(), value.to_owned())];
            let filter = Filter { tags, ..Filter::default() };
            for without in [&[][..], &m] {
                let selection = Selection { filter: &filter, without, ..all };
                texts.extend([
                    flux::read(selection, "~f"),
                    flux::count(selection),
                    flux::first(selection),
                ]);
            }
        }
        let keys = [key.as_bytes()];
        texts.extend([
            flux::carriage_returns::count_carriage_returns_in_tags(all, &keys),
            flux::askable::count_late_carriage_returns(all, &keys),
            flux::index::series_with_tag(bucket, key),
            flux::read_keyed(all, "~f", b"m", &[key.as_bytes().to_vec()]),
        ]);
    }
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

#[tokio::test]
async fn the_simulated_server_answers_byte_for_byte() {
    let Some(pair) = Pair::start().await else { return };
    let (mut asked, mut wrong) = (0, Vec::new());
    for (seed, shard_s) in [(1, 604_800), (2, 86_400), (3, 604_800)] {
        let bucket = format!("generated-{seed}");
        pair.load(&bucket, shard_s, &data::lines(seed)).await;
        for text in forms(&bucket) {
            asked += 1;
            wrong.extend(pair.query(&text).await);
        }
    }
    pair.load("flux-names", 604_800, &data::hard_names()).await;
    let mut texts = forms_by_name("flux-names");
    let days = |from: i64, to: i64| {
        let at = |day| sluice::testing::model::time::Timestamp::from_ns(START_NS + day * DAY_NS);
        TimeRange::new(at(from), at(to))
    };
    for seed in 10..13 {
        let bucket = format!("flux-changing-{seed}");
        pair.load(&bucket, 86_400, &data::changing_types(seed)).await;
        let ranges = [days(0, 4), days(0, 1), days(1, 2), days(1, 3), days(3, 4)];
        texts.extend(forms_by_key(&bucket, &["m", "n"], &ranges));
    }
    pair.load("flux-shapes", 604_800, &data::odd_shapes()).await;
    let odd = ["bare", "edge", "wide", "long", "alike", "system", "systemtag", "_series", "late"];
    texts.extend(forms_by_key("flux-shapes", &odd, &[TimeRange::ALL, days(-30, 40)]));
    for text in texts {
        asked += 1;
        wrong.extend(pair.query(&text).await);
    }
    pair.load("taken", 604_800, &data::taken_tags()).await;
    for text in forms_by_taken_tag("taken") {
        asked += 1;
        wrong.extend(pair.query(&text).await);
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

#[tokio::test]
async fn the_simulated_influxql_answers_alike() {
    let Some(pair) = Pair::start().await else { return };
    let mut asker = Asker::new(Ends::Newer(&pair));
    for (seed, shard_s) in [(4, 604_800), (5, 86_400)] {
        let bucket = format!("statements-{seed}");
        pair.load(&bucket, shard_s, &data::lines(seed)).await;
        statements::generated(&mut asker, &bucket).await;
    }
    for seed in 0..4 {
        let bucket = format!("changing-{seed}");
        pair.load(&bucket, 86_400, &data::changing_types(seed)).await;
        statements::changing(&mut asker, &bucket).await;
    }
    pair.load("names", 604_800, &data::hard_names()).await;
    statements::hard_names(&mut asker, "names").await;
    pair.load("shapes", 604_800, &data::odd_shapes()).await;
    statements::odd_shapes(&mut asker, "shapes").await;
    pair.load("a/b", 604_800, b"m,k=v f=1 1").await;
    for database in ["a/b", "a", "b"] {
        asker.ask(database, "SELECT *::field FROM m GROUP BY *").await;
        asker.ask(database, "SHOW TAG KEYS").await;
    }
    statements::failures(&mut asker, "shapes").await;
    let Asker { asked, bytes, mut wrong, .. } = asker;
    wrong.extend(statements::requests(&pair, "shapes").await);
    let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {asked} answers differ:\n{shown}", wrong.len());
    assert!(asked > 3_000 && bytes > 10_000_000, "{asked} were asked, {bytes} bytes answered");
}

/// As far as a server of 1.x goes: it knows no unsigned numbers, and describes failures in its own words.
#[test]
fn the_simulated_influxql_means_what_an_older_server_means() {
    let Some(real) = Influxd::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let older = Older::with(real).await;
        let mut asker = Asker::new(Ends::Older(&older));
        older.load("statements", 604_800, &data::for_older(&data::lines(4)));
        statements::generated(&mut asker, "statements").await;
        older.load("changing", 86_400, &data::for_older(&data::changing_types(0)));
        statements::changing(&mut asker, "changing").await;
        older.load("names", 604_800, &data::for_older(&data::hard_names()));
        statements::hard_names(&mut asker, "names").await;
        older.load("shapes", 604_800, &data::for_older(&data::odd_shapes()));
        statements::odd_shapes(&mut asker, "shapes").await;
        let Asker { asked, bytes, wrong, .. } = asker;
        let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n\n");
        assert!(wrong.is_empty(), "{} of {asked} answers differ:\n{shown}", wrong.len());
        assert!(asked > 2_900 && bytes > 500_000, "{asked} were asked, {bytes} bytes answered");
    });
}
