//! `docs/json.schema.json`, and whether a line of JSON is as it says. Held more strictly than it is written: a field that it
//! does not name is a mistake here, though programs have to expect one.

#![allow(clippy::manual_assert, reason = "test support")]
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// A validator for each type of line.
static LINES: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.schema.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    close(&mut schema);
    let named = |one: &Value| {
        let reference = one["$ref"].as_str().unwrap();
        let name = reference.strip_prefix("#/$defs/").unwrap().to_owned();
        let own = json!({"$ref": reference, "$defs": schema["$defs"]});
        (name, jsonschema::validator_for(&own).unwrap())
    };
    schema["oneOf"].as_array().unwrap().iter().map(named).collect()
});

/// Nothing but what is named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(words) => {
            words.values_mut().for_each(close);
            // A field may be called so, too: it has no type of its own beside it.
            if words.contains_key("type") && words.contains_key("properties") {
                words.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// A validator for receipts.
static RECEIPT: LazyLock<Validator> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/receipt.schema.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
});

/// Fails unless it is a receipt as `docs/receipt.schema.json` tells of it.
#[track_caller]
pub(crate) fn assert_receipt(receipt: &Value) {
    let wrong: Vec<_> =
        RECEIPT.iter_errors(receipt).map(|why| format!("{}: {why}", why.instance_path())).collect();
    assert!(wrong.is_empty(), "docs/receipt.schema.json: {}\n{receipt}", wrong.join("\n"));
}

/// Fails unless the line is one of those that the schema tells of.
#[track_caller]
pub(crate) fn assert_valid(line: &Value) {
    let name = line["message_type"].as_str().unwrap_or_default();
    let Some(own) = LINES.get(name) else {
        panic!("docs/json.schema.json has no line {name:?}\n{line}");
    };
    let wrong: Vec<_> =
        own.iter_errors(line).map(|why| format!("{}: {why}", why.instance_path())).collect();
    assert!(wrong.is_empty(), "docs/json.schema.json: {}\n{line}", wrong.join("\n"));
}
