//! On a terminal the result is as wide as that: nothing is cut that can stand on a line of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::World;
use crate::support::need::{What, need};
use crate::support::process::Ended;

/// The command with a terminal of this size as its stdout.
fn on_terminal(script: &Path, command: &Command, columns: usize) -> Command {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(quoted).collect();
    let line = format!("stty cols {columns} rows 24; exec {} 2>/dev/null", words.join(" "));
    let mut whole = Command::new(script);
    whole.args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::null());
    whole.env_clear().env("PATH", "/usr/bin:/bin").env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
    whole.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    whole
}

/// What stands on the terminal.
async fn shown(world: &World, script: &Path, command: &Command, columns: usize) -> Vec<String> {
    let Ended { code, out, .. } = world.start(on_terminal(script, command, columns)).ended().await;
    assert_eq!(code, Some(0), "{out}");
    let plain = out.replace('\r', "").replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
    plain.lines().map(str::to_owned).collect()
}

/// What is one word for a reader: not the bars of a plot, not a name that is marked as shortened.
fn words(lines: &[String]) -> BTreeSet<String> {
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    let is_word = |word: &&str| word.is_ascii() && !word.starts_with('|') && !word.ends_with("..");
    words.filter(is_word).map(str::to_owned).collect()
}

const WIDTHS: [usize; 4] = [40, 60, 80, 200];

/// The screens of a command on each width; its words are those of the widest one.
async fn screens(world: &World, command: impl Fn(&World, usize) -> Command) -> Vec<Vec<String>> {
    let Some(script) = need(What::Terminal) else { return Vec::new() };
    let mut screens = Vec::new();
    for columns in WIDTHS {
        let lines = shown(world, &script, &command(world, columns), columns).await;
        // To be copied: cures, and paths.
        let folder = world.folder.path().to_str().unwrap();
        let may_be_wide = |line: &str| line.contains(" cure: ") || line.contains(folder);
        for line in &lines {
            assert!(line.chars().count() <= columns || may_be_wide(line), "{columns}: {line}");
        }
        screens.push(lines);
    }
    let widest = words(screens.last().unwrap());
    for lines in &screens {
        // Numbers of a run are its own.
        let own = |word: &&String| !word.contains(|c: char| c.is_ascii_digit());
        let other: Vec<_> = words(lines).difference(&widest).filter(own).cloned().collect();
        assert_eq!(other, Vec::<String>::new(), "{}", lines.join("\n"));
    }
    screens
}

#[tokio::test]
async fn a_plan_drops_columns_in_their_order_and_wraps_words() {
    let world = World::new().await;
    let screens = screens(&world, |world, _| world.job("plan", &[])).await;
    let heads: Vec<String> = screens
        .iter()
        .map(|lines| lines.iter().find(|line| line.starts_with("MEASUREMENT")).unwrap())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let all = "MEASUREMENT VALUES SERIES TRANSPORT B/VALUE BYTES";
    let wanted =
        ["MEASUREMENT VALUES TRANSPORT", "MEASUREMENT VALUES TRANSPORT B/VALUE BYTES", all, all];
    assert!(heads.is_empty() || heads == wanted, "{heads:?}");
}

#[tokio::test]
async fn preflight_and_dry_run_fit() {
    let world = World::new().await;
    screens(&world, |world, _| world.job("preflight", &[])).await;
    screens(&world, |world, _| world.job("migrate", &["--dry-run"])).await;
}

#[tokio::test]
async fn how_jobs_stand_fits_and_columns_leave_in_their_order() {
    let world = World::new().await;
    let long = "a-name-that-is-longer-than-any-column-of-the-table";
    for bucket in ["plant", long] {
        world.migrate(&["--destination-bucket", bucket]).await.assert_code(0);
    }
    let screens = screens(&world, |world, _| world.status(&[])).await;
    let heads: Vec<String> = screens
        .iter()
        .map(|lines| lines[1].split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let wanted = [
        "SOURCE STATE DONE",
        "SOURCE STATE DONE SEEN ETA",
        "SOURCE STATE DONE SEEN REJECTED ETA VERIFIED",
        "SOURCE STATE DONE SEEN VALUES RATE REJECTED ETA VERIFIED",
    ];
    assert!(heads.is_empty() || heads == wanted, "{heads:?}");
}

#[tokio::test]
async fn the_summary_of_a_run_fits() {
    let world = World::new().await;
    let screens = screens(&world, |world, columns| {
        let (to, progress) = (format!("to-{columns}"), format!("progress-{columns}"));
        world.job("migrate", &["--destination-bucket", &to, "--batch-bucket", &progress])
    });
    for lines in screens.await {
        assert!(lines[0].starts_with("COPIED AND VERIFIED"), "{lines:?}");
    }
}

#[tokio::test]
async fn what_spools_hold_fits() {
    let world = World::new().await;
    let folder = world.folder.path().join("stage");
    let folder = folder.to_str().unwrap();
    world.migrate(&["--spool", "parquet", "--spool-dir", folder]).await.assert_code(0);
    for word in ["describe", "verify"] {
        screens(&world, |world, _| world.command(&["spool", word, folder])).await;
    }
    screens(&world, |world, columns| {
        let target = world.folder.path().join(format!("{columns}.lp"));
        let target = target.to_str().unwrap().to_owned();
        world.command(&["export", folder, "--format", "lp", "--output", &target])
    })
    .await;
}
