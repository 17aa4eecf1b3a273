//! The one text of a receipt: JSON with its keys sorted, without blanks, in ASCII. Whoever sorts keys and escapes alike
//! computes the same SHA-256.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// The text of a value. The fields of each structure in it stand in the order of their names.
pub(super) fn text<T: Serialize>(value: &T) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, Ascii);
    value.serialize(&mut serializer).expect("structures of texts and numbers are JSON");
    text
}

/// No blanks, and `\u` escapes for whatever is not printable ASCII.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut escaped = String::with_capacity(fragment.len());
        for letter in fragment.chars() {
            if matches!(letter, ' '..='~') {
                escaped.push(letter);
                continue;
            }
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Memory takes it.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
        writer.write_all(escaped.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python's `json.dumps` makes of the same text.
    #[test]
    fn everything_but_printable_ascii_is_escaped() {
        for (given, expected) in [
            ("a b~", r#""a b~""#),
            ("\"\\/", r#""\"\\/""#),
            ("\n\r\t\u{8}\u{c}\0\u{1f}", r#""\n\r\t\b\f\u0000\u001f""#),
            ("\u{7f}\u{80}é", r#""\u007f\u0080\u00e9""#),
            ("\u{2028}\u{1f373}x", r#""\u2028\ud83c\udf73x""#),
        ] {
            assert_eq!(String::from_utf8(text(&given)).unwrap(), expected);
        }
        let large = [u64::MAX, (1 << 53) + 1];
        assert_eq!(text(&large), b"[18446744073709551615,9007199254740993]");
    }
}
