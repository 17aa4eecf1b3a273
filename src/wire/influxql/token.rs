//! What both formats are made of.

use std::borrow::Cow;
use std::fmt;

use super::digits;
use crate::model::series::Readable;

/// The smallest part that is read at once.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    Map,
    List,
    /// The map or list opened last is closed.
    End,
    Text(Cow<'a, [u8]>),
    Number(Number<'a>),
    Boolean(bool),
    Null,
}

/// A number, as far as its format tells its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number<'a> {
    /// MessagePack, 0 to 127: signed and unsigned integers look alike.
    Small(u8),
    /// MessagePack.
    Integer(i64),
    /// MessagePack.
    Unsigned(u64),
    /// MessagePack.
    Float(f64),
    /// JSON, where whole floats look like integers.
    Digits(&'a [u8]),
}

impl Number<'_> {
    /// The value of an integer field, if it can be one.
    pub(super) fn integer(self) -> Option<i64> {
        match self {
            Self::Small(value) => Some(value.into()),
            Self::Integer(value) => Some(value),
            Self::Digits(text) => whole(digits::integer(text), text),
            Self::Unsigned(_) | Self::Float(_) => None,
        }
    }

    /// The value of an unsigned field, if it can be one.
    pub(super) fn unsigned(self) -> Option<u64> {
        match self {
            Self::Small(value) => Some(value.into()),
            Self::Unsigned(value) => Some(value),
            Self::Digits(text) => whole(digits::unsigned(text), text),
            Self::Integer(_) | Self::Float(_) => None,
        }
    }

    /// The value of a float field, if it can be one; perhaps not finite.
    pub(super) fn float(self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(value),
            Self::Digits(text) => whole(digits::float(text), text),
            Self::Small(_) | Self::Integer(_) | Self::Unsigned(_) => None,
        }
    }
}

fn whole<T>(read: Option<(T, usize)>, text: &[u8]) -> Option<T> {
    read.filter(|(_, len)| *len == text.len()).map(|(value, _)| value)
}

/// For messages.
impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map => f.write_str("a map"),
            Self::List => f.write_str("a list"),
            Self::End => f.write_str("an end"),
            Self::Text(_) => f.write_str("a text"),
            Self::Number(Number::Small(value)) => write!(f, "the integer {value}"),
            Self::Number(Number::Integer(value)) => write!(f, "the signed integer {value}"),
            Self::Number(Number::Unsigned(value)) => write!(f, "the unsigned integer {value}"),
            Self::Number(Number::Float(value)) => write!(f, "the float {value}"),
            Self::Number(Number::Digits(text)) => write!(f, "the number {}", Readable(text)),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Null => f.write_str("nothing"),
        }
    }
}

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is not whole yet.
    More,
    /// It will never be one.
    Malformed(&'static str),
}
