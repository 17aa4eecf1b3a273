//! A writer of InfluxQL answers: what the server sends, in the plainest code.

#![expect(clippy::unwrap_used, reason = "a test may")]

use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::influxql::decoder::Format;

use crate::support::golden::Value;
use crate::support::random::{Content, Row, tag_of};

/// How an answer is written.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) format: Format,
    /// Rows of a chunk; without it all is one document.
    pub(crate) chunk: Option<usize>,
    /// The tags of the grouping; without them every tag of the measurement.
    pub(crate) keys: Option<Vec<Name>>,
    /// Tags in another order for each series.
    pub(crate) shuffle: usize,
}

/// A value in either format.
enum Tree {
    Map(Vec<(Vec<u8>, Tree)>),
    List(Vec<Tree>),
    Text(Vec<u8>),
    Value(Value),
    Boolean(bool),
    Null,
}

/// One series of an answer, or a chunk of it.
struct Part {
    tree: Tree,
    is_last_of_series: bool,
}

/// The answer to a statement for each content.
pub(crate) fn write(contents: &[Content], form: &Form) -> Vec<u8> {
    let mut results = Vec::new();
    for (id, content) in contents.iter().enumerate() {
        let parts = parts(content, form);
        let count = parts.len();
        if form.chunk.is_none() || count == 0 {
            let trees = parts.into_iter().map(|part| part.tree).collect();
            results.push(vec![result(id, trees, false, form)]);
            continue;
        }
        for (at, part) in parts.into_iter().enumerate() {
            results.push(vec![result(id, vec![part.tree], at + 1 < count, form)]);
        }
    }
    if form.chunk.is_none() {
        results = vec![results.into_iter().flatten().collect()];
    }
    let mut body = Vec::new();
    for results in results {
        let document = Tree::Map(vec![(b"results".to_vec(), Tree::List(results))]);
        match form.format {
            Format::MessagePack => message_pack(&document, &mut body),
            Format::Json => {
                json(&document, &mut body);
                body.push(b'\n');
            }
        }
    }
    body
}

fn result(id: usize, series: Vec<Tree>, is_partial: bool, form: &Form) -> Tree {
    let id = Tree::Value(Value::Integer(i64::try_from(id).unwrap()));
    let mut map = vec![(b"statement_id".to_vec(), id)];
    // JSON leaves out what is empty.
    if form.format == Format::MessagePack || !series.is_empty() {
        map.push((b"series".to_vec(), Tree::List(series)));
    }
    if is_partial {
        map.push((b"partial".to_vec(), Tree::Boolean(true)));
    }
    Tree::Map(map)
}

fn parts(content: &Content, form: &Form) -> Vec<Part> {
    let mut parts = Vec::new();
    for (number, (series, rows)) in content.series.iter().enumerate() {
        let rows: Vec<_> = rows.iter().collect();
        let chunks: Vec<_> = rows.chunks(form.chunk.unwrap_or(usize::MAX)).collect();
        for (at, chunk) in chunks.iter().enumerate() {
            let is_last_of_series = at + 1 == chunks.len();
            let tree = series_tree(content, series, chunk, number + at, is_last_of_series, form);
            parts.push(Part { tree, is_last_of_series });
        }
    }
    assert!(parts.last().is_none_or(|part| part.is_last_of_series));
    parts
}

fn series_tree(
    content: &Content,
    series: &Series,
    rows: &[(&i64, &Row)],
    number: usize,
    is_last: bool,
    form: &Form,
) -> Tree {
    let mut map = vec![(b"name".to_vec(), Tree::Text(content.measurement.to_vec()))];
    let mut keys = form.keys.clone().unwrap_or_else(|| content.tag_keys());
    if !keys.is_empty() {
        let places = keys.len();
        keys.rotate_left((form.shuffle + number) % places);
        let tag = |key: Name| (key.to_vec(), Tree::Text(tag_of(series, &key).to_vec()));
        map.push((b"tags".to_vec(), Tree::Map(keys.into_iter().map(tag).collect())));
    }
    let mut columns = vec![Tree::Text(b"time".to_vec())];
    columns.extend(content.types.keys().map(|name| Tree::Text(name.to_vec())));
    map.push((b"columns".to_vec(), Tree::List(columns)));
    let row = |(time, row): &(&i64, &Row)| {
        let mut cells = vec![Tree::Value(Value::Integer(**time))];
        cells.extend(content.types.keys().map(|name| match row.get(name) {
            None => Tree::Null,
            Some(value) => Tree::Value(value.clone()),
        }));
        Tree::List(cells)
    };
    map.push((b"values".to_vec(), Tree::List(rows.iter().map(row).collect())));
    if !is_last {
        map.push((b"partial".to_vec(), Tree::Boolean(true)));
    }
    Tree::Map(map)
}

fn message_pack(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Map(pairs) => {
            head(pairs.len(), 0x80, 15, [None, Some(0xde), Some(0xdf)], out);
            for (key, value) in pairs {
                message_pack_text(key, out);
                message_pack(value, out);
            }
        }
        Tree::List(items) => {
            head(items.len(), 0x90, 15, [None, Some(0xdc), Some(0xdd)], out);
            for item in items {
                message_pack(item, out);
            }
        }
        Tree::Text(text) => message_pack_text(text, out),
        Tree::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
        Tree::Null => out.push(0xc0),
        Tree::Value(value) => match value {
            Value::Float(bits) => {
                out.push(0xcb);
                out.extend(bits.to_be_bytes());
            }
            Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
            Value::Text(text) => message_pack_text(text, out),
            Value::Integer(value) => message_pack_integer(*value, out),
            Value::Unsigned(value) => message_pack_unsigned(*value, out),
        },
    }
}

/// The server picks the shortest of its signed marks, never an unsigned one.
fn message_pack_integer(value: i64, out: &mut Vec<u8>) {
    if let Ok(value @ -32..=127) = i8::try_from(value) {
        out.extend(value.to_be_bytes());
    } else if let Ok(value) = i8::try_from(value) {
        out.push(0xd0);
        out.extend(value.to_be_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        out.push(0xd1);
        out.extend(value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        out.push(0xd2);
        out.extend(value.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend(value.to_be_bytes());
    }
}

fn message_pack_unsigned(value: u64, out: &mut Vec<u8>) {
    if let Ok(value @ 0..=127) = u8::try_from(value) {
        out.push(value);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend([0xcc, value]);
    } else if let Ok(value) = u16::try_from(value) {
        out.push(0xcd);
        out.extend(value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        out.push(0xce);
        out.extend(value.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend(value.to_be_bytes());
    }
}

fn message_pack_text(text: &[u8], out: &mut Vec<u8>) {
    head(text.len(), 0xa0, 31, [Some(0xd9), Some(0xda), Some(0xdb)], out);
    out.extend(text);
}

/// The shortest mark with a length.
fn head(len: usize, short: u8, short_max: usize, marks: [Option<u8>; 3], out: &mut Vec<u8>) {
    let [one, two, four] = marks;
    if len <= short_max {
        out.push(short | u8::try_from(len).unwrap());
    } else if let (Some(mark), Ok(len)) = (one, u8::try_from(len)) {
        out.extend([mark, len]);
    } else if let (Some(mark), Ok(len)) = (two, u16::try_from(len)) {
        out.push(mark);
        out.extend(len.to_be_bytes());
    } else {
        out.push(four.unwrap());
        out.extend(u32::try_from(len).unwrap().to_be_bytes());
    }
}

fn json(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Map(pairs) => {
            out.push(b'{');
            for (at, (key, value)) in pairs.iter().enumerate() {
                out.extend(if at > 0 { &b","[..] } else { b"" });
                json_text(key, out);
                out.push(b':');
                json(value, out);
            }
            out.push(b'}');
        }
        Tree::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                out.extend(if at > 0 { &b","[..] } else { b"" });
                json(item, out);
            }
            out.push(b']');
        }
        Tree::Text(text) => json_text(text, out),
        Tree::Boolean(value) => out.extend(value.to_string().bytes()),
        Tree::Null => out.extend(b"null"),
        Tree::Value(value) => match value {
            Value::Float(bits) => out.extend(json_float(f64::from_bits(*bits)).bytes()),
            Value::Boolean(value) => out.extend(value.to_string().bytes()),
            Value::Text(text) => json_text(text, out),
            Value::Integer(value) => out.extend(value.to_string().bytes()),
            Value::Unsigned(value) => out.extend(value.to_string().bytes()),
        },
    }
}

/// As Go writes floats: an exponent for the very small and the very large.
fn json_float(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-6 || value.abs() >= 1e21) {
        let text = format!("{value:e}");
        if text.contains("e-") { text } else { text.replace('e', "e+") }
    } else {
        value.to_string()
    }
}

/// As Go writes strings: what HTML and JavaScript dislike is escaped, what is not UTF-8 replaced.
fn json_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => out.extend([b'\\', u8::try_from(letter).unwrap()]),
                '\n' => out.extend(b"\\n"),
                '\r' => out.extend(b"\\r"),
                '\t' => out.extend(b"\\t"),
                '\0'..'\u{20}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    out.extend(format!("\\u{:04x}", u32::from(letter)).bytes());
                }
                _ => out.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        chunk.invalid().iter().for_each(|_| out.extend(b"\\ufffd"));
    }
    out.push(b'"');
}
