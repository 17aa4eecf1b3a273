//! The `WHERE` of a statement: a range of time, and a test of the tags of a series.

use super::statement::{Cast, Expression, Join};
use crate::model::series::Series;
use crate::model::time::Timestamp;
use crate::sim::go::regex::GoRegex;

/// The smallest and the largest time that can be stored.
pub(super) const TIME_MIN: i64 = i64::MIN + 2;
pub(super) const TIME_MAX: i64 = i64::MAX - 1;

/// Both ends count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeBounds {
    pub(super) first: i64,
    pub(super) last: i64,
}

/// A test of tags; one that is absent is the empty string.
#[derive(Debug, Clone)]
pub(super) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Equals { key: Vec<u8>, value: Vec<u8>, negated: bool },
    Matches { key: Vec<u8>, pattern: GoRegex, negated: bool },
}

impl Test {
    pub(super) fn holds(&self, series: &Series) -> bool {
        let value = |key: &[u8]| {
            // The real server takes this name for its own, whatever the tags.
            if key == b"_name" {
                return &*series.measurement;
            }
            let at = series.tags.binary_search_by(|(tag, _)| (**tag).cmp(key));
            at.map_or(&[][..], |at| &*series.tags[at].1)
        };
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(series)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(series)),
            Self::Equals { key, value: wanted, negated } => (value(key) == wanted) != *negated,
            Self::Matches { key, pattern, negated } => pattern.is_match(value(key)) != *negated,
        }
    }
}

/// Bounds beyond 64 bits are possible on the way: a nanosecond before the first time.
#[derive(Debug, Clone, Copy, Default)]
struct Range {
    first: Option<i128>,
    last: Option<i128>,
}

impl Range {
    /// Both ranges hold, whatever joins them.
    fn and(self, other: Self) -> Self {
        let both = |a: Option<i128>, b: Option<i128>, pick: fn(i128, i128) -> i128| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        Self {
            first: both(self.first, other.first, i128::max),
            last: both(self.last, other.last, i128::min),
        }
    }
}

/// Takes a condition apart. `is_field` tells whether a name without a cast is one of a field. The error is that of the
/// statement's result.
pub(super) fn split(
    condition: Option<&Expression>,
    is_field: &dyn Fn(&str) -> bool,
) -> Result<(TimeBounds, Option<Test>), String> {
    let (range, test) = match condition {
        Some(condition) => part(condition, is_field)?,
        None => (Range::default(), None),
    };
    let bound = |bound: Option<i128>, default: i64| {
        bound.map_or(default, |bound| {
            let clamped = bound.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
            i64::try_from(clamped).unwrap_or(default)
        })
    };
    Ok((
        TimeBounds { first: bound(range.first, TIME_MIN), last: bound(range.last, TIME_MAX) },
        test,
    ))
}

type Part = (Range, Option<Test>);

fn part(expression: &Expression, is_field: &dyn Fn(&str) -> bool) -> Result<Part, String> {
    match expression {
        Expression::Parenthesis(inner) => part(inner, is_field),
        Expression::Joined(by, parts) => {
            let (mut range, mut tests) = (Range::default(), Vec::new());
            for expression in parts {
                let (more, test) = part(expression, is_field)?;
                range = range.and(more);
                tests.extend(test);
            }
            let test = match (tests.len(), by) {
                (0, _) => None,
                (1, _) => tests.pop(),
                (_, Join::And) => Some(Test::All(tests)),
                (_, Join::Or) => Some(Test::Any(tests)),
            };
            Ok((range, test))
        }
        Expression::Compare(operator, left, right) => match (&**left, &**right) {
            (Expression::Reference { name, .. }, value) if name.eq_ignore_ascii_case("time") => {
                Ok((time_range(operator, value)?, None))
            }
            (value, Expression::Reference { name, .. }) if name.eq_ignore_ascii_case("time") => {
                let turned = match *operator {
                    ">" => "<",
                    "<" => ">",
                    ">=" => "<=",
                    "<=" => ">=",
                    other => other,
                };
                Ok((time_range(turned, value)?, None))
            }
            (Expression::Reference { name, cast }, value) => {
                tag_test(name, *cast, operator, value, is_field)
                    .map(|test| (Range::default(), Some(test)))
            }
            _ => Err("this condition is not simulated".to_owned()),
        },
        Expression::Reference { name, cast } => {
            let cast = match cast {
                Some(Cast::Tag) => "::tag",
                Some(Cast::Field) => "::field",
                _ => "",
            };
            Err(format!("invalid condition expression: {name}{cast}"))
        }
        _ => Err("this condition is not simulated".to_owned()),
    }
}

fn time_range(operator: &str, value: &Expression) -> Result<Range, String> {
    let ns = match value {
        Expression::Integer(ns) => i128::from(*ns),
        Expression::Text(text) => i128::from(time_of(text)?),
        Expression::LargeInteger => return Err(incompatible("UnsignedLiteral")),
        _ => return Err("this comparison of the time is not simulated".to_owned()),
    };
    let (first, last) = match operator {
        ">" => (Some(ns + 1), None),
        ">=" => (Some(ns), None),
        "<" => (None, Some(ns - 1)),
        "<=" => (None, Some(ns)),
        "=" => (Some(ns), Some(ns)),
        other => return Err(format!("invalid time comparison operator: {other}")),
    };
    Ok(Range { first, last })
}

fn incompatible(literal: &str) -> String {
    format!("invalid operation: time and *influxql.{literal} are not compatible")
}

/// A text that begins like a date must be a time; another one is no time at all.
fn time_of(text: &str) -> Result<i64, String> {
    let is_date = |text: &[u8]| {
        text.len() >= 10
            && text[..10].iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    if !is_date(text.as_bytes()) {
        return Err(incompatible("StringLiteral"));
    }
    // Without a zone it is UTC, but only if a blank stands before the hour.
    let whole = match text.split_once(' ') {
        Some((date, clock)) => format!("{date}T{clock}Z"),
        None if text.len() == 10 => format!("{text}T00:00:00Z"),
        None => text.to_owned(),
    };
    whole.parse::<Timestamp>().map(Timestamp::ns).map_err(|_| "invalid timestamp string".to_owned())
}

fn tag_test(
    name: &str,
    cast: Option<Cast>,
    operator: &str,
    value: &Expression,
    is_field: &dyn Fn(&str) -> bool,
) -> Result<Test, String> {
    let field = match cast {
        Some(Cast::Tag) => false,
        Some(_) => true,
        None => is_field(name),
    };
    if field || matches!(name, "_tagKey" | "_tagValue") {
        return Err("conditions on fields are not simulated".to_owned());
    }
    let key = name.as_bytes().to_vec();
    match (operator, value) {
        ("=" | "!=", Expression::Text(value)) => {
            let value = value.as_bytes().to_vec();
            Ok(Test::Equals { key, value, negated: operator == "!=" })
        }
        ("=~" | "!~", Expression::Pattern(pattern)) => {
            Ok(Test::Matches { key, pattern: pattern.clone(), negated: operator == "!~" })
        }
        _ => Err("this comparison of a tag is not simulated".to_owned()),
    }
}
