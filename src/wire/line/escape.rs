//! Names and values in the form that InfluxDB OSS 2.x turns back into the same bytes.
//!
//! Only the bytes that end a place are escaped, each with one backslash, and every other byte is sent raw, newline
//! and CR included. A backslash in a name has no escape: the server keeps it, also before another backslash. Escaping
//! more than this is not harmless: `\=` or `\"` in a measurement is accepted and stored under a key that no query reads.
//! Which names come out wrong all the same is told by [`carry`](super::carry).

use memchr::{memchr, memchr_iter, memchr2_iter, memchr3, memchr3_iter};

use crate::model::series::{Name, Series};

/// Appends a measurement: comma and space are escaped.
pub(crate) fn measurement(out: &mut Vec<u8>, name: &[u8]) {
    escaped(out, name, memchr2_iter(b',', b' ', name));
}

/// Appends a tag key or a tag value: comma, equals sign and space are escaped.
pub(crate) fn tag(out: &mut Vec<u8>, name: &[u8]) {
    escaped(out, name, memchr3_iter(b',', b'=', b' ', name));
}

/// Appends a field key: comma, equals sign and space are escaped. A double quote has no meaning in a field key, but the
/// server unescapes it, so the quote in `\"` is escaped to keep the backslash.
pub fn field_key(out: &mut Vec<u8>, name: &[u8]) {
    if memchr(b'\\', name).is_none() {
        return tag(out, name);
    }
    let quotes = memchr_iter(b'"', name).filter(|&at| at > 0 && name[at - 1] == b'\\');
    let mut at: Vec<usize> = memchr3_iter(b',', b'=', b' ', name).chain(quotes).collect();
    at.sort_unstable();
    escaped(out, name, at);
}

/// Appends a string value in its quotes: double quote and backslash are escaped.
pub(crate) fn string(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    escaped(out, value, memchr2_iter(b'"', b'\\', value));
    out.push(b'"');
}

/// Appends measurement and tags, the key under which the server stores the series: tags in the order of their escaped
/// keys, so that the server need not sort them again. A tag without a value does not exist and is left out.
pub fn series(out: &mut Vec<u8>, series: &Series) {
    measurement(out, &series.measurement);
    let tags = series.tags.iter().filter(|(_, value)| !value.is_empty());
    if series.tags.iter().all(|(key, _)| memchr3(b',', b'=', b' ', key).is_none()) {
        for pair in tags {
            append_tag(out, pair);
        }
        return;
    }
    let mut parts: Vec<(Vec<u8>, &(Name, Name))> =
        tags.map(|pair| (escaped_tag(&pair.0), pair)).collect();
    parts.sort();
    for (_, pair) in parts {
        append_tag(out, pair);
    }
}

fn append_tag(out: &mut Vec<u8>, (key, value): &(Name, Name)) {
    out.push(b',');
    tag(out, key);
    out.push(b'=');
    tag(out, value);
}

fn escaped_tag(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 4);
    tag(&mut out, name);
    out
}

#[inline]
fn escaped(out: &mut Vec<u8>, text: &[u8], special: impl IntoIterator<Item = usize>) {
    let mut done = 0;
    for at in special {
        out.extend_from_slice(&text[done..at]);
        out.push(b'\\');
        done = at;
    }
    out.extend_from_slice(&text[done..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(append: fn(&mut Vec<u8>, &[u8]), text: &str) -> String {
        let mut out = Vec::new();
        append(&mut out, text.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_place_escapes_what_ends_it_and_nothing_else() {
        let all = "a,b c=d\"e\\f\n\r\tg";
        assert_eq!(bytes(measurement, all), "a\\,b\\ c=d\"e\\f\n\r\tg");
        assert_eq!(bytes(tag, all), "a\\,b\\ c\\=d\"e\\f\n\r\tg");
        assert_eq!(bytes(field_key, all), "a\\,b\\ c\\=d\"e\\f\n\r\tg");
        assert_eq!(bytes(string, all), "\"a,b c=d\\\"e\\\\f\n\r\tg\"");
        assert_eq!(bytes(tag, "=x"), "\\=x");
        assert_eq!(bytes(field_key, "\"f\\\"g"), "\"f\\\\\"g");
        assert_eq!(bytes(string, ""), "\"\"");
    }

    #[test]
    fn tags_stand_in_the_servers_order() {
        let pair =
            |key: &str, value: &str| (Name::from(key.as_bytes()), Name::from(value.as_bytes()));
        let mut out = Vec::new();
        series(&mut out, &Series::new(*b"m x", [pair("b", "2"), pair("a", "1"), pair("c", "")]));
        assert_eq!(out, b"m\\ x,a=1,b=2");
        out.clear();
        series(&mut out, &Series::new(*b"m", [pair("a b", "1"), pair("a!", "2")]));
        assert_eq!(out, b"m,a!=2,a\\ b=1");
    }
}
