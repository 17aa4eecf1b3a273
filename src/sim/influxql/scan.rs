//! Characters of a query to tokens. Places in errors and what can be quoted depend on how the real scanner reads:
//! a carriage return is a line feed, and a NUL is the end.

/// A place in the text, counted from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    End,
    /// Nothing that begins a token.
    Illegal,
    Space,
    Comment,
    Name,
    Keyword(&'static str),
    Text,
    /// A quoted text without its end.
    BadText,
    /// A backslash before something that needs none.
    BadEscape,
    Number,
    Integer,
    Duration,
    Sign(&'static str),
}

/// A token with its place and its text, if it has any of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) place: Place,
    pub(super) text: String,
}

impl Spanned {
    /// As errors name it.
    pub(super) fn found(&self) -> String {
        if !self.text.is_empty() {
            return self.text.clone();
        }
        let name = match self.token {
            Token::End => "EOF",
            Token::Illegal => "ILLEGAL",
            Token::Space => "WS",
            Token::Comment => "COMMENT",
            Token::Name => "IDENT",
            Token::Text => "STRING",
            Token::BadText => "BADSTRING",
            Token::BadEscape => "BADESCAPE",
            Token::Number => "NUMBER",
            Token::Integer => "INTEGER",
            Token::Duration => "DURATIONVAL",
            Token::Keyword(word) | Token::Sign(word) => word,
        };
        name.to_owned()
    }
}

const KEYWORDS: &str = "\
    ALL ALTER AND ANALYZE ANY AS ASC BEGIN BY CARDINALITY CONTINUOUS CREATE DATABASE DATABASES DEFAULT \
    DELETE DESC DESTINATIONS DIAGNOSTICS DISTINCT DROP DURATION END EVERY EXACT EXPLAIN FALSE FIELD FOR \
    FROM GRANT GRANTS GROUP GROUPS IN INF INSERT INTO KEY KEYS KILL LIMIT MEASUREMENT MEASUREMENTS NAME \
    OFFSET ON OR ORDER PASSWORD POLICIES POLICY PRIVILEGES QUERIES QUERY READ REPLICATION RESAMPLE \
    RETENTION REVOKE SELECT SERIES SET SHARD SHARDS SHOW SLIMIT SOFFSET STATS SUBSCRIPTION SUBSCRIPTIONS \
    TAG TO TRUE USER USERS VALUES VERBOSE WHERE WITH WRITE";

const NUL: char = '\0';

/// Reads tokens. To read a token again, set [`Scanner::at`] back to where it was.
#[derive(Debug)]
pub(super) struct Scanner {
    characters: Vec<(char, Place)>,
    /// The next character. Beyond the last one there are ends without end.
    pub(super) at: usize,
    ends: [Place; 2],
}

impl Scanner {
    pub(super) fn new(text: &[u8]) -> Self {
        let (mut characters, mut place) = (Vec::with_capacity(text.len()), Place::default());
        // After a NUL columns are not counted any more, as after the end.
        let mut ended = false;
        let mut step = |c: char, place: &mut Place| {
            if c == '\n' {
                *place = Place { line: place.line + 1, column: 0 };
            } else if !ended {
                place.column += 1;
            }
            ended |= c == NUL;
        };
        let mut rest = characters_of(text).into_iter().peekable();
        while let Some(c) = rest.next() {
            let c = if c == '\r' {
                rest.next_if_eq(&'\n');
                '\n'
            } else {
                c
            };
            characters.push((c, place));
            step(c, &mut place);
        }
        let end = place;
        step(NUL, &mut place);
        Self { characters, at: 0, ends: [end, place] }
    }

    /// The character `ahead` of the next one, with its place.
    fn peek(&self, ahead: usize) -> (char, Place) {
        let at = self.at + ahead;
        let known = self.characters.get(at).copied();
        known.unwrap_or((NUL, self.ends[usize::from(at > self.characters.len())]))
    }

    /// The next character.
    pub(super) fn next_character(&self) -> char {
        self.peek(0).0
    }

    fn take_while(&mut self, text: &mut String, holds: impl Fn(char) -> bool) {
        while holds(self.next_character()) {
            text.push(self.next_character());
            self.at += 1;
        }
    }

    fn sign(&mut self, sign: &'static str, characters: usize) -> Token {
        self.at += characters;
        Token::Sign(sign)
    }

    pub(super) fn scan(&mut self) -> Spanned {
        let (c, place) = self.peek(0);
        let mut text = String::new();
        let token = match c {
            ' ' | '\t' | '\n' => {
                self.take_while(&mut text, |c| matches!(c, ' ' | '\t' | '\n'));
                // White space ends with the character that ends it, if that is the end.
                self.at += usize::from(self.next_character() == NUL);
                Token::Space
            }
            'a'..='z' | 'A'..='Z' | '_' => self.word(&mut text),
            '0'..='9' => self.number(&mut text),
            '"' | '\'' => return self.quoted(),
            NUL => {
                self.at += 1;
                Token::End
            }
            _ => self.signs(c).unwrap_or_else(|| {
                self.at += 1;
                text.push(c);
                Token::Illegal
            }),
        };
        Spanned { token, place, text }
    }

    fn signs(&mut self, c: char) -> Option<Token> {
        let next = self.peek(1).0;
        Some(match (c, next) {
            ('-', '-') => {
                let mut skipped = String::new();
                self.take_while(&mut skipped, |c| !matches!(c, '\n' | NUL));
                self.at += 1;
                Token::Comment
            }
            ('/', '*') => {
                self.at += 2;
                while self.peek(0).0 != NUL && (self.peek(0).0, self.peek(1).0) != ('*', '/') {
                    self.at += 1;
                }
                self.at += 2;
                Token::Comment
            }
            ('=', '~') => self.sign("=~", 2),
            ('!', '=') | ('<', '>') => self.sign("!=", 2),
            ('!', '~') => self.sign("!~", 2),
            ('>', '=') => self.sign(">=", 2),
            ('<', '=') => self.sign("<=", 2),
            (':', ':') => self.sign("::", 2),
            _ => {
                let signs = [
                    ".", "+", "-", "*", "/", "%", "&", "|", "^", "=", ">", "<", "(", ")", ",", ";",
                    ":",
                ];
                let sign = signs.into_iter().find(|sign| sign.starts_with(c))?;
                self.sign(sign, 1)
            }
        })
    }

    fn word(&mut self, text: &mut String) -> Token {
        self.take_while(text, |c| c.is_ascii_alphanumeric() || c == '_');
        // The end is used up with a word that reaches it.
        self.at += usize::from(self.next_character() == NUL);
        let upper = text.to_ascii_uppercase();
        match KEYWORDS.split_whitespace().find(|word| *word == upper) {
            Some(word) => {
                text.clear();
                Token::Keyword(word)
            }
            None => Token::Name,
        }
    }

    fn number(&mut self, text: &mut String) -> Token {
        self.take_while(text, |c| c.is_ascii_digit());
        if self.next_character() == '.' {
            self.at += 1;
            if self.next_character().is_ascii_digit() {
                text.push('.');
                self.take_while(text, |c| c.is_ascii_digit());
            }
            return Token::Number;
        }
        if !self.next_character().is_ascii_alphabetic() && self.next_character() != 'µ' {
            return Token::Integer;
        }
        self.take_while(text, |c| c.is_ascii_alphanumeric() || c == 'µ');
        Token::Duration
    }

    /// A text in quotes: a name in double ones. Its place is that of the character before.
    fn quoted(&mut self) -> Spanned {
        let quote = self.next_character();
        let before = self.at.checked_sub(1).and_then(|at| self.characters.get(at));
        let place = before.map_or_else(Place::default, |(_, place)| *place);
        self.at += 1;
        let mut text = String::new();
        loop {
            let (c, _) = self.peek(0);
            self.at += 1;
            match c {
                _ if c == quote => {
                    let token = if quote == '"' { Token::Name } else { Token::Text };
                    return Spanned { token, place, text };
                }
                NUL | '\n' => return Spanned { token: Token::BadText, place, text },
                '\\' => {
                    let (escaped, place) = self.peek(0);
                    self.at += 1;
                    text.push(match escaped {
                        'n' => '\n',
                        '\\' | '"' | '\'' => escaped,
                        _ => {
                            let text = format!("\\{escaped}");
                            return Spanned { token: Token::BadEscape, place, text };
                        }
                    });
                }
                _ => text.push(c),
            }
        }
    }

    /// A pattern between slashes, the first of which is next; the error is the whole message.
    pub(super) fn pattern(&mut self) -> Result<(String, Place), (String, Place)> {
        let (_, place) = self.peek(0);
        self.at += 1;
        let mut text = String::new();
        loop {
            let (c, _) = self.peek(0);
            self.at += 1;
            match (c, self.next_character()) {
                ('/', _) => return Ok((text, place)),
                (NUL | '\n', _) => return Err(("bad regex: ".to_owned(), place)),
                ('\\', '/') => {
                    text.push('/');
                    self.at += 1;
                }
                _ => text.push(c),
            }
        }
    }
}

/// The characters of a text; each byte that is no UTF-8 counts as one U+FFFD.
fn characters_of(text: &[u8]) -> Vec<char> {
    let mut characters = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        characters.extend(chunk.valid().chars());
        characters.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    characters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(String, usize)> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut all = Vec::new();
        loop {
            let spanned = scanner.scan();
            if spanned.token == Token::End {
                return all;
            }
            all.push((spanned.found(), spanned.place.column));
        }
    }

    #[test]
    fn words_signs_and_texts() {
        let found = tokens("select \"a\\\"b\" FROM m::tag>=-5 'x\\n'");
        let texts: Vec<_> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(
            texts,
            ["SELECT", " ", "a\"b", " ", "FROM", " ", "m", "::", "TAG", ">=", "-", "5", " ", "x\n"]
        );
    }

    #[test]
    fn a_name_cannot_hold_a_carriage_return_or_nul() {
        for bad in ["\"c\rd\"", "\"c\0d\"", "\"c\nd\"", "\"c"] {
            let spanned = Scanner::new(format!(" {bad}").as_bytes()).scan_second();
            assert_eq!((spanned.token, spanned.text.as_str()), (Token::BadText, "c"), "{bad:?}");
        }
        let spanned = Scanner::new(b" \"c\\td\"").scan_second();
        assert_eq!((spanned.token, spanned.text.as_str()), (Token::BadEscape, "\\t"));
    }

    impl Scanner {
        fn scan_second(&mut self) -> Spanned {
            self.scan();
            self.scan()
        }
    }
}
