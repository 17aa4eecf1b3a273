//! Damage that the digests do not tell of, because they were made right on purpose: the decoder sees it.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use parquet::file::metadata::{
    ColumnChunkMetaDataBuilder, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
    RowGroupMetaData,
};
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::model::time_type::TimeType;
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::state::StagedJob;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::forgery::{Forgery, sha256};
use super::round_trip::{Job0, frames_of, point};
use super::write_batch;
use crate::support::golden::{Point, Value, flatten};

/// A spool of two files, of which one is damaged again and again.
struct Forged {
    folder: tempfile::TempDir,
    /// Where the file stands now.
    path: RefCell<PathBuf>,
    /// Where it stood.
    place: String,
    bytes: Vec<u8>,
    genuine: Forgery,
    points: Vec<Point>,
}

fn points(n: i64) -> Vec<Point> {
    let mut points = Vec::new();
    for (host, at) in ["a", "b"].into_iter().flat_map(|host| (0..60).map(move |at| (host, at))) {
        let time = n * 1_000_000 + at * 1_000;
        let text = format!("{}", at * 31 % 7).into_bytes();
        points.push(point(host, time, b"float", Value::Float((at as f64 / 3.0).to_bits())));
        points.push(point(host, time, b"integer", Value::Integer(at * at - 7)));
        points.push(point(host, time, b"text", Value::Text(text.into())));
        if at % 3 == 0 {
            points.push(point(host, time, b"boolean", Value::Boolean(at % 2 == 0)));
            points.push(point(host, time, b"unsigned", Value::Unsigned(u64::MAX - 3)));
        }
    }
    points.sort();
    points
}

impl Forged {
    fn new(time_type: TimeType) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::folder(folder.path());
        let job = StagedJob { time_type, ..Job0::from(0) };
        let spool = Spool::open(&storage, &job, false).unwrap();
        let bounds = |n: i64| Timestamp::from_ns(n * 1_000_000);
        for n in 0..2 {
            let range = TimeRange::new(bounds(n), bounds(n + 1));
            write_batch(&spool, range, &frames_of(&points(n))).unwrap();
        }
        spool.close().unwrap();
        let stored = Stored::open(&storage).unwrap();
        let place = stored.files(&StoredSelection::ALL)[0].path.clone();
        let path = folder.path().join(&place);
        Self {
            bytes: fs::read(&path).unwrap(),
            genuine: Forgery::of(folder.path()),
            points: [points(0), points(1)].concat(),
            folder,
            path: RefCell::new(path),
            place,
        }
    }

    /// Puts these bytes into the file, and their digest into its name, the manifest and the journal.
    fn write(&self, bytes: &[u8]) {
        let digest = sha256(bytes);
        let (start, _) = self.place.rsplit_once('-').unwrap();
        let place = format!("{start}-{}.parquet", &digest[..16]);
        let mut forgery = self.genuine.clone();
        forgery.edit(&self.place, |entry| {
            entry["path"] = place.clone().into();
            entry["bytes"] = bytes.len().into();
            entry["sha256"] = digest.clone().into();
        });
        forgery.write();
        fs::remove_file(&*self.path.borrow()).unwrap();
        self.path.replace(self.folder.path().join(&place));
        fs::write(&*self.path.borrow(), bytes).unwrap();
    }

    fn stored(&self) -> Stored {
        Stored::open(&Storage::folder(self.folder.path())).unwrap()
    }

    /// Reads all of it: as it was, or an error at this file.
    fn read(&self, what: &str) -> Result<(), Error> {
        let frames = self
            .stored()
            .frames(&StoredSelection::ALL)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let read = self.named(frames, what).map(|frames| {
            let mut found = flatten(&frames);
            found.sort();
            let mut expected = self.points.clone();
            expected.sort();
            assert_eq!(found, expected, "{what}");
        });
        let verified = self.named(self.stored().verify_content(&StoredSelection::ALL), what);
        assert_eq!(verified.is_ok(), read.is_ok(), "{what}: both look at the content");
        read
    }

    fn named<T>(&self, result: Result<T, Error>, what: &str) -> Result<T, Error> {
        if let Err(error) = &result {
            let path = self.path.borrow();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(error.is_state() && error.to_string().contains(name), "{what}: {error:?}");
        }
        result
    }

    /// A part of the file cannot be held against the digest of the whole; but nothing breaks.
    fn read_part(&self, what: &str) {
        let range = TimeRange::new(Timestamp::from_ns(10_000), Timestamp::from_ns(20_000));
        let frames = self.stored().frames(&StoredSelection { range, ..StoredSelection::ALL });
        let _ = self.named(frames.and_then(Iterator::collect::<Result<Vec<_>, _>>), what);
    }
}

/// A thousand flips for each type of times, one to three bits at one time.
#[test]
fn bits_flipped_under_a_right_digest_are_errors_and_never_other_values() {
    for (seed, kind) in (0xf0_u64..).zip(TimeType::ALL) {
        let forged = Forged::new(kind);
        forged.write(&forged.bytes);
        forged.read("as it was").unwrap();
        let mut state = seed;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % bound
        };
        let (mut refused, mut panicked) = (0, 0);
        for n in 0..1_000 {
            let mut damaged = forged.bytes.clone();
            let mut places = Vec::new();
            for _ in 0..=(n % 3) {
                let at = below(damaged.len() * 8);
                damaged[at / 8] ^= 1 << (at % 8);
                places.push(at);
            }
            let what = format!("{kind}, seed {seed:#x}, flip {n}: bits {places:?}");
            forged.write(&damaged);
            if let Err(error) = forged.read(&what) {
                refused += 1;
                panicked += usize::from(error.to_string().contains("gave up"));
            }
            forged.read_part(&what);
        }
        eprintln!(
            "{kind}: {refused} of 1000 refused, {panicked} of them by a panic of the decoder"
        );
        assert!(refused > 400, "{kind}: only {refused} were found");
    }
}

#[test]
fn cuts_under_a_right_digest_are_errors() {
    let forged = Forged::new(TimeType::NsUtc);
    // An empty file is no file that could have been listed.
    for part in 1..64 {
        forged.write(&forged.bytes[..forged.bytes.len() * part / 64]);
        let what = format!("cut at {part}/64");
        assert!(forged.read(&what).is_err(), "{what}");
        forged.read_part(&what);
    }
}

/// Near the largest number there is; the writer of these footers adds up sizes.
const FAR: i64 = i64::MAX - (1 << 20);

/// What a footer says of the rows, the sizes and the places of its columns, up to the largest number that there is.
#[test]
fn footers_that_lie_are_errors() {
    let forged = Forged::new(TimeType::NsUtc);
    let own = footer(&forged.bytes);
    let columns = own.row_group(0).num_columns();
    let each = |change: &dyn Fn(ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder| {
        let changed = (0..columns).map(|at| {
            let column = own.row_group(0).column(at).clone().into_builder();
            (at, change(column).build().unwrap())
        });
        let with = |(at, column): (usize, _)| {
            let mut all = own.row_group(0).columns().to_vec();
            all[at] = column;
            own.row_group(0).clone().into_builder().set_column_metadata(all).build().unwrap()
        };
        changed.map(with).collect::<Vec<_>>()
    };
    let mut groups: Vec<(String, Vec<RowGroupMetaData>)> = Vec::new();
    for value in [FAR, i64::MIN, -1, 0, 1 << 40, 1 << 62] {
        let group = own.row_group(0).clone().into_builder();
        groups.push((format!("{value} rows"), vec![group.set_num_rows(value).build().unwrap()]));
        groups.push((format!("compressed {value}"), each(&|c| c.set_total_compressed_size(value))));
        groups.push((format!("place {value}"), each(&|c| c.set_data_page_offset(value))));
        let dictionary = each(&|c| c.set_dictionary_page_offset(Some(value)));
        groups.push((format!("dictionary {value}"), dictionary));
        groups.push((format!("{value} values"), each(&|c| c.set_num_values(value))));
    }
    for (what, groups) in groups {
        for group in groups {
            // Once alone, and twice: then the sum is beyond what can be counted.
            for groups in [vec![group.clone()], vec![group.clone(), group]] {
                // The writer of these footers adds up rows.
                let rows = groups.iter().try_fold(0i64, |sum, own| sum.checked_add(own.num_rows()));
                if rows.is_some() {
                    forged.write(&with_footer(&forged.bytes, groups));
                    assert!(forged.read(&what).is_err(), "{what}");
                    forged.read_part(&what);
                }
            }
        }
    }
    for length in [0, 1, 1 << 20, i32::MAX.cast_unsigned(), u32::MAX] {
        let mut bytes = forged.bytes.clone();
        let at = bytes.len() - 8;
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        forged.write(&bytes);
        assert!(forged.read(&format!("a footer of {length} bytes")).is_err());
    }
}

/// The header of a page says that it is 2 GiB large once it is unpacked.
#[test]
fn a_page_that_lies_takes_no_memory() {
    let forged = Forged::new(TimeType::NsUtc);
    let own = footer(&forged.bytes);
    let group = own.row_group(0);
    let last = group.columns().iter().max_by_key(|column| column.byte_range().0).unwrap();
    let (start, length) = last.byte_range();
    let at = usize::try_from(start).unwrap();
    let end = at + usize::try_from(length).unwrap();
    assert_eq!((forged.bytes[at], forged.bytes[at + 2]), (0x15, 0x15), "kind and size of a page");
    let size = forged.bytes[at + 3..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let largest = [0xfe, 0xff, 0xff, 0xff, 0x0f];
    let chunk = [&forged.bytes[at..at + 3], &largest, &forged.bytes[at + 3 + size..end]].concat();
    let mut columns = group.columns().to_vec();
    for column in &mut columns {
        let is_last = column.byte_range().0 == start;
        let builder = column.clone().into_builder();
        let builder = builder.set_offset_index_offset(None).set_offset_index_length(None);
        let builder = builder.set_column_index_offset(None).set_column_index_length(None);
        *column = if is_last {
            builder.set_total_compressed_size(chunk.len().cast_signed() as i64)
        } else {
            builder
        }
        .build()
        .unwrap();
    }
    let group = group.clone().into_builder().set_column_metadata(columns).build().unwrap();
    let mut bytes = [&forged.bytes[..at], &chunk].concat();
    append_footer(&mut bytes, &own, vec![group]);
    forged.write(&bytes);
    let before = peak_kib();
    let error = forged.read("a page of 2 GiB").unwrap_err();
    let more = peak_kib() - before;
    eprintln!("{more} KiB more: {error}");
    assert!(more < 1 << 19, "{more} KiB more: {error}");
}

/// The most memory that this process had.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn footer(bytes: &[u8]) -> ParquetMetaData {
    ParquetMetaDataReader::new().parse_and_finish(&Bytes::copy_from_slice(bytes)).unwrap()
}

/// The file with another footer.
fn with_footer(bytes: &[u8], groups: Vec<RowGroupMetaData>) -> Vec<u8> {
    let own = footer(bytes);
    let tail = bytes.len() - 8;
    let length = u32::from_le_bytes(bytes[tail..tail + 4].try_into().unwrap());
    let mut changed = bytes[..tail - usize::try_from(length).unwrap()].to_vec();
    append_footer(&mut changed, &own, groups);
    changed
}

fn append_footer(bytes: &mut Vec<u8>, own: &ParquetMetaData, groups: Vec<RowGroupMetaData>) {
    let metadata = ParquetMetaData::new(own.file_metadata().clone(), groups);
    ParquetMetaDataWriter::new(bytes, &metadata).finish().unwrap();
}

/// A compaction does not build on damaged content, and removes nothing.
#[test]
fn what_is_damaged_is_not_merged() {
    let forged = Forged::new(TimeType::NsUtc);
    let storage = Storage::folder(forged.folder.path());
    let mut at = 3;
    let mut refused = 0;
    for _ in 0..60 {
        at = (at * 31 + 17) % (forged.bytes.len() * 8);
        let mut damaged = forged.bytes.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        forged.write(&damaged);
        if forged.read("before").is_ok() {
            continue;
        }
        let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
        let error = spool.compact(CompactedSizes::default()).unwrap_err();
        assert!(error.is_state(), "bit {at}: {error}");
        drop(spool);
        assert_eq!(fs::read(&*forged.path.borrow()).unwrap(), damaged, "bit {at}");
        refused += 1;
    }
    assert!(refused > 20, "only {refused}");
    forged.write(&forged.bytes);
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    assert_eq!(spool.compact(CompactedSizes::default()).unwrap().files_after, 1);
    spool.close().unwrap();
}
