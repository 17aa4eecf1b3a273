//! Rust text as the checks want it: comments and literals blanked, test modules blanked, lines kept.

use std::path::{Path, PathBuf};

/// One file of the crate.
pub(crate) struct Source {
    /// From the root of the project, with slashes.
    pub(crate) path: String,
    /// The text without comments, literals and tests; every line stands where it stood.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), code: without_tests(&blank(text)) }
    }

    /// `config::ends` of `src/config/ends.rs`; nothing for the crate root.
    pub(crate) fn module(&self) -> Vec<&str> {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inner = inner.strip_suffix(".rs").unwrap_or(inner);
        let inner = inner.strip_suffix("/mod").unwrap_or(inner);
        if inner == "lib" { Vec::new() } else { inner.split('/').collect() }
    }

    /// The module at the top, or `lib`.
    pub(crate) fn top(&self) -> &str {
        self.module().first().copied().unwrap_or("lib")
    }

    /// `path:line` of an offset.
    pub(crate) fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, 1 + self.code[..at].matches('\n').count())
    }

    /// Where a word stands, not as a part of a longer one.
    pub(crate) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let alone = move |at: &usize| {
            !inside(self.code[..*at].chars().next_back())
                && !inside(self.code[at + word.len()..].chars().next())
        };
        self.code.match_indices(word).map(|(at, _)| at).filter(alone)
    }
}

/// All files below a folder of the project, with their texts; files that are not text are left out.
pub(crate) fn files(below: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    if root.join(below).is_file() {
        found.push(root.join(below));
    } else {
        walk(&root.join(below), &mut found);
    }
    found.sort();
    let named = |path: &PathBuf| {
        path.strip_prefix(root).ok().map(|path| path.to_string_lossy().replace('\\', "/"))
    };
    let texts =
        found.iter().filter_map(|path| Some((named(path)?, std::fs::read_to_string(path).ok()?)));
    texts.filter(|(path, _)| path.ends_with(ending)).collect()
}

/// Replaces comments and the insides of literals by blanks, letter by letter.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skip = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            '\'' => char_literal(rest),
            'r' | 'b' | 'c' if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                prefixed(rest)
            }
            _ => 0,
        };
        let keep = if skip == 0 { first.len_utf8() } else { 0 };
        out.push_str(&rest[..keep]);
        out.extend(rest[..skip].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[keep + skip..];
    }
    out
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        let step = &rest.as_bytes()[at..];
        if step.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if step.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of a string literal that begins here.
fn string(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of a character literal; 0 for a lifetime.
fn char_literal(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            letters.next();
            letters.find(|(_, letter)| *letter == '\'').map_or(0, |(at, _)| at + 1)
        }
        Some(_) => letters.next().filter(|(_, letter)| *letter == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// Length of a literal such as `r#"..."#`, `b"..."` or `b'x'`; 0 for a name.
fn prefixed(rest: &str) -> usize {
    let letters = rest.find(|c| !matches!(c, 'r' | 'b' | 'c')).unwrap_or(rest.len());
    let (prefix, literal) = rest.split_at(letters);
    if prefix.ends_with('r') {
        let hashes = literal.find(|c| c != '#').unwrap_or(literal.len());
        if !literal[hashes..].starts_with('"') {
            return 0;
        }
        let end = format!("\"{}", "#".repeat(hashes));
        let body = letters + hashes + 1;
        return rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len());
    }
    match literal.chars().next() {
        Some('"') => letters + string(literal),
        Some('\'') if char_literal(literal) > 0 => letters + char_literal(literal),
        _ => 0,
    }
}

/// Blanks every item behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut code = code.to_owned();
    while let Some(start) = code.find(MARK) {
        let body = start + code[start..].find(['{', ';']).unwrap_or(code.len() - start - 1);
        let end = if code[body..].starts_with('{') { closing(&code, body) } else { body + 1 };
        let blanks: String =
            code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(start..end, &blanks);
    }
    code
}

/// The offset behind the brace that closes the one at `open`.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, letter) in code[open..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return open + at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_literals_and_tests_are_blanked() {
    for (text, kept) in [
        ("a // b\nc", "a\nc"),
        ("a /* b /* c */ d\n */ e", "a\n e"),
        ("x(\"a \\\" b // c\", d)", "x( , d)"),
        ("r#\"a \" b\"# c", "c"),
        ("br\"a\\\" c", "c"),
        ("b'\\'' c b'x' 'y' '\\u{1b}' 'é'", "c"),
        ("fn f<'a>(x: &'a str) -> &'static str", "fn f<'a>(x: &'a str) -> &'static str"),
        ("raw + bar(rb) r", "raw + bar(rb) r"),
        ("a\n#[cfg(test)]\nmod tests { fn x() { y } }\nb", "a\n\n\nb"),
        ("#[cfg(test)]\nmod tests;\nb", "\n\nb"),
        ("a \"open", "a"),
        ("'", "'"),
    ] {
        let squeeze = |text: &str| {
            text.lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        let code = Source::new("src/x.rs", text).code;
        assert_eq!(code.matches('\n').count(), text.matches('\n').count(), "{text}: lines stay");
        assert_eq!(squeeze(&code), squeeze(kept), "{text}");
    }
}
