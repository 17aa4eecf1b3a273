//! Whether a small answer that ended well as an HTTP message is whole, and of the format that was asked for.

use serde::de::IgnoredAny;

use super::exchange::ExpectedContent;
use crate::influx::classify::server_message;
use crate::limits::INFLUXQL_DEPTH_MAX;
use crate::model::series::Readable;
use crate::wire::csv::table::{CsvTable, read_tables};

/// Why an answer that ended well as an HTTP message is not whole all the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incomplete {
    /// It ends with the server's error.
    Error(String),
    /// It ends without the empty line behind the last result.
    Cut,
    /// It is not of its format: damaged on the way, or by somebody else than InfluxDB.
    Malformed(String),
}

/// Holds a whole answer against its format. What it says is the caller's to judge.
pub(super) fn check(content: ExpectedContent, body: &[u8]) -> Result<(), Incomplete> {
    match content {
        ExpectedContent::Any => Ok(()),
        ExpectedContent::Csv => check_csv(body),
        ExpectedContent::Json => check_json(body),
        ExpectedContent::MessagePack => check_messagepack(body),
    }
}

fn check_csv(body: &[u8]) -> Result<(), Incomplete> {
    check_csv_end(body)?;
    match read_tables(body) {
        Ok(tables) => match tables.iter().find_map(CsvTable::misfit) {
            Some((column, cell)) => Err(Incomplete::Malformed(format!(
                "{} in column {}",
                Readable(cell),
                Readable(&column.label)
            ))),
            None => Ok(()),
        },
        Err(error) if error.is_damage() => Err(Incomplete::Malformed(error.to_string())),
        // Errors that tell of the content are for those who asked.
        Err(_) => Ok(()),
    }
}

/// One document, or several of an answer in pieces.
fn check_json(body: &[u8]) -> Result<(), Incomplete> {
    let mut documents = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    match documents.by_ref().find_map(Result::err) {
        Some(error) => Err(Incomplete::Malformed(format!("no JSON: {error}"))),
        None if body.trim_ascii().is_empty() => {
            Err(Incomplete::Malformed("no JSON: nothing came".to_owned()))
        }
        None => Ok(()),
    }
}

/// Maps one behind the other, and nothing else.
fn check_messagepack(body: &[u8]) -> Result<(), Incomplete> {
    let mut rest = body;
    loop {
        rest = match after_map(rest) {
            Some([]) => return Ok(()),
            Some(after) => after,
            None => break,
        };
    }
    glued_error(rest)?;
    let at = body.len() - rest.len();
    Err(Incomplete::Malformed(format!("no MessagePack from byte {at} on")))
}

/// What stands behind the map at the start, if there is a whole one.
fn after_map(bytes: &[u8]) -> Option<&[u8]> {
    let (&first, _) = bytes.split_first()?;
    if !matches!(first, 0x80..=0x8f | 0xde | 0xdf) {
        return None;
    }
    // Values still to come, of each list and map that is open.
    let mut open: Vec<u64> = vec![1];
    let mut rest = bytes;
    while let Some(left) = open.last_mut() {
        let Some(fewer) = left.checked_sub(1) else {
            open.pop();
            continue;
        };
        *left = fewer;
        let (skipped, values) = token(rest)?;
        rest = rest.get(skipped..)?;
        if values > 0 {
            if open.len() > INFLUXQL_DEPTH_MAX {
                return None;
            }
            open.push(values);
        }
    }
    Some(rest)
}

/// The length of the token at the start, and how many values are inside it.
fn token(bytes: &[u8]) -> Option<(usize, u64)> {
    let number = |digits: usize| -> Option<u64> {
        let digits = bytes.get(1..=digits)?;
        Some(digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
    };
    let text = |digits: usize, type_bytes: usize| -> Option<(usize, u64)> {
        let length = usize::try_from(number(digits)?).ok()?;
        Some((length.checked_add(1 + digits + type_bytes)?, 0))
    };
    let first = *bytes.first()?;
    Some(match first {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => (1, 0),
        0x80..=0x8f => (1, 2 * u64::from(first & 0x0f)),
        0x90..=0x9f => (1, u64::from(first & 0x0f)),
        0xa0..=0xbf => (1 + usize::from(first & 0x1f), 0),
        0xc1 => return None,
        0xc4 | 0xd9 => text(1, 0)?,
        0xc5 | 0xda => text(2, 0)?,
        0xc6 | 0xdb => text(4, 0)?,
        0xc7 => text(1, 1)?,
        0xc8 => text(2, 1)?,
        0xc9 => text(4, 1)?,
        0xcc | 0xd0 => (2, 0),
        0xcd | 0xd1 => (3, 0),
        0xca | 0xce | 0xd2 => (5, 0),
        0xcb | 0xcf | 0xd3 => (9, 0),
        0xd4..=0xd8 => (2 + (1 << (first - 0xd4)), 0),
        0xdc => (3, number(2)?),
        0xdd => (5, number(4)?),
        0xde => (3, 2 * number(2)?),
        0xdf => (5, 2 * number(4)?),
    })
}

/// Holds the end of a CSV answer against the one mark that the server sets: the empty line behind each result.
fn check_csv_end(body: &[u8]) -> Result<(), Incomplete> {
    const ERROR_HEADER: &[u8] = b",error,reference\r\n";
    if body == b"\r\n" || body.ends_with(b"\r\n\r\n") {
        return Ok(());
    }
    if let Some(at) = memchr::memmem::rfind(body, ERROR_HEADER) {
        let row = String::from_utf8_lossy(&body[at + ERROR_HEADER.len()..]);
        let row = row.trim_end().trim_start_matches(',').trim_end_matches(',');
        let text = row.strip_prefix('"').and_then(|row| row.strip_suffix('"'));
        return Err(Incomplete::Error(
            text.map_or(row.to_owned(), |text| text.replace("\"\"", "\"")),
        ));
    }
    glued_error(body)?;
    Err(Incomplete::Cut)
}

/// After a panic of the server its JSON error is glued to what it had sent.
fn glued_error(body: &[u8]) -> Result<(), Incomplete> {
    let Some(at) = memchr::memmem::rfind(body, b"{\"code\":\"") else { return Ok(()) };
    let glued = String::from_utf8_lossy(&body[at..]);
    match serde_json::from_str::<serde_json::Value>(&glued) {
        Ok(_) => Err(Incomplete::Error(server_message(&glued))),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_csv_answer_proves_it_whole() {
        let error = |text: &str| Err(Incomplete::Error(text.to_owned()));
        let table =
            "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n";
        for (body, expected) in [
            ("\r\n", Ok(())),
            (",,0,1\r\n\r\n", Ok(())),
            ("", Err(Incomplete::Cut)),
            (",,0,1\r\n", Err(Incomplete::Cut)),
            (",,0,1", Err(Incomplete::Cut)),
            (",error,reference\r\n,boom,\r\n", error("boom")),
            (&*format!(",,0,1\r\n\r\n{table},\"a \"\"b\"\", c\",\r\n"), error("a \"b\", c")),
            (",,0,1\r\n{\"code\":\"internal error\",\"message\":\"a panic\"}", error("a panic")),
            (",,0,1\r\n{\"code\":\"intern", Err(Incomplete::Cut)),
        ] {
            assert_eq!(check_csv_end(body.as_bytes()), expected, "{body:?}");
        }
    }

    #[test]
    fn damage_that_ends_well_shows_in_the_format() {
        let bad =
            |content, body: &[u8]| matches!(check(content, body), Err(Incomplete::Malformed(_)));
        let table = "#datatype,string,long,long\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n";
        let whole = format!("{table},,0,1\r\n\r\n");
        assert_eq!(check(ExpectedContent::Csv, whole.as_bytes()), Ok(()));
        for body in [
            format!("{table},,0,1,2\r\n\r\n"),
            format!("{table},,0\r\n\r\n"),
            format!("{table},,0,x\r\n\r\n"),
            whole.replace("long\r", "lonf\r"),
            "<html>\r\n<p>Please log in</p>\r\n\r\n".to_owned(),
        ] {
            assert!(bad(ExpectedContent::Csv, body.as_bytes()), "{body}");
        }
        for body in ["", " ", "{", "{\"results\":[}", "<html>", "{\"results\":[]}\n<"] {
            assert!(bad(ExpectedContent::Json, body.as_bytes()), "{body}");
        }
        for body in ["{\"results\":[]}", "{\"results\":[]}\n{\"results\":[]}\n", "[]"] {
            assert_eq!(check(ExpectedContent::Json, body.as_bytes()), Ok(()), "{body}");
        }
        let map = b"\x81\xa7results\x92\x01\xcb\0\0\0\0\0\0\0\0".as_slice();
        let glued = b"{\"code\":\"internal error\",\"message\":\"a panic\"}".as_slice();
        assert_eq!(check(ExpectedContent::MessagePack, map), Ok(()));
        assert_eq!(check(ExpectedContent::MessagePack, &[map, map].concat()), Ok(()));
        assert_eq!(
            check(ExpectedContent::MessagePack, &[map, glued].concat()),
            Err(Incomplete::Error("a panic".to_owned()))
        );
        for body in [
            b"".as_slice(),
            &map[..9],
            b"<html>",
            b"\x81\xc1",
            b"\xdf\xff\xff\xff\xff",
            &[0x91; 40],
        ] {
            assert!(bad(ExpectedContent::MessagePack, body), "{body:?}");
        }
        assert!(bad(ExpectedContent::MessagePack, &[map, b"x"].concat()));
    }
}
