//! The `migration` record out of the Flux text of an official task. The text is cut into tokens as Flux cuts it, so
//! comments, spacing and strings that look like code do not mislead. Only literals are read, a sign before one among
//! them; nothing is evaluated.

use super::error::TaskRecordError;
use super::flag::Flag;
use super::table::all_flags;
use crate::wire::flux::tokens::{FluxKind, FluxToken, tokens};

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
    let tokens = tokens(text)
        .map_err(|open| TaskRecordError::OpenString { line: line(text, open.at_byte) })?;
    let mut record = TaskRecord { properties: Vec::new(), filter: filter(text, &tokens) };
    let begins = |at: &usize| {
        let is = |offset: usize, token: &FluxKind| {
            tokens.get(at + offset).is_some_and(|found| found.kind == *token)
        };
        let member = *at > 0 && matches!(tokens[at - 1].kind, FluxKind::Sign('.'));
        !member
            && is(0, &FluxKind::Name("migration".to_owned()))
            && is(1, &FluxKind::Sign('='))
            && is(2, &FluxKind::Sign('{'))
    };
    let first = (0..tokens.len()).find(begins).ok_or(TaskRecordError::Missing)? + 3;
    let mut rest = &tokens[first..];
    loop {
        match rest {
            [] => return Err(TaskRecordError::Open),
            [FluxToken { kind: FluxKind::Sign('}'), .. }, ..] => break,
            [
                FluxToken { kind: FluxKind::Name(name) | FluxKind::Text(Some(name)), .. },
                FluxToken { kind: FluxKind::Sign(':'), .. },
                value @ ..,
            ] => {
                let length = expression(value).ok_or(TaskRecordError::Open)?;
                record.add(name, text, &value[..length])?;
                rest = &value[length..];
                if let [FluxToken { kind: FluxKind::Sign(','), .. }, more @ ..] = rest {
                    rest = more;
                }
            }
            [token, ..] => return Err(TaskRecordError::Form { line: line(text, token.start) }),
        }
    }
    if record.properties.is_empty() { Err(TaskRecordError::Empty) } else { Ok(record) }
}

impl TaskRecord {
    fn add(&mut self, name: &str, text: &str, value: &[FluxToken]) -> Result<(), TaskRecordError> {
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
            [
                FluxToken {
                    kind: FluxKind::Text(Some(literal)) | FluxKind::Number(literal), ..
                },
            ] => Property::Literal(literal.clone()),
            [
                FluxToken { kind: FluxKind::Sign('-'), .. },
                FluxToken { kind: FluxKind::Number(literal), .. },
            ] => Property::Literal(format!("-{literal}")),
            _ if matches!(name, "start" | "stop") && is_now(value) => {
                Property::Literal("now".to_owned())
            }
            _ => Property::Computed(source(text, value)),
        };
        self.properties.push((*flag, property));
        Ok(())
    }
}

fn is_now(value: &[FluxToken]) -> bool {
    matches!(value, [FluxToken { kind: FluxKind::Name(name), .. }, open, close]
        if name == "now" && open.kind == FluxKind::Sign('(') && close.kind == FluxKind::Sign(')'))
}

/// How many tokens belong to the expression at the beginning: up to a comma or brace of the record itself.
fn expression(tokens: &[FluxToken]) -> Option<usize> {
    let mut depth = 0usize;
    for (length, token) in tokens.iter().enumerate() {
        match token.kind {
            FluxKind::Sign('(' | '[' | '{') => depth += 1,
            FluxKind::Sign(',' | '}') if depth == 0 => return Some(length),
            FluxKind::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The first step besides `range` that the data goes through: behind the `from` of the source's bucket, or before the `to` of
/// the destination's.
fn filter(text: &str, tokens: &[FluxToken]) -> Option<String> {
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
        let is_to = is_call(tokens, at, "to", "destinationBucket");
        step_before(tokens, at.checked_sub(2).filter(|_| is_to)?).map(step_text)
    })
}

/// True if `name` is called at a place, with an argument that speaks of a property of the record, under any of its names.
fn is_call(tokens: &[FluxToken], at: usize, name: &str, property: &str) -> bool {
    let is_named = |found: &str| {
        found == property
            || FIRST_NAMES.iter().any(|(first, now)| *first == found && *now == property)
    };
    let end = behind_call(tokens, at).unwrap_or(tokens.len());
    let mut inside = tokens.get(at + 1..end).unwrap_or_default().iter();
    matches!(&tokens[at].kind, FluxKind::Name(found) if found == name)
        && tokens.get(at + 1).is_some_and(|open| open.kind == FluxKind::Sign('('))
        && inside.any(|token| matches!(&token.kind, FluxKind::Name(found) if is_named(found)))
}

/// The place behind the arguments of the call at `at`.
fn behind_call(tokens: &[FluxToken], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (offset, token) in tokens.get(at + 1..)?.iter().enumerate() {
        match token.kind {
            FluxKind::Sign('(') => depth += 1,
            FluxKind::Sign(')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 2 + offset);
        }
    }
    None
}

/// The name of the step `|> name(` at a place.
fn step(tokens: &[FluxToken], at: usize) -> Option<&str> {
    match tokens.get(at..at + 3)? {
        [
            FluxToken { kind: FluxKind::Sign('|'), .. },
            FluxToken { kind: FluxKind::Sign('>'), .. },
            FluxToken { kind: FluxKind::Name(name), .. },
        ] => Some(name),
        _ => None,
    }
}

/// Where the step begins that ends right before a place, if one does: what ends there may also be a plain name or call.
fn step_before(tokens: &[FluxToken], end: usize) -> Option<usize> {
    let last = tokens.get(end.checked_sub(1)?)?;
    if last.kind != FluxKind::Sign(')') {
        return None;
    }
    let begins =
        |at: &usize| step(tokens, *at).is_some() && behind_call(tokens, at + 2) == Some(end);
    (0..end).find(begins)
}

fn source(text: &str, value: &[FluxToken]) -> String {
    match value {
        [] => String::new(),
        [first, .., last] => text[first.start..last.end].to_owned(),
        [only] => text[only.start..only.end].to_owned(),
    }
}

fn line(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}
