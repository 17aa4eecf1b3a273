//! `SHOW SERIES` and its count.

use proptest::prelude::*;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::influxql::show::{
    AnswerError, parse_series_cardinality, parse_show_keys, parse_show_series,
};
use sluice::testing::wire::line::escape;

use crate::support::golden::Case;
use crate::support::random::{Letters, content};

fn series(measurement: &str, tags: &[(&str, &str)]) -> Series {
    let name = |text: &str| Name::from(text.as_bytes());
    Series::new(measurement.as_bytes(), tags.iter().map(|(key, value)| (name(key), name(value))))
}

fn answer(keys: &[String]) -> Vec<u8> {
    let values: Vec<_> = keys.iter().map(|key| [key]).collect();
    let table = serde_json::json!({"columns": ["key"], "values": values});
    serde_json::json!({"results": [{"statement_id": 0, "series": [table]}]}).to_string().into()
}

#[test]
fn series_are_read_as_they_were_written() {
    let case = Case::open("05-schema");
    let mut expected: Vec<_> = case.expected().into_iter().map(|point| point.series).collect();
    expected.dedup();
    let mut found = parse_show_series(&case.bytes("show_series.json")).unwrap();
    found.sort();
    assert_eq!(found, expected);
    let counts = parse_series_cardinality(&case.bytes("show_series_exact.json")).unwrap();
    assert_eq!(counts.values().sum::<u64>(), expected.len() as u64);
    assert_eq!(counts["meas01"], 1);
    assert!(matches!(
        parse_series_cardinality(&case.bytes("show_series_card.json")),
        Err(AnswerError::Statement(_))
    ));
}

#[test]
fn keys_are_unescaped() {
    // As OSS 2.9.1 shows them.
    let keys = ["m\\ a=b,h\\ x=a\\ b", "m\\ a=b,h\\ x=a\\\\ b", "q,a=\\\\x\n\r\"é", "m"];
    let found = parse_show_series(&answer(&keys.map(str::to_owned))).unwrap();
    assert_eq!(
        found,
        [
            series("m a=b", &[("h x", "a b")]),
            series("m a=b", &[("h x", "a\\ b")]),
            series("q", &[("a", "\\\\x\n\r\"é")]),
            series("m", &[]),
        ]
    );
    assert_eq!(parse_show_series(br#"{"results":[{"statement_id":0}]}"#).unwrap(), []);
}

#[test]
fn what_is_not_certain_is_refused() {
    for key in ["m\\,a,h=1", "q,a=b\\\\\\,c", "q,a\\=b=c", "m,a=b\\,c=d"] {
        let outcome = parse_show_series(&answer(&["m".to_owned(), key.to_owned()]));
        assert!(matches!(&outcome, Err(AnswerError::AmbiguousKey(found)) if found == key), "{key}");
    }
    for key in ["m\u{fffd}", "m,k=\u{fffd}z"] {
        let outcome = parse_show_series(&answer(&[key.to_owned()]));
        assert!(matches!(outcome, Err(AnswerError::NotExact(_))), "{key}");
    }
    for key in ["", ",a=b", "m,", "m,a", "m,a=", "m,=b", "m,a==b", "m,a=b,a=c"] {
        let outcome = parse_show_series(&answer(&[key.to_owned()]));
        assert!(matches!(outcome, Err(AnswerError::Unexpected(_))), "{key}");
    }
    for json in [
        &br#"{"results":[{"series":[{"columns":["key"],"values":[["m","n"]]}]}]}"#[..],
        br#"{"results":[{"series":[{"columns":["key"],"values":[[1]]}]}]}"#,
        br#"{"results":[{"error":"no"}]}"#,
        b"{",
    ] {
        assert!(parse_show_series(json).is_err());
    }
}

#[test]
fn counts_are_one_for_each_measurement() {
    let table = |name: &str, values: &str| {
        format!(r#"{{"name":"{name}","columns":["count"],"values":{values}}}"#)
    };
    let answer = |tables: &[String]| {
        format!(r#"{{"results":[{{"statement_id":0,"series":[{}]}}]}}"#, tables.join(","))
    };
    let read = |tables: &[String]| parse_series_cardinality(answer(tables).as_bytes());
    let counts =
        read(&[table("a", "[[7]]"), table("b\u{fffd}", "[[1]]"), table("b\u{fffd}", "[[2]]")])
            .unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("a".to_owned(), 7)]);
    for bad in ["[]", "[[1],[2]]", "[[1,2]]", "[[-1]]", "[[1.5]]", "[[\"1\"]]"] {
        assert!(matches!(read(&[table("a", bad)]), Err(AnswerError::Unexpected(_))), "{bad}");
    }
    assert!(read(&[table("a", "[[1]]"), table("a", "[[1]]")]).is_err());
}

/// Whatever bit of its names is another one: no answer that holds something is taken for one that holds nothing.
#[test]
fn a_name_of_json_that_is_misspelt_is_no_empty_answer() {
    let keys = r#"{"results":[{"statement_id":0,"series":[{"name":"m","columns":["fieldKey","fieldType"],"values":[["v","float"]]}]}]}"#;
    let names = ["results", "statement_id", "series", "name", "columns", "values"];
    for (at, bit) in names.iter().flat_map(|name| {
        let start = keys.find(&format!("\"{name}\"")).unwrap() + 1;
        (start..start + name.len()).flat_map(|at| (0..7).map(move |bit| (at, bit)))
    }) {
        let mut damaged = keys.as_bytes().to_vec();
        damaged[at] ^= 1 << bit;
        let text = String::from_utf8_lossy(&damaged).into_owned();
        match parse_show_keys(&damaged) {
            Ok(found) => assert_eq!(found["m"], [["v", "float"]], "{text}"),
            Err(error) => {
                let is_damage = matches!(error, AnswerError::Json(_) | AnswerError::Unexpected(_));
                assert!(is_damage, "{text}: {error}");
            }
        }
    }
    let nothing = r#"{"results":[{"statement_id":0,"messages":[{"level":"warning","text":"x"}]}]}"#;
    assert!(parse_show_keys(nothing.as_bytes()).unwrap().is_empty());
    assert!(parse_show_keys(br#"{"results":[{"statement_id":0,"seriet":[]}]}"#).is_err());
    let half = r#"{"results":[{"series":[{"name":"m","columns":["k"],"values":[["v"]],"partial":true}]}]}"#;
    assert!(matches!(parse_show_keys(half.as_bytes()), Err(AnswerError::Unexpected(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The server escapes keys as line protocol does: what comes back is what was written, or an error.
    #[test]
    fn a_key_is_exact_or_refused(content in content(b"m x", Letters::Text, &[FieldType::Boolean])) {
        for one in content.series.keys() {
            let mut key = Vec::new();
            escape::series(&mut key, one);
            let key = String::from_utf8(key).unwrap();
            let is_ambiguous = key.contains("\\,") || key.contains("\\=");
            match parse_show_series(&answer(std::slice::from_ref(&key))) {
                Ok(found) => prop_assert_eq!(&found, std::slice::from_ref(one)),
                Err(error) => prop_assert!(is_ambiguous && matches!(error, AnswerError::AmbiguousKey(_)), "{key:?}: {error}"),
            }
        }
    }
}
