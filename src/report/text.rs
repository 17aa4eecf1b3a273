//! Fitting text into lines. The program's own words are ASCII; names and error texts come from elsewhere, so they pass
//! through [`clean`] before they are laid out.

use unicode_width::UnicodeWidthChar as _;

use crate::model::printable::printable;

/// Columns of what is no terminal.
pub const COLUMNS: usize = 80;

/// The narrowest and the widest screen.
pub(crate) const COLUMNS_MIN: usize = 40;
/// See [`COLUMNS_MIN`].
pub(crate) const COLUMNS_MAX: usize = 200;

/// Below this there is no room for a column of labels.
pub(crate) const COLUMNS_NARROW: usize = 60;

/// Columns of the labels at the beginning of lines.
pub(crate) const LABEL: usize = 12;

/// What stands for a part that was left out.
const CUT: &str = "..";

/// Which characters may be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// A stream of UTF-8: whatever can be printed, of all scripts.
    Unicode,
    /// A stream of another encoding: ASCII, the others as `\u{..}`.
    Ascii,
}

impl Glyphs {
    /// By the variables of the locale, the strongest first. Where none says anything, as in a container, it is UTF-8.
    pub fn of_locale(lc_all: Option<&str>, lc_ctype: Option<&str>, lang: Option<&str>) -> Self {
        let mut said =
            [lc_all, lc_ctype, lang].into_iter().flatten().filter(|text| !text.is_empty());
        let Some(locale) = said.next() else { return Self::Unicode };
        let locale = locale.to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }
}

/// What is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// How wide it is.
    pub columns: usize,
    /// What may stand on it.
    pub glyphs: Glyphs,
    /// Whether colour may be used.
    pub color: bool,
}

impl Paper {
    /// A file or a pipe.
    pub fn plain(glyphs: Glyphs) -> Self {
        Self { columns: COLUMNS, glyphs, color: false }
    }

    /// The text in this colour, if there may be one.
    pub(crate) fn paint(self, color: Color, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match color {
            Color::Red => "31",
            Color::Green => "32",
            Color::Yellow => "33",
            Color::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// It failed.
    Red,
    /// It is as it should be.
    Green,
    /// It deserves a look.
    Yellow,
    /// It is to be done.
    Bold,
}

/// A foreign text as it is shown: what a terminal would obey is escaped, line ends among it.
pub(crate) fn clean(text: &str, glyphs: Glyphs) -> String {
    let readable = printable(text);
    if readable.is_ascii() || glyphs == Glyphs::Unicode {
        return readable;
    }
    let mut safe = String::with_capacity(readable.len());
    for c in readable.chars() {
        if c.is_ascii() { safe.push(c) } else { safe.extend(c.escape_unicode()) }
    }
    safe
}

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The text, cut at its end if it is wider than `columns_max`.
pub(crate) fn fit(text: &str, columns_max: usize) -> String {
    if width(text) <= columns_max {
        return text.to_owned();
    }
    let mut kept = split_at(text, columns_max.saturating_sub(CUT.len())).0.to_owned();
    kept.push_str(&CUT[..CUT.len().min(columns_max)]);
    kept
}

/// Two texts that share `columns_max`: the shorter one is left whole if it can be.
pub(crate) fn fit_both(first: &str, second: &str, columns_max: usize) -> (String, String) {
    let half = columns_max / 2;
    let first_max = half.max(columns_max.saturating_sub(width(second)));
    let first = fit(first, first_max);
    let second = fit(second, columns_max.saturating_sub(width(&first)));
    (first, second)
}

/// Words in lines of at most `columns_max`; all lines but the first begin with `indent` spaces. Runs of spaces inside a
/// text that fits are kept; a word wider than a line is broken.
pub(crate) fn wrap(text: &str, columns_max: usize, indent: usize) -> Vec<String> {
    if width(text) <= columns_max {
        return vec![text.to_owned()];
    }
    let room = columns_max.saturating_sub(indent).max(2);
    let mut lines: Vec<String> = Vec::new();
    for mut word in text.split(' ').filter(|word| !word.is_empty()) {
        while !word.is_empty() {
            let (piece, rest) = split_at(word, room);
            word = rest;
            match lines.last_mut() {
                Some(line) if width(line) + 1 + width(piece) <= columns_max => {
                    line.push(' ');
                    line.push_str(piece);
                }
                Some(_) => lines.push(format!("{}{piece}", " ".repeat(indent))),
                None => lines.push(piece.to_owned()),
            }
        }
    }
    lines
}

impl Paper {
    /// A label, two columns in, and its text.
    pub(crate) fn entry(self, label: &str, text: &str) -> Vec<String> {
        labelled(self.columns, &format!("  {label}"), &clean(text, self.glyphs))
    }
}

/// A label and its text.
pub(crate) fn labelled(columns_max: usize, label: &str, text: &str) -> Vec<String> {
    if label.is_empty() && columns_max < COLUMNS_NARROW {
        // It goes on below a text that begins there.
        return wrap_after(columns_max, "    ", text);
    }
    wrap_after(columns_max, &format!("{label:<LABEL$}"), text)
}

/// The label, and the text in as many lines as it needs beside it; on narrow paper below it.
pub(crate) fn wrap_after(columns_max: usize, label: &str, text: &str) -> Vec<String> {
    let start = label.len() - label.trim_start().len();
    let is_narrow = columns_max < COLUMNS_NARROW && !label.trim().is_empty();
    let indent = if is_narrow { start + 2 } else { width(label) };
    let whole = if is_narrow { format!("{} {text}", label.trim()) } else { text.to_owned() };
    let first_indent = if is_narrow { start } else { width(label) };
    let room = columns_max.saturating_sub(first_indent).max(2);
    let lines = wrap(&whole, room, indent - first_indent).into_iter().enumerate();
    let line = |(at, text): (usize, String)| {
        let gap = if at == 0 && !is_narrow { label.to_owned() } else { " ".repeat(first_indent) };
        format!("{gap}{text}").trim_end().to_owned()
    };
    lines.map(line).collect()
}

/// Parts after a label, three spaces apart, two if that saves a line, else on lines of their own below each other.
pub(crate) fn flow(columns_max: usize, label: &str, parts: &[String]) -> Vec<String> {
    for gap in ["   ", "  "] {
        let line = format!("{label}{}", parts.join(gap));
        if width(&line) <= columns_max {
            return vec![line];
        }
    }
    let is_narrow = columns_max < COLUMNS_NARROW && label.len() > 2;
    let start = label.len() - label.trim_start().len();
    let indent = " ".repeat(if is_narrow { start + 2 } else { width(label) });
    let (mut lines, mut line) = (Vec::new(), label.to_owned());
    for (i, part) in parts.iter().enumerate() {
        if i > 0 && width(&line) + 3 + width(part) > columns_max {
            lines.push(std::mem::replace(&mut line, format!("{indent}{part}")));
        } else {
            let gap = if i == 0 { "" } else { "   " };
            line = format!("{line}{gap}{part}");
        }
    }
    lines.push(line);
    lines.iter().map(|line| fit(line, columns_max)).collect()
}

/// The part of at most `columns_max` columns, and the rest.
fn split_at(text: &str, columns_max: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += columns(c);
        if used > columns_max {
            return text.split_at(at);
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        for (text, unicode, ascii) in [
            ("plant", "plant", "plant"),
            ("a\x1b[31m\nb", "a\\u{1b}[31m\\nb", "a\\u{1b}[31m\\nb"),
            ("Zählöü", "Zählöü", "Z\\u{e4}hl\\u{f6}\\u{fc}"),
            ("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}", "a\\u{202e}b\\u{200b}"),
            ("\u{1f373}", "\u{1f373}", "\\u{1f373}"),
        ] {
            assert_eq!(clean(text, Glyphs::Unicode), unicode);
            assert_eq!(clean(text, Glyphs::Ascii), ascii);
        }
    }

    #[test]
    fn the_locale_says_what_a_stream_takes() {
        for (all, ctype, lang, glyphs) in [
            (None, None, None, Glyphs::Unicode),
            (None, None, Some("de_DE.UTF-8"), Glyphs::Unicode),
            (None, None, Some("C.utf8"), Glyphs::Unicode),
            (None, None, Some("C"), Glyphs::Ascii),
            (None, None, Some("de_DE@euro"), Glyphs::Ascii),
            (Some(""), Some("POSIX"), Some("C.UTF-8"), Glyphs::Ascii),
            (Some("C.UTF-8"), Some("C"), Some("C"), Glyphs::Unicode),
        ] {
            assert_eq!(Glyphs::of_locale(all, ctype, lang), glyphs, "{all:?} {ctype:?} {lang:?}");
        }
    }

    #[test]
    fn cuts_at_the_width() {
        for (text, columns_max, cut) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abcd.."),
            ("ääää", 4, "ääää"),
            ("äääää", 4, "ää.."),
            ("日本", 4, "日本"),
            ("日本語", 5, "日.."),
            ("abc", 1, "."),
            ("abc", 0, ""),
        ] {
            assert_eq!(fit(text, columns_max), cut);
            assert!(width(&fit(text, columns_max)) <= columns_max);
        }
        assert_eq!(fit_both("ab", "cdefghij", 8), ("ab".into(), "cdef..".into()));
        assert_eq!(fit_both("abcdefgh", "ij", 8), ("abcd..".into(), "ij".into()));
        assert_eq!(fit_both("abcdefgh", "ijklmnop", 8), ("ab..".into(), "ij..".into()));
    }

    #[test]
    fn wraps_words_and_breaks_only_what_is_wider_than_a_line() {
        assert_eq!(wrap("a  b", 4, 2), ["a  b"]);
        assert_eq!(wrap("one two three", 8, 2), ["one two", "  three"]);
        assert_eq!(wrap("a bcdefghijk l", 6, 2), ["a bcde", "  fghi", "  jk l"]);
        for text in ["x".repeat(500), "ü ".repeat(200), " ".repeat(300)] {
            assert!(wrap(&text, 80, 4).iter().all(|line| width(line) <= 80));
        }
    }

    #[test]
    fn parts_flow_onto_further_lines_rather_than_being_lost() {
        let parts = |lengths: &[usize]| lengths.iter().map(|&n| "x".repeat(n)).collect::<Vec<_>>();
        assert_eq!(flow(80, "label ", &parts(&[2, 3])), ["label xx   xxx"]);
        assert_eq!(
            flow(80, "label ", &parts(&[36, 36])),
            [format!("label {0}  {0}", "x".repeat(36))]
        );
        let lines = flow(80, "label ", &parts(&[36, 37, 10]));
        assert_eq!(
            lines,
            [
                format!("label {}", "x".repeat(36)),
                format!("      {}   {}", "x".repeat(37), "x".repeat(10))
            ]
        );
    }
}
