//! The `migration` record out of the Flux text of an official task. The text is cut into tokens as Flux cuts it, so
//! comments, spacing and strings that look like code do not mislead. Only literals are read, a sign before one among
//! them; nothing is evaluated.

use super::error::TaskRecordError;
use super::flag::Flag;
use super::table::all_flags;

/// What the first template of the task called some properties.
const FIRST_NAMES: [(&str, &str); 4] = [
    ("cloudHost", "sourceHost"),
    ("cloudOrg", "sourceOrg"),
    ("cloudBucket", "sourceBucket"),
    ("ossBucket", "destinationBucket"),
];

/// A property of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// A string, time or duration, as the flag of the same name takes it.
    Literal(String),
    /// An expression, as it stands.
    Computed(String),
}

/// What the task says. The token is never part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskRecord {
    properties: Vec<(Flag, Property)>,
    /// The step behind `range(start: batch.start, stop: batch.stop)` in the query of the data, if the task was changed
    /// to read only a part of the bucket.
    pub filter: Option<String>,
}

impl TaskRecord {
    /// The property of a flag.
    pub fn property(&self, flag: Flag) -> Option<&Property> {
        self.properties.iter().find(|(known, _)| *known == flag).map(|(_, property)| property)
    }
}

/// Reads the record.
pub fn parse_task_record(text: &str) -> Result<TaskRecord, TaskRecordError> {
    let tokens = tokens(text)?;
    let mut record = TaskRecord { properties: Vec::new(), filter: filter(text, &tokens) };
    let begins = |at: &usize| {
        let is = |offset: usize, token: &Kind| {
            tokens.get(at + offset).is_some_and(|found| found.kind == *token)
        };
        let member = *at > 0 && matches!(tokens[at - 1].kind, Kind::Sign('.'));
        !member
            && is(0, &Kind::Name("migration".to_owned()))
            && is(1, &Kind::Sign('='))
            && is(2, &Kind::Sign('{'))
    };
    let first = (0..tokens.len()).find(begins).ok_or(TaskRecordError::Missing)? + 3;
    let mut rest = &tokens[first..];
    loop {
        match rest {
            [] => return Err(TaskRecordError::Open),
            [Token { kind: Kind::Sign('}'), .. }, ..] => break,
            [
                Token { kind: Kind::Name(name) | Kind::Text(Some(name)), .. },
                Token { kind: Kind::Sign(':'), .. },
                value @ ..,
            ] => {
                let length = expression(value).ok_or(TaskRecordError::Open)?;
                record.add(name, text, &value[..length])?;
                rest = &value[length..];
                if let [Token { kind: Kind::Sign(','), .. }, more @ ..] = rest {
                    rest = more;
                }
            }
            [token, ..] => return Err(TaskRecordError::Form { line: line(text, token.start) }),
        }
    }
    if record.properties.is_empty() { Err(TaskRecordError::Empty) } else { Ok(record) }
}

impl TaskRecord {
    fn add(&mut self, name: &str, text: &str, value: &[Token]) -> Result<(), TaskRecordError> {
        let given = name;
        let name =
            FIRST_NAMES.iter().find(|(first, _)| *first == name).map_or(name, |(_, now)| now);
        let Some(flag) = all_flags().find(|flag| flag.is_official() && flag.camel() == name) else {
            return Ok(());
        };
        if self.property(*flag).is_some() {
            return Err(TaskRecordError::Twice { name: given.to_owned() });
        }
        let property = match value {
            [Token { kind: Kind::Text(Some(literal)) | Kind::Number(literal), .. }] => {
                Property::Literal(literal.clone())
            }
            [Token { kind: Kind::Sign('-'), .. }, Token { kind: Kind::Number(literal), .. }] => {
                Property::Literal(format!("-{literal}"))
            }
            _ if matches!(name, "start" | "stop") && is_now(value) => {
                Property::Literal("now".to_owned())
            }
            _ => Property::Computed(source(text, value)),
        };
        self.properties.push((*flag, property));
        Ok(())
    }
}

fn is_now(value: &[Token]) -> bool {
    matches!(value, [Token { kind: Kind::Name(name), .. }, open, close]
        if name == "now" && open.kind == Kind::Sign('(') && close.kind == Kind::Sign(')'))
}

/// How many tokens belong to the expression at the beginning: up to a comma or brace of the record itself.
fn expression(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0usize;
    for (length, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign('(' | '[' | '{') => depth += 1,
            Kind::Sign(',' | '}') if depth == 0 => return Some(length),
            Kind::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The step that follows the range of the batch.
fn filter(text: &str, tokens: &[Token]) -> Option<String> {
    let range =
        ["range", "(", "start", ":", "batch", ".", "start", ",", "stop", ":", "batch", ".", "stop"];
    let spelt = |token: &Token| &text[token.start..token.end];
    let at = tokens
        .windows(range.len())
        .position(|window| window.iter().zip(range).all(|(token, word)| spelt(token) == word))?;
    let mut behind = tokens[at + range.len()..].iter();
    let mut next = behind.next()?;
    if next.kind == Kind::Sign(',') {
        next = behind.next()?;
    }
    let (bar, arrow, step) = (behind.next()?, behind.next()?, behind.next()?);
    let piped = next.kind == Kind::Sign(')')
        && bar.kind == Kind::Sign('|')
        && arrow.kind == Kind::Sign('>');
    piped.then(|| text[bar.start..].lines().next().unwrap_or(spelt(step)).trim().to_owned())
}

fn source(text: &str, value: &[Token]) -> String {
    match value {
        [] => String::new(),
        [first, .., last] => text[first.start..last.end].to_owned(),
        [only] => text[only.start..only.end].to_owned(),
    }
}

fn line(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Identifier or keyword.
    Name(String),
    /// String literal; `None` if it holds an interpolation.
    Text(Option<String>),
    /// Number, duration or time, as spelt.
    Number(String),
    /// Anything else, letter by letter.
    Sign(char),
}

struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

fn tokens(text: &str) -> Result<Vec<Token>, TaskRecordError> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        let run = |inside: fn(char) -> bool| rest.find(|c| !inside(c)).unwrap_or(rest.len());
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            start += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (kind, length) = if first == '"' {
            string(rest).ok_or_else(|| TaskRecordError::OpenString { line: line(text, start) })?
        } else if first.is_ascii_digit() {
            // A time holds signs too: 2022-01-01T00:00:00.5+02:00.
            let length = run(|c| c.is_alphanumeric() || matches!(c, ':' | '.' | '-' | '+'));
            (Kind::Number(rest[..length].to_owned()), length)
        } else if first.is_alphabetic() || first == '_' {
            let length = run(|c| c.is_alphanumeric() || c == '_');
            (Kind::Name(rest[..length].to_owned()), length)
        } else {
            (Kind::Sign(first), first.len_utf8())
        };
        tokens.push(Token { kind, start, end: start + length });
        start += length;
    }
    Ok(tokens)
}

/// A string literal at the beginning of `rest` and its length with the quotes.
fn string(rest: &str) -> Option<(Kind, usize)> {
    let mut value = Vec::new();
    let mut plain = true;
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let value = String::from_utf8(value).ok().filter(|_| plain);
                return Some((Kind::Text(value), at + 1));
            }
            '\\' => match letters.next()?.1 {
                'n' => value.push(b'\n'),
                'r' => value.push(b'\r'),
                't' => value.push(b'\t'),
                'x' => {
                    let (high, low) = (letters.next()?.1, letters.next()?.1);
                    match (high.to_digit(16), low.to_digit(16)) {
                        (Some(high), Some(low)) => value.extend(u8::try_from(high * 16 + low)),
                        _ => plain = false,
                    }
                }
                kept @ ('"' | '\\' | '$') => value.push(u8::try_from(kept).unwrap_or_default()),
                _ => plain = false,
            },
            '$' if rest[at + 1..].starts_with('{') => {
                plain = false;
                value.push(b'$');
            }
            _ => value.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    None
}
