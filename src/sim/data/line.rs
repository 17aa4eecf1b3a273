//! Reads one line of line protocol exactly as InfluxDB OSS 2.x does, including what it accepts by accident.

/// Largest series key, with and without the field name.
const KEY_BYTES_MAX: usize = 65_535;

/// Times beyond these are refused.
const TIME_MAX: i64 = i64::MAX - 1;

const RESERVED_TAG_KEYS: [(&[u8], &str); 5] = [
    (b"time", "time"),
    (b"_field", "_field"),
    (b"_measurement", "_measurement"),
    (b"\x00", "\\x00"),
    (b"\xff", "\\xff"),
];

/// A line that was read: escaped key with sorted tags, raw fields, time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinePoint<'a> {
    pub(crate) key: std::borrow::Cow<'a, [u8]>,
    pub(crate) fields: &'a [u8],
    pub(crate) time: Option<i64>,
}

/// Reads a line; the error is the server's text.
pub(super) fn parse_point(buf: &[u8], ns_per_unit: i64) -> Result<LinePoint<'_>, String> {
    let (mut at, key) = scan_key(buf)?;
    if key.len() > KEY_BYTES_MAX {
        return Err(format!("max key length exceeded: {} > {KEY_BYTES_MAX}", key.len()));
    }
    let fields_start = skip_whitespace(buf, at);
    at = scan_fields(buf, fields_start)?;
    let fields = &buf[fields_start..at];
    if fields.is_empty() {
        return Err("missing fields".to_owned());
    }
    walk_field_keys(fields, key.len())?;
    let time_start = skip_whitespace(buf, at);
    at = scan_time(buf, time_start)?;
    let digits = &buf[time_start..at];
    if digits.is_empty() {
        return Ok(LinePoint { key, fields, time: None });
    }
    let time = parse_i64(digits)?;
    let out_of_range = || format!("time outside range {} - {TIME_MAX}", -TIME_MAX);
    let time = time.checked_mul(ns_per_unit).ok_or_else(out_of_range)?;
    if !(-TIME_MAX..=TIME_MAX).contains(&time) {
        return Err(out_of_range());
    }
    if buf[at..].iter().any(|&byte| byte != b' ') {
        return Err("point is invalid".to_owned());
    }
    Ok(LinePoint { key, fields, time: Some(time) })
}

/// Where the line that begins at `start` ends.
pub(crate) fn scan_line(buf: &[u8], start: usize) -> usize {
    let (mut quoted, mut fields, mut equals, mut commas) = (false, false, 0_usize, 0_usize);
    let mut i = start;
    while i < buf.len() {
        if buf[i] == b'\\' && i + 2 < buf.len() {
            i += 2;
            continue;
        }
        match buf[i] {
            b' ' => fields = true,
            b'=' if fields && !quoted => equals += 1,
            b',' if fields && !quoted => commas += 1,
            b'"' if fields && equals > commas => quoted = !quoted,
            b'\n' if !quoted => break,
            _ => {}
        }
        i += 1;
    }
    i
}

pub(super) fn skip_whitespace(buf: &[u8], start: usize) -> usize {
    start + buf[start..].iter().take_while(|&&byte| matches!(byte, b' ' | b'\t' | 0)).count()
}

/// The end of the text before an unescaped `stop`.
pub(super) fn scan_to(buf: &[u8], start: usize, stop: u8) -> usize {
    let mut i = start;
    while i < buf.len() && !(buf[i] == stop && (i == 0 || buf[i - 1] != b'\\')) {
        i += 1;
    }
    i
}

/// The end of a field value.
pub(super) fn scan_field_value(buf: &[u8], start: usize) -> usize {
    let (mut i, mut quoted) = (start, false);
    while i < buf.len() {
        match buf[i] {
            b'\\' if matches!(buf.get(i + 1), Some(b'"' | b'\\')) => i += 1,
            b'"' => quoted = !quoted,
            b',' if !quoted => break,
            _ => {}
        }
        i += 1;
    }
    i.min(buf.len())
}

fn scan_key(buf: &[u8]) -> Result<(usize, std::borrow::Cow<'_, [u8]>), String> {
    let start = skip_whitespace(buf, 0);
    let (mut end, has_tags) = scan_measurement(buf, start)?;
    let measurement_end = end;
    let mut tags: Vec<&[u8]> = Vec::new();
    if has_tags {
        let mut i = end + 1;
        loop {
            let value = scan_tag_key(buf, i)?;
            end = scan_tag_value(buf, value)?;
            tags.push(&buf[i..end]);
            if buf[end] == b' ' {
                break;
            }
            i = end + 1;
        }
    }
    for tag in &tags {
        let key = tag_key(tag);
        if let Some((_, name)) = RESERVED_TAG_KEYS.iter().find(|(reserved, _)| *reserved == key) {
            return Err(format!("cannot use reserved tag key \"{name}\""));
        }
    }
    if tags.windows(2).all(|pair| tag_key(pair[0]) < tag_key(pair[1])) {
        return Ok((end, std::borrow::Cow::Borrowed(&buf[start..end])));
    }
    tags.sort_by(|a, b| tag_key(a).cmp(tag_key(b)));
    if tags.windows(2).any(|pair| tag_key(pair[0]) == tag_key(pair[1])) {
        return Err("duplicate tags".to_owned());
    }
    let mut key = buf[start..measurement_end].to_vec();
    for tag in tags {
        key.push(b',');
        key.extend_from_slice(tag);
    }
    Ok((end, std::borrow::Cow::Owned(key)))
}

fn tag_key(tag: &[u8]) -> &[u8] {
    &tag[..scan_to(tag, 0, b'=')]
}

/// The end of the measurement, and whether tags follow.
fn scan_measurement(buf: &[u8], start: usize) -> Result<(usize, bool), String> {
    if matches!(buf.get(start), None | Some(b',')) {
        return Err("missing measurement".to_owned());
    }
    let mut i = start;
    loop {
        i += 1;
        match buf.get(i) {
            None => return Err("missing fields".to_owned()),
            _ if buf[i - 1] == b'\\' => {}
            Some(b',') => return Ok((i, true)),
            Some(b' ') => return Ok((i, false)),
            Some(_) => {}
        }
    }
}

fn scan_tag_key(buf: &[u8], start: usize) -> Result<usize, String> {
    if matches!(buf.get(start), None | Some(b' ' | b',' | b'=')) {
        return Err("missing tag key".to_owned());
    }
    let mut i = start;
    loop {
        i += 1;
        match buf.get(i) {
            None => return Err("missing tag value".to_owned()),
            Some(b' ' | b',') if buf[i - 1] != b'\\' => return Err("missing tag value".to_owned()),
            Some(b'=') if buf[i - 1] != b'\\' => return Ok(i + 1),
            Some(_) => {}
        }
    }
}

fn scan_tag_value(buf: &[u8], start: usize) -> Result<usize, String> {
    if matches!(buf.get(start), None | Some(b' ' | b',')) {
        return Err("missing tag value".to_owned());
    }
    let mut i = start;
    loop {
        i += 1;
        match buf.get(i) {
            None => return Err("missing fields".to_owned()),
            Some(b'=') if buf[i - 1] != b'\\' => return Err("invalid tag format".to_owned()),
            Some(b' ' | b',') if buf[i - 1] != b'\\' => return Ok(i),
            Some(_) => {}
        }
    }
}

fn scan_fields(buf: &[u8], start: usize) -> Result<usize, String> {
    let (mut i, mut quoted, mut equals, mut commas) = (start, false, 0_usize, 0_usize);
    while i < buf.len() {
        match buf[i] {
            b'\\' if i + 1 < buf.len() => {
                i += 2;
                continue;
            }
            b'"' if equals > commas => quoted = !quoted,
            b'=' if !quoted => {
                equals += 1;
                if let Some(next) = scan_after_equals(buf, i)? {
                    i = next;
                    continue;
                }
            }
            b',' if !quoted => commas += 1,
            b' ' if !quoted => break,
            _ => {}
        }
        i += 1;
    }
    let i = i.min(buf.len());
    if quoted {
        return Err("unbalanced quotes".to_owned());
    }
    if equals == 0 || commas != equals - 1 {
        return Err("invalid field format".to_owned());
    }
    Ok(i)
}

/// Checks the value after `=` at `i`; its end, unless it is a string.
fn scan_after_equals(buf: &[u8], i: usize) -> Result<Option<usize>, String> {
    let unescaped = |byte| i >= 1 && buf[i - 1] == byte && !(i >= 2 && buf[i - 2] == b'\\');
    if unescaped(b' ') || unescaped(b',') {
        return Err("missing field key".to_owned());
    }
    match buf.get(i + 1) {
        None | Some(b',' | b' ') => Err("missing field value".to_owned()),
        Some(b'0'..=b'9' | b'.' | b'-' | b'N' | b'n') => scan_number(buf, i + 1).map(Some),
        Some(b'"') => Ok(None),
        Some(_) => scan_boolean(buf, i + 1).map(Some),
    }
}

fn scan_boolean(buf: &[u8], start: usize) -> Result<usize, String> {
    let end = start + buf[start..].iter().take_while(|&&byte| !matches!(byte, b',' | b' ')).count();
    match parse_boolean(&buf[start..end]) {
        Some(_) => Ok(end),
        None => Err("invalid boolean".to_owned()),
    }
}

pub(super) fn parse_boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => Some(true),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

fn scan_number(buf: &[u8], start: usize) -> Result<usize, String> {
    let invalid = || "invalid number".to_owned();
    let mut i = start;
    let negative = buf[i] == b'-';
    if negative {
        i += 1;
        if i == buf.len() {
            return Err(invalid());
        }
    }
    let (mut suffix, mut decimal, mut scientific) = (None, false, false);
    while i < buf.len() {
        match buf[i] {
            b',' | b' ' => break,
            byte @ (b'i' | b'u') if i > start && suffix.is_none() => suffix = Some(byte),
            b'.' if decimal => return Err(invalid()),
            b'.' => decimal = true,
            b'e' | b'E' if i > start => scientific = true,
            b'+' | b'-' if matches!(buf[i - 1], b'e' | b'E') => {}
            b'0'..=b'9' => {}
            _ => return Err(invalid()),
        }
        i += 1;
    }
    if suffix.is_some() && (decimal || scientific) {
        return Err(invalid());
    }
    let signs = usize::from(suffix.is_some()) + usize::from(decimal) + usize::from(negative);
    if i - start <= signs {
        return Err(invalid());
    }
    check_number(&buf[start..i], suffix)?;
    Ok(i)
}

fn check_number(text: &[u8], suffix: Option<u8>) -> Result<(), String> {
    let (&last, digits) = text.split_last().ok_or("invalid number")?;
    match suffix {
        Some(letter) if last != letter => Err("invalid number".to_owned()),
        Some(b'i') => parse_i64(digits).map(|_| ()).map_err(|error| {
            format!("unable to parse integer {}: {error}", String::from_utf8_lossy(digits))
        }),
        Some(_) if digits.first() == Some(&b'-') => Err("invalid number".to_owned()),
        Some(_) => {
            let shown = String::from_utf8_lossy(digits);
            shown.parse::<u64>().map(|_| ()).map_err(|_| {
                format!("unable to parse unsigned {shown}: strconv.ParseUint: parsing \"{shown}\": value out of range")
            })
        }
        None => match std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()) {
            Some(number) if number.is_finite() => Ok(()),
            _ => Err("invalid float".to_owned()),
        },
    }
}

fn scan_time(buf: &[u8], start: usize) -> Result<usize, String> {
    let mut i = start;
    while i < buf.len() && buf[i] != b' ' && buf[i] != b'\n' {
        if !(buf[i].is_ascii_digit() || i == start && buf[i] == b'-') {
            return Err("bad timestamp".to_owned());
        }
        i += 1;
    }
    Ok(i)
}

fn parse_i64(digits: &[u8]) -> Result<i64, String> {
    let text = String::from_utf8_lossy(digits);
    text.parse().map_err(|error: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let reason = if matches!(error.kind(), PosOverflow | NegOverflow) {
            "value out of range"
        } else {
            "invalid syntax"
        };
        format!("strconv.ParseInt: parsing \"{text}\": {reason}")
    })
}

/// Checks what the first walk over the fields checks: every key has a value, and the whole key fits.
fn walk_field_keys(fields: &[u8], key_bytes: usize) -> Result<(), String> {
    let mut rest = fields;
    while !rest.is_empty() {
        let equals = scan_to(rest, 0, b'=');
        if equals + 2 > rest.len() {
            return Err(format!(
                "invalid value: field-key={}",
                String::from_utf8_lossy(&rest[..equals])
            ));
        }
        let size = key_bytes + 4 + equals;
        if size > KEY_BYTES_MAX {
            return Err(format!("max key length exceeded: {size} > {KEY_BYTES_MAX}"));
        }
        let end = scan_field_value(&rest[equals + 1..], 0) + equals + 1;
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Ok(())
}
