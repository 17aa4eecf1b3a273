//! Every recorded content through writer and reader: with each type of times, in batches and merged.

use std::collections::BTreeSet;

use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::model::time_type::TimeType;
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::frames_of;
use super::{job, read, read_all, write_all, write_batch};
use crate::support::golden::{Case, Point, flatten};
use crate::wire_csv::decode_plain_frames;

/// Three batches, so that there is something to merge.
fn batches(points: &[Point]) -> Vec<TimeRange> {
    let mut times: Vec<_> = points.iter().map(|point| point.time).collect();
    times.sort_unstable();
    let at = |third: usize| Timestamp::from_ns(times[times.len() * third / 3]);
    let bounds = [Timestamp::MIN, at(1), at(2), Timestamp::STOP_MAX];
    let ranges = bounds.windows(2).map(|pair| TimeRange::new(pair[0], pair[1]));
    ranges.filter(|range| !range.is_empty()).collect()
}

fn inside(points: &[Point], range: TimeRange) -> Vec<Point> {
    let inside = |point: &&Point| range.contains(Timestamp::from_ns(point.time));
    points.iter().filter(inside).cloned().collect()
}

/// Writes batch by batch. Gives the first batch that was refused because of its times.
fn spooled(spool: &Spool, points: &[Point], kind: TimeType) -> Option<TimeRange> {
    for range in batches(points) {
        let own = inside(points, range);
        let odd = own.iter().find(|point| !kind.holds(Timestamp::from_ns(point.time)));
        let written = write_batch(spool, range, &frames_of(&own));
        let Some(odd) = odd else {
            written.unwrap();
            continue;
        };
        let error = written.unwrap_err();
        let Error::TimeDigits { batch, time, time_type, .. } = &error else { panic!("{error}") };
        assert_eq!((*batch, *time_type), (range, kind));
        assert!(own.iter().any(|point| point.time == time.ns()) && !kind.holds(*time));
        assert!(error.to_string().contains(&time.to_string()), "{error}, as {odd:?}");
        return Some(range);
    }
    None
}

#[test]
fn every_recorded_content_comes_back_with_each_type_of_times_in_batches_and_merged() {
    let golden = crate::support::golden();
    let mut seen = [0; 3];
    let mut refused = 0;
    for entry in std::fs::read_dir(golden.join("cases")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !golden.join("cases").join(&name).join("expected.jsonl").is_file() {
            continue;
        }
        let points = Case::open(&name).expected();
        if points.is_empty() {
            continue;
        }
        for (kind, seen) in TimeType::ALL.into_iter().zip(&mut seen) {
            let folder = tempfile::tempdir().unwrap();
            let storage = Storage::folder(folder.path());
            let job = sluice::testing::spool::state::StagedJob { time_type: kind, ..job() };
            let spool = Spool::open(&storage, &job, false).unwrap();
            let stopped = spooled(&spool, &points, kind);
            let expected = match stopped {
                Some(batch) => {
                    assert_eq!(spool.watermark(), batch.start, "nothing of it is committed");
                    refused += 1;
                    inside(&points, TimeRange::new(Timestamp::MIN, batch.start))
                }
                None => points.clone(),
            };
            *seen += usize::from(stopped.is_none());
            assert_eq!(read_all(&storage).unwrap(), expected, "{name} {kind}");
            let before = Stored::open(&storage).unwrap().files(&StoredSelection::ALL).len();
            let merged = spool.compact(CompactedSizes::default()).unwrap();
            spool.close().unwrap();
            let stored = Stored::open(&storage).unwrap();
            let after = stored.files(&StoredSelection::ALL).len() as u64;
            assert_eq!(before as u64 - merged.files_before + merged.files_after, after);
            assert_eq!(read_all(&storage).unwrap(), expected, "{name} {kind}, merged");
            for range in batches(&points) {
                let part =
                    read(&stored, &StoredSelection { range, ..StoredSelection::ALL }).unwrap();
                assert_eq!(part, inside(&expected, range), "{name} {kind} {range}");
            }
            if stopped.is_none() {
                let all = stored.describe().measurements;
                let conflicts: u64 = all.iter().map(|own| own.conflicts).sum();
                assert_eq!(conflicts > 0, name.starts_with("07-type"), "{name}");
            }
        }
    }
    assert!(seen[0] >= 15 && seen[0] == seen[2], "{seen:?} cases");
    assert!(seen[1] >= 3 && refused >= 1, "microseconds: {} hold, {refused} do not", seen[1]);
}

/// A field has one type in `data`; what has another one stands in `conflicts`, as it is.
#[test]
fn minority_types_stand_apart_and_are_not_cast() {
    for name in ["07-type-bool-uint-int", "07-type-int-float", "07-type-int-float-string"] {
        let case = Case::open(name);
        let points = case.expected();
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::folder(folder.path());
        write_all(&storage, &frames_of(&points)).unwrap();
        let stored = Stored::open(&storage).unwrap();
        let mut trees = [BTreeSet::new(), BTreeSet::new()];
        for file in stored.files(&StoredSelection::ALL) {
            let tree = usize::from(file.path.starts_with("conflicts/"));
            let frames = stored.frames_of(std::slice::from_ref(file), TimeRange::ALL).unwrap();
            for frame in frames {
                let frame = frame.unwrap();
                let own =
                    frame.fields.iter().map(|field| (frame.measurement.clone(), field.clone()));
                trees[tree].extend(own);
            }
        }
        let [data, conflicts] = trees;
        let names: BTreeSet<_> = data.iter().map(|(of, (name, _))| (of, name)).collect();
        assert_eq!(names.len(), data.len(), "{name}: one type in data");
        assert!(!conflicts.is_empty() && conflicts.is_disjoint(&data), "{name}");
        assert!(conflicts.iter().all(|(of, (name, _))| names.contains(&(of, name))), "{name}");
    }
}

#[test]
fn frames_of_decoded_answers_come_back() {
    for name in ["01-types", "03-names-utf8", "03-names-tag-is-field", "06-nulls", "08-sensors"] {
        let case = Case::open(name);
        let frames = decode_plain_frames(&case.bytes("plain.csv"));
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::folder(folder.path());
        write_all(&storage, &frames).unwrap();
        assert_eq!(read_all(&storage).unwrap(), flatten(&frames), "{name}");
    }
}
