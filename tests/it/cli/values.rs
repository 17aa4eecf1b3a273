//! Values: defaults, every form, every refusal.

use std::path::{Path, PathBuf};

use sluice::testing::cli::args::Command;
use sluice::testing::cli::argv::{self, ArgvError};
use sluice::testing::config::demo::DemoConfig;
use sluice::testing::config::ends::TokenSetting;
use sluice::testing::config::env::Env;
use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::values::{ColorChoice, ExistingPolicy, IntervalChoice, QuotaChoice};
use sluice::testing::model::share::Share;
use sluice::testing::model::time::Timestamp;
use sluice::testing::model::time_type::TimeType;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::write::bucket::type_conflict::ConflictPolicy;

use super::{CANARY, ENDS, Given};

#[test]
fn a_token_in_argv_is_refused_and_not_repeated() {
    let glued = format!("--source-token={CANARY}");
    let short = format!("-t{CANARY}");
    let inside = format!("--source-token-command=echo {CANARY}");
    let url = format!("https://user:{CANARY}@cloud.example");
    for argv in [
        vec!["--source-token", CANARY],
        vec!["--source-token", "short"],
        vec!["--destination-token", "short"],
        vec!["--sourceToken", "short"],
        vec!["--token", "short"],
        vec!["--TOKEN=short"],
        vec!["-t", "short"],
        vec![&short],
        vec![&glued],
        vec![&inside],
        vec!["--source-host", CANARY],
        vec!["--source-host", &url],
        vec![CANARY],
        vec!["--", CANARY],
    ] {
        for command in ["migrate", "preflight", "demo", "nonsense"] {
            match argv::parse_argv([&["sluice", command], &argv[..]].concat()) {
                Err(error @ ArgvError::Token(_)) => {
                    let text = format!("{error} {error:?}");
                    assert!(!text.contains("cAnArY") && !text.contains("short"), "{text}");
                    assert!(text.contains("--source-token-file"), "{text}");
                }
                other => panic!("{argv:?}: {other:?}"),
            }
        }
    }
    for argv in [["--source-token-file", "t"], ["--destination-token-command", "get token"]] {
        assert!(argv::parse_argv([&["sluice", "migrate"], &argv[..]].concat()).is_ok(), "{argv:?}");
    }
}

#[test]
fn tokens_come_from_the_strongest_place_and_are_never_shown() {
    let source = |given: Given<'_>| given.good().ends.source.token;
    let file = |path: &str| TokenSetting::File(PathBuf::from(path));
    let command = |words: &[&str]| {
        TokenSetting::Command(words.iter().map(|word| (*word).to_owned()).collect())
    };
    let variable = TokenSetting::Given {
        token: "cloud-secret".to_owned(),
        origin: "INFLUXDB_CLOUD_TOKEN".to_owned(),
    };
    assert_eq!(source(Given::job(&[])), variable);
    assert_eq!(format!("{variable:?}"), "TokenSetting(redacted, from INFLUXDB_CLOUD_TOKEN)");
    assert_eq!(source(Given::job(&["--source-token-file", "f"])), file("f"));
    let by_command = ["--source-token-command", "vault read 'secret/a b'"];
    assert_eq!(source(Given::job(&by_command)), command(&["vault", "read", "secret/a b"]));
    assert!(!format!("{:?}", source(Given::job(&by_command))).contains("secret/"));
    let by_env = Given::job(&[]).env("SLUICE_SOURCE_TOKEN_FILE", "e");
    assert_eq!(source(by_env.clone()), file("e"));
    let mut both = by_env;
    both.argv.extend(by_command);
    assert_eq!(source(both), command(&["vault", "read", "secret/a b"]));

    let toml = "source_token_command = [\"a b\", \"c\"]";
    let by_file = Given::job(&["--config", "s.toml"]).file("s.toml", toml);
    assert_eq!(source(by_file.clone()), variable, "the variable beats the file");
    assert_eq!(source(by_file.env("INFLUXDB_CLOUD_TOKEN", "")), command(&["a b", "c"]));

    for (given, expected) in [
        (
            Given::job(&["--source-token-file", "f", "--source-token-command", "c"]),
            "both give a token",
        ),
        (Given::job(&["--source-token-command", "a 'b"]), "--source-token-command: \"a 'b\""),
        (
            Given::job(&[]).env("INFLUXDB_CLOUD_TOKEN", ""),
            "INFLUXDB_CLOUD_TOKEN, or give --source-token-file",
        ),
        (Given::job(&[]).env("INFLUX_TOKEN", ""), "INFLUX_TOKEN, or give --destination-token-file"),
        (
            Given::job(&[]).env("INFLUX_TOKEN", "oss-secret two"),
            "INFLUX_TOKEN does not hold a token",
        ),
        (
            Given::job(&[]).env("INFLUX_TOKEN", "oss-secret\nX-Header: 1"),
            "INFLUX_TOKEN does not hold",
        ),
    ] {
        let error = given.error();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn defaults() {
    let config = Given::job(&[]).good();
    assert_eq!(config.ends.source.host, "https://cloud.example");
    assert_eq!((config.ends.source.org, config.ends.destination.org), (None, None));
    assert_eq!(config.ends.destination.host, "http://localhost:8086");
    assert_eq!((&*config.ends.source_bucket, &*config.ends.destination_bucket), ("plant", "plant"));
    assert_eq!(config.ends.batch_bucket, "migration");
    assert_eq!(config.scope.start, RangeStart::Earliest);
    assert_eq!(config.scope.stop, RangeStop::Now { settle_ns: 600_000_000_000 });
    assert_eq!(config.scope.batch_interval, IntervalChoice::Auto);
    assert!(config.scope.filter.is_empty());
    assert_eq!(
        (config.pace.quota, config.pace.quota_share),
        (QuotaChoice::Auto, Share::constant(900))
    );
    assert_eq!((config.pace.query_timeout_ms, config.pace.concurrency), (90_000, 2));
    assert_eq!(config.pace.transport, None);
    assert_eq!(config.safety.on_type_conflict, ConflictPolicy::Stop);
    assert_eq!(config.safety.existing, ExistingPolicy::Refuse);
    assert!(
        !config.safety.create_buckets
            && !config.safety.pause_task
            && !config.safety.adopt
            && !config.safety.dry_run
    );
    assert!(!config.safety.yes && !config.output.json);
    assert_eq!(config.output.color, ColorChoice::Auto);
    assert_eq!((config.safety.rejects, config.safety.reject_limit), (None, 10_000));
    assert_eq!((config.pace.max_transfer_bytes, config.pace.max_duration_ms), (None, None));
    assert_eq!(config.safety.state_dir, Path::new("/home/user/.local/state/sluice"));
    assert!(config.output.notices.is_empty());
}

#[test]
fn every_value_is_read() {
    let config = Given::job(&[
        "--source-org",
        "ops",
        "--destination-host",
        "http://oss:8086/",
        "--destination-org",
        "home",
        "--destination-bucket",
        "copy",
        "--batch-bucket",
        "progress",
        "--start",
        "2022-01-01",
        "--stop",
        "2022-02-01T00:00:00Z",
        "--batch-interval",
        "1mo",
        "--measurement",
        "cpu",
        "--measurement",
        "mem",
        "--tag",
        "host=a",
        "--tag",
        "expr=a=b",
        "--field",
        "load",
        "--predicate",
        "r.x == \"1\"",
        "--quota",
        "5 MB / 5 min",
        "--quota-share",
        "50%",
        "--query-timeout",
        "1m30s",
        "--concurrency",
        "16",
        "--transport",
        "flux",
        "--on-type-conflict",
        "suffix",
        "--existing",
        "merge",
        "--create-buckets",
        "--pause-task",
        "--adopt",
        "--dry-run",
        "--yes",
        "--json",
        "--color",
        "always",
        "--rejects",
        "r.lp",
        "--reject-limit",
        "0",
        "--max-transfer",
        "10GB",
        "--max-duration",
        "8h",
    ])
    .env("XDG_STATE_HOME", "/state")
    .good();
    let JobConfig { ends, scope, pace, safety, output } = config;
    assert_eq!(ends.source.org.as_deref(), Some("ops"));
    assert_eq!(
        (&*ends.destination.host, ends.destination.org.as_deref()),
        ("http://oss:8086", Some("home"))
    );
    assert_eq!((&*ends.destination_bucket, &*ends.batch_bucket), ("copy", "progress"));
    assert_eq!(scope.start, RangeStart::At("2022-01-01".parse().unwrap()));
    assert_eq!(scope.stop, RangeStop::At("2022-02-01".parse().unwrap()));
    assert_eq!(scope.batch_interval, IntervalChoice::Fixed("1mo".parse().unwrap()));
    assert_eq!(scope.filter.measurements, ["cpu", "mem"]);
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(scope.filter.tags, [tag("host", "a"), tag("expr", "a=b")]);
    assert_eq!(scope.filter.fields, ["load"]);
    assert_eq!(scope.filter.predicate.as_deref(), Some("r.x == \"1\""));
    assert_eq!(pace.quota, QuotaChoice::Bytes { per_window: 5_000_000 });
    assert_eq!((pace.quota_share, pace.query_timeout_ms), (Share::constant(500), 90_000));
    assert_eq!((pace.concurrency, pace.transport), (16, Some(Transport::Flux)));
    assert_eq!(
        (safety.on_type_conflict, safety.existing),
        (ConflictPolicy::Suffix, ExistingPolicy::Merge)
    );
    assert!(safety.create_buckets && safety.pause_task && safety.adopt && safety.dry_run);
    assert!(safety.yes && output.json);
    assert_eq!(output.color, ColorChoice::Always);
    assert_eq!((safety.rejects.as_deref(), safety.reject_limit), (Some(Path::new("r.lp")), 0));
    assert_eq!(
        (pace.max_transfer_bytes, pace.max_duration_ms),
        (Some(10_000_000_000), Some(28_800_000))
    );
    assert_eq!(safety.state_dir, Path::new("/state/sluice"));
}

#[test]
fn relative_times_are_counted_from_a_clock_that_is_given_later() {
    let config = Given::job(&["--start", "-30d", "--stop", "-1h"]).good();
    let there: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let start = config.scope.start.counted_from(there).unwrap();
    assert_eq!(start, "2026-10-21T12:00:00Z".parse().unwrap());
    assert_eq!(config.scope.stop.counted_from(there), "2026-11-20T11:00:00Z".parse().unwrap());
    // What is fixed is held against what is counted once the clock is known.
    let config = Given::job(&["--start", "2026-11-20T11:55:00Z"]).good();
    let error = config.scope.hold_range(there).unwrap_err().to_string();
    assert!(
        error
            .contains("--start (2026-11-20T11:55:00Z) is not before --stop (2026-11-20T11:50:00Z)"),
        "{error}"
    );
    config.scope.hold_range("2026-11-20T12:10:00Z".parse().unwrap()).unwrap();
    for argv in [["--start", "-5m"], ["--start", "-10m"]] {
        let error = Given::job(&argv).error();
        assert!(error.contains("nothing to copy"), "{error}");
    }
    let config = Given::job(&["--settle", "0s", "--start", "-1mo"]).good();
    assert_eq!(config.scope.stop, RangeStop::Now { settle_ns: 0 });
    let early = Given::job(&["--start", "1677-09-21T00:12:43.145224193Z"]).good();
    assert_eq!(early.scope.start, RangeStart::At(Timestamp::MIN), "no data can lie before");
}

#[test]
fn values_that_are_refused_name_flag_value_and_cure() {
    let control = "x\u{1b}[2J";
    for (argv, parts) in [
        (["--source-host", "cloud.example"], ["--source-host: \"cloud.example\"", "https://"]),
        (["--source-host", "ftp://cloud"], ["--source-host", "https://"]),
        (["--source-host", "https://"], ["--source-host", "https://"]),
        (["--source-host", "https://a b"], ["--source-host", "https://"]),
        (["--source-host", "http://c:99999"], ["--source-host: \"http://c:99999\"", "an address"]),
        (["--destination-host", "http://[::1]:x"], ["--destination-host", "an address"]),
        (["--source-host", "https://c/?org=x"], ["--source-host", "no query"]),
        (
            ["--destination-host", "http://me:oss-secret@oss"],
            ["--destination-host: (not shown", "no user"],
        ),
        (["--source-bucket", ""], ["--source-bucket", "a name"]),
        (["--batch-bucket", ""], ["--batch-bucket", "a name"]),
        (["--start", "yesterday"], ["--start: \"yesterday\"", "-30d"]),
        (["--stop", "1700000000"], ["--stop: \"1700000000\"", "2022-01-01"]),
        (["--start", "--stop"], ["--start: \"--stop\"", "-30d"]),
        (["--settle", "1mo"], ["--settle: \"1mo\"", "10m"]),
        (["--settle", "-1m"], ["--settle", "10m"]),
        (["--batch-interval", "1M"], ["--batch-interval: \"1M\"", "1mo"]),
        (["--batch-interval", "0s"], ["--batch-interval", "auto or"]),
        (["--tag", "host"], ["--tag: \"host\"", "host=a"]),
        (["--tag", "=a"], ["--tag", "host=a"]),
        (["--tag", "host="], ["--tag", "not exists"]),
        (["--tag", "$=a"], ["--tag: \"$=a\"", "the value of a field"]),
        (["--tag", "_value=a"], ["called \"_value\"", "the value of a field"]),
        (["--tag", "_name=a"], ["called \"_name\"", "the measurement"]),
        (["--tag", "_measurement=a"], ["called \"_measurement\"", "--measurement"]),
        (["--tag", "_field=a"], ["called \"_field\"", "--field"]),
        (["--tag", "_tagKey=a"], ["called \"_tagKey\"", "fails"]),
        (["--tag", "_start=a"], ["called \"_start\"", "a time"]),
        (["--predicate", "r[\"$\"] == \"a\""], ["--predicate", "the value of a field"]),
        (["--predicate", "r._name == \"a\""], ["called \"_name\"", "the measurement"]),
        (["--measurement", ""], ["--measurement", "a name"]),
        (["--predicate", " "], ["--predicate", "Flux expression"]),
        (["--predicate", "r[\"\\x5fname\"] == \"a\""], ["called \"_name\"", "the measurement"]),
        (
            ["--predicate", "r.a == \"b\") |> limit(n: 1) |> filter(fn: (r) => true"],
            ["--predicate", "closed as it is opened"],
        ),
        (["--quota", "300MB"], ["--quota: \"300MB\"", "300MB/5min"]),
        (["--quota", "0MB/5min"], ["--quota", "none"]),
        (["--quota-share", "90"], ["--quota-share: \"90\"", "1% to 100%"]),
        (["--quota-share", "101%"], ["--quota-share", "1% to 100%"]),
        (["--quota-share", "8:00,30%"], ["\"8:00\" is no time of day", "08:00,30% 19:00,95%"]),
        (["--quota-share", "08:00,30% 95%"], ["no time of day before it", "08:00,30% 19:00,95%"]),
        (["--query-timeout", "500ms"], ["--query-timeout", "from 1s to 1h"]),
        (["--query-timeout", "2h"], ["--query-timeout", "from 1s to 1h"]),
        (["--concurrency", "0"], ["--concurrency", "from 1 to 16"]),
        (["--concurrency", "17"], ["--concurrency", "from 1 to 16"]),
        (["--transport", "fluxx"], ["--transport", "flux-keyed"]),
        (["--transport", "csv"], ["--transport: \"csv\"", "auto, flux"]),
        (["--max-transfer", "10"], ["--max-transfer: \"10\"", "10GB"]),
        (["--max-transfer", "0GB"], ["--max-transfer", "10GB"]),
        (["--max-duration", "0s"], ["--max-duration", "8h"]),
        (["--reject-limit", "-1"], ["--reject-limit", "10000"]),
        (["--start", "2016-12-31T23:59:60Z"], ["no second 60", "give second 59"]),
        (["--stop", "2016-12-31T23:59:60Z"], ["no second 60", "the minute behind it"]),
        (["--source-org", ""], ["--source-org", "a name"]),
        (["--destination-org", ""], ["--destination-org", "a name"]),
        (["--stop", control], ["--stop: \"x\\u{1b}[2J\"", "-30d"]),
        (["--config", "gone.toml"], ["cannot read gone.toml, named by --config", "not found"]),
        (["--task", "gone.flux"], ["cannot read gone.flux, named by --task", "not found"]),
    ] {
        // `--flag=value`, because a value may begin with a dash.
        let glued = format!("{}={}", argv[0], argv[1]);
        let mut given = Given::bare(&[]);
        let clash = ENDS.iter().position(|flag| *flag == argv[0]);
        let kept =
            ENDS.iter().enumerate().filter(|(at, _)| clash.is_none_or(|clash| at / 2 != clash / 2));
        given.argv = kept.map(|(_, word)| *word).chain([glued.as_str()]).collect();
        let error = given.error();
        for part in parts {
            assert!(error.contains(part), "{argv:?}: {error} lacks {part}");
        }
    }
}

#[test]
fn required_settings_are_named_in_all_three_spellings() {
    let error = Given::bare(&["--source-bucket", "plant"]).error();
    for name in ["--source-host", "SLUICE_SOURCE_HOST", "migration.source_host"] {
        assert!(error.contains(name), "{error}");
    }
    assert!(
        Given::bare(&["--source-host", "https://c"]).error().contains("--source-bucket is missing")
    );
    // Only a run needs a place for its state.
    let homeless = Given::job(&[]).env("HOME", "").good();
    let error = homeless.safety.needs_state().unwrap_err().to_string();
    assert!(error.contains("XDG_STATE_HOME=/var/lib"), "{error}");
    let service = Given::job(&[]).env("HOME", "").env("STATE_DIRECTORY", "/var/lib/a:/b").good();
    assert_eq!(service.safety.state_dir, Path::new("/var/lib/a"));
    assert!(service.safety.needs_state().is_ok());
    let relative = Given::job(&[]).env("XDG_STATE_HOME", "state").good();
    assert_eq!(relative.safety.state_dir, Path::new("/home/user/.local/state/sluice"));
    assert!(Given::job(&[]).env("HOME", "").env("XDG_STATE_HOME", "/s").check().is_ok());
}

#[test]
fn the_same_bucket_on_both_ends_is_refused() {
    let same = [
        "--destination-host",
        "https://cloud.example/",
        "--source-org",
        "o",
        "--destination-org",
        "o",
    ];
    assert!(Given::job(&same).error().contains("same bucket"));
    assert!(Given::job(&[&same[..], &["--destination-bucket", "other"]].concat()).check().is_ok());
}

#[test]
fn colours() {
    let color = |argv: &[&'static str], env: &[(&'static str, &'static str)]| {
        let given =
            env.iter().fold(Given::job(argv), |given, (name, value)| given.env(name, value));
        given.good().output.color
    };
    assert_eq!(color(&[], &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), ColorChoice::Never);
    assert_eq!(color(&[], &[("NO_COLOR", "")]), ColorChoice::Auto);
    assert_eq!(color(&[], &[("CLICOLOR_FORCE", "1")]), ColorChoice::Always);
    assert_eq!(color(&[], &[("CLICOLOR_FORCE", "0")]), ColorChoice::Auto);
    assert_eq!(color(&[], &[("TERM", "dumb")]), ColorChoice::Never);
    assert_eq!(
        color(&["--color", "always"], &[("NO_COLOR", "1"), ("TERM", "dumb")]),
        ColorChoice::Always
    );
    assert_eq!(color(&["--color", "auto"], &[("NO_COLOR", "1")]), ColorChoice::Auto);
    assert_eq!(
        color(&[], &[("SLUICE_COLOR", "never"), ("CLICOLOR_FORCE", "1")]),
        ColorChoice::Never
    );
}

#[test]
fn the_demo_takes_its_flags_and_no_file() {
    let demo = |line: &str, env: &[(&str, &str)]| {
        let Command::Demo(args) = argv::parse_argv(line.split(' ')).unwrap().command else {
            panic!()
        };
        DemoConfig::new(args.typed(), &Env::new(env.iter().copied()).unwrap())
    };
    for (line, env, place) in [
        ("sluice demo --hosts 0", ("SLUICE_DEMO_HOSTS", "1"), "--hosts: \"0\""),
        ("sluice demo --hours 100000", ("SLUICE_DEMO_HOURS", "1"), "--hours: \"100000\""),
        ("sluice demo", ("SLUICE_DEMO_HOSTS", "1001"), "SLUICE_DEMO_HOSTS: \"1001\""),
        ("sluice demo", ("SLUICE_DEMO_SEED", "x"), "SLUICE_DEMO_SEED: \"x\""),
    ] {
        let error = demo(line, &[env]).unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}");
    }
    let demo = |line, env: &[(&str, &str)]| demo(line, env).unwrap();
    let plain = demo("sluice demo", &[]);
    assert_eq!((plain.hosts, plain.hours, plain.seed, plain.json), (50, 6, 1, false));
    let set = demo(
        "sluice demo --hosts 3 --seed 7",
        &[
            ("SLUICE_JSON", "1"),
            ("NO_COLOR", "1"),
            ("SLUICE_DEMO_HOURS", "2"),
            ("SLUICE_DEMO_SEED", "8"),
            ("SLUICE_CONFIG", "none.toml"),
        ],
    );
    assert_eq!(
        (set.hosts, set.hours, set.seed, set.json, set.color),
        (3, 2, 7, true, ColorChoice::Never)
    );
}

#[test]
fn a_spool_has_a_place_and_a_type_of_times() {
    let spool = ["--spool", "parquet", "--spool-dir", "/data/stage"];
    let time_type = |given: Given<'_>| given.good().ends.spool.map(|spool| spool.time_type);
    assert_eq!(time_type(Given::job(&[])), None);
    assert_eq!(time_type(Given::job(&spool)), Some(TimeType::NsUtc));
    for own in TimeType::ALL {
        let typed = Given::job(&[&spool[..], &["--time-type", own.name()]].concat());
        assert_eq!(time_type(typed), Some(own));
        let given = Given::job(&spool).env("SLUICE_TIME_TYPE", own.name());
        assert_eq!(time_type(given), Some(own));
    }
    let bad = Given::job(&spool).env("SLUICE_TIME_TYPE", "ns").error();
    assert!(bad.contains("SLUICE_TIME_TYPE") && bad.contains("us-utc"), "{bad}");
    let alone = Given::job(&["--time-type", "i64"]).error();
    assert!(alone.contains("--time-type") && alone.contains("--spool parquet"), "{alone}");
    let word = argv::parse_argv(["sluice", "migrate", "--time-type", "ms-utc"]).unwrap_err();
    assert!(word.to_string().contains("us-utc"), "{word}");
}
