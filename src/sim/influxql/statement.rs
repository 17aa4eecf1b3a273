//! What a query consists of, once it is read.

use crate::sim::go::regex::GoRegex;

/// Where a statement reads.
#[derive(Debug, Clone)]
pub(super) enum FromClause {
    Name(String),
    Pattern(GoRegex),
}

/// What `::` says about a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cast {
    Float,
    Integer,
    Unsigned,
    String,
    Boolean,
    Field,
    Tag,
}

/// One item between `SELECT` and `FROM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SelectItem {
    /// `*`, `*::field`, `*::tag`.
    Wildcard(Option<Cast>),
    Reference {
        name: String,
        cast: Option<Cast>,
    },
    /// A function of one of the others.
    Call {
        function: String,
        of: Box<SelectItem>,
    },
    Literal,
}

#[derive(Debug, Clone)]
pub(super) enum Expression {
    /// Joined by `AND` or `OR`.
    Joined(Join, Vec<Expression>),
    Compare(&'static str, Box<Expression>, Box<Expression>),
    Parenthesis(Box<Expression>),
    Reference {
        name: String,
        cast: Option<Cast>,
    },
    Text(String),
    Integer(i64),
    /// Too large for the other, but not for 64 bits.
    LargeInteger,
    Pattern(GoRegex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

#[derive(Debug, Clone)]
pub(super) struct ParsedSelect {
    pub(super) items: Vec<SelectItem>,
    pub(super) from: FromClause,
    pub(super) condition: Option<Expression>,
    pub(super) dimensions: Vec<SelectItem>,
    /// 0 for all.
    pub(super) limit: u64,
    pub(super) offset: u64,
}

#[derive(Debug, Clone)]
pub(super) enum InfluxqlStatement {
    Select(ParsedSelect),
    FieldKeys,
    TagKeys,
    Measurements,
    Series {
        from: Option<FromClause>,
    },
    SeriesCardinality {
        from: Option<FromClause>,
    },
    DropMeasurement {
        name: String,
    },
    /// Known to the real server, which has no implementation.
    NotImplemented(&'static str),
}
