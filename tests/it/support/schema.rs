//! `docs/json.schema.json`, and whether a line of JSON is as it says. Only what that schema uses is understood; anything else
//! in it is a mistake of the schema, and fails.

#![allow(clippy::manual_assert, reason = "test support")]
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::LazyLock;

use serde_json::Value;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

/// Fails unless the line is one of those that the schema tells of.
#[track_caller]
pub(crate) fn assert_valid(line: &Value) {
    if let Err(why) = check(line, &SCHEMA, "$") {
        panic!("docs/json.schema.json: {why}\n{line}");
    }
}

fn check(value: &Value, schema: &Value, at: &str) -> Result<(), String> {
    for (word, rule) in schema.as_object().unwrap() {
        match word.as_str() {
            "$ref" => check(value, definition(rule), at)?,
            "const" if value != rule => return Err(format!("{at} is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                return Err(format!("{at} is none of {rule}: {value}"));
            }
            "const" | "enum" | "$schema" | "$id" | "title" | "description" | "$defs" => {}
            "type" => {
                let names = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
                if !names.iter().any(|name| is_of(value, name.as_str().unwrap())) {
                    return Err(format!("{at} is no {rule}: {value}"));
                }
            }
            "required" => {
                // Of what is no object nothing is required.
                for name in rule.as_array().unwrap() {
                    if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                        return Err(format!("{at} has no {name}"));
                    }
                }
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(inner) = value.get(name) {
                        check(inner, rule, &format!("{at}.{name}"))?;
                    }
                }
            }
            "items" => {
                for (n, inner) in value.as_array().into_iter().flatten().enumerate() {
                    check(inner, rule, &format!("{at}[{n}]"))?;
                }
            }
            "oneOf" => {
                let found: Vec<_> =
                    rule.as_array().unwrap().iter().map(|one| check(value, one, at)).collect();
                if found.iter().filter(|found| found.is_ok()).count() != 1 {
                    let told = found.into_iter().filter_map(Result::err);
                    // The other types of lines differ in their name already.
                    let near = told.filter(|why| !why.contains("message_type"));
                    return Err(format!("{at}: {}", near.collect::<Vec<_>>().join("; ")));
                }
            }
            other => panic!("the schema says {other}, which this reader does not know"),
        }
    }
    Ok(())
}

fn definition(reference: &Value) -> &'static Value {
    let name = reference.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
    &SCHEMA["$defs"][name]
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema has no type {other}"),
    }
}
