//! One value as a bucket holds it.

use std::fmt;

use super::frame::FieldType;
use super::series::{Name, Readable};

/// A value with its type, to the bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldValue {
    /// The bits of a float: `-0` is not `0`.
    Float(u64),
    /// Signed.
    Integer(i64),
    /// Unsigned.
    Unsigned(u64),
    /// Bytes, nearly always UTF-8.
    String(Name),
    /// True or false.
    Boolean(bool),
}

impl HeldValue {
    /// Its type.
    pub fn kind(&self) -> FieldType {
        match self {
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::Unsigned(_) => FieldType::Unsigned,
            Self::String(_) => FieldType::String,
            Self::Boolean(_) => FieldType::Boolean,
        }
    }
}

/// As line protocol writes it; control characters of a string escaped.
impl fmt::Display for HeldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(bits) => write!(f, "{}", f64::from_bits(*bits)),
            Self::Integer(value) => write!(f, "{value}i"),
            Self::Unsigned(value) => write!(f, "{value}u"),
            Self::String(text) => write!(f, "\"{}\"", Readable(text)),
            Self::Boolean(value) => write!(f, "{value}"),
        }
    }
}
