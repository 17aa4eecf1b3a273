//! Which characters of a foreign text may reach a terminal: the one rule for names and for servers' words.

/// True for what a terminal draws and does not obey: no control, no mark that turns the direction of text or hides something,
/// nothing that is not a character yet.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // Behind a letter, where a combining mark belongs.
    let mut pair = [0; 8];
    pair[0] = b'a';
    let length = 1 + c.encode_utf8(&mut pair[1..]).len();
    let pair = std::str::from_utf8(&pair[..length]).unwrap_or_default();
    pair.escape_debug().eq(pair.chars())
}

/// The text with everything escaped that is not printable.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_printable(&mut shown, text.chars());
    shown
}

/// Adds these characters, escaped where that is needed.
pub(crate) fn push_printable(shown: &mut String, chars: impl Iterator<Item = char>) {
    for c in chars {
        if is_printable(c) { shown.push(c) } else { shown.extend(c.escape_default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_pictures_stay_and_orders_are_escaped() {
        for text in [
            "plant 1",
            "k\u{fc}che",
            "e\u{301}t\u{e9}",
            "\u{6e29}\u{5ea6}",
            "\u{1f373}",
            "\u{5e9}\u{5dc}",
            "a\\b\"c'",
        ] {
            assert_eq!(printable(text), text);
        }
        for (text, shown) in [
            ("a\u{1b}[31m", "a\\u{1b}[31m"),
            ("a\nb\r", "a\\nb\\r"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("a\u{2028}b", "a\\u{2028}b"),
            ("\u{e000}", "\\u{e000}"),
            ("\u{7f}", "\\u{7f}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
