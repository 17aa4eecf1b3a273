//! The boundary between the user and the program: command line, environment, file, profiles, task. Help texts and the
//! tables of the docs are compared with what is written down; `SLUICE_TEST_REWRITE=1` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, in its helper functions too")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use sluice::cli::args::{Args, Command};
use sluice::cli::argv::{self, ArgvError};
use sluice::cli::job::JobArgs;
use sluice::cli::pages;
use sluice::config::demo::DemoConfig;
use sluice::config::ends::TokenSetting;
use sluice::config::env::Env;
use sluice::config::error::ConfigError;
use sluice::config::inputs::{self, Inputs};
use sluice::config::migrate::{
    ColorChoice, ConflictPolicy, ExistingPolicy, IntervalChoice, MigrateConfig, QuotaChoice, Start,
    Stop, TransportChoice,
};
use sluice::config::settings::{Kind, SETTINGS};
use sluice::config::task_record::{self, Property, TaskRecordError};
use sluice::exit::ExitCode;
use sluice::model::time::Timestamp;

/// Looks like a token; may stand in no message.
const CANARY: &str =
    "cAnArY-0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789_abcd==";

const NOW: &str = "2026-11-20T12:00:00Z";

/// Everything a configuration is made of.
#[derive(Default, Clone)]
struct Given<'a> {
    argv: Vec<&'a str>,
    env: Vec<(&'a str, &'a str)>,
    files: BTreeMap<PathBuf, String>,
}

/// What every job needs, by flags and the two token variables.
const ENDS: [&str; 4] = ["--source-host", "https://cloud.example", "--source-bucket", "plant"];

impl<'a> Given<'a> {
    fn job(argv: &[&'a str]) -> Self {
        Self { argv: [&ENDS[..], argv].concat(), ..Self::bare(&[]) }
    }

    fn bare(argv: &[&'a str]) -> Self {
        let env = vec![
            ("HOME", "/home/user"),
            ("INFLUXDB_CLOUD_TOKEN", "cloud-secret"),
            ("INFLUX_TOKEN", "oss-secret"),
        ];
        Self { argv: argv.to_vec(), env, files: BTreeMap::new() }
    }

    fn env(mut self, name: &'a str, value: &'a str) -> Self {
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value));
        self
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(PathBuf::from(path), text.to_owned());
        self
    }

    fn inputs(&self) -> Result<Inputs, ConfigError> {
        let read = |path: &Path| {
            self.files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        Inputs::load(&job(&self.argv), Env::new(self.env.clone())?, &read)
    }

    fn check(&self) -> Result<MigrateConfig, ConfigError> {
        self.inputs()?.check(NOW.parse().unwrap())
    }

    fn good(&self) -> MigrateConfig {
        self.check().unwrap_or_else(|error| panic!("{:?}: {}", self.argv, chain(&error)))
    }

    /// The message, which must not hold a secret.
    fn error(&self) -> String {
        let error = self.check().expect_err("this must be refused");
        let text = chain(&error);
        for secret in [CANARY, "cloud-secret", "oss-secret"] {
            assert!(!text.contains(secret) && !format!("{error:?}").contains(secret), "{text}");
        }
        text
    }
}

fn job(argv: &[&str]) -> JobArgs {
    match argv::parse([&["sluice", "migrate"], argv].concat()).unwrap().command {
        Command::Migrate(args) => args,
        other => panic!("{other:?}"),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").unwrap();
        cause = error.source();
    }
    text
}

fn rewriting() -> bool {
    std::env::var_os("SLUICE_TEST_REWRITE").is_some()
}

fn golden(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if rewriting() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{} differs from:\n{text}", path.display());
}

// ---------------------------------------------------------------- help, pages, tables

/// What the program prints on a terminal of 80 columns.
fn help(argv: &[&str]) -> String {
    let command = Args::command().term_width(80);
    command.try_get_matches_from([&["sluice"], argv].concat()).unwrap_err().to_string()
}

#[test]
fn help_is_as_written_down() {
    golden("tests/golden/cli/sluice.txt", &help(&["--help"]));
    for command in Args::command().get_subcommands() {
        let name = command.get_name();
        let text = help(&[name, "--help"]);
        assert_eq!(text, help(&[name, "-h"]), "{name}: -h and --help say the same");
        golden(&format!("tests/golden/cli/{name}.txt"), &text);
        for line in text.lines() {
            assert!(line.chars().count() <= 80 && line.is_ascii(), "{name}: {line}");
        }
    }
}

#[test]
fn help_without_arguments_and_codes_of_usage() {
    for (line, code) in [
        ("sluice --help", 0),
        ("sluice --version", 0),
        ("sluice migrate -h", 0),
        ("sluice", 2),
        ("sluice copy", 2),
        ("sluice migrate --spool parquet", 2),
        ("sluice demo --hosts 0", 2),
        ("sluice demo --hours 100000", 2),
        ("sluice migrate --existing overwrite", 2),
        ("sluice migrate --yes --yes", 2),
        ("sluice migrate plant", 2),
    ] {
        match argv::parse(line.split(' ')) {
            Err(ArgvError::Clap(error)) => assert_eq!(error.exit_code(), code, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn pages_are_made_for_every_command_and_shell() {
    let mut text = Vec::new();
    pages::man(None, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(".TH sluice 1") && text.contains("migrate"), "{text}");
    for command in Args::command().get_subcommands() {
        let mut text = Vec::new();
        pages::man(Some(command.get_name()), &mut text).unwrap();
        let title = format!(".TH sluice-{} 1", command.get_name());
        assert!(String::from_utf8(text).unwrap().contains(&title));
    }
    let error = pages::man(Some("copy"), &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("copy") && error.contains("preflight"), "{error}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let Command::Completions { shell } =
            argv::parse(["sluice", "completions", shell]).unwrap().command
        else {
            panic!("another command")
        };
        let mut text = Vec::new();
        pages::completions(shell, &mut text).unwrap();
        assert!(String::from_utf8(text).unwrap().contains("source-token-file"), "{shell}");
    }
}

fn flags(command: &str) -> BTreeMap<String, String> {
    let root = Args::command();
    let command = root.find_subcommand(command).unwrap();
    let help = |flag: &clap::Arg| flag.get_help().map(ToString::to_string).unwrap_or_default();
    command
        .get_arguments()
        .filter_map(|flag| Some((flag.get_long()?.to_owned(), help(flag))))
        .filter(|(name, _)| name != "help")
        .collect()
}

#[test]
fn flags_settings_and_defaults_agree() {
    let flags = flags("migrate");
    let mut settings: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    settings.push("config");
    settings.sort_unstable();
    assert_eq!(flags.keys().map(String::as_str).collect::<Vec<_>>(), settings);
    for setting in SETTINGS {
        let help = &flags[setting.name];
        if let Some(default) = setting.default {
            assert!(help.ends_with(&format!("[default: {default}]")), "{}: {help}", setting.name);
        }
    }
    assert_eq!(flags, self::flags("preflight"));
}

#[test]
fn every_flag_arrives() {
    for setting in SETTINGS {
        let flag = format!("--{}", setting.name);
        let value = match setting.name {
            "on-type-conflict" => "reject",
            "existing" => "merge",
            "color" => "never",
            _ => "canary",
        };
        let (argv, expected) = match setting.kind {
            Kind::Switch => (vec![flag.as_str()], vec!["true"]),
            Kind::List => (vec![flag.as_str(), value, &flag, "second"], vec![value, "second"]),
            Kind::One | Kind::Words => (vec![flag.as_str(), value], vec![value]),
        };
        let typed = job(&argv).typed();
        let expected = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(typed, [(setting.name, expected)]);
    }
    assert_eq!(job(&["--config", "x.toml"]).config.as_deref(), Some("x.toml"));
}

/// Replaces what stands between the two marks of a page of the docs.
fn golden_table(path: &str, table: &str) {
    const MARKS: [&str; 2] = ["<!-- table -->\n", "<!-- end of table -->"];
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).unwrap();
    let (_, after) = rest.split_once(MARKS[1]).unwrap();
    golden(path, &format!("{before}{}{table}{}{after}", MARKS[0], MARKS[1]));
}

#[test]
fn the_page_of_settings_is_whole() {
    let flags = flags("migrate");
    let mut table =
        "| flag | variable | key in the file | default | what |\n|---|---|---|---|---|\n"
            .to_owned();
    for setting in SETTINGS {
        let key = match (setting.official, setting.camel() == setting.key()) {
            (true, true) => format!("`[migration]` `{}`", setting.key()),
            (true, false) => format!("`[migration]` `{}` `{}`", setting.key(), setting.camel()),
            (false, _) => format!("`{}`", setting.key()),
        };
        let (help, default) = match flags[setting.name].split_once(" [default: ") {
            Some((help, words)) if setting.default.is_none() => (help, words.trim_end_matches(']')),
            Some((help, _)) => (help, ""),
            None => {
                (&*flags[setting.name], if setting.kind == Kind::Switch { "`false`" } else { "-" })
            }
        };
        let default = setting.default.map_or(default.to_owned(), |text| format!("`{text}`"));
        let (name, variable) = (setting.name, setting.variable());
        writeln!(table, "| `--{name}` | `{variable}` | {key} | {default} | {help} |").unwrap();
    }
    golden_table("docs/configuration.md", &table);
}

#[test]
fn the_page_of_exit_codes_is_whole() {
    let mut table = "| code | meaning | the same command again |\n|---|---|---|\n".to_owned();
    for code in ExitCode::ALL {
        writeln!(table, "| {} | {} | {} |", code.number(), code.meaning(), code.again()).unwrap();
    }
    golden_table("docs/exit-codes.md", &table);
}

// ---------------------------------------------------------------- tokens

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
            match argv::parse([&["sluice", command], &argv[..]].concat()) {
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
        assert!(argv::parse([&["sluice", "migrate"], &argv[..]].concat()).is_ok(), "{argv:?}");
    }
}

#[test]
fn tokens_come_from_the_strongest_place_and_are_never_shown() {
    let source = |given: Given<'_>| given.good().source.token;
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

// ---------------------------------------------------------------- values

#[test]
fn defaults() {
    let config = Given::job(&[]).good();
    assert_eq!(config.source.host, "https://cloud.example");
    assert_eq!((config.source.org, config.destination.org), (None, None));
    assert_eq!(config.destination.host, "http://localhost:8086");
    assert_eq!((&*config.source_bucket, &*config.destination_bucket), ("plant", "plant"));
    assert_eq!(config.batch_bucket, "migration");
    assert_eq!(config.start, Start::Earliest);
    assert_eq!(config.stop, Stop::Now { settle_ns: 600_000_000_000 });
    assert_eq!(config.batch_interval, IntervalChoice::Auto);
    assert!(config.filter.is_empty());
    assert_eq!((config.quota, config.quota_share_per_mille), (QuotaChoice::Auto, 900));
    assert_eq!((config.query_timeout_ms, config.concurrency), (90_000, 2));
    assert_eq!(config.transport, TransportChoice::Auto);
    assert_eq!(config.on_type_conflict, ConflictPolicy::Stop);
    assert_eq!(config.existing, ExistingPolicy::Refuse);
    assert!(!config.create_buckets && !config.pause_task && !config.adopt && !config.dry_run);
    assert!(!config.yes && !config.json);
    assert_eq!(config.color, ColorChoice::Auto);
    assert_eq!((config.rejects, config.reject_limit), (None, 10_000));
    assert_eq!((config.max_transfer_bytes, config.max_duration_ms), (None, None));
    assert_eq!(config.state_dir, Path::new("/home/user/.local/state/sluice"));
    assert!(config.notices.is_empty());
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
    assert_eq!(config.source.org.as_deref(), Some("ops"));
    assert_eq!(
        (&*config.destination.host, config.destination.org.as_deref()),
        ("http://oss:8086", Some("home"))
    );
    assert_eq!((&*config.destination_bucket, &*config.batch_bucket), ("copy", "progress"));
    assert_eq!(config.start, Start::At("2022-01-01".parse().unwrap()));
    assert_eq!(config.stop, Stop::At("2022-02-01".parse().unwrap()));
    assert_eq!(config.batch_interval, IntervalChoice::Fixed("1mo".parse().unwrap()));
    assert_eq!(config.filter.measurements, ["cpu", "mem"]);
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(config.filter.tags, [tag("host", "a"), tag("expr", "a=b")]);
    assert_eq!(config.filter.fields, ["load"]);
    assert_eq!(config.filter.predicate.as_deref(), Some("r.x == \"1\""));
    assert_eq!(config.quota, QuotaChoice::Bytes { per_window: 5_000_000 });
    assert_eq!((config.quota_share_per_mille, config.query_timeout_ms), (500, 90_000));
    assert_eq!((config.concurrency, config.transport), (16, TransportChoice::Flux));
    assert_eq!(
        (config.on_type_conflict, config.existing),
        (ConflictPolicy::Suffix, ExistingPolicy::Merge)
    );
    assert!(config.create_buckets && config.pause_task && config.adopt && config.dry_run);
    assert!(config.yes && config.json);
    assert_eq!(config.color, ColorChoice::Always);
    assert_eq!((config.rejects.as_deref(), config.reject_limit), (Some(Path::new("r.lp")), 0));
    assert_eq!(
        (config.max_transfer_bytes, config.max_duration_ms),
        (Some(10_000_000_000), Some(28_800_000))
    );
    assert_eq!(config.state_dir, Path::new("/state/sluice"));
}

#[test]
fn relative_times_are_frozen_against_now() {
    let config = Given::job(&["--start", "-30d", "--stop", "-1h"]).good();
    assert_eq!(config.start, Start::At("2026-10-21T12:00:00Z".parse().unwrap()));
    assert_eq!(config.stop, Stop::At("2026-11-20T11:00:00Z".parse().unwrap()));
    let config = Given::job(&["--settle", "0s", "--start", "-1mo"]).good();
    assert_eq!(config.stop, Stop::Now { settle_ns: 0 });
    let early = Given::job(&["--start", "1677-09-21T00:12:43.145224193Z"]).good();
    assert_eq!(early.start, Start::At(Timestamp::MIN), "no data can lie before");
}

#[test]
fn values_that_are_refused_name_flag_value_and_cure() {
    let control = "x\u{1b}[2J";
    for (argv, parts) in [
        (["--source-host", "cloud.example"], ["--source-host: \"cloud.example\"", "https://"]),
        (["--source-host", "ftp://cloud"], ["--source-host", "https://"]),
        (["--source-host", "https://"], ["--source-host", "https://"]),
        (["--source-host", "https://a b"], ["--source-host", "https://"]),
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
        (["--measurement", ""], ["--measurement", "a name"]),
        (["--predicate", " "], ["--predicate", "Flux expression"]),
        (["--quota", "300MB"], ["--quota: \"300MB\"", "300MB/5min"]),
        (["--quota", "0MB/5min"], ["--quota", "none"]),
        (["--quota-share", "90"], ["--quota-share: \"90\"", "1% to 100%"]),
        (["--quota-share", "101%"], ["--quota-share", "1% to 100%"]),
        (["--query-timeout", "500ms"], ["--query-timeout", "from 1s to 1h"]),
        (["--query-timeout", "2h"], ["--query-timeout", "from 1s to 1h"]),
        (["--concurrency", "0"], ["--concurrency", "from 1 to 16"]),
        (["--concurrency", "17"], ["--concurrency", "from 1 to 16"]),
        (["--transport", "influxql"], ["--transport", "not there yet"]),
        (["--transport", "flux-pivot"], ["--transport", "not there yet"]),
        (["--transport", "csv"], ["--transport: \"csv\"", "auto or flux"]),
        (["--max-transfer", "10"], ["--max-transfer: \"10\"", "10GB"]),
        (["--max-transfer", "0GB"], ["--max-transfer", "10GB"]),
        (["--max-duration", "0s"], ["--max-duration", "8h"]),
        (["--reject-limit", "-1"], ["--reject-limit", "10000"]),
        (["--start", "2027-01-01"], ["--start (2027-01-01T00:00:00Z)", "nothing to copy"]),
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
    let error = Given::job(&[]).env("HOME", "").error();
    assert!(error.contains("XDG_STATE_HOME"), "{error}");
    let relative = Given::job(&[]).env("XDG_STATE_HOME", "state").good();
    assert_eq!(relative.state_dir, Path::new("/home/user/.local/state/sluice"));
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
        given.good().color
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
        let Command::Demo(args) = argv::parse(line.split(' ')).unwrap().command else { panic!() };
        DemoConfig::new(&args, &Env::new(env.iter().copied()).unwrap()).unwrap()
    };
    let plain = demo("sluice demo", &[]);
    assert_eq!((plain.hosts, plain.hours, plain.seed, plain.json), (10, 6, 1, false));
    let set = demo(
        "sluice demo --hosts 3 --hours 2 --seed 7",
        &[("SLUICE_JSON", "1"), ("NO_COLOR", "1")],
    );
    assert_eq!(
        (set.hosts, set.hours, set.seed, set.json, set.color),
        (3, 2, 7, true, ColorChoice::Never)
    );
}

// ---------------------------------------------------------------- layers

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
        assert_eq!(config.concurrency, count);
        assert_eq!(config.filter.measurements, measurements);
        assert_eq!((&*config.batch_bucket, config.json), (bucket, json));
    }
    let named_by_env = Given::job(&[]).env("SLUICE_CONFIG", "s.toml").file("s.toml", file).good();
    assert_eq!(named_by_env.concurrency, 4);
    let error = Given::job(&[]).env("SLUICE_CONCURRENCY", "many").error();
    assert!(error.starts_with("SLUICE_CONCURRENCY: \"many\""), "{error}");
    assert!(Given::job(&[]).env("SLUICE_YES", "maybe").error().starts_with("SLUICE_YES"));
    let empty = Given::job(&[]).env("SLUICE_CONCURRENCY", "").good();
    assert_eq!(empty.concurrency, 2, "an empty variable counts as not set");
}

#[test]
fn every_setting_is_read_from_the_environment_and_the_file() {
    for setting in SETTINGS {
        let variable = setting.variable();
        let strange = if setting.kind == Kind::Switch { "maybe" } else { "\u{1}" };
        let by_env = Given::job(&[]).env(&variable, strange).inputs();
        let line = match setting.kind {
            Kind::Switch => format!("{} = true", setting.key()),
            Kind::List => format!("{} = [\"a=b\"]", setting.key()),
            Kind::One | Kind::Words => format!("{} = \"a\"", setting.key()),
        };
        let table = if setting.official { "[migration]\n" } else { "" };
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
    assert_eq!(config.notices.len(), 1, "{:?}", config.notices);
    assert!(
        config.notices[0].contains("did you mean SLUICE_BATCH_INTERVAL?"),
        "{:?}",
        config.notices
    );
    assert!(!config.notices[0].contains(CANARY));
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

// ---------------------------------------------------------------- file

#[test]
fn the_table_of_the_official_record_takes_both_spellings() {
    let camel = "[migration]\nstart = 2022-01-01T00:00:00Z\nstop = \"2022-02-01\"\nbatchInterval = \"1h\"\n\
        batchBucket = \"m\"\nsourceHost = \"https://c\"\nsourceOrg = \"o\"\nsourceBucket = \"s\"\ndestinationBucket = \"d\"\n";
    let snake = "[migration]\nstart = \"2022-01-01\"\nstop = 2022-02-01\nbatch_interval = \"1h\"\n\
        batch_bucket = \"m\"\nsource_host = \"https://c\"\nsource_org = \"o\"\nsource_bucket = \"s\"\ndestination_bucket = \"d\"\n";
    let read = |text: &str| Given::bare(&["--config", "s.toml"]).file("s.toml", text).good();
    let config = read(camel);
    assert_eq!(config, read(snake));
    assert_eq!((&*config.source.host, config.source.org.as_deref()), ("https://c", Some("o")));
    assert_eq!(
        (&*config.source_bucket, &*config.destination_bucket, &*config.batch_bucket),
        ("s", "d", "m")
    );
    assert_eq!(config.start, Start::At("2022-01-01".parse().unwrap()));
    assert_eq!(config.stop, Stop::At("2022-02-01".parse().unwrap()));
    assert_eq!(config.batch_interval, IntervalChoice::Fixed("1h".parse().unwrap()));
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
        (&*value, ["concurrency in s.toml: (not shown", "from 1 to 16"]),
        (&*key, ["unknown key (not shown", ""]),
        (
            "batch_intervall = \"1h\"",
            [
                "unknown key \"batch_intervall\"",
                "did you mean batch_interval in the table [migration]?",
            ],
        ),
        ("concurency = 2", ["s.toml: unknown key", "did you mean concurrency?"]),
        (
            "[migration]\nsourceHots = \"x\"",
            ["unknown key \"migration.sourceHots\"", "did you mean source_host in"],
        ),
        ("colour = \"never\"", ["unknown key", "did you mean color?"]),
        ("something_else = 1", ["unknown key \"something_else\"", ""]),
        ("[tuning]\nx = 1", ["unknown key \"tuning\"", ""]),
        ("source_host = \"x\"", ["source_host belongs", "into the table [migration]"]),
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
        ("measurement = \"cpu\"", ["measurement must be", "array of texts"]),
        ("measurement = [1]", ["measurement must be", "array of texts"]),
        ("tag = []", ["tag must be", "array of texts"]),
        ("source_token_command = 1", ["source_token_command must be", "array of texts"]),
        ("migration = 1", ["migration must be", "[migration]"]),
        ("config = \"other.toml\"", ["unknown key \"config\"", ""]),
        ("quota = \"x\"", ["quota in s.toml: \"x\"", "300MB/5min"]),
        ("json = true\njson = true", ["s.toml line 2", "duplicate"]),
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
    let large = "#".repeat(usize::try_from(sluice::limits::CONFIG_BYTES_MAX).unwrap());
    std::fs::write(&path, &large).unwrap();
    assert_eq!(inputs::read_file(&path).unwrap(), large);
    std::fs::write(&path, large + "#").unwrap();
    assert_eq!(inputs::read_file(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert!(inputs::read_file(&folder.path().join("gone")).is_err());
}

// ---------------------------------------------------------------- profiles

const PROFILES: &str = "[cloud]\n  url = \"https://cloud.example\"\n  token = \"cloud-secret\"\n  org = \"ops\"\n\n\
    [local]\n  url = \"http://oss:8086/\"\n  token = \"oss-secret\"\n  org = \"\"\n  active = true\n\n\
    [empty]\n  url = \"http://oss:8086\"\n";

const PROFILE_PATH: &str = "/home/user/.influxdbv2/configs";

fn with_profiles<'a>(argv: &[&'a str]) -> Given<'a> {
    let mut given = Given::bare(argv).file(PROFILE_PATH, PROFILES);
    given.env.retain(|(name, _)| *name == "HOME");
    given.argv.extend(["--source-bucket", "plant"]);
    given
}

const BOTH: [&str; 4] = ["--source-profile", "cloud", "--destination-profile", "local"];

#[test]
fn a_profile_gives_a_whole_end() {
    let config = with_profiles(&BOTH).good();
    assert_eq!(
        (&*config.source.host, config.source.org.as_deref()),
        ("https://cloud.example", Some("ops"))
    );
    assert_eq!(
        (&*config.destination.host, config.destination.org.as_deref()),
        ("http://oss:8086", None)
    );
    let token = |token: &str, origin: &str| TokenSetting::Given {
        token: token.to_owned(),
        origin: origin.to_owned(),
    };
    assert_eq!(config.source.token, token("cloud-secret", "profile \"cloud\""));
    assert_eq!(config.destination.token, token("oss-secret", "profile \"local\""));
    let text = format!("{config:?} {:?}", with_profiles(&BOTH).inputs().unwrap());
    assert!(!text.contains("-secret"), "{text}");
    let mut elsewhere = with_profiles(&BOTH).env("INFLUX_CONFIGS_PATH", "/etc/influx");
    let profiles = elsewhere.files.remove(Path::new(PROFILE_PATH)).unwrap();
    assert!(elsewhere.file("/etc/influx", &profiles).check().is_ok());
}

#[test]
fn a_profile_named_by_a_flag_sets_environment_and_file_aside() {
    let given = with_profiles(&BOTH)
        .env("SLUICE_SOURCE_HOST", "https://other")
        .env("SLUICE_SOURCE_TOKEN_FILE", "other")
        .env("INFLUXDB_CLOUD_TOKEN", "other")
        .env("INFLUX_TOKEN", "other")
        .env("SLUICE_CONFIG", "s.toml")
        .file("s.toml", "destination_org = \"other\"\n[migration]\nsourceOrg = \"other\"");
    let config = given.good();
    assert!(!format!("{config:?}").contains("other"), "{config:?}");
    assert_eq!(config, with_profiles(&BOTH).good());
}

#[test]
fn an_end_never_mixes_two_places() {
    let by_env = |given: Given<'static>| {
        given.env("SLUICE_SOURCE_PROFILE", "cloud").env("INFLUX_TOKEN", "oss-secret")
    };
    let local = ["--destination-profile", "local"];
    for (given, parts) in [
        (
            with_profiles(&[&BOTH[..], &["--source-host", "https://x"]].concat()),
            ["--source-host", "(--source-profile)"],
        ),
        (
            with_profiles(&[&BOTH[..], &["--source-org", "x"]].concat()),
            ["--source-org", "(--source-profile)"],
        ),
        (
            with_profiles(&[&BOTH[..], &["--source-token-file", "x"]].concat()),
            ["--source-token-file", "(--source-profile)"],
        ),
        (
            with_profiles(&[&BOTH[..], &["--destination-token-command", "x"]].concat()),
            ["--destination-token-command", "(--destination-profile)"],
        ),
        (
            by_env(with_profiles(&[])).env("SLUICE_SOURCE_ORG", "x"),
            ["SLUICE_SOURCE_ORG", "(SLUICE_SOURCE_PROFILE)"],
        ),
        (
            by_env(with_profiles(&["--source-host", "https://x"])),
            ["--source-host", "(SLUICE_SOURCE_PROFILE)"],
        ),
        (
            by_env(with_profiles(&[])).env("INFLUXDB_CLOUD_TOKEN", "cloud-secret"),
            ["mix INFLUXDB_CLOUD_TOKEN", "(SLUICE_SOURCE_PROFILE)"],
        ),
        (
            with_profiles(&[&local[..], &["--config", "s.toml"]].concat()).file(
                "s.toml",
                "source_profile = \"cloud\"\n[migration]\nsourceHost = \"https://x\"",
            ),
            ["migration.sourceHost in s.toml", "(source_profile in s.toml)"],
        ),
    ] {
        let error = given.error();
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
    // One end by profile, the other by explicit settings: nothing is mixed.
    assert!(by_env(with_profiles(&[])).check().is_ok());
}

#[test]
fn profiles_that_are_refused() {
    let named = |name: &'static str| {
        with_profiles(&["--source-profile", name, "--destination-profile", "local"])
    };
    for (given, parts) in [
        (
            named("prod"),
            ["no profile \"prod\" in /home/user/.influxdbv2/configs", "cloud, empty, local"],
        ),
        (named("empty"), ["profile \"empty\"", "has no token"]),
        (named("cloud").env("HOME", ""), ["\"cloud\"", "INFLUX_CONFIGS_PATH"]),
        (
            named("cloud").env("INFLUX_CONFIGS_PATH", "/gone"),
            ["cannot read /gone", "--source-profile"],
        ),
        (
            named("cloud").file(PROFILE_PATH, "[cloud]\nurl = \"https://c\"\ntoken = cloud-secret"),
            ["configs line 3", ""],
        ),
        (
            named("cloud").file(PROFILE_PATH, &PROFILES.replace("https://cloud.example", "cloud")),
            ["url of profile \"cloud\": \"cloud\"", "https://"],
        ),
        (
            named("cloud")
                .file(PROFILE_PATH, &PROFILES.replace("cloud-secret", "cloud-secret two")),
            ["profile \"cloud\" does not hold a token", ""],
        ),
    ] {
        let error = given.error();
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
}

// ---------------------------------------------------------------- official task

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
"#;

fn with_task<'a>(argv: &[&'a str], flux: &str) -> Given<'a> {
    Given::bare(&[&["--task", "t.flux"], argv].concat()).file("t.flux", flux)
}

#[test]
fn a_task_gives_the_whole_record() {
    let config = with_task(&[], TASK).good();
    assert_eq!(
        (&*config.source.host, config.source.org.as_deref()),
        ("https://cloud.example", Some("example-org"))
    );
    assert_eq!(&*config.source_bucket, "plant\t$x }");
    assert_eq!(
        (&*config.destination_bucket, &*config.batch_bucket),
        ("copy", "mi\"gra\\tion // no comment")
    );
    assert_eq!(config.start, Start::At("2022-01-01".parse().unwrap()));
    assert_eq!(config.stop, Stop::At("2022-01-31T23:00:00Z".parse().unwrap()));
    assert_eq!(config.batch_interval, IntervalChoice::Fixed("90m".parse().unwrap()));
    assert_eq!(config.source.token.origin(), "INFLUXDB_CLOUD_TOKEN");
}

#[test]
fn a_task_stands_behind_the_layer_that_names_it() {
    let bucket = |given: Given<'_>| given.good().destination_bucket;
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
    assert_eq!(config.destination_bucket, "copy");
    assert_eq!(config.stop, Stop::At("2023-01-01".parse().unwrap()));
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
        task("https://cloud.example/", "ops").good().source.token.origin(),
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
    assert_eq!(with_task(&[], &now).good().stop, Stop::Now { settle_ns: 600_000_000_000 });
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

#[test]
fn texts_that_are_no_task() {
    let error = |text: &str| task_record::parse(text).unwrap_err();
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
    let record =
        task_record::parse("option migration = {start: f(a: {b: [1, 2]}), sourceOrg: \"x\"}")
            .unwrap();
    assert_eq!(record.property("start"), Some(&Property::Computed("f(a: {b: [1, 2]})".to_owned())));
    assert_eq!(record.property("source-org"), Some(&Property::Literal("x".to_owned())));
    assert_eq!(record.property("stop"), None);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC*", flux in "(migration|=|\\{|\\}|\"|\\\\|:|,|//|\n|start|2022-01-01T00:00:00Z|µ| |\\$\\{|\\(|\\))*") {
        let _ = (task_record::parse(&text), task_record::parse(&flux));
        let _ = Given::job(&["--config", "s.toml"]).file("s.toml", &text).check();
    }
}
