//! Places inside a spool: names of any bytes as parts of paths, months, file names.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::Offset;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::limits::SPOOL_NAME_BYTES_MAX;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::digest;

/// All but letters, digits, `_` and `-`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// Percent-encoded: letters, digits, `_` and `-` stay, all other bytes become `%XX`. So no name is a path, a hidden
/// file or a key of its own.
pub(crate) fn encode(name: &[u8]) -> String {
    percent_encode(name, ENCODED).to_string()
}

/// The bytes that [`encode`] wrote so; `None` for any other text.
pub(crate) fn decode(text: &str) -> Option<Box<[u8]>> {
    let bytes: Vec<_> = percent_decode_str(text).collect();
    // Whatever else decodes to these bytes was not written by `encode`.
    (encode(&bytes) == text).then(|| bytes.into())
}

/// The part of a path that stands for a name: encoded, and cut where it would be too long for a file system. A cut
/// name keeps its beginning and gets a digest behind `~`, which no encoded name holds.
pub(crate) fn part(name: &[u8]) -> String {
    let mut text = encode(name);
    if text.len() <= SPOOL_NAME_BYTES_MAX {
        return text;
    }
    let digest = digest::sha256(name);
    text.truncate(SPOOL_NAME_BYTES_MAX - 33);
    // Not inside of an escape.
    if let Some(at) = text.rfind('%').filter(|at| text.len() - at < 3) {
        text.truncate(at);
    }
    text + "~" + &digest[..32]
}

/// The keys of the partitions of one measurement. They are columns for many readers, so they must not have the name
/// of a column in the files.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartitionKeys {
    /// `bucket`, with as many `_` before it as it takes.
    pub bucket: String,
    /// `measurement`, likewise.
    pub measurement: String,
    /// `month`, likewise.
    pub month: String,
}

impl Default for PartitionKeys {
    fn default() -> Self {
        Self { bucket: "bucket".into(), measurement: "measurement".into(), month: "month".into() }
    }
}

impl PartitionKeys {
    /// These keys, each lengthened until it is no label of a column.
    #[must_use]
    pub fn apart_from(mut self, is_label: impl Fn(&str) -> bool) -> Self {
        for key in [&mut self.bucket, &mut self.measurement, &mut self.month] {
            while is_label(key) {
                key.insert(0, '_');
            }
        }
        self
    }
}

/// Which tree a file stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tree {
    /// One type for each field.
    Data,
    /// The values of fields in other types than the one in `data`.
    Conflicts,
}

impl Tree {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Data, Self::Conflicts];

    /// The folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Conflicts => "conflicts",
        }
    }

    /// The tree of a file.
    pub fn of(path: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|tree| path.strip_prefix(tree.folder()).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// The folder of the files of a measurement and month, from the root of the spool.
pub(crate) fn folder(
    tree: Tree,
    keys: &PartitionKeys,
    bucket: &[u8],
    measurement: &[u8],
    month: Month,
) -> String {
    format!(
        "{}/{}={}/{}={}/{}={month}",
        tree.folder(),
        keys.bucket,
        part(bucket),
        keys.measurement,
        part(measurement),
        keys.month
    )
}

/// `<start>_<stop>-<hash>.parquet`.
pub(crate) fn file_name(range: TimeRange, sha256: &str) -> String {
    let time = |time: Timestamp| time.to_string().replace(['-', ':'], "");
    format!("{}_{}-{}.parquet", time(range.start), time(range.stop), &sha256[..16])
}

/// The range in the name of a file; `None` if it was not made by [`file_name`].
pub(crate) fn range_of(path: &str) -> Option<TimeRange> {
    let name = path.rsplit('/').next()?.strip_suffix(".parquet")?;
    let (range, hash) = name.rsplit_once('-')?;
    let (start, stop) = range.split_once('_')?;
    let range = TimeRange { start: start.parse().ok()?, stop: stop.parse().ok()? };
    let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    (hash.len() == 16
        && hash.bytes().all(is_hex)
        && file_name(range, hash) == path.rsplit('/').next()?)
    .then_some(range)
}

/// What the path of a file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FilePlace<'a> {
    pub(crate) tree: Tree,
    /// The part that stands for the bucket.
    pub(crate) bucket: &'a str,
    /// The part that stands for the measurement.
    pub(crate) measurement: &'a str,
    pub(crate) month: Month,
    /// The file itself.
    pub(crate) file: &'a str,
}

impl<'a> FilePlace<'a> {
    /// The place that a path names; `None` for every path that [`folder`] and [`file_name`] do not make. So no path that
    /// was read leads out of its tree.
    pub(crate) fn of(path: &'a str) -> Option<Self> {
        let mut parts = path.split('/');
        let mut next = || parts.next();
        let (tree, bucket, measurement, month, file) =
            (next()?, next()?, next()?, next()?, next()?);
        let place = Self {
            tree: Tree::ALL.into_iter().find(|own| own.folder() == tree)?,
            bucket: value(bucket, "bucket")?,
            measurement: value(measurement, "measurement")?,
            month: value(month, "month")?.parse().ok()?,
            file,
        };
        (next().is_none() && range_of(file).is_some()).then_some(place)
    }
}

/// What stands behind the key of a partition.
fn value<'a>(part: &'a str, key: &str) -> Option<&'a str> {
    let (own, value) = part.split_once('=')?;
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'%' | b'~');
    let fits = is_key(own, key) && value.len() <= SPOOL_NAME_BYTES_MAX && value.bytes().all(plain);
    fits.then_some(value)
}

/// True for a key of partitions, however often it was lengthened.
pub(crate) fn is_key(text: &str, key: &str) -> bool {
    text.trim_start_matches('_') == key
}

/// A calendar month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Month {
    year: i16,
    /// 1 to 12.
    month: i8,
}

impl Month {
    /// The month of an instant.
    ///
    /// # Panics
    ///
    /// Never: 64-bit nanoseconds lie inside the calendar.
    pub(crate) fn of(time: Timestamp) -> Self {
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(time.ns()))
            .expect("64-bit nanoseconds lie inside jiff's range");
        let date = Offset::UTC.to_datetime(stamp).date();
        Self { year: date.year(), month: date.month() }
    }

    /// The first nanosecond of the next month; `None` if that is beyond 64 bits.
    pub(crate) fn next_ns(self) -> Option<i64> {
        let (year, month) =
            if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        let date = Date::new(year, month, 1).ok()?;
        let stamp = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
        i64::try_from(stamp.as_nanosecond()).ok()
    }
}

/// `YYYY-MM`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A text that is no month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no month")]
pub(crate) struct ParseMonthError(pub String);

impl FromStr for Month {
    type Err = ParseMonthError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseMonthError(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(bad)?;
        let month = Self {
            year: year.parse().map_err(|_| bad())?,
            month: month.parse().map_err(|_| bad())?,
        };
        ((1..=12).contains(&month.month) && month.to_string() == text)
            .then_some(month)
            .ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_become_one_plain_part_and_come_back() {
        let every: Vec<u8> = (0..=255).collect();
        for name in [&b""[..], b"cpu", b"a/b c=d", b"..", b".", b"%2F", b"\xff\x00", &every] {
            let text = encode(name);
            assert_eq!(decode(&text).as_deref(), Some(name));
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-%".contains(&b)));
        }
        for bad in ["%", "%2", "%2f", "%41", "a.b", "%G0", "é"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = |last: u8| [&vec![b'.'; 70_000][..], &[last]].concat();
        let (one, two) = (part(&long(b'1')), part(&long(b'2')));
        assert_ne!(one, two);
        assert!(one.len() <= SPOOL_NAME_BYTES_MAX && one.contains("%2E~"), "{one}");
        for length in 50..70 {
            let cut = part(&vec![b'.'; length]);
            assert!(cut.len() <= SPOOL_NAME_BYTES_MAX);
            assert!(cut.split('~').next().is_some_and(|text| text.len() % 3 == 0), "{cut}");
        }
    }

    #[test]
    fn keys_that_are_columns_get_a_prefix() {
        let labels = ["bucket", "_bucket", "month", "time"];
        let keys = PartitionKeys::default().apart_from(|key| labels.contains(&key));
        assert_eq!((&*keys.bucket, &*keys.measurement), ("__bucket", "measurement"));
        let month = "2022-01".parse().unwrap();
        assert_eq!(
            folder(Tree::Data, &keys, b"a/b", b"", month),
            "data/__bucket=a%2Fb/measurement=/_month=2022-01"
        );
    }

    #[test]
    fn file_names_tell_their_range() {
        let hash = "0123456789abcdef0123";
        for (start, stop, name) in [
            ("2022-01-01", "2022-01-02", "20220101T000000Z_20220102T000000Z-0123456789abcdef"),
            (
                "1677-09-21T00:12:43.145224194Z",
                "2262-04-11T23:47:16.854775807Z",
                "16770921T001243.145224194Z_22620411T234716.854775807Z-0123456789abcdef",
            ),
        ] {
            let range = TimeRange { start: start.parse().unwrap(), stop: stop.parse().unwrap() };
            assert_eq!(file_name(range, hash), format!("{name}.parquet"));
            assert_eq!(range_of(&format!("data/x/{name}.parquet")), Some(range));
        }
        for bad in ["x.parquet", "20220101T000000Z_20220102T000000Z-0123.parquet", "a/b", ""] {
            assert_eq!(range_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_places_that_were_made_here_are_places() {
        let (one, two) = ("2022-01-01".parse().unwrap(), "2022-01-02".parse().unwrap());
        let file = file_name(TimeRange { start: one, stop: two }, "0123456789abcdef0123");
        let month = "2022-01".parse().unwrap();
        for name in [&b""[..], b"..", b"a/b", b"\xff", &[b'x'; 999]] {
            let keys = PartitionKeys::default().apart_from(|key| key == "bucket");
            let path = format!("{}/{file}", folder(Tree::Conflicts, &keys, name, b"m", month));
            let place = FilePlace::of(&path).unwrap();
            assert_eq!((place.tree, place.month), (Tree::Conflicts, month));
            assert_eq!((place.bucket, place.measurement), (&*part(name), "m"));
        }
        let good = format!("data/bucket=b/measurement=m/month=2022-01/{file}");
        assert!(FilePlace::of(&good).is_some());
        for bad in [
            "",
            "/",
            "/dev/zero",
            "data",
            &format!("/{good}"),
            &format!("../{good}"),
            &format!("{good}/x"),
            &format!("{good}/"),
            &good.replace("data/", "data//"),
            &good.replace("data/", "journal/"),
            &good.replace("bucket=b", ".."),
            &good.replace("bucket=b", "bucket=.."),
            &good.replace("bucket=b", "bucket=b\0"),
            &good.replace("measurement=m", "measurements=m"),
            &good.replace("2022-01/", "2022-1/"),
            &good.replace("2022-01/", "2022-13/"),
            &good.replace(".parquet", ".txt"),
            &good.replace("abcdef", "ABCDEF"),
            &good.replace("abcdef", "..cdef"),
            &good.replace("bucket=b", &format!("bucket={}", "b".repeat(181))),
        ] {
            assert_eq!(FilePlace::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn months_are_those_of_utc() {
        for (time, month, next) in [
            ("2022-01-31T23:59:59.999999999Z", "2022-01", Some("2022-02-01")),
            ("2021-12-31", "2021-12", Some("2022-01-01")),
            ("1969-12-31T23:59:59.999999999Z", "1969-12", Some("1970-01-01")),
            ("1677-09-21T00:12:43.145224194Z", "1677-09", Some("1677-10-01")),
            ("2262-04-11T23:47:16.854775806Z", "2262-04", None),
        ] {
            let found = Month::of(time.parse().unwrap());
            assert_eq!(found.to_string(), month);
            assert_eq!(month.parse(), Ok(found));
            let next = next.map(|next| next.parse::<Timestamp>().unwrap().ns());
            assert_eq!(found.next_ns(), next);
        }
        for bad in ["2022", "2022-13", "2022-1", "2022-00", "x-01"] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
