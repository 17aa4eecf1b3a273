//! The record of an official task.

use sluice::testing::config::error::TaskRecordError;
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::table::{SOURCE_ORG, START, STOP};
use sluice::testing::config::task_record;
use sluice::testing::config::task_record::Property;
use sluice::testing::config::values::IntervalChoice;

use super::ends::{BOTH, with_profiles};
use super::{CANARY, Given, NOW, chain};

/// An official task as people keep it: comments, a literal token, odd spacing.
const TASK: &str = r#"import "array"
// migration = {start: 1999-01-01T00:00:00Z}
option task = {every: 5m, name: "migration = {stop: 1999-01-01T00:00:00Z}"}

migration={ start : 2022-01-01T00:00:00Z, // the first point
    stop: 2022-02-01T00:00:00+01:00,
    batchInterval: 1h30m,
    "batchBucket": "mi\"gra\\tion // no comment",
    sourceHost: "https://cloud.example", sourceOrg: "example-org",
    sourceToken: secrets.get(key: "INFLUXDB_CLOUD_TOKEN"),
    sourceBucket: "\x70lant\t$x }",
    destinationBucket: "copy",
    note: {a: [1, 2], b: (r) => ({r with x: 1})},
}
data = () =>
    from(host: migration.sourceHost, org: migration.sourceOrg, token: migration.sourceToken, bucket: migration.sourceBucket)
        |> range(start: batch.start, stop: batch.stop)

rowCount =
    data()
        |> count()

data()
    |> to(bucket: migration.destinationBucket)
"#;

fn with_task<'a>(argv: &[&'a str], flux: &str) -> Given<'a> {
    Given::bare(&[&["--task", "t.flux"], argv].concat()).file("t.flux", flux)
}

#[test]
fn a_task_gives_the_whole_record() {
    let config = with_task(&[], TASK).good();
    assert_eq!(
        (&*config.ends.source.host, config.ends.source.org.as_deref()),
        ("https://cloud.example", Some("example-org"))
    );
    assert_eq!(&*config.ends.source_bucket, "plant\t$x }");
    assert_eq!(
        (&*config.ends.destination_bucket, &*config.ends.batch_bucket),
        ("copy", "mi\"gra\\tion // no comment")
    );
    assert_eq!(config.scope.start, RangeStart::At("2022-01-01".parse().unwrap()));
    assert_eq!(config.scope.stop, RangeStop::At("2022-01-31T23:00:00Z".parse().unwrap()));
    assert_eq!(config.scope.batch_interval, IntervalChoice::Fixed("90m".parse().unwrap()));
    assert_eq!(config.ends.source.token.origin(), "INFLUXDB_CLOUD_TOKEN");
}

#[test]
fn a_task_of_the_first_template_and_one_that_counts_back_are_read() {
    let first = r#"migration = {start: -30y, stop: now(), batchInterval: 1h, batchBucket: "migration",
        cloudHost: "https://cloud.example", cloudOrg: "example-org",
        cloudToken: secrets.get(key: "INFLUXDB_CLOUD_TOKEN"), cloudBucket: "plant", ossBucket: "copy"}"#;
    let config = with_task(&[], first).good();
    assert_eq!(
        (&*config.ends.source.host, config.ends.source.org.as_deref()),
        ("https://cloud.example", Some("example-org"))
    );
    assert_eq!((&*config.ends.source_bucket, &*config.ends.destination_bucket), ("plant", "copy"));
    assert_eq!(config.scope.start, RangeStart::Back("30y".parse().unwrap()));
    let both = first.replace("cloudOrg", "sourceOrg: \"x\", cloudOrg");
    let error = with_task(&[], &both).error();
    assert!(error.contains("cloudOrg twice"), "{error}");
}

#[test]
fn a_task_stands_behind_the_layer_that_names_it() {
    let bucket = |given: Given<'_>| given.good().ends.destination_bucket;
    assert_eq!(bucket(with_task(&["--destination-bucket", "flag"], TASK)), "flag");
    assert_eq!(bucket(with_task(&[], TASK).env("SLUICE_DESTINATION_BUCKET", "env")), "copy");
    let mut by_env =
        with_task(&[], TASK).env("SLUICE_TASK", "t.flux").env("SLUICE_DESTINATION_BUCKET", "env");
    by_env.argv.clear();
    assert_eq!(bucket(by_env), "env");
    let mut by_file = with_task(&[], TASK)
        .file("s.toml", "task = \"t.flux\"\n[migration]\nstop = \"2023-01-01\"");
    by_file.argv = vec!["--config", "s.toml"];
    let config = by_file.good();
    assert_eq!(config.ends.destination_bucket, "copy");
    assert_eq!(config.scope.stop, RangeStop::At("2023-01-01".parse().unwrap()));
}

#[test]
fn a_task_by_id_is_fetched_by_the_caller() {
    let given = Given::bare(&["--task", "0a1b2c3d4e5f6071"]);
    let mut inputs = given.inputs().unwrap();
    assert_eq!(inputs.task_id(), Some("0a1b2c3d4e5f6071"));
    assert_eq!(inputs.destination().unwrap().host, "http://localhost:8086");
    let now = NOW.parse().unwrap();
    assert!(inputs.check(now).unwrap_err().to_string().contains("0a1b2c3d4e5f6071"));
    inputs.set_task(TASK).unwrap();
    assert_eq!(inputs.task_id(), None);
    assert_eq!(inputs.check(now).unwrap(), with_task(&[], TASK).good());
    let file = Given::bare(&["--task", "./0a1b2c3d4e5f6071"]).file("./0a1b2c3d4e5f6071", TASK);
    assert!(file.check().is_ok());
}

#[test]
fn a_task_and_a_profile_must_lead_to_the_same_source() {
    let task = |url: &str, org: &str| {
        let record = TASK.replace("https://cloud.example", url).replace("example-org", org);
        with_profiles(&[&BOTH[..], &["--task", "t.flux"]].concat()).file("t.flux", &record)
    };
    assert_eq!(
        task("https://cloud.example/", "ops").good().ends.source.token.origin(),
        "profile \"cloud\""
    );
    let error = task("https://elsewhere", "ops").error();
    assert!(
        error.contains("has the address \"https://cloud.example\"")
            && error.contains("\"https://elsewhere\""),
        "{error}"
    );
    let error = task("https://cloud.example", "other").error();
    assert!(error.contains("has the organization \"ops\""), "{error}");
}

#[test]
fn what_a_task_computes_must_be_given() {
    let task = TASK.replace("destinationBucket: \"copy\"", "destinationBucket: prefix + \"copy\"");
    let error = with_task(&[], &task).error();
    assert!(
        error.contains("computes destinationBucket as \"prefix + \\\"copy\\\"\"")
            || error.contains("computes destinationBucket as \"prefix + \"copy\"\""),
        "{error}"
    );
    assert!(error.contains("give --destination-bucket"), "{error}");
    assert!(with_task(&["--destination-bucket", "copy"], &task).check().is_ok());
    let interpolated = TASK.replace("\"copy\"", "\"copy-${name}\"");
    assert!(with_task(&[], &interpolated).error().contains("computes destinationBucket"));
    let now = TASK.replace("2022-02-01T00:00:00+01:00", "now()");
    assert_eq!(
        with_task(&[], &now).good().scope.stop,
        RangeStop::Now { settle_ns: 600_000_000_000 }
    );
    let bad = TASK.replace("batchInterval: 1h30m", "batchInterval: 1.5h");
    assert!(with_task(&[], &bad).error().contains("batchInterval of the task: \"1.5h\""));
    let literal =
        TASK.replace("secrets.get(key: \"INFLUXDB_CLOUD_TOKEN\")", &format!("\"{CANARY}\""));
    let given = with_task(&[], &literal);
    assert_eq!(given.good(), with_task(&[], TASK).good());
    assert!(!format!("{:?}", given.inputs().unwrap()).contains(CANARY));
}

#[test]
fn a_task_that_copies_only_a_part_needs_the_same_filter() {
    let range = "range(start: batch.start, stop: batch.stop)";
    for step in [
        "\n  |> filter(fn: (r) => r._measurement == \"cpu\")",
        " // only cpu\n\t|> drop(columns: [\"host\"])",
    ] {
        let task = TASK.replace(range, &format!("{range}{step}"));
        let error = with_task(&[], &task).error();
        assert!(
            error.contains("the task copies only what passes") && error.contains("|> "),
            "{error}"
        );
        assert!(with_task(&["--measurement", "cpu"], &task).check().is_ok());
    }
}

/// However the task was changed: no way of writing it hides that it copies a part.
#[test]
fn a_part_is_seen_however_the_task_spells_it() {
    let (range, to) =
        ("|> range(start: batch.start, stop: batch.stop)", "|> to(bucket: migration.");
    assert!(TASK.contains(range) && TASK.contains(to));
    let filter = "|> filter(fn: (r) => (r._field == \"(\"))";
    for task in [
        TASK.replace(range, &format!("|> range(stop: batch.stop, start: batch.start) {filter}")),
        TASK.replace(range, &format!("|> range(start: batchStart, stop: batchStop,)\n{filter}")),
        TASK.replace(range, &format!("{filter} {range}")),
        TASK.replace(range, filter),
        TASK.replace(to, &format!("{filter} {to}")),
        TASK.replace(to, &format!("|> drop(columns: [\"a\"])\n {to}")),
        TASK.replace(range, &format!("{range} {filter}")).replace("sourceBucket", "cloudBucket"),
    ] {
        let error = with_task(&[], &task).error();
        assert!(error.contains("the task copies only what passes"), "{error}\n{task}");
    }
    // Other words for the same reading.
    for task in [
        TASK.replace(range, "|> range(stop: batch.stop, start: batch.start)"),
        TASK.replace("|> count()", "|> count() |> filter(fn: (r) => true)"),
    ] {
        assert_eq!(with_task(&[], &task).good(), with_task(&[], TASK).good());
    }
}

#[test]
fn texts_that_are_no_task() {
    let error = |text: &str| task_record::parse_task_record(text).unwrap_err();
    assert_eq!(error(""), TaskRecordError::Missing);
    assert_eq!(error("// migration = {start: 1}"), TaskRecordError::Missing);
    assert_eq!(error("x = \"migration = {start: 1}\""), TaskRecordError::Missing);
    assert_eq!(error("migration = other"), TaskRecordError::Missing);
    assert_eq!(error("old.migration = {start: 2022-01-01T00:00:00Z}"), TaskRecordError::Missing);
    assert_eq!(error("migration = {"), TaskRecordError::Open);
    assert_eq!(error("migration = {start: 2022-01-01T00:00:00Z"), TaskRecordError::Open);
    assert_eq!(error("\nmigration = {start: \"x"), TaskRecordError::OpenString { line: 2 });
    assert_eq!(error("migration = {\n\nstart = 1}"), TaskRecordError::Form { line: 3 });
    assert_eq!(error("migration = {other with start: 1}"), TaskRecordError::Form { line: 1 });
    assert_eq!(
        error("migration = {stop: 1, stop: 2}"),
        TaskRecordError::Twice { name: "stop".to_owned() }
    );
    assert_eq!(error("migration = {}"), TaskRecordError::Empty);
    assert_eq!(error("migration = {sourceToken: \"x\"}"), TaskRecordError::Empty);
    let text = chain(&with_task(&[], "x").check().unwrap_err());
    assert!(text.contains("--task") && text.contains("holds no record"), "{text}");
    let record = task_record::parse_task_record(
        "option migration = {start: f(a: {b: [1, 2]}), sourceOrg: \"x\"}",
    )
    .unwrap();
    assert_eq!(
        record.property(START.flag),
        Some(&Property::Computed("f(a: {b: [1, 2]})".to_owned()))
    );
    assert_eq!(record.property(SOURCE_ORG.flag), Some(&Property::Literal("x".to_owned())));
    assert_eq!(record.property(STOP.flag), None);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC*", flux in "(migration|=|\\{|\\}|\"|\\\\|:|,|//|\n|start|2022-01-01T00:00:00Z|µ| |\\$\\{|\\(|\\))*") {
        let _ = (task_record::parse_task_record(&text), task_record::parse_task_record(&flux));
        let _ = Given::job(&["--config", "s.toml"]).file("s.toml", &text).check();
    }
}
