//! Flux cut into its tokens: as much of the language as it takes to find names, calls and brackets in what a person wrote.

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FluxKind {
    /// Identifier or keyword.
    Name(String),
    /// String literal; `None` if it holds an interpolation or an escape that Flux does not have.
    Text(Option<String>),
    /// Number, duration or time, as spelt.
    Number(String),
    /// Regular expression.
    Pattern,
    /// Anything else, letter by letter.
    Sign(char),
}

/// A token, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FluxToken {
    /// What it is.
    pub kind: FluxKind,
    /// Its first byte.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
}

/// A string literal has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenText {
    /// Where it begins.
    pub at_byte: usize,
}

/// The tokens of a text, without its comments.
pub(crate) fn tokens(text: &str) -> Result<Vec<FluxToken>, OpenText> {
    let mut tokens: Vec<FluxToken> = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        let run = |inside: fn(char) -> bool| rest.find(|c| !inside(c)).unwrap_or(rest.len());
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let before = tokens.last().map(|token| &token.kind);
        let is_matched = before == Some(&FluxKind::Sign('~'));
        if rest.starts_with("//") && !is_matched {
            start += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (kind, length) = if first == '"' {
            string(rest).ok_or(OpenText { at_byte: start })?
        } else if first == '/' && !ends_operand(before) {
            (FluxKind::Pattern, pattern(rest))
        } else if first.is_ascii_digit() {
            // A time holds signs too: 2022-01-01T00:00:00.5+02:00.
            let length = if is_time(rest) {
                run(|c| c.is_alphanumeric() || matches!(c, ':' | '.' | '-' | '+'))
            } else {
                run(|c| c.is_alphanumeric() || c == '.')
            };
            (FluxKind::Number(rest[..length].to_owned()), length)
        } else if first.is_alphabetic() || first == '_' {
            let length = run(|c| c.is_alphanumeric() || c == '_');
            (FluxKind::Name(rest[..length].to_owned()), length)
        } else {
            (FluxKind::Sign(first), first.len_utf8())
        };
        tokens.push(FluxToken { kind, start, end: start + length });
        start += length;
    }
    Ok(tokens)
}

/// True if what stands before a slash can be divided: elsewhere the slash begins a pattern.
fn ends_operand(before: Option<&FluxKind>) -> bool {
    !matches!(before, None | Some(FluxKind::Sign('~' | '(' | '[' | '{' | ',' | ':' | '=')))
}

/// True for a year and a month at the beginning.
fn is_time(rest: &str) -> bool {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mut behind = rest[digits..].bytes();
    digits == 4 && behind.next() == Some(b'-') && behind.next().is_some_and(|b| b.is_ascii_digit())
}

/// The length of the pattern at the beginning of `rest`, up to the end if it has none.
fn pattern(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        if letter == '/' && !escaped {
            return at + 1;
        }
        escaped = letter == '\\' && !escaped;
    }
    rest.len()
}

/// A string literal at the beginning of `rest` and its length with the quotes.
fn string(rest: &str) -> Option<(FluxKind, usize)> {
    let mut value = Vec::new();
    let mut plain = true;
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let value = String::from_utf8(value).ok().filter(|_| plain);
                return Some((FluxKind::Text(value), at + 1));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<FluxKind> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn texts_patterns_and_comments_hide_what_they_hold() {
        use FluxKind::{Name, Number, Pattern, Sign, Text};
        let name = |text: &str| Name(text.to_owned());
        let number = |text: &str| Number(text.to_owned());
        let text = |text: &str| Text(Some(text.to_owned()));
        assert_eq!(
            kinds("a =~ /\\/\"(/ // b\n!~/c/"),
            [name("a"), Sign('='), Sign('~'), Pattern, Sign('!'), Sign('~'), Pattern]
        );
        assert_eq!(kinds("f(r: /)/)")[3..], [Sign(':'), Pattern, Sign(')')]);
        assert_eq!(kinds("a/b/c")[1..3], [Sign('/'), name("b")]);
        assert_eq!(kinds("\"\\x5fn\\\"\\$é\""), [text("_n\"$é")]);
        assert_eq!(kinds("\"${a}\" \"\\q\""), [Text(None), Text(None)]);
        assert_eq!(kinds("1.5-r.b"), [number("1.5"), Sign('-'), name("r"), Sign('.'), name("b")]);
        assert_eq!(kinds("2022-01-01T00:00:00.5+02:00"), [number("2022-01-01T00:00:00.5+02:00")]);
        assert_eq!(tokens("a \"b"), Err(OpenText { at_byte: 2 }));
    }
}
