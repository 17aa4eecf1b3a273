//! Regular expressions as Go reads them: patterns are put into the words of the crate `regex`, which shares RE2's syntax
//! and its linear time, but not all of its letters. One is refused that Go takes: a repetition right behind flags, `a(?i)*`.

use std::fmt::Write as _;

/// The most repetitions that a pattern may ask for.
const REPEAT_MAX: u32 = 1_000;

/// What `[:` and `:]` may stand around.
const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

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
            '\\' if rest[1..].starts_with('Q') => {
                let literal = rest[2..].split("\\E").next().unwrap_or_default();
                out.push_str(&regex::escape(literal));
                (2 + literal.len() + 2).min(rest.len())
            }
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
            let (name, bytes) = match rest[2..].strip_prefix('{') {
                Some(name) => name.split_once('}').map(|(name, _)| (name, name.len() + 4)),
                None if c == 'x' => rest.get(2..4).map(|digits| (digits, 4)),
                None => {
                    rest[2..].chars().next().map(|c| (&rest[2..2 + c.len_utf8()], 2 + c.len_utf8()))
                }
            }
            .ok_or_else(invalid)?;
            // A name may be negated once more.
            let letter = match (c, name.starts_with('^')) {
                ('p', true) => 'P',
                ('P', true) => 'p',
                _ => c,
            };
            let _ = write!(out, "\\{letter}{{{}}}", name.trim_start_matches('^'));
            return Ok(bytes);
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
        let posix = left.strip_prefix("[:").and_then(|name| name.split_once(":]"));
        if let Some((name, _)) = posix {
            if !POSIX_CLASSES.contains(&name.trim_start_matches('^')) {
                return Err("invalid character class range".to_owned());
            }
            let _ = write!(out, "[:{name}:]");
            at += name.len() + 4;
            continue;
        }
        at += member(left, out)?;
        let behind = rest[at..].strip_prefix('-').filter(|behind| !behind.starts_with(']'));
        if let Some(high) = behind.filter(|_| !is_class(left)) {
            if is_class(high) {
                return Err("invalid character class range".to_owned());
            }
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
    left.strip_prefix('\\')
        .is_some_and(|left| left.starts_with(['d', 'D', 'w', 'W', 's', 'S', 'p', 'P']))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Texts<'a> = &'a [&'a [u8]];

    /// What Go 1.26 said to each.
    #[test]
    fn matches_what_go_matches() {
        let cases: [(&str, Texts<'_>, Texts<'_>); 31] = [
            ("\\r", &[b"a\rb"], &[b"ab"]),
            ("^cpu", &[b"cpu", b"cpu0"], &[b"xcpu", b""]),
            ("^(a|bc)+$", &[b"a", b"bc", b"abca"], &[b"", b"b", b"ab", b"a\n"]),
            ("^h[0-9]{2}$", &[b"h01"], &[b"h1", b"h001"]),
            ("[^a-c]", &[b"d", b"\xff"], &[b"abc"]),
            ("^.*x?\\.log$", &[b"a.log", b"x.log"], &[b"alog"]),
            ("(a*)*b", &[b"aaab", b"b"], &[b"aaa"]),
            ("^$", &[b""], &[b"x"]),
            ("(?i)^k\\z", &[b"K", b"\xe2\x84\xaa"], &[b"k\n"]),
            ("(?s)^.$", &[b"\n", b"\xc3\xa9", b"\xff"], &[b"ab"]),
            ("^\\d\\D\\w\\W\\s\\S$", &[b"1a_-\ta"], &["١a_-\ta".as_bytes(), "1aé-\ta".as_bytes()]),
            ("^[\\d-z]$", &[b"5", b"-", b"z"], &[b"k"]),
            ("\\bé", &["aé".as_bytes()], &["é".as_bytes()]),
            ("^[[:alpha:][:^ascii:]]$", &[b"a", "é".as_bytes()], &[b"1"]),
            ("^[a&&b]$", &[b"a", b"&"], &[b"c"]),
            ("^[[]$", &[b"["], &[b"a"]),
            ("^[]a]$", &[b"]", b"a"], &[b"["]),
            ("^[+--]$", &[b"+", b",", b"-"], &[b"."]),
            ("\\<\\>\\/\\_", &[b"<>/_"], &[b"a"]),
            ("a{x}", &[b"a{x}"], &[b"a"]),
            ("^a{,2}$", &[b"a{,2}"], &[b"a", b""]),
            ("^a{2,}?$", &[b"aa", b"aaa"], &[b"a"]),
            ("^\\Qa.b\\E+$", &[b"a.b", b"a.bb"], &[b"axb"]),
            ("^\\x41\\x{e9}\\101\\0$", &["AéA\0".as_bytes()], &[b"A"]),
            ("^\\pL\\p{Greek}\\P{^Lu}$", &["aσA".as_bytes()], &[b"aaA"]),
            ("^(?P<n>a)(?<m>b)$", &[b"ab"], &[b"a"]),
            ("^a.ö[^b]+é?$", &["a\u{fffd}öäé".as_bytes()], &["a\nöx".as_bytes()]),
            ("^a.ö[^b]+é?$", &[b"a\xff\xc3\xb6\xe9"], &[b"a\xff\xff\xc3\xb6x"]),
            ("^a.ö[^b]+é?$", &[b"a\xc3\xc3\xb6\xff\xff"], &[b""]),
            ("^(|a)*$", &[b"", b"aa"], &[b"b"]),
            ("(?U)^a+$", &[b"aa"], &[b""]),
        ];
        for (pattern, yes, no) in cases {
            let regex = GoRegex::new(pattern.as_bytes()).unwrap();
            for text in yes {
                assert!(regex.is_match(text), "{pattern} {text:?}");
            }
            for text in no {
                assert!(!regex.is_match(text), "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for bad in [
            "(",
            ")",
            "[a",
            "[]",
            "*",
            "a**",
            "a{2}{3}",
            "a{1001}",
            "a{3,2}",
            "\\",
            "\\Z",
            "\\1",
            "\\8",
            "\\u0041",
            "\\C",
            "\\p",
            "\\p{Foo}",
            "\\x4",
            "\\x{110000}",
            "(?x)a",
            "(?u)a",
            "(?=a)",
            "(?!a)",
            "[b-a]",
            "[a-\\d]",
            "[\\b]",
            "[\\Qa\\E]",
            "[[:foo:]]",
            "(?P<>a)",
            "(?i",
        ] {
            assert!(GoRegex::new(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(GoRegex::new(b"a(").unwrap_err(), "unclosed group");
    }
}
