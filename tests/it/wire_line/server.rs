//! An InfluxDB 1.x server as an oracle: what is written must be read back.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;
use sluice::testing::model::frame::FieldType;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::model::time::Timestamp;
use sluice::testing::wire::line::encoder::Rejected;

use super::points::{Point, Value, golden_points, name, series};
use super::{encode, points_of_any_name};
use crate::support::golden;
use crate::support::influxd::Influxd;

/// Writes the points to a new database and reads them back.
fn round_trip(server: &Influxd, db: &str, points: &BTreeSet<Point>) {
    server.query("", &format!("CREATE DATABASE {db}"));
    let (bodies, rejected) = encode(points, None);
    for body in &bodies {
        let answer = server.write(db, &body.bytes);
        assert_eq!(answer.status, 204, "{db}: {}", String::from_utf8_lossy(&answer.body));
    }
    let refuses = |one: &Rejected, point: &Point| {
        let times = one.time_min.ns()..=one.time_max.ns();
        let field = one.field.as_ref().is_none_or(|field| *field == point.field);
        *one.series == point.series && field && times.contains(&point.time)
    };
    let carried = |point: &&Point| !rejected.iter().any(|one| refuses(one, point));
    let carried: BTreeSet<Point> = points.iter().filter(carried).cloned().collect();
    let measurements: BTreeSet<&Name> =
        carried.iter().map(|point| &point.series.measurement).collect();
    for measurement in measurements {
        let expected: BTreeSet<Point> = carried
            .iter()
            .filter(|point| point.series.measurement == *measurement)
            .cloned()
            .collect();
        let got = read(server, db, measurement, &expected);
        assert_eq!(got, expected, "{db}: {}", String::from_utf8_lossy(measurement));
    }
}

/// Everything the server holds of a measurement. JSON does not tell the types, so they are taken from `expected`.
fn read(
    server: &Influxd,
    db: &str,
    measurement: &Name,
    expected: &BTreeSet<Point>,
) -> BTreeSet<Point> {
    let text = std::str::from_utf8(measurement).unwrap();
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let answer = server.query(db, &format!("SELECT * FROM \"{quoted}\" GROUP BY *"));
    let mut points = BTreeSet::new();
    for found in answer["results"][0]["series"].as_array().into_iter().flatten() {
        let text = |json: &Json| name(json.as_str().unwrap());
        let tags = found["tags"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (name(key), text(value)));
        let series = Series::new(text(&found["name"]), tags);
        for row in found["values"].as_array().unwrap() {
            for (column, cell) in
                found["columns"].as_array().unwrap().iter().zip(row.as_array().unwrap()).skip(1)
            {
                let field = text(column);
                let kind = expected
                    .iter()
                    .find(|point| point.field == field)
                    .map(|point| point.value.field_type());
                let value = match (cell, kind) {
                    (Json::Null, _) => continue,
                    (Json::Bool(value), _) => Value::Boolean(*value),
                    (Json::String(value), _) => Value::String(value.clone().into_bytes()),
                    (Json::Number(number), Some(FieldType::Integer)) => {
                        Value::Integer(number.as_i64().unwrap())
                    }
                    (Json::Number(number), _) => Value::Float(number.as_f64().unwrap().to_bits()),
                    other => panic!("{other:?}"),
                };
                points.insert(Point {
                    series: series.clone(),
                    field,
                    time: row[0].as_i64().unwrap(),
                    value,
                });
            }
        }
    }
    points
}

/// What a 1.x server and its JSON can tell exactly: no unsigned integers, UTF-8 only, one type for a field, no CR in a
/// measurement (it cannot be named in a query).
fn tellable(point: &Point) -> bool {
    let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    let names =
        point.series.tags.iter().all(|(key, value)| utf8(key) && utf8(value)) && utf8(&point.field);
    let value = match &point.value {
        Value::Unsigned(_) => false,
        Value::String(bytes) => utf8(bytes),
        _ => true,
    };
    names && value && utf8(&point.series.measurement) && !point.series.measurement.contains(&b'\r')
}

#[test]
fn a_1x_server_reads_back_the_golden_cases() {
    let Some(server) = Influxd::start() else { return };
    for case in std::fs::read_dir(golden().join("cases")).unwrap() {
        let case = case.unwrap();
        let db = case.file_name().to_str().unwrap().replace('-', "_");
        match golden_points(&case.path()) {
            Some(points) if !db.starts_with("07") => {
                round_trip(
                    &server,
                    &format!("g{db}"),
                    &points.into_iter().filter(tellable).collect(),
                );
            }
            _ => {}
        }
    }
}

#[test]
fn a_1x_server_reads_back_random_names_and_values() {
    let Some(server) = Influxd::start() else { return };
    let mut runner = TestRunner::deterministic();
    for round in 0..40 {
        let points = points_of_any_name().new_tree(&mut runner).unwrap().current();
        round_trip(&server, &format!("r{round}"), &points.into_iter().filter(tellable).collect());
    }
}

#[test]
fn a_1x_server_cuts_shard_groups_where_the_model_does() {
    let Some(server) = Influxd::start() else { return };
    for (db, duration, hours) in
        [("h1", "1h", 1), ("d1", "1d", 24), ("d7", "7d", 168), ("h100", "100h", 100)]
    {
        server.query(
            "",
            &format!("CREATE DATABASE {db} WITH DURATION INF SHARD DURATION {duration}"),
        );
        let times = [
            "1969-12-28T23:59:59Z",
            "1970-01-01",
            "2020-01-05T23:59:59.999999999Z",
            "2020-01-06",
            "2024-02-29T12:00:00Z",
        ];
        let mut expected = BTreeSet::new();
        for time in times.map(|time| time.parse::<Timestamp>().unwrap()) {
            let group = time.shard_group(hours * 3_600_000_000_000);
            expected.insert((group.start.to_string(), group.stop.to_string()));
            assert_eq!(server.write(db, format!("m f=1 {}", time.ns()).as_bytes()).status, 204);
        }
        let answer = server.query(db, "SHOW SHARD GROUPS");
        let groups = answer["results"][0]["series"][0]["values"].as_array().unwrap();
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let found: BTreeSet<_> = groups
            .iter()
            .filter(|row| row[1] == db)
            .map(|row| (text(&row[3]), text(&row[4])))
            .collect();
        assert_eq!(found, expected, "{duration}");
    }
}

#[test]
fn a_1x_server_reads_back_names_full_of_backslashes() {
    let Some(server) = Influxd::start() else { return };
    let point = |measurement: &str, tags: &[(&str, &str)], field: &str| Point {
        series: series(measurement, tags),
        field: name(field),
        time: 7,
        value: Value::String(b"a\nb\\\"c".to_vec()),
    };
    let points = [
        point("a\\b\\\\c", &[("k\\=x", "v\\,w"), ("l\\\\", "x")], "f"),
        point("a\\b\\\\d", &[("k\\=x", "\\ v\\,w"), ("l", "C:\\Program Files")], "f\\\\,g"),
        point("m\\\nx", &[("k\\\n", "v\\\n ")], "f\\\n"),
        point("n", &[("k\\ l", "v")], "f"),
        point("n", &[("k\\ l", "\"v")], "g"),
        point("n", &[("k", "v\\ \\,w")], "g"),
        point("n\\", &[("k", "v")], "g"),
        point("o", &[("k", "v")], "\"f\\\"g\""),
        point("o", &[("k", "v")], "f\\,g"),
    ];
    round_trip(&server, "b", &points.into());
}
