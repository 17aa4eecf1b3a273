//! Regular expressions as Go reads them: patterns are put into the words of the crate `regex`, which shares RE2's syntax
//! and its linear time, but not all of its letters.

use std::fmt::Write as _;

/// The most repetitions that a pattern may ask for.
const REPEAT_MAX: u32 = 1_000;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct GoRegex(regex::Regex);

impl GoRegex {
    /// Compiles a pattern; the error says what is not understood.
    pub(crate) fn new(pattern: &[u8]) -> Result<Self, String> {
        let pattern = translate(&String::from_utf8_lossy(pattern))?;
        let regex = regex::Regex::new(&pattern);
        regex.map(Self).map_err(|error| {
            // The crate draws the pattern first.
            let text = error.to_string();
            text.rsplit("error: ").next().unwrap_or_default().to_owned()
        })
    }

    /// True if some part of `text` matches. As in Go, a byte that is no UTF-8 counts as one U+FFFD.
    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        if let Ok(text) = std::str::from_utf8(text) {
            return self.0.is_match(text);
        }
        let mut read = String::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            read.push_str(chunk.valid());
            read.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
        self.0.is_match(&read)
    }
}

/// The same pattern as the crate wants it.
fn translate(pattern: &str) -> Result<String, String> {
    let (mut out, mut rest, mut repeated) = (String::new(), pattern, false);
    while let Some(c) = rest.chars().next() {
        let after_repetition = std::mem::take(&mut repeated);
        let bytes = match c {
            '\\' => escape(rest, &mut out)?,
            '[' => class(rest, &mut out)?,
            '*' | '+' | '?' | '{' => match repetition(rest)? {
                Some(_) if after_repetition => {
                    return Err("invalid nested repetition operator".to_owned());
                }
                Some(bytes) => {
                    out.push_str(&rest[..bytes]);
                    repeated = true;
                    bytes
                }
                None => push_literal(c, &mut out),
            },
            _ => {
                check_flags(rest)?;
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[bytes..];
    }
    Ok(out)
}

fn push_literal(c: char, out: &mut String) -> usize {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    c.len_utf8()
}

/// The crate knows more flags than Go.
fn check_flags(rest: &str) -> Result<(), String> {
    let flags = rest.strip_prefix("(?").filter(|rest| !rest.starts_with(['P', '<']));
    let flags = flags.and_then(|rest| rest.split([':', ')']).next()).unwrap_or_default();
    let known = flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
    if known { Ok(()) } else { Err("invalid or unsupported Perl syntax".to_owned()) }
}

/// The length of a repetition; none for a brace that stands for itself.
fn repetition(rest: &str) -> Result<Option<usize>, String> {
    let mut bytes = 1;
    if let Some(counts) = rest.strip_prefix('{') {
        let Some((counts, _)) = counts.split_once('}') else { return Ok(None) };
        let (min, max) = counts.split_once(',').unwrap_or((counts, counts));
        let is_count = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits && (text.len() == 1 || !text.starts_with('0'))
        };
        if !is_count(min) || !(is_count(max) || max.is_empty()) {
            return Ok(None);
        }
        let fits = |text: &str| text.parse::<u32>().is_ok_and(|count| count <= REPEAT_MAX);
        if !fits(min) || !(fits(max) || max.is_empty()) {
            return Err("invalid repeat count".to_owned());
        }
        bytes = counts.len() + 2;
    }
    let lazy = rest[bytes..].starts_with('?');
    Ok(Some(bytes + usize::from(lazy)))
}

/// Puts what a backslash begins; its length. To Go digits, words, spaces and the ends of words are ASCII.
fn escape(rest: &str, out: &mut String) -> Result<usize, String> {
    let invalid = || "invalid escape sequence".to_owned();
    let c = rest[1..].chars().next().ok_or("trailing backslash at end of expression")?;
    out.push_str(match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'b' => "(?-u:\\b)",
        'B' => "(?-u:\\B)",
        'A' | 'z' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' => &rest[..2],
        'x' | 'p' | 'P' => {
            let braced = rest[2..].starts_with('{').then(|| rest.find('}').ok_or_else(invalid));
            let bytes = braced.transpose()?.map_or(2, |close| close + 1);
            out.push_str(&rest[..bytes]);
            return Ok(bytes);
        }
        'Q' => {
            let literal = rest[2..].split("\\E").next().unwrap_or_default();
            out.push_str(&regex::escape(literal));
            return Ok((2 + literal.len() + 2).min(rest.len()));
        }
        '0'..='7' => {
            let digits = rest[1..].bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7'));
            let bytes = digits.count();
            if c != '0' && bytes == 1 {
                return Err(invalid());
            }
            let code = u32::from_str_radix(&rest[1..=bytes], 8).unwrap_or_default();
            let _ = write!(out, "\\x{{{code:x}}}");
            return Ok(1 + bytes);
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => {
            return Ok(1 + push_literal(c, out));
        }
        _ => return Err(invalid()),
    });
    Ok(2)
}

/// Puts a class of characters; its length. What the crate would take for classes inside it and for operations on them are
/// letters to Go.
fn class(rest: &str, out: &mut String) -> Result<usize, String> {
    let missing = || "missing closing ]".to_owned();
    let negated = usize::from(rest[1..].starts_with('^'));
    out.push_str(&rest[..=negated]);
    let start = 1 + negated;
    let mut at = start;
    loop {
        let left = &rest[at..];
        if left.starts_with(']') && at > start {
            out.push(']');
            return Ok(at + 1);
        }
        let posix = left.strip_prefix("[:").and_then(|name| name.find(":]"));
        if let Some(name) = posix {
            out.push_str(&left[..name + 4]);
            at += name + 4;
            continue;
        }
        at += member(left, out)?;
        let behind = rest[at..].strip_prefix('-').filter(|behind| !behind.starts_with(']'));
        if let Some(high) = behind.filter(|_| !is_class(left)) {
            out.push('-');
            at += 1 + member(high, out)?;
        }
        if at >= rest.len() {
            return Err(missing());
        }
    }
}

fn member(left: &str, out: &mut String) -> Result<usize, String> {
    match left.chars().next() {
        None => Err("missing closing ]".to_owned()),
        Some('\\') => escape(left, out),
        Some(c) => Ok(push_literal(c, out)),
    }
}

/// An escape that stands for more than one character begins no range.
fn is_class(left: &str) -> bool {
    left.strip_prefix('\\').is_some_and(|left| left.starts_with(['d', 'D', 'w', 'W', 's', 'S', 'p', 'P']))
}
