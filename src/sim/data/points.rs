//! Whole bodies of line protocol, and what the parts of a line mean once unescaped.

use std::sync::Arc;

use super::chunk::Value;
use super::line::{
    LinePoint, parse_boolean, parse_point, scan_field_value, scan_line, scan_to, skip_whitespace,
};
use crate::model::series::{Name, Series};
use crate::sim::go::text::replace;

/// Reads a body. One bad line refuses all of it; the error names every bad line.
pub(crate) fn parse_body(body: &[u8], ns_per_unit: i64) -> Result<Vec<LinePoint<'_>>, Vec<u8>> {
    let (mut points, mut failed) = (Vec::new(), Vec::<u8>::new());
    let mut at = 0;
    while at < body.len() {
        let end = scan_line(body, at);
        let line = &body[at..end];
        at = end + 1;
        let start = skip_whitespace(line, 0);
        let line = line[start..].strip_suffix(b"\n").unwrap_or(&line[start..]);
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        match parse_point(line, ns_per_unit) {
            Ok(point) => points.push(point),
            Err(reason) => {
                if !failed.is_empty() {
                    failed.push(b'\n');
                }
                failed.extend_from_slice(b"unable to parse '");
                failed.extend_from_slice(line);
                failed.extend_from_slice(b"': ");
                failed.extend_from_slice(reason.as_bytes());
            }
        }
    }
    if failed.is_empty() { Ok(points) } else { Err(failed) }
}

/// The fields of a line, in order: unescaped name and value.
pub(crate) fn fields(raw: &[u8]) -> Vec<(Vec<u8>, Value)> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let equals = scan_to(raw, at, b'=');
        let name = unescape_name(&raw[at..equals]);
        let end = scan_field_value(raw, (equals + 1).min(raw.len()));
        if let Some(value) = value(&raw[(equals + 1).min(end)..end]) {
            all.push((name, value));
        }
        at = end + 1;
    }
    all
}

fn value(text: &[u8]) -> Option<Value> {
    let (&first, &last) = (text.first()?, text.last()?);
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok().map(str::to_owned);
    match first {
        b'"' => Some(Value::String(unescape_string(&text[1..text.len().max(2) - 1]).into())),
        b'0'..=b'9' | b'-' | b'.' | b'n' | b'N' | b'i' | b'I' | b'u' => match last {
            b'i' => number(&text[..text.len() - 1])?.parse().ok().map(Value::Integer),
            b'u' => number(&text[..text.len() - 1])?.parse().ok().map(Value::Unsigned),
            _ => number(text)?.parse().ok().map(Value::Float),
        },
        _ => parse_boolean(text).map(Value::Boolean),
    }
}

fn unescape_string(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        if text[i] == b'\\' && matches!(text.get(i + 1), Some(b'\\' | b'"')) {
            i += 1;
        }
        out.push(text[i]);
        i += 1;
    }
    out
}

/// Drops the backslash before `,`, `"`, space and `=`.
fn unescape_name(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        if text[i] == b'\\' && matches!(text.get(i + 1), Some(b',' | b'"' | b' ' | b'=')) {
            i += 1;
        }
        out.push(text[i]);
        i += 1;
    }
    out
}

fn unescape_codes(text: &[u8], codes: &[u8]) -> Vec<u8> {
    codes.iter().fold(text.to_vec(), |text, &code| replace(text, &[b'\\', code], &[code]))
}

fn escape_codes(text: &[u8], codes: &[u8]) -> Vec<u8> {
    codes.iter().fold(text.to_vec(), |text, &code| replace(text, &[code], &[b'\\', code]))
}

const MEASUREMENT_CODES: &[u8] = b", ";
const TAG_CODES: &[u8] = b", =";

/// The series of an escaped key, and whether reads find it: they look for the key made anew from the names.
pub(super) fn series_of_key(key: &[u8]) -> (Arc<Series>, bool) {
    let name_end = scan_to(key, 0, b',');
    let measurement = unescape_name(&key[..name_end]);
    let mut tags = Vec::new();
    let mut at = name_end + 1;
    while at < key.len() {
        let equals = scan_to(key, at, b'=');
        let end = scan_tag_value(key, (equals + 1).min(key.len()));
        let value = &key[(equals + 1).min(end)..end];
        if !value.is_empty() {
            tags.push((
                unescape_codes(&key[at..equals], TAG_CODES),
                unescape_codes(value, TAG_CODES),
            ));
        }
        at = end + 1;
    }
    let tags =
        tags.into_iter().map(|(tag, value)| (tag.into_boxed_slice(), value.into_boxed_slice()));
    let series = Series::new(measurement, tags);
    let readable = key_of_series(&series) == key;
    (Arc::new(series), readable)
}

fn scan_tag_value(key: &[u8], start: usize) -> usize {
    let mut i = start;
    while i < key.len() && !(key[i] == b',' && key[i - 1] != b'\\') {
        i += 1;
    }
    i
}

/// The escaped key of a series, as the server makes it from the names. A measurement is unescaped once more first, so that
/// one whose backslash stands before a space or a comma gets the key of its neighbour without it. Tags are sorted as they are
/// written: an escaped space stands behind letters.
pub(crate) fn key_of_series(series: &Series) -> Vec<u8> {
    let mut key =
        escape_codes(&unescape_codes(&series.measurement, MEASUREMENT_CODES), MEASUREMENT_CODES);
    let escaped = |(tag, value): &(Name, Name)| {
        (escape_codes(tag, TAG_CODES), escape_codes(value, TAG_CODES))
    };
    let mut tags: Vec<_> = series.tags.iter().map(escaped).collect();
    tags.sort();
    for (tag, value) in tags {
        key.push(b',');
        key.extend_from_slice(&tag);
        key.push(b'=');
        key.extend_from_slice(&value);
    }
    key
}
