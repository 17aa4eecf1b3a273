//! What line protocol cannot carry to InfluxDB OSS 2.x.
//!
//! The server's grammar has no escape for a backslash in a name, ends lines at newlines and keeps a few names for
//! itself. Each function judges one place; what passes arrives byte for byte, what fails would be refused, lost, or
//! stored under another name. The one exception: where a backslash before a space hides the end of the line, a second
//! stray quote may reveal it again by chance; such names are refused, too.

use memchr::{memchr, memchr_iter};

use super::split::Splitter;
use crate::limits::{SERIES_KEY_BYTES_MAX, STRING_VALUE_BYTES_MAX};
use crate::model::series::Series;
use crate::model::time::Timestamp;

/// Why line protocol cannot carry something. The texts are stable: they stand in the rejects file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Uncarried {
    /// A line begins with a measurement.
    #[error("the measurement is empty")]
    MeasurementEmpty,
    /// The server takes the line for a comment.
    #[error("the measurement begins with #")]
    MeasurementHash,
    /// The server strips tabs and NULs from the beginning of a line.
    #[error("the measurement begins with a tab or a NUL")]
    MeasurementBlank,
    /// The server takes the backslash for an escape: the name changes, or no query reads it.
    #[error("the measurement holds a backslash before a comma, space, equals sign or quote")]
    MeasurementBackslash,
    /// The backslash would escape what follows the name.
    #[error("the measurement ends in a backslash")]
    MeasurementBackslashLast,
    /// The newline ends the line.
    #[error("the measurement holds a newline")]
    MeasurementNewline,
    /// A tag has a key.
    #[error("a tag key is empty")]
    TagKeyEmpty,
    /// `time`, `_field`, `_measurement`, and the single bytes 00 and ff.
    #[error("a tag key is reserved")]
    TagKeyReserved,
    /// A series has each tag once.
    #[error("a tag key occurs twice")]
    TagKeyTwice,
    /// See [`Uncarried::MeasurementBackslashLast`].
    #[error("a tag key ends in a backslash")]
    TagKeyBackslashLast,
    /// See [`Uncarried::MeasurementNewline`].
    #[error("a tag key holds a newline")]
    TagKeyNewline,
    /// See [`Uncarried::MeasurementBackslashLast`].
    #[error("a tag value ends in a backslash")]
    TagValueBackslashLast,
    /// See [`Uncarried::MeasurementNewline`].
    #[error("a tag value holds a newline")]
    TagValueNewline,
    /// After a backslash and a space the server loses count of the quotes and does not find the end of the line.
    #[error("the tags hold a backslash before a space that hides the end of the line")]
    TagsHideLineEnd,
    /// The server limits the key of a series, escaped.
    #[error("the series key is longer than 65535 bytes")]
    SeriesKeyLong,
    /// A field has a key.
    #[error("the field key is empty")]
    FieldKeyEmpty,
    /// The server drops the field `time`.
    #[error("the field key is time")]
    FieldKeyTime,
    /// The server strips tabs and NULs before the first field of a line.
    #[error("the field key begins with a tab or a NUL and no other field goes before it")]
    FieldKeyBlank,
    /// The server takes the backslash for an escape.
    #[error("the field key holds a backslash before a comma, space or equals sign")]
    FieldKeyBackslash,
    /// See [`Uncarried::MeasurementBackslashLast`].
    #[error("the field key ends in a backslash")]
    FieldKeyBackslashLast,
    /// See [`Uncarried::MeasurementNewline`].
    #[error("the field key holds a newline")]
    FieldKeyNewline,
    /// The server limits series key and field key together.
    #[error("series key and field key are longer than 65535 bytes")]
    FieldKeyLong,
    /// The server limits strings.
    #[error("the string is longer than 1048576 bytes")]
    StringLong,
    /// Line protocol has no NaN and no infinity.
    #[error("the float is not finite")]
    FloatNotFinite,
    /// The first two and the last instant of 64-bit nanoseconds are refused.
    #[error("the time is outside 1677-09-21T00:12:43.145224194Z to 2262-04-11T23:47:16.854775806Z")]
    TimeOutOfRange,
}

/// What the tags leave behind in the server's search for the end of the line. Not [`Balance::Even`] only if a tag
/// holds a backslash before a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// Nothing.
    Even,
    /// A bare quote in a field key counts as the beginning of a string.
    Ahead,
    /// The quotes of a string value do not count.
    Behind,
}

impl Balance {
    /// Judges a field of a series with this balance: its escaped key, and whether its values are strings.
    pub fn field(self, escaped_key: &[u8], is_string: bool) -> Result<(), Uncarried> {
        let lost = match self {
            Self::Even => false,
            Self::Ahead => has_bare(escaped_key, b'"'),
            Self::Behind => is_string,
        };
        if lost { Err(Uncarried::TagsHideLineEnd) } else { Ok(()) }
    }
}

/// Judges a measurement.
pub(crate) fn measurement(name: &[u8]) -> Result<(), Uncarried> {
    match name.first() {
        None => return Err(Uncarried::MeasurementEmpty),
        Some(b'#') => return Err(Uncarried::MeasurementHash),
        Some(b'\t' | 0) => return Err(Uncarried::MeasurementBlank),
        Some(_) => {}
    }
    if memchr_iter(b'\\', name)
        .any(|at| matches!(name.get(at + 1), Some(b',' | b' ' | b'=' | b'"')))
    {
        return Err(Uncarried::MeasurementBackslash);
    }
    ends_well(name, Uncarried::MeasurementBackslashLast, Uncarried::MeasurementNewline)
}

/// Judges a tag key.
pub(crate) fn tag_key(name: &[u8]) -> Result<(), Uncarried> {
    match name {
        b"" => Err(Uncarried::TagKeyEmpty),
        b"time" | b"_field" | b"_measurement" | b"\x00" | b"\xff" => Err(Uncarried::TagKeyReserved),
        _ => ends_well(name, Uncarried::TagKeyBackslashLast, Uncarried::TagKeyNewline),
    }
}

/// Judges a tag value. The empty one is no value: the tag is left out.
pub(crate) fn tag_value(value: &[u8]) -> Result<(), Uncarried> {
    ends_well(value, Uncarried::TagValueBackslashLast, Uncarried::TagValueNewline)
}

/// Judges a series whose escaped form is `key`: every name, and all of them together.
pub fn series(series: &Series, key: &[u8]) -> Result<Balance, Uncarried> {
    measurement(&series.measurement)?;
    for (name, value) in &series.tags {
        tag_key(name)?;
        tag_value(value)?;
    }
    if series.tags.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Uncarried::TagKeyTwice);
    }
    if key.len() > SERIES_KEY_BYTES_MAX {
        return Err(Uncarried::SeriesKeyLong);
    }
    if memchr(b'\\', key).is_none() {
        return Ok(Balance::Even);
    }
    match Splitter::balance_after(key).ok_or(Uncarried::TagsHideLineEnd)? {
        0 => Ok(Balance::Even),
        1.. => Ok(Balance::Ahead),
        _ => Ok(Balance::Behind),
    }
}

/// Judges a field key, wherever it stands in its line. See [`may_be_first`] and [`field_key_length`].
pub fn field_key(name: &[u8]) -> Result<(), Uncarried> {
    match name {
        b"" => return Err(Uncarried::FieldKeyEmpty),
        b"time" => return Err(Uncarried::FieldKeyTime),
        _ => {}
    }
    ends_well(name, Uncarried::FieldKeyBackslashLast, Uncarried::FieldKeyNewline)?;
    let taken = memchr_iter(b'\\', name).any(|at| {
        matches!(name.get(at + 1), Some(b',' | b' ' | b'='))
            && !backslashes_before(name, at + 1).is_multiple_of(2)
    });
    if taken { Err(Uncarried::FieldKeyBackslash) } else { Ok(()) }
}

/// False for a field key that the server would shorten if it were the first one of its line.
pub fn may_be_first(field_key: &[u8]) -> bool {
    !matches!(field_key.first(), Some(b'\t' | 0))
}

/// Judges the length of a series key and a field key together, both escaped. The server adds four bytes between them.
pub(crate) fn field_key_length(
    series_key_bytes: usize,
    field_key_bytes: usize,
) -> Result<(), Uncarried> {
    if series_key_bytes + 4 + field_key_bytes > SERIES_KEY_BYTES_MAX {
        Err(Uncarried::FieldKeyLong)
    } else {
        Ok(())
    }
}

/// Judges a string value.
#[inline]
pub(crate) fn string(value: &[u8]) -> Result<(), Uncarried> {
    if value.len() > STRING_VALUE_BYTES_MAX { Err(Uncarried::StringLong) } else { Ok(()) }
}

/// Judges a float.
#[inline]
pub(crate) fn float(value: f64) -> Result<(), Uncarried> {
    if value.is_finite() { Ok(()) } else { Err(Uncarried::FloatNotFinite) }
}

/// Judges a time.
#[inline]
pub(crate) fn time(time: Timestamp) -> Result<(), Uncarried> {
    if (Timestamp::MIN..=Timestamp::MAX).contains(&time) {
        Ok(())
    } else {
        Err(Uncarried::TimeOutOfRange)
    }
}

fn ends_well(name: &[u8], last: Uncarried, newline: Uncarried) -> Result<(), Uncarried> {
    if name.last() == Some(&b'\\') {
        return Err(last);
    }
    if has_bare(name, b'\n') { Err(newline) } else { Ok(()) }
}

/// True if one of the bytes stands where no backslash takes it along: after an even number of them.
fn has_bare(name: &[u8], byte: u8) -> bool {
    memchr_iter(byte, name).any(|at| backslashes_before(name, at).is_multiple_of(2))
}

fn backslashes_before(name: &[u8], at: usize) -> usize {
    name[..at].iter().rev().take_while(|&&byte| byte == b'\\').count()
}

#[cfg(test)]
mod tests {
    use super::super::escape;
    use super::*;
    use crate::model::series::Name;

    fn judge(measurement: &str, tags: &[(&str, &str)]) -> Result<Balance, Uncarried> {
        let name = |text: &str| Name::from(text.as_bytes());
        let tags = tags.iter().map(|(key, value)| (name(key), name(value)));
        let one = Series::new(measurement.as_bytes(), tags);
        let mut key = Vec::new();
        escape::series(&mut key, &one);
        series(&one, &key)
    }

    #[test]
    fn measurements() {
        use Uncarried::{
            MeasurementBackslash, MeasurementBackslashLast, MeasurementBlank, MeasurementEmpty,
            MeasurementHash, MeasurementNewline,
        };
        for good in
            ["m", "a,b c=d\"e", "a\\b", "a\\\\b", "a\\\nb", " a", "a#", "\u{feff}m", "a\tb\r\0"]
        {
            assert_eq!(judge(good, &[]), Ok(Balance::Even), "{good:?}");
        }
        for (bad, reason) in [
            ("", MeasurementEmpty),
            ("#m", MeasurementHash),
            ("\tm", MeasurementBlank),
            ("\0m", MeasurementBlank),
            ("a\\,b", MeasurementBackslash),
            ("a\\ b", MeasurementBackslash),
            ("a\\=b", MeasurementBackslash),
            ("a\\\\\"b", MeasurementBackslash),
            ("a\\", MeasurementBackslashLast),
            ("a\\\\", MeasurementBackslashLast),
            ("a\nb", MeasurementNewline),
            ("a\\\\\nb", MeasurementNewline),
        ] {
            assert_eq!(judge(bad, &[]), Err(reason), "{bad:?}");
        }
    }

    #[test]
    fn tags() {
        for (key, value, verdict) in [
            ("k\\=x", "\\,\\=v", Ok(Balance::Even)),
            ("\0k", "=\t\r\"#", Ok(Balance::Even)),
            ("_time", "time", Ok(Balance::Even)),
            ("k", "a\\ b", Ok(Balance::Even)),
            ("k\\ x", "v", Ok(Balance::Ahead)),
            ("k", "a\\ b\\,c", Ok(Balance::Behind)),
            ("k\\ x", "\"v", Err(Uncarried::TagsHideLineEnd)),
            ("", "v", Err(Uncarried::TagKeyEmpty)),
            ("time", "v", Err(Uncarried::TagKeyReserved)),
            ("_field", "v", Err(Uncarried::TagKeyReserved)),
            ("_measurement", "v", Err(Uncarried::TagKeyReserved)),
            ("\0", "v", Err(Uncarried::TagKeyReserved)),
            ("k\\", "v", Err(Uncarried::TagKeyBackslashLast)),
            ("k\n", "v", Err(Uncarried::TagKeyNewline)),
            ("k", "v\\\\", Err(Uncarried::TagValueBackslashLast)),
            ("k", "v\\\\\n", Err(Uncarried::TagValueNewline)),
        ] {
            assert_eq!(judge("m", &[(key, value)]), verdict, "{key:?} {value:?}");
        }
        assert_eq!(judge("m", &[("k", "v"), ("k", "w")]), Err(Uncarried::TagKeyTwice));
    }

    #[test]
    fn fields() {
        for good in ["f", "_time", "f,g h=i\"", "f\\g", "f\\\"g", "f\\\\,g", "f\\\ng", "Time"] {
            assert_eq!(field_key(good.as_bytes()), Ok(()), "{good:?}");
        }
        for (bad, reason) in [
            ("", Uncarried::FieldKeyEmpty),
            ("time", Uncarried::FieldKeyTime),
            ("f\\,g", Uncarried::FieldKeyBackslash),
            ("f\\\\\\=g", Uncarried::FieldKeyBackslash),
            ("f\\", Uncarried::FieldKeyBackslashLast),
            ("f\ng", Uncarried::FieldKeyNewline),
        ] {
            assert_eq!(field_key(bad.as_bytes()), Err(reason), "{bad:?}");
        }
        assert_eq!(Balance::Ahead.field(b"f\"g", false), Err(Uncarried::TagsHideLineEnd));
        assert_eq!(Balance::Ahead.field(b"f\\\"g", true), Ok(()));
        assert_eq!(Balance::Behind.field(b"f", true), Err(Uncarried::TagsHideLineEnd));
        assert_eq!(Balance::Behind.field(b"f\"", false), Ok(()));
    }
}
