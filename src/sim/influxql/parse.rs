//! Tokens to statements. What is not simulated is refused as a parse error that says so.

use super::scan::{PlacedToken, StatementPlace, StatementScanner, StatementToken};
use super::statement::{
    Cast, Expression, FromClause, InfluxqlStatement, Join, ParsedSelect, SelectItem,
};
use crate::sim::go::regex::GoRegex;

type Parsed<T> = Result<T, String>;

/// Reads statements; the error is the text after `failed to parse query: `.
pub(super) fn parse(text: &[u8]) -> Parsed<Vec<InfluxqlStatement>> {
    let mut parser = Parser { scanner: StatementScanner::new(text), before: 0, depth: 0 };
    let (mut statements, mut separated) = (Vec::new(), true);
    loop {
        let next = parser.next();
        match next.token {
            StatementToken::End => return Ok(statements),
            StatementToken::Sign(";") => separated = true,
            _ if !separated => return Err(expected(&next, ";")),
            _ => {
                parser.back();
                statements.push(parser.statement()?);
                separated = false;
            }
        }
    }
}

fn expected(found: &PlacedToken, wanted: &str) -> String {
    fails(&format!("found {}, expected {wanted}", found.found()), found.place)
}

fn fails(message: &str, place: StatementPlace) -> String {
    format!("{message} at line {}, char {}", place.line + 1, place.column + 1)
}

const STATEMENTS: &str =
    "SELECT, DELETE, SHOW, CREATE, DROP, EXPLAIN, GRANT, REVOKE, ALTER, SET, KILL";

const SHOWN: &str = "CONTINUOUS, DATABASES, DIAGNOSTICS, FIELD, GRANTS, MEASUREMENT, MEASUREMENTS, QUERIES, \
                     RETENTION, SERIES, SHARD, SHARDS, STATS, SUBSCRIPTIONS, TAG, USERS";

const OPERAND: &str = "identifier, string, number, bool";

fn is_among(word: &str, list: &str) -> bool {
    list.split(", ").any(|known| known == word)
}

struct Parser {
    scanner: StatementScanner,
    /// Where the last token began.
    before: usize,
    depth: usize,
}

/// Nesting of expressions at the most.
const DEPTH_MAX: usize = 200;

impl Parser {
    /// The next token, white space and comments included.
    fn raw(&mut self) -> PlacedToken {
        self.before = self.scanner.at;
        self.scanner.scan()
    }

    fn next(&mut self) -> PlacedToken {
        loop {
            let spanned = self.raw();
            if !matches!(spanned.token, StatementToken::Space | StatementToken::Comment) {
                return spanned;
            }
        }
    }

    /// Unreads the last token.
    const fn back(&mut self) {
        self.scanner.at = self.before;
    }

    /// True if the next token is this one, which is then read.
    fn take(&mut self, token: StatementToken) -> bool {
        let found = self.next().token == token;
        if !found {
            self.back();
        }
        found
    }

    fn take_word(&mut self, word: &'static str) -> bool {
        self.take(StatementToken::Keyword(word))
    }

    fn expect_word(&mut self, word: &'static str) -> Parsed<()> {
        let found = self.next();
        if found.token == StatementToken::Keyword(word) {
            Ok(())
        } else {
            Err(expected(&found, word))
        }
    }

    fn statement(&mut self) -> Parsed<InfluxqlStatement> {
        let first = self.next();
        let StatementToken::Keyword(word) = first.token else {
            return Err(expected(&first, STATEMENTS));
        };
        match word {
            "SELECT" => self.select().map(InfluxqlStatement::Select),
            "SHOW" => self.show(),
            "DROP" if self.take_word("MEASUREMENT") => {
                Ok(InfluxqlStatement::DropMeasurement { name: self.name()? })
            }
            "CREATE" if self.take_word("DATABASE") => {
                self.name()?;
                Ok(InfluxqlStatement::NotImplemented("CREATE DATABASE"))
            }
            _ if is_among(word, STATEMENTS) => {
                Err(fails(&format!("{word} is not simulated here"), first.place))
            }
            _ => Err(expected(&first, STATEMENTS)),
        }
    }

    fn show(&mut self) -> Parsed<InfluxqlStatement> {
        let kind = self.next();
        let StatementToken::Keyword(word) = kind.token else { return Err(expected(&kind, SHOWN)) };
        match word {
            "MEASUREMENTS" => Ok(InfluxqlStatement::Measurements),
            "FIELD" | "TAG" => {
                let keys = self.next();
                match (word, keys.token) {
                    ("FIELD", StatementToken::Keyword("KEYS")) => Ok(InfluxqlStatement::FieldKeys),
                    ("TAG", StatementToken::Keyword("KEYS")) => Ok(InfluxqlStatement::TagKeys),
                    (_, StatementToken::Keyword("KEY" | "VALUES")) => {
                        Err(fails("only KEYS are simulated here", keys.place))
                    }
                    ("FIELD", _) => Err(expected(&keys, "KEY, KEYS")),
                    _ => Err(expected(&keys, "KEY, KEYS, VALUES")),
                }
            }
            "SERIES" => {
                let exact = self.take_word("EXACT");
                let cardinality = self.take_word("CARDINALITY");
                let from = if self.take_word("FROM") { Some(self.source()?) } else { None };
                Ok(match (cardinality, exact || from.is_some()) {
                    (false, _) => InfluxqlStatement::Series { from },
                    (true, true) => InfluxqlStatement::SeriesCardinality { from },
                    (true, false) => InfluxqlStatement::NotImplemented("SHOW SERIES CARDINALITY"),
                })
            }
            _ if is_among(word, SHOWN) => {
                Err(fails(&format!("SHOW {word} is not simulated here"), kind.place))
            }
            _ => Err(expected(&kind, SHOWN)),
        }
    }

    fn select(&mut self) -> Parsed<ParsedSelect> {
        let mut items = vec![self.item()?];
        while self.take(StatementToken::Sign(",")) {
            items.push(self.item()?);
        }
        self.expect_word("FROM")?;
        let from = self.source()?;
        let condition = if self.take_word("WHERE") { Some(self.expression()?) } else { None };
        let mut dimensions = Vec::new();
        if self.take_word("GROUP") {
            self.expect_word("BY")?;
            dimensions.push(self.item()?);
            while self.take(StatementToken::Sign(",")) {
                dimensions.push(self.item()?);
            }
        }
        let limit = self.number_behind("LIMIT")?;
        let offset = self.number_behind("OFFSET")?;
        Ok(ParsedSelect { items, from, condition, dimensions, limit, offset })
    }

    fn number_behind(&mut self, word: &'static str) -> Parsed<u64> {
        if !self.take_word(word) {
            return Ok(0);
        }
        let number = self.next();
        match number.token {
            StatementToken::Integer => {
                number.text.parse().map_err(|_| fails("unable to parse integer", number.place))
            }
            _ => Err(expected(&number, "integer")),
        }
    }

    fn source(&mut self) -> Parsed<FromClause> {
        if let Some(pattern) = self.pattern()? {
            return Ok(FromClause::Pattern(pattern));
        }
        let names = self.names()?;
        match &names[..] {
            [name] => Ok(FromClause::Name(name.clone())),
            _ => Err(fails(
                "databases and retention policies are not simulated here",
                StatementPlace::default(),
            )),
        }
    }

    /// `/.../`, if it is next.
    fn pattern(&mut self) -> Parsed<Option<GoRegex>> {
        let start = self.scanner.at;
        while matches!(self.scanner.next_character(), ' ' | '\t' | '\n') {
            self.scanner.at += 1;
        }
        if self.scanner.next_character() != '/' {
            self.scanner.at = start;
            return Ok(None);
        }
        let (text, place) = self.scanner.pattern().map_err(|(why, place)| fails(&why, place))?;
        GoRegex::new(text.as_bytes()).map(Some).map_err(|why| fails(&why, place))
    }

    fn name(&mut self) -> Parsed<String> {
        let found = self.next();
        match found.token {
            StatementToken::Name => Ok(found.text),
            _ => Err(expected(&found, "identifier")),
        }
    }

    /// `a.b.c`.
    fn names(&mut self) -> Parsed<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.raw().token == StatementToken::Sign(".") {
            names.push(self.name()?);
        }
        self.back();
        Ok(names)
    }

    fn item(&mut self) -> Parsed<SelectItem> {
        let first = self.next();
        match first.token {
            StatementToken::Sign("*") => Ok(SelectItem::Wildcard(self.cast(&[])?)),
            StatementToken::Name => {
                if self.raw().token == StatementToken::Sign("(") {
                    let of = Box::new(self.item()?);
                    let close = self.next();
                    return match close.token {
                        StatementToken::Sign(")") => {
                            Ok(SelectItem::Call { function: first.text.to_lowercase(), of })
                        }
                        _ => Err(expected(&close, ")")),
                    };
                }
                self.back();
                let cast = self.cast(&FIELD_TYPES)?;
                Ok(SelectItem::Reference { name: first.text, cast })
            }
            StatementToken::Integer | StatementToken::Number | StatementToken::Text => {
                Ok(SelectItem::Literal)
            }
            _ => Err(expected(&first, OPERAND)),
        }
    }

    /// What stands behind `::`, if it is next; the types that may stand there besides `field` and `tag`.
    fn cast(&mut self, types: &[(&'static str, Cast)]) -> Parsed<Option<Cast>> {
        if self.raw().token != StatementToken::Sign("::") {
            self.back();
            return Ok(None);
        }
        let found = self.raw();
        match found.token {
            StatementToken::Keyword("FIELD") => Ok(Some(Cast::Field)),
            StatementToken::Keyword("TAG") => Ok(Some(Cast::Tag)),
            _ => {
                let wanted = found.text.to_lowercase();
                let known = types.iter().find(|(name, _)| *name == wanted);
                let names = types.iter().map(|(name, _)| *name).chain(["field", "tag"]);
                known
                    .map(|(_, cast)| Some(*cast))
                    .ok_or_else(|| expected(&found, &names.collect::<Vec<_>>().join(", ")))
            }
        }
    }

    fn expression(&mut self) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(fails("expression is nested too deep", StatementPlace::default()));
        }
        let found = self.joined(Join::Or);
        self.depth -= 1;
        found
    }

    fn joined(&mut self, by: Join) -> Parsed<Expression> {
        let part = |parser: &mut Self| match by {
            Join::Or => parser.joined(Join::And),
            Join::And => parser.comparison(),
        };
        let word = if by == Join::Or { "OR" } else { "AND" };
        let first = part(self)?;
        let mut parts = vec![first];
        while self.take_word(word) {
            parts.push(part(self)?);
        }
        match <[Expression; 1]>::try_from(parts) {
            Ok([one]) => Ok(one),
            Err(parts) => Ok(Expression::Joined(by, parts)),
        }
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        let left = self.operand()?;
        let next = self.next();
        let operator = match next.token {
            StatementToken::Sign(sign @ ("=" | "!=" | "=~" | "!~" | "<" | "<=" | ">" | ">=")) => {
                sign
            }
            StatementToken::Sign(sign @ ("+" | "-" | "*" | "/" | "%" | "&" | "|" | "^")) => {
                return Err(fails(&format!("{sign} is not simulated here"), next.place));
            }
            _ => {
                self.back();
                return Ok(left);
            }
        };
        let right = if matches!(operator, "=~" | "!~") {
            match self.pattern()? {
                Some(pattern) => Expression::Pattern(pattern),
                None => return Err(expected(&self.next(), "regex")),
            }
        } else {
            self.operand()?
        };
        Ok(Expression::Compare(operator, Box::new(left), Box::new(right)))
    }

    fn operand(&mut self) -> Parsed<Expression> {
        let first = self.next();
        match first.token {
            StatementToken::Sign("(") => {
                let inner = self.expression()?;
                let close = self.next();
                match close.token {
                    StatementToken::Sign(")") => Ok(Expression::Parenthesis(Box::new(inner))),
                    _ => Err(expected(&close, ")")),
                }
            }
            StatementToken::Name => {
                let cast = self.cast(&FIELD_TYPES)?;
                Ok(Expression::Reference { name: first.text, cast })
            }
            StatementToken::Text => Ok(Expression::Text(first.text)),
            StatementToken::Integer => integer(&first, false),
            StatementToken::Sign("-") => {
                let number = self.next();
                match number.token {
                    StatementToken::Integer => integer(&number, true),
                    _ => Err(expected(&number, "identifier, number, duration, (")),
                }
            }
            _ => Err(expected(&first, OPERAND)),
        }
    }
}

const FIELD_TYPES: [(&str, Cast); 5] = [
    ("float", Cast::Float),
    ("integer", Cast::Integer),
    ("unsigned", Cast::Unsigned),
    ("string", Cast::String),
    ("boolean", Cast::Boolean),
];

fn integer(number: &PlacedToken, negative: bool) -> Parsed<Expression> {
    let text = if negative { format!("-{}", number.text) } else { number.text.clone() };
    if let Ok(value) = text.parse() {
        return Ok(Expression::Integer(value));
    }
    match number.text.parse() {
        Ok::<u64, _>(_) if negative => Err(format!("constant {text} underflows int64")),
        Ok(_) => Ok(Expression::LargeInteger),
        Err(_) => Err(fails("unable to parse integer", number.place)),
    }
}
