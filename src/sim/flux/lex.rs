//! Splits Flux into tokens.

use crate::sim::go::text::days_from_civil;

/// Line and column, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScriptPlace {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl std::fmt::Display for ScriptPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum ScriptToken {
    Ident(String),
    String(Vec<u8>),
    Regex(Vec<u8>),
    Int(i64),
    Float(f64),
    /// Nanoseconds since 1970, wrapped round like the server's.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
    /// Punctuation and operators.
    Sign(&'static str),
    End,
}

/// A token with the places where it begins and ends.
#[derive(Debug, Clone)]
pub(super) struct SpannedToken {
    pub(super) token: ScriptToken,
    pub(super) start: ScriptPlace,
    pub(super) end: ScriptPlace,
}

const SIGNS: [&str; 28] = [
    "|>", "=>", "==", "!=", "=~", "!~", "<=", ">=", "<", ">", "=", "(", ")", "{", "}", "[", "]",
    ",", ":", ".", "+", "-", "*", "/", "%", "^", "?", "|",
];

const UNITS_NS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

/// All tokens of a script, or the place and text of what is no token.
pub(super) fn tokens(text: &[u8]) -> Result<Vec<SpannedToken>, (ScriptPlace, String)> {
    let mut lexer =
        Lexer { text, at: 0, place: ScriptPlace { line: 1, column: 1 }, regex_may_follow: false };
    let mut all = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.place;
        let token = lexer.next().map_err(|message| (start, message))?;
        lexer.regex_may_follow = matches!(token, ScriptToken::Sign("=~" | "!~"));
        let done = token == ScriptToken::End;
        all.push(SpannedToken { token, start, end: lexer.place });
        if done {
            return Ok(all);
        }
    }
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    place: ScriptPlace,
    regex_may_follow: bool,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip(&mut self, bytes: usize) {
        for &byte in &self.text[self.at..(self.at + bytes).min(self.text.len())] {
            if byte == b'\n' {
                self.place = ScriptPlace { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        self.at = (self.at + bytes).min(self.text.len());
    }

    fn skip_blank(&mut self) {
        loop {
            if self.peek(0).is_ascii_whitespace() {
                self.skip(1);
            } else if self.text[self.at..].starts_with(b"//") && !self.regex_may_follow {
                let length = self.text[self.at..].iter().take_while(|&&byte| byte != b'\n').count();
                self.skip(length);
            } else {
                return;
            }
        }
    }

    fn next(&mut self) -> Result<ScriptToken, String> {
        if self.peek(0) == 0 {
            return Ok(ScriptToken::End);
        }
        match self.peek(0) {
            b'"' => self.string(),
            b'/' if self.regex_may_follow => self.regex(),
            b'0'..=b'9' => self.number(),
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                let word =
                    |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
                let length = self.text[self.at..].iter().take_while(|byte| word(byte)).count();
                let text =
                    String::from_utf8_lossy(&self.text[self.at..self.at + length]).into_owned();
                self.skip(length);
                Ok(ScriptToken::Ident(text))
            }
            byte => {
                let rest = &self.text[self.at..];
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign.as_bytes()));
                let sign = sign.ok_or_else(|| format!("invalid token {}", char::from(byte)))?;
                self.skip(sign.len());
                Ok(ScriptToken::Sign(sign))
            }
        }
    }

    fn string(&mut self) -> Result<ScriptToken, String> {
        self.skip(1);
        let start = self.at;
        loop {
            let length = match (self.peek(0), self.peek(1)) {
                // A NUL is the end of the script.
                (0, _) => return Err("invalid string literal".to_owned()),
                (b'"', _) => break,
                (b'$', b'{') => return Err("string interpolation is not simulated".to_owned()),
                (b'$', b'"') => 1,
                // A dollar takes what follows with it, even a backslash.
                (b'$', _) | (b'\\', b'n' | b'r' | b't' | b'"' | b'\\') => 2,
                (b'\\', b'$') if self.peek(2) == b'{' => 3,
                (b'\\', b'x') => 4,
                (b'\\', byte) => {
                    return Err(format!("invalid escape sequence \\{}", char::from(byte)));
                }
                _ => 1,
            };
            self.skip(length);
        }
        let value = unescape(&self.text[start..self.at])?;
        self.skip(1);
        Ok(ScriptToken::String(value))
    }

    fn regex(&mut self) -> Result<ScriptToken, String> {
        let mut pattern = Vec::new();
        self.skip(1);
        while self.at < self.text.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', _) => {
                    self.skip(1);
                    return Ok(ScriptToken::Regex(pattern));
                }
                (b'\\', b'/') => {
                    pattern.push(b'/');
                    self.skip(2);
                }
                (b'\\', next) => {
                    pattern.extend_from_slice(&[b'\\', next]);
                    self.skip(2);
                }
                (byte, _) => {
                    pattern.push(byte);
                    self.skip(1);
                }
            }
        }
        Err("invalid regular expression".to_owned())
    }

    fn number(&mut self) -> Result<ScriptToken, String> {
        let rest = &self.text[self.at..];
        if rest.get(4) == Some(&b'-') && rest.get(7) == Some(&b'-') {
            let inside = |&byte: &u8| {
                byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'T' | b'Z' | b'+')
            };
            let length = rest.iter().take_while(|byte| inside(byte)).count();
            let ns = parse_time(&rest[..length]).ok_or("invalid date time literal")?;
            self.skip(length);
            return Ok(ScriptToken::Time(ns));
        }
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let whole = digits(rest);
        let text = String::from_utf8_lossy(rest).into_owned();
        if rest.get(whole) == Some(&b'.') && rest.get(whole + 1).is_some_and(u8::is_ascii_digit) {
            let length = whole + 1 + digits(&rest[whole + 1..]);
            self.skip(length);
            return text[..length]
                .parse()
                .map(ScriptToken::Float)
                .map_err(|_| "invalid float literal".to_owned());
        }
        if rest.get(whole).is_some_and(u8::is_ascii_alphabetic) {
            let (ns, length) = parse_duration(rest).ok_or("invalid duration literal")?;
            self.skip(length);
            return Ok(ScriptToken::Duration(ns));
        }
        self.skip(whole);
        text[..whole]
            .parse()
            .map(ScriptToken::Int)
            .map_err(|_| "invalid integer literal".to_owned())
    }
}

fn unescape(text: &[u8]) -> Result<Vec<u8>, String> {
    let (mut value, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        let next = text.get(at + 1).copied().unwrap_or(0);
        let (byte, length) = match (byte, next) {
            (b'\\', b'n') => (b'\n', 2),
            (b'\\', b'r') => (b'\r', 2),
            (b'\\', b't') => (b'\t', 2),
            (b'\\', b'"' | b'\\' | b'$') => (next, 2),
            (b'\\', b'x') => {
                let hex = text.get(at + 2..at + 4).and_then(|hex| std::str::from_utf8(hex).ok());
                let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                (byte.ok_or("invalid byte value")?, 4)
            }
            _ => (byte, 1),
        };
        value.push(byte);
        at += length;
    }
    Ok(value)
}

fn parse_duration(text: &[u8]) -> Option<(i64, usize)> {
    let (mut total, mut at) = (0_i64, 0);
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let count: i64 = std::str::from_utf8(&text[at..at + digits]).ok()?.parse().ok()?;
        at += digits;
        let letters = text[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (_, unit) =
            UNITS_NS.iter().find(|(name, _)| name.as_bytes() == &text[at..at + letters])?;
        total = total.checked_add(count.checked_mul(*unit)?)?;
        at += letters;
    }
    Some((total, at))
}

/// A date, or a date and time in UTC or at an offset. Years 1 to 9999 are taken; what does not fit into 64 bits of
/// nanoseconds wraps round without a word, as on the real server.
fn parse_time(text: &[u8]) -> Option<i64> {
    let number =
        |from: usize, to: usize| std::str::from_utf8(text.get(from..to)?).ok()?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let midnight = i128::from(days_from_civil(year, month, day)) * 86_400;
    if text.len() == 10 {
        return Some(wrap(midnight * 1_000_000_000));
    }
    let seconds = number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
    let mut at = 19;
    let mut fraction = 0_i64;
    if text.get(at) == Some(&b'.') {
        let digits = text[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let shown = std::str::from_utf8(&text[at + 1..at + 1 + digits.min(9)]).ok()?;
        fraction = format!("{shown:0<9}").parse().ok()?;
        at += 1 + digits;
    }
    let offset = match text.get(at)? {
        b'Z' => 0,
        sign @ (b'+' | b'-') => {
            let offset = number(at + 1, at + 3)? * 3_600 + number(at + 4, at + 6)? * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    Some(wrap((midnight + i128::from(seconds - offset)) * 1_000_000_000 + i128::from(fraction)))
}

#[expect(clippy::cast_possible_truncation, reason = "the real server wraps round here")]
const fn wrap(ns: i128) -> i64 {
    ns as i64
}
