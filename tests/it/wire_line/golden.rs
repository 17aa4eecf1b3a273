//! Golden exchanges with a real InfluxDB 2.x: what it holds is carried whole, and what it lost is refused.

use std::collections::{BTreeSet, HashMap};

use sluice::testing::model::series::{Name, Series};
use sluice::testing::wire::line::carry::{self, Uncarried};
use sluice::testing::wire::line::conflict::{PartialWrite, parse_bad_lines, parse_partial_write};
use sluice::testing::wire::line::escape;

use super::points::{Point, bytes, golden_points, name, series};
use super::{HOUR_NS, encode, oracle, text};
use crate::support::golden;

#[test]
fn golden_cases_are_carried_whole() {
    let golden = golden();
    let mut seen = 0;
    for case in std::fs::read_dir(golden.join("cases")).unwrap() {
        let Some(points) = golden_points(&case.unwrap().path()) else { continue };
        seen += 1;
        let (_, rejected) = encode(&points, Some(24 * HOUR_NS));
        assert_eq!(rejected, [], "the server held them all");
        let readable: BTreeSet<Point> = points.into_iter().filter(oracle::reads).collect();
        assert_eq!(oracle::parse(&text(&encode(&readable, None).0)), readable);
    }
    assert!(seen >= 20, "{seen} cases");
}

/// Names of up to three bytes that matter, and the reserved ones.
fn short_names() -> Vec<Name> {
    let mut names: Vec<Vec<u8>> =
        vec![b"time".to_vec(), b"_field".to_vec(), b"_measurement".to_vec(), b"x\\\ny".to_vec()];
    let mut longest: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..3 {
        let longer = |name: &Vec<u8>| {
            b"amfgxyk1\\,= \"#\t\n\0\xff"
                .iter()
                .map(|&byte| [&name[..], &[byte]].concat())
                .collect::<Vec<_>>()
        };
        longest = longest.iter().flat_map(longer).collect();
        names.extend_from_slice(&longest);
    }
    names.into_iter().map(Name::from).collect()
}

/// Every one of the real server's answers to a line that the encoder would write for some short name.
#[test]
fn what_is_refused_is_what_the_real_server_loses() {
    let golden = golden();
    let lines = std::fs::read_to_string(golden.join("cases/13-lp-lines/lines.jsonl")).unwrap();
    let records =
        lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let answers: HashMap<Vec<u8>, serde_json::Value> =
        records.map(|record| (bytes(&record["line"]), record)).collect();
    let (mut carried, mut refused) = (0, 0);
    for short in short_names() {
        let other = |text: &str| Series::new(*b"m", [(short.clone(), name(text))]);
        let candidates = [
            (Series::new(short.clone(), [(name("a"), name("1"))]), name("f")),
            (Series::new(*b"m", [(name("a"), short.clone())]), name("f")),
            (other("1"), name("f")),
            (other("x"), name("f")),
            (other("y"), name("f")),
            (series("m", &[("a", "x")]), short.clone()),
            (series("m", &[("a", "1")]), short.clone()),
        ];
        for (series, field) in candidates {
            let mut key = Vec::new();
            escape::series(&mut key, &series);
            let mut line = key.clone();
            line.push(b' ');
            escape::field_key(&mut line, &field);
            line.extend_from_slice(b"=1 1577836800000000000");
            let Some(answer) = answers.get(&line) else { continue };
            let first =
                if carry::may_be_first(&field) { Ok(()) } else { Err(Uncarried::FieldKeyBlank) };
            let verdict = carry::series(&series, &key).and(carry::field_key(&field)).and(first);
            assert_eq!(
                verdict.is_ok(),
                reads_back(answer, &series, &field),
                "{:?}",
                String::from_utf8_lossy(&line)
            );
            if verdict.is_ok() { carried += 1 } else { refused += 1 }
        }
    }
    assert!(carried >= 15 && refused >= 15, "{carried} carried, {refused} refused");
}

/// True if the server took the line and InfluxQL shows just this value. JSON turns bytes that are not UTF-8 into U+FFFD.
fn reads_back(answer: &serde_json::Value, series: &Series, field: &Name) -> bool {
    let result: serde_json::Value =
        serde_json::from_str(answer["influxql"].as_str().unwrap()).unwrap();
    let found = result["results"][0]["series"].as_array().map_or(&[][..], Vec::as_slice);
    let [found] = found else { return false };
    let is = |json: &serde_json::Value, bytes: &[u8]| {
        json.as_str() == Some(&String::from_utf8_lossy(bytes))
    };
    let Some(tags) = found["tags"].as_object() else { return false };
    let tags_are = tags.len() == series.tags.len()
        && series.tags.iter().all(|(key, value)| {
            tags.get(&*String::from_utf8_lossy(key)).is_some_and(|json| is(json, value))
        });
    let values = found["values"].to_string();
    answer["status"] == 204
        && is(&found["name"], &series.measurement)
        && tags_are
        && is(&found["columns"][1], field)
        && values == "[[1577836800000000000,1]]"
}

#[test]
fn reads_the_real_servers_refusals() {
    let golden = golden();
    let message = |id: &str| {
        let text = std::fs::read_to_string(golden.join("errors").join(id)).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for id in ["w_type_conflict", "w_type_conflict_same_batch", "w_type_conflict_two_shards_2"] {
        let PartialWrite::TypeConflict { field, dropped, .. } = parse_partial_write(&message(id))
        else {
            panic!("{id}")
        };
        assert_eq!((field, dropped), (name("f"), 1 + u64::from(id == "w_type_conflict")), "{id}");
    }
    for (id, lost) in [("w_retention", 2), ("w_retention_all", 1)] {
        let found = parse_partial_write(&message(id));
        assert!(
            matches!(found, PartialWrite::OutsideRetention { dropped, newest: Some(_) } if dropped == lost),
            "{id}"
        );
    }
    assert_eq!(
        parse_partial_write(&message("w_field_time")),
        PartialWrite::FieldNameTime { dropped: 0 }
    );
    assert_eq!(
        parse_partial_write(&message("w_field_time_only")),
        PartialWrite::FieldNameTime { dropped: 1 }
    );
    assert!(matches!(
        parse_partial_write(&message("w_string_too_long")),
        PartialWrite::StringTooLong { dropped: 1, .. }
    ));
    for (id, count) in [
        ("w_malformed", 2),
        ("w_crlf", 1),
        ("w_key_too_long", 1),
        ("w_nan", 1),
        ("w_reserved_tag", 1),
        ("w_time_range", 1),
        ("w_uint_overflow", 1),
        ("w_no_bucket", 0),
    ] {
        let found = parse_bad_lines(&message(id));
        assert_eq!(found.len(), count, "{id}");
        assert!(found.iter().all(|bad| !bad.reason.contains('\'')), "{id}");
    }
    let long = parse_bad_lines(&message("w_key_too_long"));
    assert!(long[0].line.len() > 65_535 && long[0].reason.starts_with("max key length exceeded"));
}
