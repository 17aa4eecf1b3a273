//! Help, pages, and the tables of the docs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use sluice::testing::cli::args::{Args, Command};
use sluice::testing::cli::argv::{self, ArgvError};
use sluice::testing::cli::forms;
use sluice::testing::cli::pages;
use sluice::testing::cli::spool::SpoolCommand;
use sluice::testing::config::flag::{Flag, FlagKind, Typed};
use sluice::testing::config::table::{ADOPT, CONFIG, JSON, SETTLE, all_flags};
use sluice::testing::exit::ExitCode;

use super::command;
use crate::support::need::rewrites;

fn golden(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if rewrites() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{} differs from:\n{text}", path.display());
}

/// What the program prints on a terminal of 80 columns.
fn help(argv: &[&str]) -> String {
    let command = forms::command().term_width(80);
    command.try_get_matches_from([&["sluice"], argv].concat()).unwrap_err().to_string()
}

/// The same by `-h`.
fn short_help(argv: &[&str]) -> String {
    let command = forms::short().term_width(80);
    command.try_get_matches_from([&["sluice"], argv, &["-h"]].concat()).unwrap_err().to_string()
}

#[test]
fn help_is_as_written_down() {
    golden("tests/golden/cli/sluice.txt", &help(&["--help"]));
    for (name, _) in pages::all_pages(&Args::command()) {
        // `spool-verify` is `spool verify`.
        let words: Vec<&str> = name.split('-').collect();
        let text = help(&[&words[..], &["--help"]].concat());
        golden(&format!("tests/golden/cli/{name}.txt"), &text);
        let by_word = help(&[&["help"], &words[..]].concat());
        assert_eq!(text, by_word, "sluice help {name}");
        let short = short_help(&words);
        golden(&format!("tests/golden/cli/short/{name}.txt"), &short);
        assert!(short.lines().count() <= 24, "-h of {name} is no screen:\n{short}");
        for line in text.lines().chain(short.lines()) {
            assert!(line.chars().count() <= 80 && line.is_ascii(), "{name}: {line}");
        }
    }
}

/// `help` takes no flags: those that ask for help ask for nothing else.
#[test]
fn help_of_help_is_help() {
    let told = |words: &[&str]| match argv::parse_argv(words.iter().copied()) {
        Err(ArgvError::Clap(error)) => (error.kind(), error.to_string()),
        other => panic!("{words:?}: {other:?}"),
    };
    for flag in ["-h", "--help"] {
        assert_eq!(told(&["sluice", "help", flag]), told(&["sluice", "help"]));
        assert_eq!(told(&["sluice", "help", "plan", flag]), told(&["sluice", "help", "plan"]));
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
        ("sluice load", 2),
        ("sluice spool", 2),
        ("sluice spool verify", 2),
        ("sluice spool describe /x --sql excel", 2),
        ("sluice export /x --format lp", 2),
        ("sluice export --format lp --output y", 2),
        ("sluice migrate --existing overwrite", 2),
        ("sluice migrate --yes --yes", 2),
        ("sluice migrate plant", 2),
        ("sluice help", 0),
        ("sluice help migrate", 0),
        ("sluice help spool verify", 0),
        ("sluice help copy", 2),
    ] {
        match argv::parse_argv(line.split(' ')) {
            Err(ArgvError::Clap(error)) => assert_eq!(error.exit_code(), code, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn pages_are_made_for_every_command_and_shell() {
    let mut text = Vec::new();
    pages::print_man(None, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(".TH sluice 1") && text.contains("migrate"), "{text}");
    for (name, _) in pages::all_pages(&Args::command()) {
        let mut text = Vec::new();
        pages::print_man(Some(&name), &mut text).unwrap();
        let title = format!(".TH sluice-{name} 1");
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(&title));
        for heading in ["EXAMPLES", "ENVIRONMENT", "FILES", "EXIT STATUS"] {
            assert!(text.contains(&format!(".SH \"{heading}\"\n")), "{name}: {text}");
        }
        assert!(!text.contains("EXTRA"), "{name}");
    }
    let error = pages::print_man(Some("copy"), &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("copy") && error.contains("preflight"), "{error}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let Command::Completions { shell } =
            argv::parse_argv(["sluice", "completions", shell]).unwrap().command
        else {
            panic!("another command")
        };
        let mut text = Vec::new();
        pages::print_completions(shell, &["my-cloud".to_owned()], &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("source-token-file"), "{shell}");
        if !matches!(shell.to_string().as_str(), "powershell" | "elvish") {
            for value in ["influxql", "300MB/5min", "30d", "my-cloud", "parquet", "merge"] {
                assert!(text.contains(value), "{shell} offers no {value}");
            }
        }
    }
}

fn flags(command: &str) -> BTreeMap<String, String> {
    let root = Args::command();
    let (_, command) = pages::all_pages(&root).find(|(name, _)| name == command).unwrap();
    let help = |flag: &clap::Arg| flag.get_help().map(ToString::to_string).unwrap_or_default();
    command
        .get_arguments()
        .filter_map(|flag| Some((flag.get_long()?.to_owned(), help(flag))))
        .filter(|(name, _)| name != "help")
        .collect()
}

/// Those of every job.
fn of_job() -> impl Iterator<Item = &'static Flag> {
    all_flags().filter(|flag| flag.command().is_none())
}

#[test]
fn every_command_of_a_job_takes_all_flags_of_a_job() {
    let flags = flags("migrate");
    let mut names: Vec<_> = of_job().map(|flag| flag.name).collect();
    names.sort_unstable();
    assert_eq!(flags.keys().map(String::as_str).collect::<Vec<_>>(), names);
    assert_eq!(flags, self::flags("preflight"));
    assert_eq!(flags, self::flags("plan"));
}

/// Flags that have neither variable nor key; the page of settings says why.
const NO_SETTINGS: [&str; 6] = ["compare", "simulate", "output", "sql", "receipt-check", "grafana"];

#[test]
fn every_flag_of_every_command_is_a_setting() {
    for (command, _) in pages::all_pages(&Args::command()) {
        let mut flags = flags(&command);
        for flag in all_flags().filter(|flag| flag.command() == Some(&command)) {
            assert_eq!(flags.remove(flag.name), Some(flag.help()));
        }
        flags.retain(|name, _| !of_job().any(|flag| flag.name == name));
        flags.retain(|name, _| !NO_SETTINGS.contains(&&**name));
        assert!(flags.is_empty(), "{command}: {flags:?}");
    }
}

fn typed(argv: &[&str]) -> Vec<Typed> {
    match command(argv) {
        Command::Migrate(args) => args.typed(),
        Command::Bench(args) => args.typed(),
        Command::Verify(args) => args.typed(),
        Command::Status(args) => args.typed(),
        Command::Export(args) => [args.form.typed(), args.flags.typed()].concat(),
        Command::Demo(args) => args.typed(),
        Command::Spool { command: SpoolCommand::Compact(args) } => args.flags.typed(),
        Command::Spool { command } => command.place().flags.typed(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_flag_arrives() {
    for setting in all_flags() {
        let command: &[&str] = match setting.table {
            Some("bench") => &["bench"],
            Some("verify") => &["verify"],
            Some("status") => &["status"],
            Some("demo") => &["demo"],
            Some("export") => &["export", "/x", "--output", "y"],
            _ => &["migrate"],
        };
        let flag = format!("--{}", setting.name);
        let value = setting.words.last().map_or("canary", |(word, _)| word);
        let (argv, expected) = match setting.kind {
            FlagKind::Switch => (vec![flag.as_str()], vec!["true"]),
            FlagKind::List => (vec![flag.as_str(), value, &flag, "second"], vec![value, "second"]),
            FlagKind::One | FlagKind::Words => (vec![flag.as_str(), value], vec![value]),
        };
        let expected = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(typed(&[command, &argv].concat()), [(*setting, expected)]);
    }
    // One batch bucket keeps the progress of a job, and several are looked at.
    let several = typed(&["status", "--batch-bucket", "a", "--batch-bucket", "b"]);
    assert_eq!(several[0].1, ["a", "b"]);
    for (words, switch) in [
        (["spool", "verify", "/x", "--json"], JSON),
        (["spool", "describe", "/x", "--json"], JSON),
        (["spool", "compact", "/x", "--adopt"], ADOPT),
        (["export", "/x", "--output=y", "--json"], JSON),
        (["bench", "--settle=0s", "--simulate", "--json"], JSON),
    ] {
        let mut typed = typed(&words);
        typed.retain(|(flag, _)| *flag != SETTLE.flag);
        assert_eq!(typed, [(switch.flag, vec!["true".to_owned()])]);
    }
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
    let mut table =
        "| flag | variable | key in the file | default | what |\n|---|---|---|---|---|\n"
            .to_owned();
    for setting in all_flags().filter(|flag| **flag != CONFIG.flag) {
        let own = setting.command();
        let flags = flags(own.unwrap_or("migrate"));
        let mut key = setting.key();
        if setting.is_official() && setting.camel() != key {
            key = format!("{key}` `{}", setting.camel());
        }
        let key = match (setting.in_file, setting.table) {
            (false, _) => "-".to_owned(),
            (_, None) => format!("`{key}`"),
            (_, Some(table)) => format!("`[{table}]` `{key}`"),
        };
        let (help, default) = match flags[setting.name].split_once(" [default: ") {
            Some((help, words)) => (help, words.trim_end_matches(']')),
            None => (&*flags[setting.name], "-"),
        };
        let default = setting.default.map_or(default.to_owned(), |text| format!("`{text}`"));
        let (name, variable) = (setting.name, setting.variable());
        let name = own.map_or(format!("--{name}"), |command| format!("{command} --{name}"));
        writeln!(table, "| `{name}` | `{variable}` | {key} | {default} | {help} |").unwrap();
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

/// A file of settings in the place of a flag's value is what beginners type.
#[test]
fn a_bare_file_of_settings_is_told_of() {
    for line in ["sluice migrate plant.toml", "sluice preflight ./conf/plant.TOML --yes"] {
        let error = argv::parse_argv(line.split(' ')).unwrap_err().to_string();
        let file = line.split(' ').nth(2).unwrap();
        assert!(error.contains(&format!("did you mean --config {file}?")), "{error}");
    }
    let error = argv::parse_argv(["sluice", "migrate", "plant"]).unwrap_err().to_string();
    assert!(error.contains("not shown, because it may be a token"), "{error}");
}

/// A word that is no command is not shown unless it is nearly one, but those that there are.
#[test]
fn a_word_that_is_no_command_is_answered_with_the_commands() {
    const ALL: &str = "The commands are: migrate, verify, status, dashboard, load, spool, export, preflight, plan, bench, demo, completions, man";
    for (line, words) in [
        ("sluice progress", "argument 1 is no command, and not shown"),
        ("sluice help nothing", "argument 2 is no command, and not shown"),
        ("sluice describe /data", "there is no command \"describe\": did you mean spool describe?"),
        ("sluice migrat", "there is no command \"migrat\": did you mean migrate?"),
    ] {
        let error = argv::parse_argv(line.split(' ')).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(ALL), "{line}: {error}");
    }
    let error = argv::parse_argv(["sluice", "verify", "/data"]).unwrap_err().to_string();
    assert!(error.contains("argument 2") && error.contains("spool verify"), "{error}");
    let error = argv::parse_argv(["sluice", "spool", "nothing"]).unwrap_err().to_string();
    assert!(error.contains("The commands are: verify, describe, compact"), "{error}");
    let error = argv::parse_argv(["sluice", "w/plant.toml"]).unwrap_err().to_string();
    assert!(error.contains("did you mean migrate --config w/plant.toml?"), "{error}");
    // A spool may be called so, but a file is none.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plant.toml");
    std::fs::write(&file, "quota = \"none\"").unwrap();
    let (file, absent) = (file.display().to_string(), "no-such/plant.toml");
    for words in
        [&["load"][..], &["export", "--output", "x", "--format", "lp"], &["spool", "verify"]]
    {
        let typed = |place: &str| argv::parse_argv([&["sluice"], words, &[place]].concat()).err();
        let told = typed(&file).map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(&format!("did you mean --config {file}?")), "{words:?}: {told}");
        assert!(typed(absent).is_none(), "{words:?}");
    }
}

/// A name or an address is no file, so a shell offers none.
#[test]
fn no_files_are_offered_where_names_belong() {
    let Command::Completions { shell } =
        argv::parse_argv(["sluice", "completions", "bash"]).unwrap().command
    else {
        panic!("another command")
    };
    let mut text = Vec::new();
    pages::print_completions(shell, &[], &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for (flag, files) in [
        ("--source-profile", false),
        ("--source-host", false),
        ("--source-bucket", false),
        ("--source-token-file", true),
    ] {
        let (_, rest) = text.split_once(&format!("{flag})")).unwrap();
        let (own, _) = rest.split_once(";;").unwrap();
        assert_eq!(own.contains("compgen -f"), files, "{flag}: {own}");
    }
}

/// `-h` of each command has its own flags with its own meaning.
#[test]
fn short_help_is_that_of_the_command() {
    let short = |name: &str| short_help(&[name]);
    for name in ["preflight", "plan"] {
        let text = short(name);
        assert!(text.contains("Take missing buckets as made"), "{text}");
        assert!(!text.contains("--dry-run") && !text.contains("Create what"), "{text}");
    }
    let text = short("bench");
    for flag in ["--intervals", "--sink", "--repetitions", "--simulate", "--compare", "--out"] {
        assert!(text.contains(flag), "{text}");
    }
    assert!(!text.contains("--dry-run"), "{text}");
}
