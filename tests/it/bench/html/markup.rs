//! Reads a page as strictly as it is written: every element closed, every attribute quoted.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;

/// A start tag, an end tag, or a text.
#[derive(Debug)]
enum Part {
    Open(Tag),
    Close,
    Text(String),
}

#[derive(Debug)]
pub(crate) struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    /// Has no content.
    is_single: bool,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn class(&self) -> &str {
        self.get("class").unwrap_or("")
    }
}

#[derive(Debug)]
pub(crate) struct Page {
    parts: Vec<Part>,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.strip_prefix("<!doctype html>").ok_or("no doctype")?;
        let (mut parts, mut open) = (Vec::new(), Vec::<String>::new());
        while let Some(at) = rest.find('<') {
            if at > 0 {
                parts.push(Part::Text(unescaped(&rest[..at])?));
            }
            let end = at + rest[at..].find('>').ok_or("a tag without end")?;
            let inside = &rest[at + 1..end];
            rest = &rest[end + 1..];
            if let Some(name) = inside.strip_prefix('/') {
                let last = open.pop();
                if last.as_deref() != Some(name) {
                    return Err(format!("</{name}> closes {last:?}"));
                }
                parts.push(Part::Close);
                continue;
            }
            let tag = tag(inside)?;
            if !tag.is_single {
                open.push(tag.name.clone());
            }
            parts.push(Part::Open(tag));
        }
        if !open.is_empty() || !rest.trim().is_empty() {
            return Err(format!("left open: {open:?}, left over: {rest:?}"));
        }
        Ok(Self { parts })
    }

    fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.parts.iter().filter_map(|part| match part {
            Part::Open(tag) => Some(tag),
            Part::Close | Part::Text(_) => None,
        })
    }

    /// All texts together.
    pub(crate) fn text(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Open(_) | Part::Close => String::new(),
        };
        self.parts.iter().map(text).collect()
    }

    pub(crate) fn has_id(&self, id: &str) -> bool {
        self.tags().any(|tag| tag.get("id") == Some(id))
    }

    /// Tags of a kind within a figure.
    pub(crate) fn count_in(&self, figure: &str, is: impl Fn(&Tag) -> bool) -> usize {
        let after = self.tags().skip_while(|tag| tag.get("id") != Some(figure)).skip(1);
        after.take_while(|tag| tag.name != "figure").filter(|tag| is(tag)).count()
    }

    pub(crate) fn fetches_nothing(&self) {
        const FETCHING: [&str; 12] = [
            "script",
            "link",
            "iframe",
            "img",
            "image",
            "object",
            "embed",
            "base",
            "form",
            "use",
            "a",
            "foreignObject",
        ];
        for tag in self.tags() {
            assert!(!FETCHING.contains(&tag.name.as_str()), "{tag:?}");
            for (name, value) in &tag.attributes {
                assert!(!name.starts_with("on") && name != "style", "{tag:?}");
                assert!(
                    !["src", "href", "srcset", "xlink:href", "data", "action"].contains(&&**name)
                );
                assert!(name == "xmlns" || !value.contains("://"), "{tag:?}");
                assert!(!value.contains("url("), "{tag:?}");
            }
        }
        let mut parts = self.parts.iter();
        let is_style = |part: &Part| matches!(part, Part::Open(tag) if tag.name == "style");
        assert!(parts.any(is_style), "no style");
        let Some(Part::Text(style)) = parts.next() else { panic!("an empty style") };
        for word in ["url(", "@import", "://", "src("] {
            assert!(!style.contains(word), "{word}");
        }
    }

    pub(crate) fn names_are_unique_and_found(&self) {
        let mut ids = BTreeSet::new();
        for id in self.tags().filter_map(|tag| tag.get("id")) {
            assert!(ids.insert(id), "{id} twice");
        }
        for named in self.tags().filter_map(|tag| tag.get("aria-labelledby")) {
            assert!(named.split(' ').all(|id| ids.contains(id)), "{named}");
        }
        let plots = self.tags().filter(|tag| tag.get("role") == Some("img")).count();
        let figures = self.tags().filter(|tag| tag.name == "figure").count();
        assert_eq!(plots, figures);
        for (name, of) in [("title", "-title"), ("desc", "-desc")] {
            let own = self.tags().filter(|tag| tag.name == name);
            assert_eq!(
                own.filter(|tag| tag.get("id").is_some_and(|id| id.ends_with(of))).count(),
                plots
            );
        }
    }

    /// Every coordinate is a number inside the view box.
    pub(crate) fn plots_stay_inside(&self) {
        let mut size = (0.0, 0.0);
        for tag in self.tags() {
            if let Some(view) = tag.get("viewBox") {
                let numbers: Vec<f64> = view.split(' ').map(|n| n.parse().unwrap()).collect();
                size = (numbers[2], numbers[3]);
                assert!(size.0 > 0.0 && size.1 > 0.0, "{tag:?}");
                continue;
            }
            for (name, value) in &tag.attributes {
                let most = match name.as_str() {
                    "x" | "x1" | "x2" | "cx" | "width" => size.0,
                    "y" | "y1" | "y2" | "cy" | "r" | "height" => size.1,
                    "d" => size.0.max(size.1),
                    _ => continue,
                };
                if tag.name == "meta" {
                    continue;
                }
                for number in value.split(|c: char| c.is_ascii_alphabetic() || c == ' ') {
                    let Some(number) = Some(number).filter(|number| !number.is_empty()) else {
                        continue;
                    };
                    let place: f64 = number.parse().unwrap_or_else(|_| panic!("{tag:?}"));
                    assert!((0.0..=most).contains(&place), "{place} of {most}: {tag:?}");
                }
            }
        }
    }
}

fn tag(inside: &str) -> Result<Tag, String> {
    let (inside, is_closed) = inside.strip_suffix('/').map_or((inside, false), |rest| (rest, true));
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("<{inside}> is no tag"));
    }
    let mut attributes = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or_else(|| format!("<{inside}>: {rest}"))?;
        let (value, after) = after.split_once('"').ok_or_else(|| format!("<{inside}>: {after}"))?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(format!("<{inside}> has an attribute {name}"));
        }
        attributes.push((name.to_owned(), unescaped(value)?));
        rest = after.trim_start();
    }
    let is_single = is_closed || name == "meta";
    Ok(Tag { name: name.to_owned(), attributes, is_single })
}

/// A text without its escapes; every `&` has to be one.
fn unescaped(text: &str) -> Result<String, String> {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or_else(|| format!("a bare & in {text:?}"))?;
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => return Err(format!("&{name}; is none of ours")),
        });
        plain.push_str(rest);
    }
    Ok(plain)
}

/// The ratio of two colours of a style by the formula of WCAG 2.
pub(crate) fn contrast(rules: &str, first: &str, second: &str) -> f64 {
    let light = |name: &str| {
        let (_, rest) =
            rules.split_once(&format!("--{name}: #")).unwrap_or_else(|| panic!("{name}"));
        let channel = |at: usize| {
            let n = f64::from(u8::from_str_radix(&rest[at..at + 2], 16).unwrap()) / 255.0;
            if n <= 0.040_45 { n / 12.92 } else { ((n + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    };
    let (first, second) = (light(first), light(second));
    (first.max(second) + 0.05) / (first.min(second) + 0.05)
}
