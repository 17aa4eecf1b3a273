//! Numbers and booleans as the server writes them in text. Each reader takes the value at the start of a text and gives
//! its length, so that a fast path need not look for the end first.
//!
//! Written here and not taken from `lexical-core`: what decides is one pass over the digits that tells the value, its length
//! and where the point stands, which the grammars of CSV and JSON ask for; floats of other notations go to the library.

/// A signed integer.
#[inline]
pub(in crate::wire) fn integer(text: &[u8]) -> Option<(i64, usize)> {
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

/// As [`integer`], fast for many digits.
#[inline]
pub(in crate::wire) fn long_integer(text: &[u8]) -> Option<(i64, usize)> {
    let is_negative = text.first() == Some(&b'-');
    let sign_len = usize::from(is_negative);
    let (magnitude, len) = append_digits(0, &text[sign_len..]);
    if !(1..=19).contains(&len) {
        return integer(text);
    }
    let value = if is_negative {
        0i64.checked_sub_unsigned(magnitude)?
    } else {
        i64::try_from(magnitude).ok()?
    };
    Some((value, sign_len + len))
}

/// An unsigned integer.
#[inline]
pub(in crate::wire) fn unsigned(text: &[u8]) -> Option<(u64, usize)> {
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
pub(in crate::wire) fn float(text: &[u8]) -> Option<(f64, usize)> {
    match decimal(text) {
        Some(decimal) => decimal.value(text).map(|value| (value, decimal.len)),
        None => any_float(text),
    }
}

/// A finite number in whatever notation.
pub(in crate::wire) fn any_float(text: &[u8]) -> Option<(f64, usize)> {
    let len = text.iter().position(|byte| !is_numeric(*byte)).unwrap_or(text.len());
    Some((finite(&text[..len])?, len))
}

/// What numbers are written with.
pub(in crate::wire) fn is_numeric(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E')
}

fn finite(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// A number in its most frequent notation: digits, perhaps a point and more digits, no exponent.
#[derive(Debug, Clone, Copy)]
pub(in crate::wire) struct Decimal {
    is_negative: bool,
    /// All digits as one number; it may have wrapped round if there are more than 19.
    digits: u64,
    /// Digits before the point and behind it; at least one before it.
    pub(in crate::wire) whole: usize,
    pub(in crate::wire) fraction: usize,
    /// Bytes.
    pub(in crate::wire) len: usize,
}

/// The number at the start of a text, unless it is written in another way.
#[inline]
pub(in crate::wire) fn decimal(text: &[u8]) -> Option<Decimal> {
    let is_negative = text.first() == Some(&b'-');
    let sign_len = usize::from(is_negative);
    let (digits, whole) = append_digits(0, &text[sign_len..]);
    let mut decimal = Decimal { is_negative, digits, whole, fraction: 0, len: sign_len + whole };
    if text.get(decimal.len) == Some(&b'.') {
        let (digits, fraction) = append_digits(digits, &text[decimal.len + 1..]);
        decimal = Decimal { digits, fraction, len: decimal.len + 1 + fraction, ..decimal };
    }
    let is_over = text.get(decimal.len).is_none_or(|byte| !is_numeric(*byte));
    (whole > 0 && is_over).then_some(decimal)
}

/// Appends the digits at the start of a text to a number; gives how many they are.
#[inline]
fn append_digits(mut number: u64, text: &[u8]) -> (u64, usize) {
    let mut rest = text;
    while let Some((eight, after)) = rest.split_first_chunk::<8>()
        && let Some(value) = eight_digits(*eight)
    {
        number = number.wrapping_mul(100_000_000).wrapping_add(value);
        rest = after;
    }
    while let Some((byte, after)) = rest.split_first()
        && byte.is_ascii_digit()
    {
        number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        rest = after;
    }
    (number, text.len() - rest.len())
}

/// The value of eight digits, pairs of neighbours joined three times over.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(text);
    let digits = word.wrapping_sub(0x3030_3030_3030_3030);
    // A byte below `0` borrows, one above `9` carries, into its highest bit or the neighbour's.
    if (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = (digits * 10) + (digits >> 8);
    let first = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let second = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(first.wrapping_add(second) >> 32)
}

/// The powers of ten that a float holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

impl Decimal {
    /// The value, to the bit.
    #[inline]
    pub(in crate::wire) fn value(self, text: &[u8]) -> Option<f64> {
        // Digits and power are exact up to here, so their quotient is rounded once, as it should be.
        const EXACT_MAX: u64 = 1 << 53;
        let count = self.whole + self.fraction;
        if count < 20 && self.digits <= EXACT_MAX && self.fraction < TENS.len() {
            #[expect(clippy::cast_precision_loss, reason = "no more than 53 bits")]
            let value = self.digits as f64 / TENS[self.fraction];
            return Some(if self.is_negative { -value } else { value });
        }
        finite(&text[..self.len])
    }
}

/// True or false.
#[inline]
pub(in crate::wire) fn boolean(text: &[u8]) -> Option<(bool, usize)> {
    if text.starts_with(b"true") {
        Some((true, 4))
    } else if text.starts_with(b"false") {
        Some((false, 5))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn numbers_agree_with_the_slow_readers(
            bits in any::<u64>(),
            short in 0u64..10_000_000_000,
            shift in 0u32..64,
            places in 0usize..25,
        ) {
            let digits = (short >> (shift / 2)).to_string();
            let padded = format!("{digits:0>places$}");
            let pointed = format!("-{}.{}", &padded[..1], &padded[1..]);
            for text in [f64::from_bits(bits).to_string(), format!("{:e}", f64::from_bits(bits)), padded, pointed] {
                let expected = text.parse::<f64>().ok().filter(|value| value.is_finite());
                let read = float(format!("{text},").as_bytes());
                if text.ends_with(|c: char| c.is_ascii_digit()) {
                    prop_assert_eq!(read.map(|(value, _)| value.to_bits()), expected.map(f64::to_bits), "{}", text);
                    prop_assert_eq!(read.map(|(_, len)| len), expected.map(|_| text.len()));
                }
            }
            for value in [bits >> shift, short] {
                let value = value.cast_signed();
                let text = format!("{value}x");
                prop_assert_eq!(long_integer(text.as_bytes()), Some((value, text.len() - 1)));
            }
        }

        #[test]
        fn eight_digits_are_digits(text in any::<[u8; 8]>(), number in 0u64..100_000_000) {
            let digits = format!("{number:08}");
            prop_assert_eq!(eight_digits(*digits.as_bytes().first_chunk().unwrap()), Some(number));
            let mut damaged = *digits.as_bytes().first_chunk::<8>().unwrap();
            for at in 0..8 {
                damaged[at] = text[at];
                let expected = std::str::from_utf8(&damaged).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
                prop_assert_eq!(eight_digits(damaged), expected.map(|text| text.parse().unwrap()));
            }
        }
    }

    #[test]
    fn long_integers_to_the_edges() {
        for value in [0, 7, -7, i64::MAX, i64::MIN, 1_577_836_800_000_000_000] {
            let text = format!("{value},x");
            assert_eq!(long_integer(text.as_bytes()), Some((value, text.len() - 2)));
        }
        for bad in
            ["", "-", "x", "9223372036854775808", "-9223372036854775809", "99999999999999999999999"]
        {
            assert_eq!(long_integer(bad.as_bytes()), None, "{bad}");
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
        for bad in ["", "-", ".", "-.", "NaN", "+Inf", "-Inf", "inf", "1e999", "1.5.5", "--1"] {
            assert!(float(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
