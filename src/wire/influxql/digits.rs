//! Numbers as JSON writes them.

use crate::wire::number;

/// The length of the number at the start of a text, by the grammar of JSON.
pub(super) fn number_len(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = text.get(from..)?;
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    let start = usize::from(text.first() == Some(&b'-'));
    let mut at = digits(start)?;
    if text[start] == b'0' && at > start + 1 {
        return None;
    }
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        at = digits(at + 1 + sign)?;
    }
    Some(at)
}

/// True if an integer of that length has no zero before its digits.
#[inline]
pub(super) fn is_proper_whole(text: &[u8], len: usize) -> bool {
    let sign_len = usize::from(text[0] == b'-');
    text[sign_len] != b'0' || len == sign_len + 1
}

/// A signed integer at the start of a text.
#[inline]
pub(super) fn integer(text: &[u8]) -> Option<(i64, usize)> {
    number::integer(text).filter(|(_, len)| is_proper_whole(text, *len))
}

/// An unsigned integer at the start of a text.
#[inline]
pub(super) fn unsigned(text: &[u8]) -> Option<(u64, usize)> {
    number::unsigned(text).filter(|(_, len)| is_proper_whole(text, *len))
}

/// A finite float at the start of a text, to the bit.
#[inline]
pub(super) fn float(text: &[u8]) -> Option<(f64, usize)> {
    let Some(decimal) = number::decimal(text) else {
        let (value, len) = number::any_float(text)?;
        return (number_len(&text[..len]) == Some(len)).then_some((value, len));
    };
    let whole_len = usize::from(text[0] == b'-') + decimal.whole;
    let has_digits_behind_point = decimal.fraction > 0 || decimal.len == whole_len;
    if !is_proper_whole(text, whole_len) || !has_digits_behind_point {
        return None;
    }
    Some((decimal.value(text)?, decimal.len))
}
