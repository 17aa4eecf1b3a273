//! Values as the server writes them. Each reader takes the value at the start of a text and gives its length, so that the
//! fast path need not look for the comma first.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

/// A signed integer.
#[inline]
pub(super) fn integer(text: &[u8]) -> Option<(i64, usize)> {
    let negative = text.first() == Some(&b'-');
    let sign_len = usize::from(negative);
    let (magnitude, len) = digits(&text[sign_len..])?;
    let value = if negative {
        0i64.checked_sub_unsigned(magnitude)?
    } else {
        i64::try_from(magnitude).ok()?
    };
    Some((value, sign_len + len))
}

/// An unsigned integer.
#[inline]
pub(super) fn unsigned(text: &[u8]) -> Option<(u64, usize)> {
    digits(text)
}

#[inline]
fn digits(text: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    let mut len = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = if len < 19 {
            value * 10 + u64::from(digit)
        } else {
            value.checked_mul(10)?.checked_add(u64::from(digit))?
        };
        len += 1;
    }
    (len > 0).then_some((value, len))
}

/// A finite number, to the bit.
#[inline]
pub(super) fn float(text: &[u8]) -> Option<(f64, usize)> {
    let numeric =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    let len = text.iter().position(|byte| !numeric(byte)).unwrap_or(text.len());
    let value: f64 = std::str::from_utf8(&text[..len]).ok()?.parse().ok()?;
    value.is_finite().then_some((value, len))
}

/// True or false.
#[inline]
pub(super) fn boolean(text: &[u8]) -> Option<(bool, usize)> {
    if text.starts_with(b"true") {
        Some((true, 4))
    } else if text.starts_with(b"false") {
        Some((false, 5))
    } else {
        None
    }
}

/// A string without quotes around it, which ends at the first comma or line end.
#[inline]
pub(super) fn plain_text(text: &[u8]) -> Option<(&[u8], usize)> {
    let len = memchr3(b',', b'\r', b'"', text)?;
    if text[len] == b'"' || memchr(b'\n', &text[..len]).is_some() {
        return None;
    }
    Some((&text[..len], len))
}

/// Undoes the escapes of `wire::flux::read_carriage_returns`: `\\`, `\r` and `\n`.
pub(super) fn unescape(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr(b'\\', text).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        plain.push(match rest.get(at + 1)? {
            b'\\' => b'\\',
            b'r' => b'\r',
            b'n' => b'\n',
            _ => return None,
        });
        rest = &rest[at + 2..];
    }
    plain.extend_from_slice(rest);
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_to_the_edges() {
        for value in [0, 1, -1, 42, i64::MAX, i64::MIN, i64::MIN + 1] {
            let text = format!("{value},x");
            assert_eq!(integer(text.as_bytes()), Some((value, text.len() - 2)));
        }
        for value in [0, 9_999_999_999_999_999_999, 10_000_000_000_000_000_000, u64::MAX] {
            let text = value.to_string();
            assert_eq!(unsigned(text.as_bytes()), Some((value, text.len())));
        }
        for bad in [
            "",
            "-",
            "x",
            "+1",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999999",
        ] {
            assert_eq!(integer(bad.as_bytes()), None, "{bad}");
        }
        for bad in ["", "-1", "18446744073709551616", "28446744073709551615"] {
            assert_eq!(unsigned(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn floats_to_the_bit() {
        for value in [
            0.0,
            -0.0,
            1.5,
            0.1,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            -1e300,
            9_007_199_254_740_993.0,
            0.332_987_474_964_887_95,
        ] {
            let text = format!("{value},");
            let (read, len) = float(text.as_bytes()).unwrap();
            assert_eq!((read.to_bits(), len), (value.to_bits(), text.len() - 1));
        }
        for bad in ["", "-", ".", "NaN", "+Inf", "-Inf", "inf", "1e999", "1.5.5", "--1"] {
            assert!(float(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn texts_and_escapes() {
        assert_eq!(plain_text(b"ab,c"), Some((&b"ab"[..], 2)));
        assert_eq!(plain_text(b"\r\n"), Some((&b""[..], 0)));
        for bad in [&b"ab"[..], b"\"ab\",", b"a\"b,", b"a\nb,"] {
            assert_eq!(plain_text(bad), None);
        }
        assert_eq!(unescape(b"a\\\\r\\r\\nb").as_deref(), Some(&b"a\\r\r\nb"[..]));
        assert_eq!(unescape(b"a\nb").as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(unescape(b"ab\\"), None);
        assert_eq!(unescape(b"a\\tb"), None);
    }
}
