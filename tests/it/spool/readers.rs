//! Other engines read a spool by the texts of `sluice spool describe --sql`. They come with `scripts/readers.sh`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};
use sluice::testing::model::series::Series;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::model::time_type::TimeType;
use sluice::testing::spool::state::StagedJob;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::writable::Spool;
use tempfile::TempDir;

use super::round_trip::{Job0, frames_of};
use super::write_batch;
use crate::support::golden::{Point, Value};
use crate::support::need::{What, need};
use crate::support::process::{bare, run};

/// Needs percent-encoding, and quotes in SQL.
const MEASUREMENT: &str = "a/b 'c'%";
const START: &str = "2022-01-31T12:00:00Z";
const DAY_NS: i64 = 86_400_000_000_000;

/// Rows of two days of two months, with what readers get wrong: nanoseconds, whole numbers beyond 2^53 beside gaps,
/// unsigned ones beyond 2^63, empty texts, absent tags, columns that come later.
fn points(start: i64, unit: i64) -> Vec<Point> {
    let row = |tags: &[(&str, &str)], time: i64, fields: &[(&str, Value)]| {
        let tags = tags.iter().map(|(k, v)| (k.as_bytes().into(), v.as_bytes().into()));
        let series = Series::new(MEASUREMENT.as_bytes(), tags);
        let point = |(field, value): &(&str, Value)| Point {
            series: series.clone(),
            field: field.as_bytes().into(),
            time: start + time * unit,
            value: value.clone(),
        };
        fields.iter().map(point).collect::<Vec<_>>()
    };
    let text = |text: &str| Value::Text(text.as_bytes().into());
    let a = &[("host", "a"), ("region", "x")][..];
    [
        row(a, 1, &[("i", Value::Integer(1)), ("s", text("")), ("u", Value::Unsigned(7))]),
        row(a, 2, &[("f", Value::Float(1.5f64.to_bits())), ("b", Value::Boolean(true))]),
        row(&[("region", "x")], 3, &[("i", Value::Integer(2)), ("s", text("y"))]),
        row(
            &[("host", "b"), ("zone", "z")],
            DAY_NS / unit - 1,
            &[
                ("i", Value::Integer((1 << 53) + 1)),
                ("u", Value::Unsigned(u64::MAX)),
                ("late", text("")),
                ("s", text("")),
            ],
        ),
        row(a, 9, &[("i", text("a text"))]),
    ]
    .concat()
}

/// A measurement in which one label is a tag and later a field, and one with names that differ in case only.
fn odd(start: i64, unit: i64) -> Vec<Point> {
    let of = |measurement: &str, tags: &[(&str, &str)], time: i64, field: &str| {
        let tags = tags.iter().map(|(k, v)| (k.as_bytes().into(), v.as_bytes().into()));
        let series = Series::new(measurement.as_bytes(), tags);
        Point {
            series,
            field: field.as_bytes().into(),
            time: start + time * unit,
            value: Value::Integer(time),
        }
    };
    vec![
        of("mixed", &[("x", "1")], 1, "f"),
        of("mixed", &[("x", "2")], 1, "f"),
        of("mixed", &[], DAY_NS / unit - 1, "x"),
        of("Case", &[], 1, "V"),
        of("Case", &[], 1, "v"),
        of("Case", &[], 2, "v"),
    ]
}

/// A spool whose folder has every sign that a pattern or a text may trip over.
fn spool(time_type: TimeType) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("sp ool's [1]{2,3}*%41;");
    let start = START.parse::<Timestamp>().unwrap();
    let job = StagedJob { time_type, ..Job0::from(start.ns()) };
    let spool = Spool::open(&Storage::folder(&place), &job, false).unwrap();
    let unit = time_type.unit_ns();
    let points = [points(start.ns(), unit), odd(start.ns(), unit)].concat();
    for half in 0..2 {
        let from = start.saturating_add_ns(half * DAY_NS / 2);
        let range = TimeRange::new(from, from.saturating_add_ns(DAY_NS / 2));
        let own = points.iter().filter(|point| range.contains(Timestamp::from_ns(point.time)));
        write_batch(&spool, range, &frames_of(&own.cloned().collect::<Vec<_>>())).unwrap();
    }
    spool.close().unwrap();
    (folder, place)
}

/// The answers of an engine about the first table, and the rows of the others.
async fn ask(engine: &str, time_type: TimeType, tables: &[&str]) -> Option<Json> {
    let python = need(What::Readers)?;
    let (folder, place) = spool(time_type);
    let ended = run(bare(&["spool", "describe", place.to_str().unwrap(), "--sql", engine])).await;
    ended.assert_code(0);
    let text = folder.path().join(engine);
    std::fs::write(&text, &ended.out).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/spool/readers.py");
    let out = Command::new(python)
        .arg(script)
        .args([engine, time_type.name()])
        .arg(&text)
        .args(tables)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let (found, err) =
        (String::from_utf8(out.stdout).unwrap(), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{engine}\n{}\n{found}\n{err}", ended.out);
    let last = found.lines().last().unwrap_or_default();
    Some(serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {found}\n{err}")))
}

/// What the engine calls its type of nanoseconds, of microseconds, and of integers.
async fn reads(engine: &str, kinds: [&str; 3]) {
    for (time_type, kind) in TimeType::ALL.into_iter().zip(kinds) {
        reads_one(engine, time_type, kind).await;
    }
}

async fn reads_one(engine: &str, time_type: TimeType, kind: &str) {
    let conflicts = format!("{MEASUREMENT}_conflicts");
    // DuckDB takes V and v for one, so the text leaves that table out.
    let last: &[&str] = if engine == "duckdb" { &[] } else { &["Case"] };
    let tables = [&[MEASUREMENT, &conflicts, "mixed", "mixed_2"], last].concat();
    let Some(found) = ask(engine, time_type, &tables).await else { return };
    let rows = &[1, 2, 1, 2][..tables.len() - 1];
    let first = START.parse::<Timestamp>().unwrap().ns();
    let large = (1i64 << 53) + 1;
    let (low, high) = (first + time_type.unit_ns(), first + DAY_NS - time_type.unit_ns());
    let expected = json!([4, low, high, large + 3, 1, large, 2, 1, 2, 1, u64::MAX]);
    assert_eq!(found, json!({"answers": expected, "kind": kind, "rows": rows}), "{engine}");
}

#[tokio::test]
async fn duckdb() {
    let kinds = ["TIMESTAMPTZ_NS", "TIMESTAMP WITH TIME ZONE", "BIGINT"];
    reads("duckdb", kinds).await;
}

#[tokio::test]
async fn polars() {
    let of = |unit| format!("Datetime(time_unit='{unit}', time_zone='UTC')");
    reads("polars", [&of("ns"), &of("us"), "Int64"]).await;
}

#[tokio::test]
async fn pandas() {
    let of = |unit| format!("timestamp[{unit}, tz=UTC][pyarrow]");
    reads("pandas", [&of("ns"), &of("us"), "int64[pyarrow]"]).await;
}

#[tokio::test]
async fn pyarrow() {
    reads("pyarrow", ["timestamp[ns, tz=UTC]", "timestamp[us, tz=UTC]", "int64"]).await;
}

#[tokio::test]
async fn datafusion() {
    let of = |unit| format!("Timestamp({unit}, \"UTC\")");
    reads("datafusion", [&of("ns"), &of("µs"), "Int64"]).await;
}

#[tokio::test]
async fn spark() {
    if need(What::Java).is_none() {
        return;
    }
    reads("spark", ["bigint", "timestamp", "bigint"]).await;
}

#[tokio::test]
async fn what_an_engine_would_confuse_is_left_out_by_name() {
    let (_folder, place) = spool(TimeType::NsUtc);
    for (engine, count) in [("duckdb", 1), ("trino", 3), ("spark", 0), ("polars", 0)] {
        let ended =
            run(bare(&["spool", "describe", place.to_str().unwrap(), "--sql", engine])).await;
        let left: Vec<_> =
            ended.out.lines().filter(|line| line.contains(" is left out: ")).collect();
        assert_eq!(left.len(), count, "{left:?}");
        assert_eq!(
            left.iter().filter(|line| line.contains("V and v differ")).count(),
            count.min(1)
        );
    }
}

/// No server can be started here: the text is parsed by sqlglot.
#[tokio::test]
async fn trino() {
    for (time_type, kind) in
        TimeType::ALL.into_iter().zip(["TIMESTAMP(9)", "TIMESTAMP(6)", "BIGINT"])
    {
        let Some(found) = ask("trino", time_type, &[MEASUREMENT]).await else { return };
        assert_is_parsed(&found["answers"], kind);
    }
}

fn assert_is_parsed(answers: &Json, kind: &str) {
    assert_eq!(answers[0], MEASUREMENT);
    let columns = json!([
        ["time", kind],
        ["host", "VARCHAR"],
        ["region", "VARCHAR"],
        ["zone", "VARCHAR"],
        ["b", "BOOLEAN"],
        ["f", "DOUBLE"],
        ["i", "BIGINT"],
        ["late", "VARCHAR"],
        ["s", "VARCHAR"],
        ["u", "DECIMAL(20, 0)"],
        ["month", "VARCHAR"]
    ]);
    assert_eq!(answers[1], columns);
    let call = answers[2].as_str().unwrap();
    assert!(
        call.starts_with("CALL hive.system.sync_partition_metadata('default', 'a/b ''c''%'"),
        "{call}"
    );
}
