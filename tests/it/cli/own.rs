//! What one command alone takes: `bench` from flags, variables and the table `[bench]`, the others from flags and variables.

use sluice::testing::bench::record::TrialSink;
use sluice::testing::cli::args::Command;
use sluice::testing::config::bench::{BenchConfig, SimulateConfig};
use sluice::testing::config::env::Env;
use sluice::testing::config::error::ConfigError;
use sluice::testing::config::inputs;
use sluice::testing::config::layers::Layers;
use sluice::testing::config::table::all_flags;
use sluice::testing::config::values::ExportFormat;
use sluice::testing::limits::QUOTA_BYTES_PER_WINDOW_DEFAULT;

use super::{Given, NOW, command};

fn layers(given: &Given<'_>) -> Result<Layers, ConfigError> {
    let Command::Bench(args) = command(&[&["bench"], &given.argv[..]].concat()) else { panic!() };
    let env = Env::new(given.env.clone())?;
    inputs::load_layers(args.typed(), &env, &|path| given.read(path))
}

fn bench(given: &Given<'_>) -> Result<BenchConfig, ConfigError> {
    BenchConfig::new(&layers(given)?)
}

fn simulated(given: &Given<'_>) -> Result<SimulateConfig, ConfigError> {
    SimulateConfig::new(&layers(given)?, NOW.parse().unwrap())
}

/// With `s.toml`.
fn with_file<'a>(text: &str) -> Given<'a> {
    Given::bare(&["--config", "s.toml"]).file("s.toml", text)
}

fn texts(list: Option<&Vec<impl ToString>>) -> String {
    list.map_or_else(String::new, |list| {
        list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    })
}

#[test]
fn a_bench_takes_flag_before_variable_before_file_before_default() {
    let by_file = with_file(
        "concurrency = 4\n[bench]\nintervals = \"1d,2h\"\nrepetitions = 5\nsink = \"destination\"\nseed = 7\n",
    );
    let by_env = by_file
        .clone()
        .env("SLUICE_BENCH_INTERVALS", "3h, 1h,1h")
        .env("SLUICE_BENCH_REPETITIONS", "6")
        .env("SLUICE_BENCH_SINK", "discard");
    let mut by_flag = by_env.clone();
    by_flag.argv.extend(["--intervals", "6h", "--repetitions", "7", "--sink", "destination"]);
    for (given, intervals, repetitions, sink, seed) in [
        (Given::bare(&[]), "", 3, TrialSink::Discard, None),
        (by_file.clone(), "2h,1d", 5, TrialSink::Destination, Some(7)),
        (by_env, "1h,3h", 6, TrialSink::Discard, Some(7)),
        (by_flag, "6h", 7, TrialSink::Destination, Some(7)),
    ] {
        let config = bench(&given).unwrap();
        assert_eq!(texts(config.intervals.as_ref()), intervals);
        assert_eq!((config.repetitions, config.sink, config.seed), (repetitions, sink, seed));
    }
    let mut named_by_env = by_file.env("SLUICE_CONFIG", "s.toml");
    named_by_env.argv.clear();
    assert_eq!(bench(&named_by_env).unwrap().repetitions, 5);
}

/// Where it stands, and what it should be.
#[test]
fn what_is_wrong_with_a_bench_names_its_place() {
    for (name, value, expected) in [
        ("intervals", "1h,,2h", "1h,6h,1d"),
        ("transports", "csv", "flux-keyed"),
        ("concurrencies", "0", "from 1 to 16"),
        ("body-sizes", "1GB", "1MB,2MB"),
        ("repetitions", "101", "from 1 to 100"),
        ("sink", "nowhere", "discard or destination"),
        ("seed", "1.5", "whole number"),
        ("sim-values", "0", "above 0"),
        ("sim-bytes-per-value", "0", "as in 2.1"),
        ("sim-latency", "50", "50ms"),
        ("sim-bandwidth", "0B", "12MB"),
        ("sim-source-rate", "-", "above 0"),
    ] {
        let setting =
            all_flags().find(|flag| (flag.command(), flag.name) == (Some("bench"), name)).unwrap();
        let (flag, variable) = (format!("--{name}={value}"), setting.variable());
        let file = format!("[bench]\n{} = \"{value}\"", setting.key());
        for (given, place) in [
            (Given::bare(&[&flag]), format!("--{name}: ")),
            (Given::bare(&[]).env(&variable, value), format!("{variable}: ")),
            (with_file(&file), format!("bench.{} in s.toml line 2: ", setting.key())),
        ] {
            // The parser knows the words of this flag.
            if place == "--sink: " {
                continue;
            }
            let error = bench(&given).and_then(|_| simulated(&given)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{place}\"{value}\"")), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
    let dry = bench(&Given::bare(&["--dry-run"])).unwrap_err().to_string();
    assert!(dry.starts_with("--dry-run: a bench measures; sluice plan"), "{dry}");
    let dry = bench(&Given::bare(&[]).env("SLUICE_DRY_RUN", "1")).unwrap_err().to_string();
    assert!(dry.starts_with("SLUICE_DRY_RUN: a bench measures"), "{dry}");
    let count = (1..=16).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let hours = (1..=20).map(|n| format!("{n}h")).collect::<Vec<_>>().join(",");
    let many = Given::bare(&["--concurrencies", &count]).env("SLUICE_BENCH_INTERVALS", &hours);
    let error = bench(&many).unwrap_err().to_string();
    assert!(error.starts_with("SLUICE_BENCH_INTERVALS: \"20 x 1 x 16 x 1\""), "{error}");
    let alone = bench(&with_file("[bench]\nbody_sizes = \"1MB\"")).unwrap_err().to_string();
    assert_eq!(alone, "bench.body_sizes in s.toml line 2 needs --sink destination");
    assert!(bench(&Given::bare(&["--out="])).unwrap_err().to_string().starts_with("--out"));
}

/// The table is held whole by every command that reads the file, whether it uses it or not.
#[test]
fn the_table_of_a_bench_that_is_refused() {
    for (text, message) in [
        (
            "[bench]\nintervall = \"1h\"",
            "s.toml line 2: unknown key \"bench.intervall\"; did you mean intervals in the table [bench]?",
        ),
        (
            "repetition = 1",
            "s.toml line 1: unknown key \"repetition\"; did you mean repetitions in the table [bench]?",
        ),
        ("[bench]\nsomething_else = 1", "s.toml line 2: unknown key \"bench.something_else\""),
        ("[bench]\nsimulate = true", "s.toml line 2: unknown key \"bench.simulate\""),
        (
            "[bench]\nconcurrency = 1",
            "s.toml line 2: bench.concurrency belongs above the table [bench]",
        ),
        ("sink = \"discard\"", "s.toml line 1: sink belongs in the table [bench]"),
        ("[migration]\nsink = \"discard\"", "migration.sink belongs in the table [bench]"),
        ("[bench]\nstart = \"-1d\"", "bench.start belongs in the table [migration]"),
        ("[bench]\nrepetitions = true", "bench.repetitions must be a text or a whole number"),
        ("bench = 1", "s.toml line 1: bench must be a table"),
        ("[export]\nformat = \"lp\"", "s.toml line 1: unknown key \"export\""),
        ("[bench]\ntoken = \"x\"", "bench.token would keep a token"),
    ] {
        let error = layers(&with_file(text)).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        let migrate = with_file(text).error();
        assert_eq!(migrate, error);
    }
    let other = Given { argv: Given::job(&["--config", "s.toml"]).argv, ..with_file("") };
    assert!(other.file("s.toml", "[bench]\nrepetitions = 5").check().is_ok());
}

/// The job in a file has a source of its own; a simulation has another.
#[test]
fn a_simulation_takes_no_job_from_a_file() {
    let plain = simulated(&Given::bare(&[])).unwrap();
    assert_eq!(plain.values, 1_000_000_000_000);
    assert_eq!(plain.quota_bytes, Some(QUOTA_BYTES_PER_WINDOW_DEFAULT));
    let file = "quota = \"none\"\nquota_share = \"50%\"\nsettle = \"never\"\nmax_transfer = \"1kB\"\njson = true\n\
        [migration]\nstart = \"2022-01-01\"\nstop = \"2022-01-02\"\n[bench]\nsim_values = 7\nsim_latency = \"1s\"\n";
    let by_file = simulated(&with_file(file)).unwrap();
    assert_eq!((by_file.values, by_file.latency_us, by_file.json), (7, 1_000_000, true));
    assert_eq!(
        SimulateConfig {
            values: plain.values,
            latency_us: plain.latency_us,
            json: false,
            ..by_file
        },
        plain
    );
    let by_env = with_file(file)
        .env("SLUICE_BENCH_SIM_VALUES", "8")
        .env("SLUICE_START", "2022-01-01")
        .env("SLUICE_STOP", "2022-01-02")
        .env("SLUICE_QUOTA", "none");
    let by_env = simulated(&by_env).unwrap();
    assert_eq!((by_env.values, by_env.quota_bytes), (8, None));
    assert_eq!(by_env.range.duration_ns(), 86_400_000_000_000);
}

#[test]
fn an_export_takes_its_format_from_the_environment_too() {
    let export = |argv: &[&str], env: &[(&str, &str)]| {
        let words = [&["export", "/x", "--output", "y"], argv].concat();
        let Command::Export(args) = command(&words) else { panic!() };
        let env = Env::new(env.iter().copied()).unwrap();
        let config = args.config(&env, NOW.parse().unwrap());
        config.map(|config| (config.format, config.gzip)).map_err(|error| error.to_string())
    };
    let csv = [("SLUICE_EXPORT_FORMAT", "csv"), ("SLUICE_EXPORT_GZIP", "true")];
    assert_eq!(export(&["--format", "lp"], &[]), Ok((ExportFormat::Line, false)));
    assert_eq!(export(&[], &csv), Ok((ExportFormat::Csv, true)));
    assert_eq!(export(&["--format", "lp"], &csv), Ok((ExportFormat::Line, true)));
    let missing = export(&[], &[]).unwrap_err();
    assert_eq!(missing, "--format is missing; give it, or SLUICE_EXPORT_FORMAT");
    let wrong = export(&[], &[("SLUICE_EXPORT_FORMAT", "xml")]).unwrap_err();
    assert_eq!(wrong, "SLUICE_EXPORT_FORMAT: \"xml\" is not lp or csv");
    let wrong = export(&["--format", "lp"], &[("SLUICE_EXPORT_GZIP", "yes")]).unwrap_err();
    assert_eq!(wrong, "SLUICE_EXPORT_GZIP: \"yes\" is not true or false");
}

#[test]
fn a_spool_is_taken_over_only_by_what_writes_to_it() {
    let place = |word: &str, env: &[(&str, &str)]| {
        let Command::Spool { command } = command(&["spool", word, "/x"]) else { panic!() };
        command.config(&Env::new(env.iter().copied()).unwrap())
    };
    for (word, adopt) in [("verify", false), ("describe", false), ("compact", true)] {
        assert!(!place(word, &[]).unwrap().adopt);
        let config = place(word, &[("SLUICE_ADOPT", "1"), ("SLUICE_JSON", "1")]).unwrap();
        assert_eq!((config.adopt, config.json), (adopt, true), "{word}");
    }
    let wrong = place("compact", &[("SLUICE_ADOPT", "x")]).unwrap_err().to_string();
    assert!(wrong.starts_with("SLUICE_ADOPT"), "{wrong}");
}

#[test]
fn variables_of_one_command_are_known_to_all() {
    let known = Given::job(&[]).env("SLUICE_BENCH_SEED", "x").env("SLUICE_DEMO_SEED", "x");
    assert_eq!(known.good().output.notices, Vec::<String>::new());
    let strange = Given::job(&[]).env("SLUICE_BENCH_SEEDS", "1").good().output.notices;
    assert!(strange[0].contains("did you mean SLUICE_BENCH_SEED?"), "{strange:?}");
}
