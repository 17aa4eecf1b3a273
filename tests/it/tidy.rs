//! Rules that a compiler does not know: ranks of modules, who may name which package, where async lives, sizes, names.
//! Each check is a function from texts to complaints and is itself tested on small samples, so that it can fail.

mod circles;
mod door;
pub(crate) mod source;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use clap::CommandFactory as _;
use sluice::testing::cli::args::Args;
use sluice::testing::exit::ExitCode;

use source::Source;

/// Packages with the only modules that may name them.
const PACKAGES: [(&str, &[&str]); 19] = [
    ("reqwest", &["influx"]),
    ("governor", &["influx"]),
    ("rustls", &["influx", "spool"]),
    ("flate2", &["influx", "sim", "commands"]),
    ("httparse", &["sim"]),
    ("rayon", &["pipeline"]),
    ("crossbeam_channel", &["pipeline", "report"]),
    ("indicatif", &["report"]),
    ("terminal_size", &["report"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli", "commands"]),
    ("clap_mangen", &["cli", "commands"]),
    ("toml", &["config"]),
    ("parquet", &["spool"]),
    ("object_store", &["spool"]),
    ("ring", &["checkpoint", "model", "spool"]),
    ("regex", &["sim"]),
    ("strsim", &["model"]),
    ("percent_encoding", &["checkpoint", "sim", "spool"]),
];

/// Where `async` and `.await` may stand.
const ASYNC: [&str; 6] = ["influx", "pipeline", "sim", "estimate", "job", "commands"];

/// Where else they may stand: the spool blocks, but for the clients of object stores.
const ASYNC_BELOW: [&str; 2] = ["src/spool/storage/objects/", "src/spool/place/stores.rs"];

/// Who alone writes to the streams: the macros that print panic where a stream takes nothing.
const PRINTS: &str = "src/report/stream.rs";

/// Modules that know no IO, no clock and no async, and what would betray them.
const PURE: [&str; 4] = ["model", "limits", "wire", "checkpoint"];
const IMPURE: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "Instant",
    "SystemTime",
    "tokio",
];

const BANNED_NAMES: [&str; 5] = ["util", "helpers", "common", "types", "prelude"];

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 110;

fn sources() -> Vec<Source> {
    let sources: Vec<_> =
        source::files("src", ".rs").iter().map(|(path, text)| Source::new(path, text)).collect();
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

fn hold(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Applies a check to all sources.
fn hold_everywhere(check: impl Fn(&Source) -> Vec<String>) {
    hold(&sources().iter().flat_map(check).collect::<Vec<_>>());
}

/// How many complaints a check has about a text in a file.
fn count(check: impl Fn(&Source) -> Vec<String>, path: &str, text: &str) -> usize {
    check(&Source::new(path, text)).len()
}

// ---------------------------------------------------------------- ranks

/// A module uses only modules of lower rank, as the page of the crate says.
fn rank(module: &str) -> Option<u8> {
    static RANKS: LazyLock<BTreeMap<String, u8>> = LazyLock::new(|| {
        let (_, text) = source::files("src/lib.rs", "").remove(0);
        ranks_of_page(&text)
    });
    RANKS.get(module).copied()
}

fn ranks(source: &Source) -> Vec<String> {
    let own = source.top();
    if matches!(own, "main" | "lib") {
        return Vec::new();
    }
    let Some(own_rank) = rank(own) else {
        return vec![format!("{}: module {own} has no rank", source.path)];
    };
    let breach = |(at, used): &(usize, String)| match rank(used) {
        _ if used == own => None,
        Some(used_rank) if used_rank < own_rank => None,
        Some(used_rank) => Some(format!(
            "{}: {own} (rank {own_rank}) uses {used} (rank {used_rank})",
            source.place(*at)
        )),
        None => Some(format!("{}: uses crate::{used}, which has no rank", source.place(*at))),
    };
    used_modules(source).iter().filter_map(breach).collect()
}

/// The modules at the top that a file names by `crate::` or by enough `super::`.
fn used_modules(source: &Source) -> Vec<(usize, String)> {
    let depth = source.module().len();
    let by_crate = source
        .words("crate")
        .filter_map(|at| Some((at, source.code[at..].strip_prefix("crate::")?)));
    let by_super = source.words("super").filter_map(|at| {
        if source.code[..at].ends_with("::") {
            return None;
        }
        let mut rest = &source.code[at..];
        let mut climbed = 0;
        while let Some(next) = rest.strip_prefix("super::") {
            rest = next;
            climbed += 1;
        }
        (climbed >= depth).then_some((at, rest))
    });
    by_crate
        .chain(by_super)
        .flat_map(|(at, rest)| first_names(rest).into_iter().map(move |name| (at, name)))
        .collect()
}

/// `a` of `a::b`; `a` and `c` of `{a::b, c::{d, e}}`.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        let text = text.trim_start();
        text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())]
            .to_owned()
    };
    if !rest.trim_start().starts_with('{') {
        return vec![name(rest)];
    }
    let (mut names, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, letter) in rest.char_indices() {
        match letter {
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            ',' | '}' if depth == 1 => {
                names.push(name(&rest[start..at]));
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn modules_use_only_lower_ranks() {
    hold_everywhere(ranks);
}

#[test]
fn the_rank_check_can_fail() {
    for (path, text, complaints) in [
        ("src/wire/csv/mod.rs", "use crate::model::time::Timestamp;", 0),
        ("src/wire/csv/mod.rs", "use crate::wire::line::x;", 0),
        ("src/wire/csv/mod.rs", "use crate::checkpoint::x;", 1),
        ("src/wire/flux.rs", "fn f() { crate::pipeline::run() }", 1),
        ("src/wire/flux.rs", "// crate::pipeline::run()\nconst X: &str = \"crate::pipeline\";", 0),
        ("src/report/mod.rs", "use crate::{model::{a, b}, sim::c, bench, config::d};", 2),
        ("src/config/ends.rs", "use super::super::commands::x;", 1),
        ("src/cli/job.rs", "use super::super::config::x; use super::flags::Flags;", 0),
        ("src/exit.rs", "use crate::commands::Error;", 1),
        ("src/commands/run.rs", "use crate::exit::ExitCode;", 0),
        ("src/strange.rs", "", 1),
        ("src/model/x.rs", "use crate::strange::y;", 1),
        ("src/lib.rs", "pub mod strange;", 0),
    ] {
        assert_eq!(count(ranks, path, text), complaints, "{path}: {text}");
    }
}

/// Rank by module in the table of the crate's page.
fn ranks_of_page(text: &str) -> BTreeMap<String, u8> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let cells = rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        Some((cells.next()?.trim().parse().ok()?, cells.next()?))
    });
    let modules = cells.flat_map(|(rank, modules): (u8, &str)| {
        modules.split('`').skip(1).step_by(2).map(move |module| (module.to_owned(), rank))
    });
    modules.collect()
}

#[test]
fn the_ranks_are_read_from_the_page_of_the_crate() {
    let sample =
        ranks_of_page("//! | 8 | `main`, [`exit`] | x |\n//! | rank | modules |\n// | 7 | `no` |");
    assert_eq!(
        sample.into_iter().collect::<Vec<_>>(),
        [("exit".to_owned(), 8), ("main".to_owned(), 8)]
    );
}

// ---------------------------------------------------------------- circles

#[test]
fn files_form_no_circles() {
    let circles = circles::circles(&circles::arrows(&sources()));
    hold(&circles.iter().map(circles::line).collect::<Vec<_>>());
}

/// A command stands by itself: of its neighbours it knows only the errors, and they know none of them.
fn commands(sources: &[Source]) -> Vec<String> {
    let arrows = circles::arrows(sources);
    let used = arrows.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let breach = |(from, to): (&Vec<String>, &Vec<String>)| match (&from[..], &to[..]) {
        ([top, own, ..], [used_top, rest @ ..]) if top == "commands" && used_top == "commands" => {
            let is_known = rest.first().is_some_and(|used| used == own || used == "error");
            (!is_known).then(|| format!("{} uses {}", from.join("::"), to.join("::")))
        }
        _ => None,
    };
    used.filter_map(breach).collect()
}

#[test]
fn no_command_uses_another() {
    hold(&commands(&sources()));
}

#[test]
fn the_check_of_commands_can_fail() {
    let found = |path: &str, text: &str| {
        let others = [
            ("src/commands/mod.rs", "use self::plan::run;"),
            ("src/commands/error.rs", ""),
            ("src/commands/plan.rs", "use super::error::Error;"),
            ("src/commands/bench/files.rs", "use crate::commands::error::Error;"),
        ];
        let all = others.into_iter().chain([(path, text)]);
        commands(&all.map(|(path, text)| Source::new(path, text)).collect::<Vec<_>>()).len()
    };
    for (path, text, complaints) in [
        ("src/commands/load.rs", "use super::error::Error; use crate::job::run;", 0),
        ("src/commands/load.rs", "use super::plan;", 1),
        ("src/commands/load.rs", "fn f() { crate::commands::plan::run() }", 1),
        ("src/commands/load.rs", "use crate::commands::told;", 1),
        ("src/commands/bench/mod.rs", "use self::files::Files; mod files;", 0),
        ("src/commands/bench/trial.rs", "use super::files; use super::super::plan;", 1),
        ("src/commands/error.rs", "use super::plan::Error;", 1),
    ] {
        assert_eq!(found(path, text), complaints, "{path}: {text}");
    }
}

// ---------------------------------------------------------------- packages, async, printing

fn packages(source: &Source) -> Vec<String> {
    let named = |package: &'static str| {
        source.words(package).find(|at| {
            let (before, after) =
                (source.code[..*at].trim_end(), source.code[at + package.len()..].trim_start());
            let used =
                before.ends_with("use") && (after.starts_with(';') || after.starts_with("as "));
            let inner = before.ends_with("::")
                && before[..before.len() - 2].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            !inner && (used || after.starts_with("::"))
        })
    };
    let breach = |(package, allowed): &(&'static str, &[&str])| {
        let at = named(package).filter(|_| !allowed.contains(&source.top()))?;
        Some(format!("{}: {package} may be named only in {}", source.place(at), allowed.join(", ")))
    };
    PACKAGES.iter().filter_map(breach).collect()
}

fn asynchronous(source: &Source) -> Vec<String> {
    let places = source.words("async").chain(source.words("await"));
    let first = places.min().filter(|_| {
        !ASYNC.contains(&source.top())
            && !ASYNC_BELOW.iter().any(|below| source.path.starts_with(below))
    });
    first
        .map(|at| format!("{}: async belongs in {}", source.place(at), ASYNC.join(", ")))
        .into_iter()
        .collect()
}

fn printing(source: &Source) -> Vec<String> {
    let macros = ["print", "println", "eprint", "eprintln"];
    let calls = macros.iter().flat_map(|word| {
        source.words(word).filter(|at| source.code[at + word.len()..].starts_with('!'))
    });
    let streams = ["stdout", "stderr"]
        .iter()
        .flat_map(|word| source.words(word).filter(|at| source.code[..*at].ends_with("io::")));
    let streams = streams.filter(|_| source.path != PRINTS);
    let first = calls.chain(streams).min();
    first.map(|at| format!("{}: only {PRINTS} prints", source.place(at))).into_iter().collect()
}

fn purity(source: &Source) -> Vec<String> {
    if !PURE.contains(&source.top()) {
        return Vec::new();
    }
    let breach = |what: &&str| {
        Some(format!(
            "{}: {} must not know {what}",
            source.place(source.words(what).next()?),
            source.top()
        ))
    };
    IMPURE.iter().filter_map(breach).collect()
}

#[test]
fn packages_stay_in_their_modules() {
    hold_everywhere(packages);
}

#[test]
fn async_stays_in_its_modules() {
    hold_everywhere(asynchronous);
}

#[test]
fn only_one_prints() {
    hold_everywhere(printing);
}

#[test]
fn pure_modules_stay_pure() {
    hold_everywhere(purity);
}

#[test]
fn the_checks_of_places_can_fail() {
    assert_eq!(count(packages, "src/pipeline/x.rs", "use reqwest::Client;"), 1);
    assert_eq!(count(packages, "src/pipeline/x.rs", "fn f() -> Result<(), reqwest::Error>"), 1);
    assert_eq!(count(packages, "src/pipeline/x.rs", "use rayon;"), 0);
    assert_eq!(count(packages, "src/influx/x.rs", "use rayon as pool; use governor::Quota;"), 1);
    assert_eq!(count(packages, "src/commands/x.rs", "clap_complete::generate(); clap::Error"), 1);
    assert_eq!(
        count(
            packages,
            "src/model/x.rs",
            "crate::wire::toml::x; let clap = 1; my_rayon::x; // rayon::x"
        ),
        0
    );
    assert_eq!(count(asynchronous, "src/wire/x.rs", "async fn f() {}"), 1);
    assert_eq!(count(asynchronous, "src/wire/x.rs", "f().await"), 1);
    assert_eq!(count(asynchronous, "src/wire/x.rs", "fn asynchronous() { /* async */ }"), 0);
    assert_eq!(count(asynchronous, "src/influx/x.rs", "async fn f() {}"), 0);
    assert_eq!(count(asynchronous, "src/spool/x.rs", "async fn f() {}"), 1);
    assert_eq!(count(asynchronous, "src/spool/storage/objects/x.rs", "async fn f() {}"), 0);
    assert_eq!(count(printing, "src/wire/x.rs", "println!(\"x\")"), 1);
    assert_eq!(count(printing, "src/wire/x.rs", "fn print() {} write!(out, \"println!\")"), 0);
    assert_eq!(count(printing, "src/main.rs", "eprintln!(\"x\")"), 1);
    assert_eq!(count(printing, "src/report/x.rs", "std::io::stderr()"), 1);
    assert_eq!(count(printing, "src/report/stream.rs", "std::io::stderr()"), 0);
    assert_eq!(count(printing, "src/report/x.rs", "output.stdout.write()"), 0);
    assert_eq!(count(purity, "src/wire/x.rs", "use std::time::Instant; use std::fs;"), 2);
    assert_eq!(count(purity, "src/wire/x.rs", "#[cfg(test)]\nmod tests { use std::fs; }"), 0);
    assert_eq!(count(purity, "src/influx/x.rs", "use std::time::Instant;"), 0);
}

// ---------------------------------------------------------------- names and sizes

fn names(source: &Source) -> Vec<String> {
    let inner = source.words("mod").map(|at| first_names(&source.code[at + 3..]).remove(0));
    let all = source.module().into_iter().map(str::to_owned).chain(inner);
    all.filter(|name| BANNED_NAMES.contains(&name.as_str()))
        .map(|name| format!("{}: a module named {name} says nothing", source.path))
        .collect()
}

fn sizes(source: &Source) -> Vec<String> {
    let lines = |code: &str| code.lines().filter(|line| !line.trim().is_empty()).count();
    let mut complaints = Vec::new();
    if lines(&source.code) > FILE_LINES_MAX {
        complaints.push(format!(
            "{}: {} lines of code, more than {FILE_LINES_MAX}",
            source.path,
            lines(&source.code)
        ));
    }
    for at in source.words("fn") {
        let Some(open) = body(&source.code[at..]).map(|open| at + open) else { continue };
        let length = lines(&source.code[at..source::closing(&source.code, open)]);
        if length > FUNCTION_LINES_MAX {
            let name = first_names(&source.code[at + 2..]).remove(0);
            complaints.push(format!(
                "{}: {name} has {length} lines, more than {FUNCTION_LINES_MAX}",
                source.place(at)
            ));
        }
    }
    complaints
}

/// Where the body of a function begins; nothing for a declaration or a type such as `fn(u8) -> u8`.
fn body(code: &str) -> Option<usize> {
    let mut depth = 0i32;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' | ';' if depth == 0 => return None,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// Types by name that more than one file defines for others to use. Each module has an `Error`, as is the custom.
fn doubled(sources: &[Source]) -> Vec<String> {
    let mut homes = BTreeMap::<&str, Vec<&str>>::new();
    for source in sources {
        for line in source.code.lines().filter(|line| line.starts_with("pub")) {
            let mut words = line.split([' ', '<', '(', '{', ';', ':', '=']);
            if words.any(|word| matches!(word, "struct" | "enum" | "trait" | "type"))
                && let Some(name) = words.next()
                && name != "Error"
            {
                homes.entry(name).or_default().push(&source.path);
            }
        }
    }
    homes.retain(|_, homes| homes.len() > 1);
    homes.iter().map(|(name, homes)| format!("{name} is defined in {}", homes.join(", "))).collect()
}

#[test]
fn a_type_has_a_name_of_its_own() {
    hold(&doubled(&sources()));
}

#[test]
fn the_check_of_doubled_names_can_fail() {
    let sources = [
        Source::new("src/a.rs", "pub(crate) struct Cell<T>(T);\npub enum Error {}\nstruct Own;"),
        Source::new("src/b.rs", "pub type Cell = u8;\npub enum Error {}\nstruct Own;"),
        Source::new("src/c.rs", "    pub struct Cell;\npub struct Cells;"),
    ];
    assert_eq!(doubled(&sources), ["Cell is defined in src/a.rs, src/b.rs"]);
}

#[test]
fn modules_have_telling_names() {
    hold_everywhere(names);
}

#[test]
fn files_and_functions_stay_small() {
    hold_everywhere(sizes);
}

#[test]
fn the_checks_of_names_and_sizes_can_fail() {
    assert_eq!(count(names, "src/util.rs", ""), 1);
    assert_eq!(count(names, "src/wire/common/mod.rs", ""), 1);
    assert_eq!(count(names, "src/wire/mod.rs", "pub mod types;\nmod escape;"), 1);
    assert_eq!(count(names, "src/wire/utility.rs", "mod commonly {}"), 0);
    let lines = |n: usize| "x();\n".repeat(n);
    assert_eq!(count(sizes, "src/wire/x.rs", &lines(FILE_LINES_MAX)), 0);
    assert_eq!(count(sizes, "src/wire/x.rs", &lines(FILE_LINES_MAX + 1)), 1);
    assert_eq!(
        count(
            sizes,
            "src/wire/x.rs",
            &format!("{}{}", lines(FILE_LINES_MAX), "// x\n\n".repeat(9))
        ),
        0
    );
    let function =
        |n| format!("fn f<T: Into<[u8; 4]>>(x: T) -> u8 where T: Copy {{\n{}}}\n", lines(n));
    assert_eq!(count(sizes, "src/wire/x.rs", &function(FUNCTION_LINES_MAX - 2)), 0);
    assert_eq!(count(sizes, "src/wire/x.rs", &function(FUNCTION_LINES_MAX - 1)), 1);
    let declared =
        format!("trait X {{ fn f(&self); }}\nmod y {{\n{}}}", lines(FUNCTION_LINES_MAX + 1));
    assert_eq!(count(sizes, "src/wire/x.rs", &declared), 0);
    assert_eq!(
        count(sizes, "src/wire/x.rs", &format!("#[cfg(test)]\nmod tests {{\n{}}}", function(700))),
        0
    );
}

// ---------------------------------------------------------------- docs and texts

/// The pages of the docs, joined.
fn docs() -> String {
    let pages = source::files("docs", ".md").into_iter().chain(source::files("README.md", ""));
    pages.map(|(_, text)| text).collect()
}

fn unmentioned(docs: &str, commands: &[&str], codes: &[u8]) -> Vec<String> {
    let commands = commands.iter().filter(|name| {
        !docs.contains(&format!("`{name}`")) && !docs.contains(&format!("sluice {name}"))
    });
    let codes = codes.iter().filter(|code| !docs.contains(&format!("\n| {code} | ")));
    let commands = commands.map(|name| format!("no page mentions the command {name}"));
    commands.chain(codes.map(|code| format!("no table has the exit code {code}"))).collect()
}

#[test]
fn the_docs_mention_every_command_and_exit_code() {
    let root = Args::command();
    let commands: Vec<&str> = root.get_subcommands().map(clap::Command::get_name).collect();
    hold(&unmentioned(&docs(), &commands, &ExitCode::ALL.map(ExitCode::number)));
    assert_eq!(
        unmentioned("`copy` and sluice load\n| 3 | x |", &["copy", "load", "plan"], &[3, 4]).len(),
        2
    );
}

/// What no text of the project may hold: paths of a machine, letters that are not seen.
fn unclean(path: &str, text: &str) -> Vec<String> {
    // Joined here, so that this file does not hold them.
    let machines = [["/wo", "rk/"], ["/ro", "ot/"], ["/Use", "rs/"]].map(|parts| parts.concat());
    let hidden = |c: char| match c {
        '\n' | '\t' => false,
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => true,
        _ => c.is_control(),
    };
    let check = |(number, line): (usize, &str)| {
        let machine = machines.iter().find(|machine| line.contains(*machine));
        let what = match (machine, line.chars().find(|c| hidden(*c))) {
            (Some(machine), _) => format!("names {machine}, a path of one machine"),
            (None, Some(letter)) => format!("holds {}", letter.escape_unicode()),
            (None, None) => return None,
        };
        Some(format!("{path}:{}: {what}", number + 1))
    };
    // `split`, because `lines` would hide a carriage return.
    text.split('\n').enumerate().filter_map(check).collect()
}

#[test]
fn texts_name_no_machine_and_hide_nothing() {
    let folders = ["src", "tests/it", "benches"].map(|folder| source::files(folder, ".rs"));
    let pages = [("docs", ".md"), ("scripts", ""), ("tests/golden/cli", ".txt")]
        .map(|(folder, ending)| source::files(folder, ending));
    let single = ["README.md", "Cargo.toml", "clippy.toml", "deny.toml", "rustfmt.toml"]
        .map(|path| source::files(path, ""));
    let all: Vec<_> = folders.into_iter().chain(pages).chain(single).flatten().collect();
    assert!(all.len() > 40, "the texts were not found");
    hold(&all.iter().flat_map(|(path, text)| unclean(path, text)).collect::<Vec<_>>());
}

#[test]
fn the_check_of_texts_can_fail() {
    let machine = ["cd /wo", "rk/main"].concat();
    for (text, complaints) in [
        ("plain\ttext, naïve µs →\n", 0),
        (&*machine, 1),
        ("a\r\nb", 1),
        ("\u{feff}a", 1),
        ("a\u{202e}b\nc\u{85}d", 2),
        ("a\u{1b}[1m", 1),
        ("/workshop /homework/x", 0),
    ] {
        assert_eq!(unclean("x", text).len(), complaints, "{text:?}");
    }
}
