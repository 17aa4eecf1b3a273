//! The whole command line as clap knows it, in its two forms: as each command means its flags, and as `-h` shows them.

use clap::CommandFactory as _;

use super::args::Args;
use super::verify::OF_RECEIPT;
use crate::config::table::{EVIDENCE, OF_JOB};

/// The form of `-h`.
const SHORT_TEMPLATE: &str =
    "{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}";

/// What most lines need; `-h` of a command of a job shows no more.
/// Short enough to stand beside the flag.
const ESSENTIAL: [(&str, &str); 16] = [
    ("source-host", "InfluxDB Cloud address"),
    ("source-bucket", "Bucket to copy; only ever read"),
    ("source-token-file", "File that holds its token"),
    ("source-profile", "Or all of it from an influx CLI profile"),
    ("destination-host", "[default: http://localhost:8086]"),
    ("destination-bucket", "[default: the source bucket's name]"),
    ("destination-token-file", "File that holds its token"),
    ("destination-profile", "Or all of it from an influx CLI profile"),
    ("create-buckets", "Create what is missing there"),
    ("start", "The first time that is taken"),
    ("stop", "The first time that is not taken"),
    ("measurement", "Only this one; may be repeated"),
    ("dry-run", "Check and plan; write nothing"),
    ("config", "TOML file with settings"),
    ("quiet", "Warnings, errors and the last line only"),
    ("verbose", "Each try, split, wait and choice too"),
];

/// The same of `preflight` and `plan`, where they mean something else.
const ESSENTIAL_LOOKING: [(&str, &str); 1] = [("create-buckets", "Take missing buckets as made")];

/// What `migrate` alone needs.
const ESSENTIAL_MOVING: [&str; 1] = ["dry-run"];

/// What `verify` does without, so that its flags fit on one screen.
const INESSENTIAL_VERIFYING: [&str; 4] = ["create-buckets", "dry-run", "measurement", "verbose"];

/// The same of `bench`.
const ESSENTIAL_BENCH: [(&str, &str); 16] = [
    ("intervals", "Batch intervals to try: 1h,6h,1d"),
    ("transports", "Transports to try: auto,flux"),
    ("concurrencies", "Requests at one time to try: 1,2,4"),
    ("repetitions", "Runs of each setting [default: 3]"),
    ("sink", "discard, or destination: a bucket for it"),
    ("max-transfer", "Read no more than this: 300MB"),
    ("out", "Name of the files of results"),
    ("compare", "Two recorded benches side by side"),
    ("simulate", "Compute a source instead of asking one"),
    ("source-host", "InfluxDB Cloud address"),
    ("source-bucket", "Bucket to read"),
    ("source-token-file", "File that holds its token"),
    ("source-profile", "Or all of it from an influx CLI profile"),
    ("start", "The first time that is taken"),
    ("stop", "The first time that is not taken"),
    ("config", "TOML file with settings"),
];

/// The same of `status`.
const ESSENTIAL_STATUS: [(&str, &str); 12] = [
    ("destination-host", "[default: http://localhost:8086]"),
    ("destination-token-file", "File that holds its token; to read only"),
    ("destination-profile", "Or all of it from an influx CLI profile"),
    ("batch-bucket", "[default: migration]; may be repeated"),
    ("source-bucket", "Only jobs of this one"),
    ("destination-bucket", "Only jobs into this one"),
    ("all", "All jobs, also where a bucket is named"),
    ("watch", "Look again and again, until Ctrl-C"),
    ("config", "TOML file with settings"),
    ("json", "A JSON line for each job"),
    ("quiet", "Dead, failed and stalled ones only"),
    ("verbose", "What else each run tells of itself"),
];

/// The same of `dashboard apply` and `dashboard remove`.
const ESSENTIAL_DASHBOARD: [(&str, &str); 7] = [
    ("destination-host", "[default: http://localhost:8086]"),
    ("destination-org", "Where the token sees more than one"),
    ("destination-token-file", "File that holds its token"),
    ("destination-profile", "Or all of it from an influx CLI profile"),
    ("batch-bucket", "[default: migration]"),
    ("dry-run", "Say what would be done, and do nothing"),
    ("config", "TOML file with settings"),
];

/// What `verify` needs besides.
const ESSENTIAL_VERIFYING: [(&str, &str); 4] = [
    ("source", "recorded, read, counts or spool:DIR"),
    ("superset", "The destination may hold more"),
    ("repair", "Write again what is missing or changed"),
    ("report", "File for all values that differ"),
];

/// What `-h` of a command says of a flag; nothing where it leaves it out.
fn essential(command: &str, flag: &str) -> Option<&'static str> {
    let of = |list: &[(&str, &'static str)]| {
        list.iter().find(|(name, _)| *name == flag).map(|(_, help)| *help)
    };
    match command {
        "bench" => of(&ESSENTIAL_BENCH),
        "status" => of(&ESSENTIAL_STATUS),
        "dashboard apply" | "dashboard remove" => of(&ESSENTIAL_DASHBOARD),
        "preflight" | "plan" if ESSENTIAL_MOVING.contains(&flag) => None,
        "preflight" | "plan" => of(&ESSENTIAL_LOOKING).or_else(|| of(&ESSENTIAL)),
        "verify" if INESSENTIAL_VERIFYING.contains(&flag) => None,
        "verify" => of(&ESSENTIAL_VERIFYING).or_else(|| of(&ESSENTIAL)),
        _ => of(&ESSENTIAL),
    }
}

/// What flags of `migrate` mean where nothing is written.
const LOOKING: [(&str, &str); 13] = [
    ("create-buckets", "Take missing buckets as made: migrate would make them"),
    ("spool", "Look at the source only, as for migrate --spool: parquet"),
    ("spool-dir", "Not opened here: the folder that migrate would write"),
    ("time-type", "Not used here: times in the files of migrate --spool"),
    ("pause-task", "Take an active task as paused: migrate would pause it"),
    ("adopt", "Not used here: migrate takes over progress of another start or filter"),
    ("rejects", "Not used here: where migrate puts refused points"),
    ("reject-limit", "Not used here: refused values before migrate stops"),
    ("max-transfer", "Not used here: a look reads what it needs"),
    ("max-duration", "Not used here: a look ends by itself"),
    ("yes", "Not used here: nothing is asked"),
    ("verify", "Not used here: when migrate reads back what it has moved"),
    ("dry-run", "Not used here: nothing is written anyway"),
];

/// The same for `bench`.
const MEASURING: [(&str, &str); 9] = [
    ("spool", "Not used here: a bench keeps nothing of what it reads"),
    ("spool-dir", "Not used here: where migrate --spool writes"),
    ("time-type", "Not used here: times in the files of migrate --spool"),
    ("pause-task", "Not used here: a bench writes into no bucket of a task"),
    ("adopt", "Not used here: migrate takes over progress of another start or filter"),
    ("rejects", "Not used here: where migrate puts refused points"),
    ("yes", "Not used here: nothing is asked"),
    ("verify", "Not used here: when migrate reads back what it has moved"),
    ("dry-run", "Refused here: sluice plan and bench --simulate measure nothing"),
];

/// The same for `verify`.
const COMPARING: [(&str, &str); 17] = [
    ("create-buckets", "Not used here: the buckets of the job are there"),
    (
        "spool",
        "With --receipt-check: the spool that is compared; else refused (--source spool:DIR)",
    ),
    ("spool-dir", "Not used here: where migrate --spool writes"),
    ("time-type", "Not used here: times in the files of migrate --spool"),
    ("start", "First time to compare: RFC 3339, a date, or -30d [default: that of the job]"),
    ("stop", "First time not to compare [default: where the job stands]"),
    ("settle", "Not used here: what is not committed is not compared"),
    ("batch-interval", "Length of one batch of --source read, counts or spool:DIR"),
    ("pause-task", "Not used here: migrate pauses a task"),
    ("adopt", "Not used here: migrate takes over progress of another start or filter"),
    ("existing", "Not used here: what the job was begun with counts"),
    (
        "on-type-conflict",
        "What the job was run with: values that suffix renamed cannot be repaired",
    ),
    ("rejects", "Not used here: where migrate puts refused points"),
    ("reject-limit", "Not used here: refused values before migrate stops"),
    ("yes", "Not used here: nothing is asked"),
    ("verify", "Not used here: when migrate reads back what it has moved"),
    ("dry-run", "Repair nothing"),
];

/// The commands, each with its flags told as it means them.
pub fn command() -> clap::Command {
    let told = |command: clap::Command, words: &[(&str, &'static str)]| {
        words
            .iter()
            .fold(command, |command, (flag, help)| command.mut_arg(*flag, |arg| arg.help(*help)))
    };
    let looks: [(&str, &[_]); 4] = [
        ("preflight", &LOOKING),
        ("plan", &LOOKING),
        ("bench", &MEASURING),
        ("verify", &COMPARING),
    ];
    let all = looks.into_iter().fold(Args::command(), |root, (name, words)| {
        root.mut_subcommand(name, |command| told(command, words))
    });
    all.mut_subcommand("verify", |command| {
        let command = command.mut_arg("spool", |spool| spool.value_name("DIR|URL"));
        command.mut_arg("receipt_check", |check| check.conflicts_with_all(not_of_receipt()))
    })
}

/// The flags of `verify` that say nothing to a receipt.
fn not_of_receipt() -> impl Iterator<Item = &'static str> {
    let all = OF_JOB.iter().chain([&EVIDENCE]).flat_map(|group| group.flags);
    all.filter(|flag| !OF_RECEIPT.contains(flag)).map(|flag| flag.name)
}

/// The same for `-h`: one screen for each command.
pub fn short() -> clap::Command {
    names(&command()).into_iter().fold(command(), |root, name| {
        root.mut_subcommand(&name, |command| {
            let command = shortened(command, &name);
            if name != "dashboard" {
                return command;
            }
            names(&command).into_iter().fold(command, |command, word| {
                command
                    .mut_subcommand(&word, |command| shortened(command, &format!("{name} {word}")))
            })
        })
    })
}

fn names(command: &clap::Command) -> Vec<String> {
    command.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// A command with what most lines need.
fn shortened(command: clap::Command, name: &str) -> clap::Command {
    let more = format!("All flags, and examples: sluice {name} --help");
    // Its sentences are long where its flags are few.
    let is_long = ["status", "dashboard apply", "dashboard remove"].contains(&name)
        || command.get_arguments().count() > ESSENTIAL.len() + 2;
    let command = command.help_template(SHORT_TEMPLATE).next_line_help(false).after_help(more);
    if !is_long {
        return command;
    }
    command.mut_args(|arg| {
        let arg = arg.help_heading(None::<&str>);
        match essential(name, arg.get_id().as_str()) {
            Some(help) => arg.help(help),
            None if arg.is_positional() => arg,
            None => arg.hide(true),
        }
    })
}
