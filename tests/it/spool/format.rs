//! A spool of each format, as a version that made such spools wrote it, stays readable, goes on in its format, and is loaded.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::metadata::ParquetMetaDataReader;
use sluice::testing::exit::ExitCode;
use sluice::testing::model::series::Series;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::state::{FORMAT, StagedJob};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::{Job0, frames_of};
use super::{files, read_all, write_batch};
use crate::support::golden::{Point, Value};
use crate::support::rig::{BUCKET, Rig, oss_source, points, store_of};

const HOUR_NS: i64 = 3_600_000_000_000;
/// 2022-01-31T22:00:00Z: the second batch reaches into the next month.
const START_NS: i64 = 1_643_666_400_000_000_000;

/// All formats that there were.
const FORMATS: [u64; 2] = [1, 2];

fn fixture(format: u64) -> PathBuf {
    let place = format!("tests/golden/spool-format-{format}");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(place)
}

fn own_job() -> StagedJob {
    let mut job = Job0::from(START_NS);
    job.source_bucket = "plant".into();
    // Not known, so a load takes no field for one that has a single type in each shard group.
    job.shard_group_ns = None;
    job
}

fn batch(n: i64) -> TimeRange {
    let at = |n: i64| Timestamp::from_ns(START_NS + n * HOUR_NS * 3 / 2);
    TimeRange::new(at(n), at(n + 1))
}

/// Every type, bytes that are no text, names that a path cannot hold, a field with two types.
fn content(n: i64) -> Vec<Point> {
    let start = batch(n).start.ns();
    let tags = |host: &[u8]| [((*b"host").into(), host.into()), ((*b"r r").into(), (*b"x").into())];
    let (one, two) = (Series::new(*b"cpu", tags(b"a")), Series::new(*b"cpu", tags(b"b\xff")));
    let other = Series::new(*b"a/b,c\xfe", []);
    let mut points = Vec::new();
    let mut put = |series: &Series, field: &[u8], time: i64, value: Value| {
        points.push(Point { series: series.clone(), field: field.into(), time, value });
    };
    for at in 0..4 {
        let time = start + at * HOUR_NS / 3 + at;
        put(&one, b"float", time, Value::Float((n as f64 + 0.1 * at as f64).to_bits()));
        put(&one, b"integer", time, Value::Integer(i64::MIN + n + at));
        put(&two, b"unsigned", time, Value::Unsigned(u64::MAX - at.unsigned_abs()));
        put(
            &two,
            b"string",
            time,
            Value::Text(if at == 1 { (*b"").into() } else { (*b"\xf0x").into() }),
        );
        put(&other, b"boolean", time, Value::Boolean(at % 2 == 0));
        let mixed = if at == 3 { Value::Text((*b"odd").into()) } else { Value::Integer(at) };
        put(&one, b"mixed", time, mixed);
    }
    points.sort();
    points
}

fn contents(batches: i64) -> Vec<Point> {
    let mut all: Vec<_> = (0..batches).flat_map(content).collect();
    all.sort();
    all
}

/// A copy of it that may be written to.
fn copy_to(place: &Path, format: u64) {
    let all = files(&fixture(format));
    assert!(all.len() >= 10, "the fixture is not whole: {all:?}");
    for file in all {
        let to = place.join(&file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(fixture(format).join(&file), to).unwrap();
    }
}

#[test]
fn the_newest_format_has_a_fixture() {
    assert_eq!(FORMATS.last(), Some(&FORMAT));
}

/// Writes the fixture of the newest format: `cargo test --test it spool::format -- --ignored`. Only where there is none,
/// because the point of it is to become old.
#[test]
#[ignore = "writes the fixture of a new format"]
fn the_fixture_is_written_where_there_is_none() {
    let fixture = || fixture(FORMAT);
    assert!(!fixture().join("manifest.json").exists(), "{} is there", fixture().display());
    let storage = Storage::folder(fixture());
    let spool = Spool::open(&storage, &own_job(), false).unwrap();
    for n in 0..3 {
        write_batch(&spool, batch(n), &frames_of(&content(n))).unwrap();
    }
    spool.close().unwrap();
    fs::remove_dir(fixture().join("staging")).unwrap();
}

/// The format that manifest and files tell, and the id of the job in each of them.
fn told(place: &Path) -> (u64, BTreeSet<(String, String)>) {
    let manifest = fs::read_to_string(place.join("manifest.json")).unwrap();
    let json = manifest.lines().next().unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let mut parquet = files(place);
    parquet.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    let footers = parquet.iter().map(|path| {
        let file = fs::File::open(place.join(path)).unwrap();
        let footer = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
        let pairs = footer.file_metadata().key_value_metadata().unwrap();
        let value =
            |key: &str| pairs.iter().find(|pair| pair.key == key).unwrap().value.clone().unwrap();
        (value("sluice.format"), value("sluice.job"))
    });
    (json["format"].as_u64().unwrap(), footers.collect())
}

#[test]
fn a_spool_of_each_format_holds_what_it_held() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        copy_to(folder.path(), format);
        let storage = Storage::folder(folder.path());
        assert_eq!(read_all(&storage).unwrap(), contents(3));
        let stored = Stored::open(&storage).unwrap();
        assert_eq!(stored.job(), own_job());
        assert_eq!(stored.watermark(), batch(2).stop);
        let proof = stored.prove(|_| ()).unwrap();
        assert!(proof.findings.is_empty() && proof.batches == 3, "{format}: {proof:?}");
        let described = stored.describe();
        let counts: Vec<_> = described
            .measurements
            .iter()
            .map(|own| (own.files, own.rows, own.values, own.conflicts, own.months.len()))
            .collect();
        assert_eq!(counts, [(4, 12, 12, 0, 2), (7, 27, 60, 3, 2)]);
    }
}

#[test]
fn a_spool_of_each_format_goes_on_in_it_and_is_merged() {
    let mut ids = BTreeSet::new();
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        copy_to(folder.path(), format);
        let storage = Storage::folder(folder.path());
        let spool = Spool::open(&storage, &own_job(), false).unwrap();
        assert_eq!((spool.watermark(), spool.totals()), (batch(2).stop, (39, 72)));
        write_batch(&spool, batch(3), &frames_of(&content(3))).unwrap();
        assert!(spool.compact(CompactedSizes::default()).unwrap().files_before > 0);
        spool.close().unwrap();
        assert_eq!(read_all(&storage).unwrap(), contents(4));
        let stored = Stored::open(&storage).unwrap();
        let parts = StoredSelection { range: batch(1), ..StoredSelection::ALL };
        assert_eq!(super::read(&stored, &parts).unwrap(), content(1));
        let (own, footers) = told(folder.path());
        assert_eq!((own, footers.len()), (format, 1), "one id, one format");
        assert!(footers.iter().all(|(told, _)| *told == format.to_string()));
        ids.extend(footers.into_iter().map(|(_, id)| id));
    }
    assert_eq!(ids.len(), FORMATS.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_of_each_format_is_loaded() {
    for format in FORMATS {
        let rig = Rig::start(oss_source(), store_of(b"m f=1 0\n", 86_400)).await;
        copy_to(&rig.stage_dir(), format);
        let mut config = rig.load_config();
        config.safety.on_type_conflict =
            sluice::testing::pipeline::write::bucket::type_conflict::ConflictPolicy::Suffix;
        let run = rig.load(config).await;
        // The job of the fixture goes on behind what it has staged.
        run.assert_exit(ExitCode::Rejected);
        let staged = run.finished().outcome.lacking.staged;
        assert_eq!(staged.map(|(to, _)| to), Some(batch(2).stop));
        let mut found = points(rig.destination.store(), BUCKET);
        let mut wanted = contents(3);
        for point in &mut wanted {
            if *point.field == *b"mixed" && matches!(point.value, Value::Text(_)) {
                point.field = (*b"mixed_string").into();
            }
        }
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted);
    }
}
