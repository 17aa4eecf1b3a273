//! Builds the tree of a Flux script: imports and pipelines of calls.

use super::lex::{ScriptPlace, ScriptToken, SpannedToken, tokens};

/// An expression with its place.
#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) node: Node,
    pub(super) start: ScriptPlace,
    pub(super) end: ScriptPlace,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Ident(String),
    String(Vec<u8>),
    Regex(Vec<u8>),
    Int(i64),
    Float(f64),
    Time(i64),
    Duration(i64),
    Array(Vec<Expr>),
    /// `{a: b}` or `{r with a: b}`.
    Record {
        with: Option<String>,
        fields: Vec<(Vec<u8>, Expr)>,
    },
    /// `r.x` and `r["x"]`.
    Member(Box<Expr>, Vec<u8>),
    Call {
        callee: Box<Expr>,
        arguments: Vec<(String, Expr)>,
    },
    Pipe(Box<Expr>, Box<Expr>),
    Function {
        parameter: String,
        body: Box<Expr>,
    },
    Unary(&'static str, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
}

/// What a script consists of.
#[derive(Debug)]
pub(super) enum ScriptStatement {
    Import,
    /// `name = ...`, `option ...`: not simulated, but known.
    Assignment,
    /// `option v = ...`: what a dashboard says of itself.
    Variables(Expr),
    Expression(Expr),
}

/// Reads a script; the error is the text after `compilation failed: `.
pub(super) fn parse(script: &[u8]) -> Result<Vec<ScriptStatement>, String> {
    let tokens =
        tokens(script).map_err(|(place, message)| format!("error @{place}-{place}: {message}"))?;
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let mut statements = Vec::new();
    while parser.peek() != &ScriptToken::End {
        statements.push(parser.statement()?);
    }
    Ok(statements)
}

/// Nesting of expressions at the most.
const DEPTH_MAX: usize = 200;

struct Parser {
    tokens: Vec<SpannedToken>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &ScriptToken {
        &self.tokens[self.at].token
    }

    fn start(&self) -> ScriptPlace {
        self.tokens[self.at].start
    }

    fn last_end(&self) -> ScriptPlace {
        self.tokens[self.at.saturating_sub(1)].end
    }

    fn next(&mut self) -> ScriptToken {
        let token = self.tokens[self.at].token.clone();
        if token != ScriptToken::End {
            self.at += 1;
        }
        token
    }

    fn take(&mut self, sign: &'static str) -> bool {
        let found = self.peek() == &ScriptToken::Sign(sign);
        if found {
            self.at += 1;
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), ScriptToken::Ident(name) if name == word);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, sign: &'static str, name: &str, start: ScriptPlace) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(self.expected(name, start)) }
    }

    fn expected(&self, name: &str, start: ScriptPlace) -> String {
        let got = match self.peek() {
            ScriptToken::End => "EOF".to_owned(),
            ScriptToken::Ident(_) => "IDENT".to_owned(),
            other => format!("{other:?}"),
        };
        format!("error @{start}-{}: expected {name}, got {got}", self.tokens[self.at].end)
    }

    fn statement(&mut self) -> Result<ScriptStatement, String> {
        let start = self.start();
        if self.take_word("import") {
            return match self.next() {
                ScriptToken::String(_) => Ok(ScriptStatement::Import),
                _ => Err(self.expected("STRING", start)),
            };
        }
        let assigns = |parser: &Self| {
            matches!(parser.peek(), ScriptToken::Ident(_))
                && parser.tokens[parser.at + 1].token == ScriptToken::Sign("=")
        };
        let is_assignment = assigns(self);
        if is_assignment || self.take_word("option") {
            if !is_assignment && assigns(self) && self.take_word("v") {
                self.expect("=", "ASSIGN", start)?;
                return self.expression().map(ScriptStatement::Variables);
            }
            while !self.take("=") {
                if self.next() == ScriptToken::End {
                    return Err(self.expected("ASSIGN", start));
                }
            }
            self.expression()?;
            return Ok(ScriptStatement::Assignment);
        }
        self.expression().map(ScriptStatement::Expression)
    }

    fn expression(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("error @{0}-{0}: expression is nested too deep", self.start()));
        }
        let result = self.binary(0);
        self.depth -= 1;
        result
    }

    /// Operators by level, weakest first; `|>` binds strongest.
    fn binary(&mut self, level: usize) -> Result<Expr, String> {
        const LEVELS: [&[&str]; 7] = [
            &["or"],
            &["and"],
            &["not", "exists"],
            &["==", "!=", "<", "<=", ">", ">=", "=~", "!~"],
            &["+", "-"],
            &["*", "/", "%"],
            &["|>"],
        ];
        let start = self.start();
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        if level == 2 {
            for word in ["not", "exists"] {
                if self.take_word(word) {
                    let operand = self.binary(level)?;
                    return Ok(self.done(start, Node::Unary(word, Box::new(operand))));
                }
            }
            return self.binary(level + 1);
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.take_operator(operators) {
            let right = self.binary(level + 1)?;
            let node = if operator == "|>" {
                Node::Pipe(Box::new(left), Box::new(right))
            } else {
                Node::Binary(operator, Box::new(left), Box::new(right))
            };
            left = self.done(start, node);
        }
        Ok(left)
    }

    fn take_operator(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        let found = operators.iter().copied().find(|operator| match self.peek() {
            ScriptToken::Sign(sign) => sign == operator,
            ScriptToken::Ident(word) => word == operator,
            _ => false,
        })?;
        self.at += 1;
        Some(found)
    }

    fn done(&self, start: ScriptPlace, node: Node) -> Expr {
        Expr { node, start, end: self.last_end() }
    }

    fn unary(&mut self) -> Result<Expr, String> {
        let start = self.start();
        if self.take("-") {
            let operand = self.unary()?;
            let node = match operand.node {
                Node::Int(value) => Node::Int(value.wrapping_neg()),
                Node::Float(value) => Node::Float(-value),
                Node::Duration(value) => Node::Duration(-value),
                other => Node::Unary("-", Box::new(Expr { node: other, ..operand })),
            };
            return Ok(self.done(start, node));
        }
        let mut expr = self.primary()?;
        loop {
            let node = if self.take(".") {
                match self.next() {
                    ScriptToken::Ident(name) => Node::Member(Box::new(expr), name.into_bytes()),
                    _ => return Err(self.expected("IDENT", start)),
                }
            } else if self.take("[") {
                let index = self.expression()?;
                self.expect("]", "RBRACK", start)?;
                match index.node {
                    Node::String(name) => Node::Member(Box::new(expr), name),
                    _ => {
                        return Err(format!(
                            "error @{start}-{}: only string indexes are simulated",
                            self.last_end()
                        ));
                    }
                }
            } else if self.take("(") {
                let arguments = self.arguments(start)?;
                Node::Call { callee: Box::new(expr), arguments }
            } else {
                return Ok(expr);
            };
            expr = self.done(start, node);
        }
    }

    fn arguments(&mut self, start: ScriptPlace) -> Result<Vec<(String, Expr)>, String> {
        let mut arguments = Vec::new();
        while self.peek() != &ScriptToken::Sign(")") {
            let ScriptToken::Ident(name) = self.next() else {
                return Err(self.expected("RPAREN", start));
            };
            self.expect(":", "COLON", start)?;
            arguments.push((name, self.expression()?));
            if !self.take(",") {
                break;
            }
        }
        self.expect(")", "RPAREN", start)?;
        Ok(arguments)
    }

    fn primary(&mut self) -> Result<Expr, String> {
        let start = self.start();
        let node = match self.next() {
            ScriptToken::Ident(name) => Node::Ident(name),
            ScriptToken::String(text) => Node::String(text),
            ScriptToken::Regex(text) => Node::Regex(text),
            ScriptToken::Int(value) => Node::Int(value),
            ScriptToken::Float(value) => Node::Float(value),
            ScriptToken::Time(ns) => Node::Time(ns),
            ScriptToken::Duration(ns) => Node::Duration(ns),
            ScriptToken::Sign("[") => Node::Array(self.array(start)?),
            ScriptToken::Sign("{") => self.record(start)?,
            ScriptToken::Sign("(") => return self.parenthesis(start),
            _ => {
                self.at = self.at.saturating_sub(1);
                return Err(format!("error @{start}-{start}: invalid expression"));
            }
        };
        Ok(self.done(start, node))
    }

    fn array(&mut self, start: ScriptPlace) -> Result<Vec<Expr>, String> {
        let mut items = Vec::new();
        while self.peek() != &ScriptToken::Sign("]") {
            items.push(self.expression()?);
            if !self.take(",") {
                break;
            }
        }
        self.expect("]", "RBRACK", start)?;
        Ok(items)
    }

    fn record(&mut self, start: ScriptPlace) -> Result<Node, String> {
        let with = match (
            self.peek().clone(),
            &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].token,
        ) {
            (ScriptToken::Ident(name), ScriptToken::Ident(word)) if word == "with" => {
                self.at += 2;
                Some(name)
            }
            _ => None,
        };
        let mut fields = Vec::new();
        while self.peek() != &ScriptToken::Sign("}") {
            let name = match self.next() {
                ScriptToken::Ident(name) => name.into_bytes(),
                ScriptToken::String(name) => name,
                _ => return Err(self.expected("RBRACE", start)),
            };
            self.expect(":", "COLON", start)?;
            fields.push((name, self.expression()?));
            if !self.take(",") {
                break;
            }
        }
        self.expect("}", "RBRACE", start)?;
        Ok(Node::Record { with, fields })
    }

    /// `(r) => body` or an expression in parentheses.
    fn parenthesis(&mut self, start: ScriptPlace) -> Result<Expr, String> {
        let is = |at: usize, sign| {
            self.tokens.get(at).is_some_and(|spanned| spanned.token == ScriptToken::Sign(sign))
        };
        if is(self.at + 1, ")") && is(self.at + 2, "=>") {
            let ScriptToken::Ident(parameter) = self.next() else {
                return Err(self.expected("IDENT", start));
            };
            self.at += 2;
            let body = Box::new(self.expression()?);
            return Ok(self.done(start, Node::Function { parameter, body }));
        }
        let inner = self.expression()?;
        self.expect(")", "RPAREN", start)?;
        Ok(inner)
    }
}
