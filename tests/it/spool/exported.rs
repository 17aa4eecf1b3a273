//! Exports: every value comes back from the text, to the bit, or is named.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sluice::testing::commands::error::Error;
use sluice::testing::commands::export::export;
use sluice::testing::config::export::{ExportConfig, ExportTarget};
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::values::ExportFormat;
use sluice::testing::exit::ExitCode;
use sluice::testing::job::error::Error as JobError;
use sluice::testing::model::filter::Filter;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::Series;
use sluice::testing::report::export::ExportReport;
use sluice::testing::report::text::Glyphs;
use sluice::testing::sim::BucketStore;
use sluice::testing::spool::place::Surroundings;
use sluice::testing::spool::storage::Storage;
use sluice::testing::wire::csv::encoder::CsvEncoder;

use super::round_trip::{frames_of, point};
use super::write_all;
use crate::support::golden::{Case, Point, Value};
use crate::support::need::{What, need};
use crate::support::process::{bare, run};
use crate::support::random::{Letters, content};
use crate::support::{influx_write, rig};

const BUCKET: &str = "copy";

pub(super) fn config(place: &Path, format: ExportFormat, target: ExportTarget) -> ExportConfig {
    ExportConfig {
        surroundings: Surroundings::default(),
        place: place.display().to_string(),
        format,
        gzip: false,
        target,
        start: RangeStart::Earliest,
        stop: RangeStop::Now { settle_ns: 0 },
        filter: Filter::default(),
        quiet: false,
        json: false,
        notices: Vec::new(),
    }
}

/// The spool of these points, exported.
fn exported(points: &[Point], format: ExportFormat, gzip: bool) -> (Vec<u8>, ExportReport) {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    write_all(&Storage::folder(&spool), &frames_of(points)).unwrap();
    let target = ExportTarget::File(folder.path().join("text"));
    let report = export(&ExportConfig { gzip, ..config(&spool, format, target) }).unwrap();
    let written = fs::read(folder.path().join("text")).unwrap();
    assert_eq!(report.written_bytes, written.len() as u64);
    let mut text = Vec::new();
    if gzip {
        GzDecoder::new(&written[..]).read_to_end(&mut text).unwrap();
    } else {
        text = written;
    }
    assert_eq!(report.bytes, text.len() as u64);
    assert!(!folder.path().join("text.partial").exists());
    (text, report)
}

/// What a simulated server holds after it was sent these lines.
fn held(lines: &[u8], shard_s: u64) -> Vec<Point> {
    let store = BucketStore::default();
    store.create_bucket_with(BUCKET, 0, shard_s);
    store.write_lp(BUCKET, lines).unwrap_or_else(|error| panic!("{error}"));
    rig::points(&store, BUCKET)
}

/// All golden cases that have a content.
fn cases() -> Vec<(String, Vec<Point>)> {
    let golden = crate::support::golden();
    let mut cases = Vec::new();
    for entry in fs::read_dir(golden.join("cases")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if golden.join("cases").join(&name).join("expected.jsonl").is_file() {
            let points = Case::open(&name).expected();
            cases.push((name, points));
        }
    }
    cases.retain(|(_, points)| !points.is_empty());
    assert!(cases.len() >= 15, "only {} cases", cases.len());
    cases
}

/// True if something of the point holds a line feed.
fn has_line_feed(point: &Point) -> bool {
    let text = if let Value::Text(text) = &point.value { text } else { &point.field };
    let tags = point.series.tags.iter().flat_map(|(key, value)| [key, value]);
    let all = tags.chain([&point.series.measurement, &point.field, text]);
    all.into_iter().any(|name| name.contains(&b'\n'))
}

#[test]
fn every_golden_case_comes_back_from_line_protocol() {
    for (name, points) in cases() {
        for gzip in [false, true] {
            let (text, report) = exported(&points, ExportFormat::Line, gzip);
            assert_eq!(held(&text, 7 * 86_400), points, "{name}");
            assert_eq!((report.values, report.refused_values), (points.len() as u64, 0), "{name}");
            let inner = text.split(|byte| *byte == b'\n').count() as u64 - 1 - report.lines;
            assert_eq!(report.line_feeds, inner, "{name}");
            let feeds = points.iter().any(has_line_feed);
            assert_eq!(inner > 0, feeds, "{name}");
            assert_eq!(
                report.notes(Glyphs::Ascii).iter().any(|n| n.contains("influx write")),
                feeds
            );
        }
    }
}

#[test]
fn every_golden_case_comes_back_from_csv_but_line_feeds() {
    for (name, points) in cases() {
        let (text, report) = exported(&points, ExportFormat::Csv, false);
        let wanted: Vec<_> = points.iter().filter(|point| !has_line_feed(point)).cloned().collect();
        let taken = |point: &Point| point.series.tags.iter().any(|(key, _)| key.starts_with(b"_"));
        let found = held(&influx_write::lines(&text), 7 * 86_400);
        let missing: Vec<_> = wanted.iter().filter(|point| !found.contains(point)).collect();
        assert!(missing.iter().all(|point| taken(point)), "{name}: {missing:?}");
        assert!(found.iter().all(|point| wanted.contains(point)), "{name}");
        let refused = (points.len() - found.len()) as u64;
        assert_eq!((report.values, report.refused_values), (found.len() as u64, refused), "{name}");
        assert_eq!(report.refused.iter().map(|group| group.values).sum::<u64>(), refused, "{name}");
    }
}

const KINDS: &[FieldType] = &[
    FieldType::Float,
    FieldType::Integer,
    FieldType::Unsigned,
    FieldType::Boolean,
    FieldType::String,
];

/// Rows of CSV, and how many values were refused.
fn csv_of(points: &[Point]) -> (Vec<u8>, u64, u64) {
    let (mut encoder, mut text, mut rejected) = (CsvEncoder::default(), Vec::new(), Vec::new());
    let mut values = 0;
    for frame in frames_of(points) {
        values += encoder.push(&frame, &mut text, &mut rejected).values;
    }
    (text, values, rejected.iter().map(|rejected| rejected.values).sum())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_content_comes_back_from_csv_or_is_counted(content in content(b"m", Letters::Bytes, KINDS)) {
        let points = content.points();
        let (text, values, refused) = csv_of(&points);
        prop_assert_eq!(values + refused, points.len() as u64);
        let found = held(&influx_write::lines(&text), 7 * 86_400);
        prop_assert_eq!(found.len() as u64, values);
        for point in &found {
            prop_assert!(points.binary_search(point).is_ok(), "{:?} was not there", point);
        }
    }
}

fn odd(tags: &[(&str, &str)], field: &str, time: i64, value: Value) -> Point {
    let tags = tags.iter().map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()));
    let series = Series::new(*b"m,x", tags);
    Point { series, field: field.as_bytes().into(), time, value }
}

fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().into())
}

#[test]
fn csv_says_what_each_column_is() {
    let a = &[("host", "a \"1\",")][..];
    let points = [
        odd(a, "b", 1, Value::Boolean(true)),
        odd(a, "f", 1, Value::Float(1.5f64.to_bits())),
        odd(a, "i", 1, Value::Integer(-1)),
        odd(a, "s", 1, text("x,\r\"y\"")),
        odd(a, "u", 1, Value::Unsigned(u64::MAX)),
        odd(a, "s", 2, text("")),
        odd(&[("rack", "r")], "i", 3, Value::Integer(7)),
        odd(&[("rack", "r")], "_field", 3, Value::Unsigned(9)),
    ];
    let (found, values, refused) = csv_of(&points);
    let expected = "\
#datatype,measurement,tag,tag,boolean,double,long,string,unsignedLong,dateTime:number
,_measurement,host,rack,b,f,i,s,u,_time
,\"m,x\",\"a \"\"1\"\",\",,true,1.5,-1,\"x,\r\"\"y\"\"\",18446744073709551615,1
,\"m,x\",,r,,,7,,,3

#datatype,measurement,tag,tag,string,field,dateTime:number
,_measurement,host,rack,_field,_value,_time
,\"m,x\",\"a \"\"1\"\",\",,s,\"\"\"\"\"\",2
,\"m,x\",,r,_field,9u,3
";
    assert_eq!(String::from_utf8(found.clone()).unwrap(), expected);
    assert_eq!((values, refused), (8, 0));
    let mut points = points.to_vec();
    points.sort();
    assert_eq!(held(&influx_write::lines(&found), 86_400), points);
}

#[test]
fn csv_names_what_influx_write_would_change() {
    let plain = Value::Integer(1);
    for (point, reason) in [
        (odd(&[], "s", 1, text("a\nb")), "a line feed, which influx write does not pass on"),
        (odd(&[("k", "v\\\nw")], "f", 1, plain.clone()), "a line feed"),
        (odd(&[("_value", "v")], "f", 1, plain.clone()), "a tag key that influx write takes"),
        (odd(&[(" ", "v")], "f", 1, plain.clone()), "a tag key that influx write takes"),
        (odd(&[], "f\\\"g", 1, plain.clone()), "a backslash before a quote"),
        (odd(&[], "\tf", 1, plain.clone()), "begins with a tab or a NUL"),
        (odd(&[], "f\\", 1, plain.clone()), "ends in a backslash"),
        (odd(&[("k", "v\\")], "f", 1, plain), "a tag value ends in a backslash"),
    ] {
        let good = odd(&[], "good", 1, Value::Integer(2));
        let (text, report) = exported(&[good.clone(), point.clone()], ExportFormat::Csv, false);
        let found = held(&influx_write::lines(&text), 86_400);
        // A field that may not be first finds another one before it.
        if *point.field == *b"\tf" {
            assert_eq!((found.len(), report.refused_values), (2, 0));
            continue;
        }
        assert_eq!(found, [good], "{reason}");
        assert_eq!(report.refused_values, 1);
        assert!(report.refused[0].reason.contains(reason), "{:?}", report.refused);
    }
}

/// The real program, where there is one: what the slow obvious way says is what it does.
#[test]
fn influx_write_does_what_its_model_says() {
    let Some(influx) = need(What::InfluxCli) else { return };
    let folder = tempfile::tempdir().unwrap();
    let sent = |text: &[u8], format: &str| {
        let file = folder.path().join(format);
        fs::write(&file, text).unwrap();
        let out = Command::new(&influx)
            .args(["write", "dryrun", "--format", format, "--file"])
            .arg(&file)
            .env("HOME", folder.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        // It prints an empty line of its own.
        out.stdout.trim_ascii().to_vec()
    };
    let check = |points: &[Point], what: &str| {
        let (csv, _) = exported(points, ExportFormat::Csv, true);
        let (found, wanted) = (sent(&csv, "csv"), influx_write::lines(&csv));
        assert!(found == wanted.trim_ascii(), "{what}: csv");
        let (lp, report) = exported(points, ExportFormat::Line, true);
        if report.line_feeds == 0 {
            assert!(sent(&lp, "lp") == lp.trim_ascii(), "{what}: lp");
        }
    };
    for (name, points) in cases() {
        check(&points, &name);
    }
    let mut runner = TestRunner::new(ProptestConfig::with_cases(50));
    let contents = content(b"m", Letters::Bytes, KINDS);
    let run = runner.run(&contents, |content| {
        check(&content.points(), "random");
        Ok(())
    });
    run.unwrap();
}

#[test]
fn conflicts_come_last_with_a_note() {
    let points = [
        point("a", 1, b"f", Value::Integer(1)),
        point("a", 2, b"f", Value::Integer(2)),
        point("a", 3, b"f", text("x")),
        point("b", 4, b"f", Value::Integer(4)),
    ];
    let (found, report) = exported(&points, ExportFormat::Line, false);
    let found = String::from_utf8(found).unwrap();
    assert_eq!(
        found,
        "cpu,host=a f=1i 1\ncpu,host=a f=2i 2\ncpu,host=b f=4i 4\ncpu,host=a f=\"x\" 3\n"
    );
    assert_eq!((report.conflict_values, report.conflict_lines), (1, 1));
    let notes = report.notes(Glyphs::Ascii);
    assert!(notes[0].starts_with("the last 1 line hold 1 value in another type"), "{notes:?}");
    let (found, report) = exported(&points, ExportFormat::Csv, false);
    let lines = influx_write::lines(&found);
    assert!(lines.ends_with(b"cpu,host=a f=\"x\" 3\n"), "{lines:?}");
    assert_eq!(report.conflict_values, 1);
}

#[test]
fn a_part_is_chosen_by_time_and_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let other = odd(&[], "f", 2, Value::Integer(9));
    let points: Vec<_> = (1..4).map(|at| point("a", at, b"f", Value::Integer(at))).collect();
    let all = [&points[..], &[other]].concat();
    write_all(&Storage::folder(&spool), &frames_of(&all)).unwrap();
    let target = || ExportTarget::File(folder.path().join("text"));
    let part = |filter: &str| ExportConfig {
        start: RangeStart::At(sluice::testing::model::time::Timestamp::from_ns(2)),
        stop: RangeStop::At(sluice::testing::model::time::Timestamp::from_ns(3)),
        filter: Filter { measurements: vec![filter.to_owned()], ..Filter::default() },
        ..config(&spool, ExportFormat::Line, target())
    };
    export(&part("cpu")).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("text")).unwrap(), "cpu,host=a f=2i 2\n");
    let again = export(&part("cpu")).unwrap_err();
    assert!(matches!(again, Error::OutputExists { .. }), "{again}");
    assert_eq!(again.exit(), ExitCode::Usage);
    fs::remove_file(folder.path().join("text")).unwrap();
    // What a stopped export has left is in nobody's way, but one that is under way is not disturbed.
    let partial = folder.path().join("text.partial");
    fs::write(&partial, "the beginning of another export").unwrap();
    export(&part("cpu")).unwrap();
    fs::rename(folder.path().join("text"), &partial).unwrap();
    let other = fs::File::open(&partial).unwrap();
    other.lock().unwrap();
    let held = export(&part("cpu")).unwrap_err();
    assert_eq!(held.exit(), ExitCode::Locked, "{held}");
    assert_eq!(fs::read_to_string(&partial).unwrap(), "cpu,host=a f=2i 2\n");
    other.unlock().unwrap();
    fs::remove_file(&partial).unwrap();
    let missing = export(&part("mem")).unwrap_err();
    assert_eq!(missing.exit(), ExitCode::Usage, "{missing}");
    let mut by_field = part("cpu");
    by_field.filter.fields = vec!["f".to_owned()];
    let Error::Job(narrow) = export(&by_field).unwrap_err() else { panic!("another error") };
    assert!(matches!(*narrow, JobError::NotLoadable { .. }), "{narrow}");
    let nowhere = ExportTarget::File(folder.path().join("none/text"));
    let nowhere = export(&ExportConfig { target: nowhere, ..part("cpu") }).unwrap_err();
    assert_eq!(nowhere.exit(), ExitCode::Permanent, "{nowhere}");
    assert!(!folder.path().join("text").exists() && !folder.path().join("text.partial").exists());
}

#[tokio::test]
async fn the_program_exports_and_tells() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let points = [
        point("a", 1, b"f", Value::Integer(1)),
        point("a\\", 2, b"f", Value::Integer(2)),
        point("a", 3, b"f", text("x")),
    ];
    write_all(&Storage::folder(&spool), &frames_of(&points)).unwrap();
    let place = spool.display().to_string();
    let file = folder.path().join("text.lp.gz").display().to_string();
    let ended = run(bare(&["export", &place, "--format", "lp", "--output", &file])).await;
    ended.assert_code(3);
    assert!(ended.out.starts_with("EXPORTED  "), "{ended:?}");
    for note in
        ["notice: not carried: 1 value of cpu: a tag value ends in a backslash", "the last 1"]
    {
        assert!(ended.err.contains(note), "{ended:?}");
    }
    let mut lines = String::new();
    GzDecoder::new(fs::File::open(&file).unwrap()).read_to_string(&mut lines).unwrap();
    assert_eq!(lines, "cpu,host=a f=1i 1\ncpu,host=a f=\"x\" 3\n");
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&file).unwrap()) & 0o777, 0o600);

    let ended = run(bare(&["export", &place, "--format", "csv", "--output", "-", "--json"])).await;
    ended.assert_code(3);
    assert!(ended.out.starts_with("#datatype,measurement,tag,long,"), "{ended:?}");
    let told: serde_json::Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!((&told["message_type"], &told["not_carried"]), (&"export".into(), &1.into()));
    let ended = run(bare(&["export", &place, "--format", "xml", "--output", "-"])).await;
    ended.assert_code(2);
    let ended =
        run(bare(&["export", &place, "--format", "lp", "--output", "-", "--stop", "x"])).await;
    ended.assert_code(2);
    let ended = run(bare(&["export", &file, "--format", "lp", "--output", "-"])).await;
    ended.assert_code(13);

    // Damage is found before the first line is written.
    let parquet = super::files(&spool).into_iter().find(|path| path.starts_with("conflicts"));
    let parquet = spool.join(parquet.unwrap());
    let mut bytes = fs::read(&parquet).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&parquet, bytes).unwrap();
    let ended = run(bare(&["export", &place, "--format", "lp", "--output", "-"])).await;
    ended.assert_code(13);
    assert!(ended.out.is_empty() && ended.err.contains("conflicts/"), "{ended:?}");
}
