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
    /// The first step besides `range` that the data goes through, if the task was changed to copy only a part of the bucket.
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

/// The first step besides `range` that the data goes through: behind the `from` of the source's bucket, or before the `to` of
/// the destination's.
fn filter(text: &str, tokens: &[Token]) -> Option<String> {
    let step_text = |at: usize| {
        let first = &text[tokens[at].start..];
        first.lines().next().unwrap_or(first).trim().to_owned()
    };
    (0..tokens.len()).find_map(|at| {
        if is_call(tokens, at, "from", "sourceBucket") {
            let mut next = behind_call(tokens, at)?;
            while let Some(name) = step(tokens, next) {
                if name != "range" {
                    return Some(step_text(next));
                }
                next = behind_call(tokens, next + 2)?;
            }
        }
        let is_to = at >= 2 && is_call(tokens, at, "to", "destinationBucket");
        let before = if is_to { step_before(tokens, at - 2)? } else { return None };
        Some(step_text(before))
    })
}

/// True if `name` is called at a place, with an argument that speaks of a property of the record, under any of its names.
fn is_call(tokens: &[Token], at: usize, name: &str, property: &str) -> bool {
    let is = |kind: &Kind, name: &str| matches!(kind, Kind::Name(found) if found == name);
    let is_named = |found: &str| {
        found == property
            || FIRST_NAMES.iter().any(|(first, now)| *first == found && *now == property)
    };
    let end = behind_call(tokens, at).unwrap_or(tokens.len());
    let mut inside = tokens.get(at + 1..end).unwrap_or_default().iter();
    is(&tokens[at].kind, name)
        && tokens.get(at + 1).is_some_and(|open| open.kind == Kind::Sign('('))
        && inside.any(|token| matches!(&token.kind, Kind::Name(found) if is_named(found)))
}

/// The place behind the arguments of the call at `at`.
fn behind_call(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (offset, token) in tokens.get(at + 1..)?.iter().enumerate() {
        match token.kind {
            Kind::Sign('(') => depth += 1,
            Kind::Sign(')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 2 + offset);
        }
    }
    None
}

/// The name of the step `|> name(` at a place.
fn step(tokens: &[Token], at: usize) -> Option<&str> {
    match tokens.get(at..at + 3)? {
        [Token { kind: Kind::Sign('|'), .. }, Token { kind: Kind::Sign('>'), .. }, name] => {
            if let Kind::Name(name) = &name.kind {
                Some(name)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Where the step begins that ends right before a place, if one does: what ends there may also be a plain name or call.
fn step_before(tokens: &[Token], end: usize) -> Option<usize> {
    let last = tokens.get(end.checked_sub(1)?)?;
    if last.kind != Kind::Sign(')') {
        return None;
    }
    let begins =
        |at: &usize| step(tokens, *at).is_some() && behind_call(tokens, at + 2) == Some(end);
    (0..end).find(begins)
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
