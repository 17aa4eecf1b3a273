//! Which place counts, and the TOML file.

use std::io;

use sluice::testing::config::ends::ValueOrigin;
use sluice::testing::config::env::Env;
use sluice::testing::config::flag::FlagKind;
use sluice::testing::config::inputs;
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::table::all_flags;
use sluice::testing::config::values::IntervalChoice;

use super::{CANARY, Given, chain};

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let file = "concurrency = 4\nmeasurement = [\"from file\"]\njson = true\n[migration]\nbatch_bucket = \"from file\"\n";
    let by_file = Given::job(&["--config", "s.toml"]).file("s.toml", file);
    let by_env = by_file
        .clone()
        .env("SLUICE_CONCURRENCY", "5")
        .env("SLUICE_MEASUREMENT", "from env, one\nfrom env, two")
        .env("SLUICE_BATCH_BUCKET", "from env")
        .env("SLUICE_JSON", "false");
    let mut by_flag = by_env.clone();
    by_flag.argv.extend([
        "--concurrency",
        "6",
        "--measurement",
        "from flag",
        "--batch-bucket",
        "from flag",
        "--json",
    ]);
    for (given, count, measurements, bucket, json) in [
        (Given::job(&[]), 2, vec![], "migration", false),
        (by_file, 4, vec!["from file"], "from file", true),
        (by_env, 5, vec!["from env, one", "from env, two"], "from env", false),
        (by_flag, 6, vec!["from flag"], "from flag", true),
    ] {
        let config = given.good();
        assert_eq!(config.pace.concurrency, count);
        assert_eq!(config.scope.filter.measurements, measurements);
        assert_eq!((&*config.ends.batch_bucket, config.output.json), (bucket, json));
    }
    let named_by_env = Given::job(&[]).env("SLUICE_CONFIG", "s.toml").file("s.toml", file).good();
    assert_eq!(named_by_env.pace.concurrency, 4);
    let error = Given::job(&[]).env("SLUICE_CONCURRENCY", "many").error();
    assert!(error.starts_with("SLUICE_CONCURRENCY: \"many\""), "{error}");
    assert!(Given::job(&[]).env("SLUICE_YES", "maybe").error().starts_with("SLUICE_YES"));
    let empty = Given::job(&[]).env("SLUICE_CONCURRENCY", "").good();
    assert_eq!(empty.pace.concurrency, 2, "an empty variable counts as not set");
}

#[test]
fn every_setting_is_read_from_the_environment_and_the_file() {
    for setting in all_flags().filter(|flag| flag.in_file && flag.command().is_none()) {
        let variable = setting.variable();
        let strange = if setting.kind == FlagKind::Switch { "maybe" } else { "\u{1}" };
        let by_env = Given::job(&[]).env(&variable, strange).inputs();
        let line = match setting.kind {
            FlagKind::Switch => format!("{} = true", setting.key()),
            FlagKind::List => format!("{} = [\"a=b\"]", setting.key()),
            FlagKind::One | FlagKind::Words => format!("{} = \"a\"", setting.key()),
        };
        let table = if setting.is_official() { "[migration]\n" } else { "" };
        let by_file =
            Given::job(&["--config", "s.toml"]).file("s.toml", &format!("{table}{line}")).inputs();
        for (inputs, name) in [(by_env, variable.as_str()), (by_file, &*setting.key())] {
            match inputs {
                // Only a profile and a task are looked up at once.
                Err(error) => assert!(chain(&error).contains(name), "{name}: {error}"),
                Ok(inputs) => assert!(format!("{inputs:?}").contains(name), "{name}"),
            }
        }
    }
}

#[test]
fn unknown_variables_are_told_and_the_influx_ones_are_not_read() {
    let given = Given::job(&[])
        .env("SLUICE_BATCH_INTERVALL", CANARY)
        .env("SLUICE_TEST_GOLDEN", "x")
        .env("INFLUX_HOST", "http://wrong")
        .env("INFLUX_ORG", "wrong")
        .env("INFLUX_ORG_ID", "wrong")
        .env("INFLUX_BUCKET", "wrong")
        .env("INFLUX_BUCKET_NAME", "wrong")
        .env("INFLUX_ACTIVE_CONFIG", "wrong");
    let config = given.good();
    assert_eq!(config.output.notices.len(), 1, "{:?}", config.output.notices);
    assert!(
        config.output.notices[0].contains("did you mean SLUICE_BATCH_INTERVAL?"),
        "{:?}",
        config.output.notices
    );
    assert!(!config.output.notices[0].contains(CANARY));
    assert!(!format!("{config:?}").contains("wrong"));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused_only_if_it_is_ours() {
    use std::os::unix::ffi::OsStrExt as _;
    let broken = std::ffi::OsStr::from_bytes(b"\xff");
    assert!(Env::new([("OTHER", broken)]).is_ok());
    assert!(Env::new([("SLUICE_QUOTA", broken)]).unwrap_err().to_string().contains("SLUICE_QUOTA"));
}

#[test]
fn the_table_of_the_official_record_takes_both_spellings() {
    let camel = "[migration]\nstart = 2022-01-01T00:00:00Z\nstop = \"2022-02-01\"\nbatchInterval = \"1h\"\n\
        batchBucket = \"m\"\nsourceHost = \"https://c\"\nsourceOrg = \"o\"\nsourceBucket = \"s\"\ndestinationBucket = \"d\"\n";
    let snake = "[migration]\nstart = \"2022-01-01\"\nstop = 2022-02-01\nbatch_interval = \"1h\"\n\
        batch_bucket = \"m\"\nsource_host = \"https://c\"\nsource_org = \"o\"\nsource_bucket = \"s\"\ndestination_bucket = \"d\"\n";
    let read = |text: &str| {
        let mut config = Given::bare(&["--config", "s.toml"]).file("s.toml", text).good();
        // It stands under the name that was written.
        config.ends.source.host_from = ValueOrigin::Default("source-host");
        config
    };
    let config = read(camel);
    assert_eq!(config, read(snake));
    assert_eq!(
        (&*config.ends.source.host, config.ends.source.org.as_deref()),
        ("https://c", Some("o"))
    );
    assert_eq!(
        (&*config.ends.source_bucket, &*config.ends.destination_bucket, &*config.ends.batch_bucket),
        ("s", "d", "m")
    );
    assert_eq!(config.scope.start, RangeStart::At("2022-01-01".parse().unwrap()));
    assert_eq!(config.scope.stop, RangeStop::At("2022-02-01".parse().unwrap()));
    assert_eq!(config.scope.batch_interval, IntervalChoice::Fixed("1h".parse().unwrap()));
}

#[test]
fn files_that_are_refused() {
    let token = format!("[migration]\nsourceToken = \"{CANARY}\"");
    let other = format!("influxToken = \"{CANARY}\"");
    let broken = format!("\n\nsource_token_file = {CANARY}");
    let value = format!("concurrency = \"{CANARY}\"");
    let key = format!("\"{CANARY}\" = 1");
    for (text, parts) in [
        (&*token, ["migration.sourceToken would keep a token", "source_token_file"]),
        (&*other, ["influxToken would keep a token", "INFLUX_TOKEN"]),
        ("source_token = \"short\"", ["source_token would keep", "INFLUXDB_CLOUD_TOKEN"]),
        (&*broken, ["s.toml line 3", ""]),
        (&*value, ["concurrency in s.toml line 1: (not shown", "from 1 to 16"]),
        (&*key, ["unknown key (not shown", ""]),
        (
            "batch_intervall = \"1h\"",
            [
                "unknown key \"batch_intervall\"",
                "did you mean batch_interval in the table [migration]?",
            ],
        ),
        ("concurency = 2", ["s.toml line 1: unknown key", "did you mean concurrency?"]),
        (
            "[migration]\nsourceHots = \"x\"",
            ["unknown key \"migration.sourceHots\"", "did you mean source_host in"],
        ),
        ("colour = \"never\"", ["unknown key", "did you mean color?"]),
        ("something_else = 1", ["unknown key \"something_else\"", ""]),
        ("[tuning]\nx = 1", ["unknown key \"tuning\"", ""]),
        (
            "[migrations]\nstart = \"-1d\"",
            ["\"migrations\"", "did you mean the table [migration]?"],
        ),
        ("source_host = \"x\"", ["source_host belongs", "in the table [migration]"]),
        (
            "[migration]\nquota = \"none\"",
            ["migration.quota belongs", "above the table [migration]"],
        ),
        ("quotaShare = \"90%\"", ["unknown key \"quotaShare\"", "did you mean quota_share?"]),
        (
            "[migration]\nbatchInterval = \"1h\"\nbatch_interval = \"2h\"",
            ["migration.batchInterval and", "same setting"],
        ),
        ("concurrency = true", ["concurrency must be", "whole number"]),
        ("quota_share = 0.9", ["quota_share must be", "text"]),
        ("json = \"yes\"", ["json must be", "true or false"]),
        ("measurement = [1]", ["measurement must be", "array of texts"]),
        ("tag = []", ["tag must be", "array of texts"]),
        ("source_token_command = 1", ["source_token_command must be", "array of texts"]),
        ("migration = 1", ["migration must be", "a table"]),
        ("config = \"other.toml\"", ["unknown key \"config\"", ""]),
        ("quota = \"x\"", ["quota in s.toml line 1: \"x\"", "300MB/5min"]),
        ("json = true\njson = true", ["s.toml line 2", "duplicate"]),
        ("json = true\n\n# mine\nquota = \"x\"", ["quota in s.toml line 4: \"x\"", "300MB/5min"]),
        (
            "tag = [1]\n[migration]\n\nstop = 1.5\nwhen = 1\n",
            [
                "s.toml line 1: tag must be a text or an array of texts, as in [\"a\", \"b\"]; s.toml line 4:",
                "; s.toml line 5: unknown key \"migration.when\"",
            ],
        ),
    ] {
        let error = Given::job(&["--config", "s.toml"]).file("s.toml", text).error();
        for part in parts {
            assert!(error.contains(part), "{text}: {error} lacks {part}");
        }
    }
}

#[test]
fn files_are_read_up_to_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    std::fs::write(&path, "json = true").unwrap();
    assert_eq!(inputs::read_file(&path).unwrap(), "json = true");
    let large = "#".repeat(usize::try_from(sluice::testing::limits::CONFIG_BYTES_MAX).unwrap());
    std::fs::write(&path, &large).unwrap();
    assert_eq!(inputs::read_file(&path).unwrap(), large);
    std::fs::write(&path, large + "#").unwrap();
    assert_eq!(inputs::read_file(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert!(inputs::read_file(&folder.path().join("gone")).is_err());
}

/// One name for several spools would mix their buckets, wherever it stands.
#[test]
fn several_spools_go_to_buckets_of_their_own() {
    let file = "[migration]\ndestination_bucket = \"one\"\n";
    for (given, origin) in [
        (Given::job(&["--destination-bucket", "one"]), "--destination-bucket"),
        (Given::job(&[]).env("SLUICE_DESTINATION_BUCKET", "one"), "SLUICE_DESTINATION_BUCKET"),
        (Given::job(&["--config", "s.toml"]).file("s.toml", file), "destination_bucket"),
    ] {
        let error = given.inputs().unwrap().check_several().expect_err("this must be refused");
        assert!(chain(&error).contains(origin), "{error}");
    }
    Given::job(&[]).inputs().unwrap().check_several().unwrap();
}
