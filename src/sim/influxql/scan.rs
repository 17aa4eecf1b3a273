//! Characters of a query to tokens. Places in errors and what can be quoted depend on how the real scanner reads:
//! a carriage return is a line feed, and a NUL is the end.

/// A place in the text, counted from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StatementPlace {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatementToken {
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
pub(super) struct PlacedToken {
    pub(super) token: StatementToken,
    pub(super) place: StatementPlace,
    pub(super) text: String,
}

impl PlacedToken {
    /// As errors name it.
    pub(super) fn found(&self) -> String {
        if !self.text.is_empty() {
            return self.text.clone();
        }
        let name = match self.token {
            StatementToken::End => "EOF",
            StatementToken::Illegal => "ILLEGAL",
            StatementToken::Space => "WS",
            StatementToken::Comment => "COMMENT",
            StatementToken::Name => "IDENT",
            StatementToken::Text => "STRING",
            StatementToken::BadText => "BADSTRING",
            StatementToken::BadEscape => "BADESCAPE",
            StatementToken::Number => "NUMBER",
            StatementToken::Integer => "INTEGER",
            StatementToken::Duration => "DURATIONVAL",
            StatementToken::Keyword(word) | StatementToken::Sign(word) => word,
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

/// Reads tokens. To read a token again, set [`StatementScanner::at`] back to where it was.
#[derive(Debug)]
pub(super) struct StatementScanner {
    characters: Vec<(char, StatementPlace)>,
    /// The next character. Beyond the last one there are ends without end.
    pub(super) at: usize,
    ends: [StatementPlace; 2],
}

impl StatementScanner {
    pub(super) fn new(text: &[u8]) -> Self {
        let (mut characters, mut place) =
            (Vec::with_capacity(text.len()), StatementPlace::default());
        // After a NUL columns are not counted any more, as after the end.
        let mut ended = false;
        let mut step = |c: char, place: &mut StatementPlace| {
            if c == '\n' {
                *place = StatementPlace { line: place.line + 1, column: 0 };
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
    fn peek(&self, ahead: usize) -> (char, StatementPlace) {
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

    fn sign(&mut self, sign: &'static str, characters: usize) -> StatementToken {
        self.at += characters;
        StatementToken::Sign(sign)
    }

    pub(super) fn scan(&mut self) -> PlacedToken {
        let (c, place) = self.peek(0);
        let mut text = String::new();
        let token = match c {
            ' ' | '\t' | '\n' => {
                self.take_while(&mut text, |c| matches!(c, ' ' | '\t' | '\n'));
                // White space ends with the character that ends it, if that is the end.
                self.at += usize::from(self.next_character() == NUL);
                StatementToken::Space
            }
            'a'..='z' | 'A'..='Z' | '_' => self.word(&mut text),
            '0'..='9' => self.number(&mut text),
            '"' | '\'' => return self.quoted(),
            NUL => {
                self.at += 1;
                StatementToken::End
            }
            _ => self.signs(c).unwrap_or_else(|| {
                self.at += 1;
                text.push(c);
                StatementToken::Illegal
            }),
        };
        PlacedToken { token, place, text }
    }

    fn signs(&mut self, c: char) -> Option<StatementToken> {
        let next = self.peek(1).0;
        Some(match (c, next) {
            ('-', '-') => {
                let mut skipped = String::new();
                self.take_while(&mut skipped, |c| !matches!(c, '\n' | NUL));
                self.at += 1;
                StatementToken::Comment
            }
            ('/', '*') => {
                self.at += 2;
                while self.peek(0).0 != NUL && (self.peek(0).0, self.peek(1).0) != ('*', '/') {
                    self.at += 1;
                }
                self.at += 2;
                StatementToken::Comment
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

    fn word(&mut self, text: &mut String) -> StatementToken {
        self.take_while(text, |c| c.is_ascii_alphanumeric() || c == '_');
        // The end is used up with a word that reaches it.
        self.at += usize::from(self.next_character() == NUL);
        let upper = text.to_ascii_uppercase();
        match KEYWORDS.split_whitespace().find(|word| *word == upper) {
            Some(word) => {
                text.clear();
                StatementToken::Keyword(word)
            }
            None => StatementToken::Name,
        }
    }

    fn number(&mut self, text: &mut String) -> StatementToken {
        self.take_while(text, |c| c.is_ascii_digit());
        if self.next_character() == '.' {
            self.at += 1;
            if self.next_character().is_ascii_digit() {
                text.push('.');
                self.take_while(text, |c| c.is_ascii_digit());
            }
            return StatementToken::Number;
        }
        if !self.next_character().is_ascii_alphabetic() && self.next_character() != 'µ' {
            return StatementToken::Integer;
        }
        self.take_while(text, |c| c.is_ascii_alphanumeric() || c == 'µ');
        StatementToken::Duration
    }

    /// A text in quotes: a name in double ones. Its place is that of the character before.
    fn quoted(&mut self) -> PlacedToken {
        let quote = self.next_character();
        let before = self.at.checked_sub(1).and_then(|at| self.characters.get(at));
        let place = before.map_or_else(StatementPlace::default, |(_, place)| *place);
        self.at += 1;
        let mut text = String::new();
        loop {
            let (c, _) = self.peek(0);
            self.at += 1;
            match c {
                _ if c == quote => {
                    let token =
                        if quote == '"' { StatementToken::Name } else { StatementToken::Text };
                    return PlacedToken { token, place, text };
                }
                NUL | '\n' => return PlacedToken { token: StatementToken::BadText, place, text },
                '\\' => {
                    let (escaped, place) = self.peek(0);
                    self.at += 1;
                    text.push(match escaped {
                        'n' => '\n',
                        '\\' | '"' | '\'' => escaped,
                        _ => {
                            let text = format!("\\{escaped}");
                            return PlacedToken { token: StatementToken::BadEscape, place, text };
                        }
                    });
                }
                _ => text.push(c),
            }
        }
    }

    /// A pattern between slashes, the first of which is next; the error is the whole message.
    pub(super) fn pattern(&mut self) -> Result<(String, StatementPlace), (String, StatementPlace)> {
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
        let mut scanner = StatementScanner::new(text.as_bytes());
        let mut all = Vec::new();
        loop {
            let spanned = scanner.scan();
            if spanned.token == StatementToken::End {
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
            let spanned = StatementScanner::new(format!(" {bad}").as_bytes()).scan_second();
            assert_eq!(
                (spanned.token, spanned.text.as_str()),
                (StatementToken::BadText, "c"),
                "{bad:?}"
            );
        }
        let spanned = StatementScanner::new(b" \"c\\td\"").scan_second();
        assert_eq!((spanned.token, spanned.text.as_str()), (StatementToken::BadEscape, "\\t"));
    }

    impl StatementScanner {
        fn scan_second(&mut self) -> PlacedToken {
            self.scan();
            self.scan()
        }
    }
}
