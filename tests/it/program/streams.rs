//! Streams that take nothing: a reader that has gone, a full disk, a closed descriptor. No panic, and never a lost
//! migration; a result that somebody waits for and does not get has a code of its own.

use std::process::Command;

use super::{BUCKET, World, bare};
use crate::support::process::{Ended, run};

/// The same command, with its streams as a shell's redirections say.
fn redirected(command: &Command, redirections: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // `exec` so that signals and codes are the program's own.
    shell.arg("-c").arg(format!("exec \"$0\" \"$@\" {redirections}")).arg(command.get_program());
    shell.args(command.get_args()).stdin(std::process::Stdio::null());
    shell
}

/// With a reader that was gone before the first line.
fn unread(command: &Command, stream: &str) -> Command {
    let mut shell = redirected(command, "");
    let text = match stream {
        "1" => {
            "{ sleep 0.2; \"$0\" \"$@\"; echo $? >\"$CODE\"; } | true; while [ ! -s \"$CODE\" ]; do sleep 0.05; done; exit $(cat \"$CODE\")"
        }
        _ => {
            "{ sleep 0.2; \"$0\" \"$@\" 2>&1 >/dev/null; echo $? >\"$CODE\"; } | true; while [ ! -s \"$CODE\" ]; do sleep 0.05; done; exit $(cat \"$CODE\")"
        }
    };
    let args: Vec<_> = shell.get_args().skip(2).map(ToOwned::to_owned).collect();
    let envs: Vec<_> =
        command.get_envs().filter_map(|(n, v)| Some((n.to_owned(), v?.to_owned()))).collect();
    shell = Command::new("/bin/sh");
    let code = tempfile::NamedTempFile::new().unwrap().into_temp_path().keep().unwrap();
    shell.env_clear().env("PATH", "/usr/bin:/bin").envs(envs).env("CODE", code);
    shell.arg("-c").arg(text).args(args).stdin(std::process::Stdio::null());
    shell
}

fn no_panic(ended: &Ended, case: &str) {
    assert!(!matches!(ended.code, None | Some(1 | 101)), "{case}: {ended:?}");
    assert!(!format!("{}{}", ended.out, ended.err).contains("panicked"), "{case}: {ended:?}");
}

/// All commands with the code that each ends with where its streams take everything.
async fn commands(world: &World) -> Vec<(Command, i32)> {
    let place = world.folder.path().join("stage").to_str().unwrap().to_owned();
    world.migrate(&["--spool", "parquet", "--spool-dir", &place]).await.assert_code(0);
    let out = world.folder.path().join("bench").to_str().unwrap().to_owned();
    let simulated = ["bench", "--simulate", "--sim-values", "1000000", "--out", &out];
    let mut all = vec![
        (world.job("preflight", &[]), 0),
        (world.job("preflight", &["--json"]), 0),
        (world.job("plan", &[]), 0),
        (world.job("plan", &["--json"]), 0),
        (world.job("migrate", &["--dry-run"]), 0),
        (world.job("migrate", &["--dry-run", "--json"]), 0),
        (world.job("migrate", &["--batch-bucket", BUCKET]), 7),
        (world.job("migrate", &["--batch-bucket", BUCKET, "--json"]), 7),
        (world.job("preflight", &["--batch-bucket", BUCKET]), 7),
        (world.command(&["spool", "verify", &place]), 0),
        (world.command(&["spool", "describe", &place, "--json"]), 0),
        (world.command(&["spool", "describe", &place, "--sql", "duckdb"]), 0),
        (world.command(&["spool", "compact", &place]), 0),
        (world.command(&["spool", "verify", "/none/such"]), 13),
        (world.command(&simulated), 0),
    ];
    for args in [
        &["demo", "--hosts", "1", "--hours", "1"][..],
        &["demo", "--hosts", "1", "--hours", "1", "--json"],
        &["completions", "bash"],
        &["man"],
        &["man", "migrate"],
        &["--help"],
        &["--version"],
        &["plan", "-h"],
    ] {
        all.push((bare(args), 0));
    }
    for args in [
        &[][..],
        &["nonsense"],
        &["migrate"],
        &["man", "nonsense"],
        &["migrate", "--source-token", "x"],
    ] {
        all.push((bare(args), 2));
    }
    all
}

#[tokio::test]
async fn a_stderr_that_takes_nothing_changes_nothing() {
    let world = World::new().await;
    for (command, code) in commands(&world).await {
        for redirections in ["2>/dev/full", "2>&-", "2>&- >&-"] {
            let case = format!("{:?} {redirections}", command.get_args().collect::<Vec<_>>());
            let ended = run(redirected(&command, redirections)).await;
            no_panic(&ended, &case);
            assert_eq!(ended.code, Some(code), "{case}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn a_stdout_that_takes_nothing_is_told_by_the_code() {
    let world = World::new().await;
    for (command, code) in commands(&world).await {
        // Usage errors and failures have nothing for stdout, or a code that says more.
        let full = if code == 0 { 14 } else { code };
        for (redirections, code) in
            [(">/dev/full", full), (">&-", code), (">/dev/full 2>/dev/full", full)]
        {
            let case = format!("{:?} {redirections}", command.get_args().collect::<Vec<_>>());
            let ended = run(redirected(&command, redirections)).await;
            no_panic(&ended, &case);
            assert_eq!(ended.code, Some(code), "{case}: {ended:?}");
            if redirections == ">/dev/full" && code == 14 {
                assert!(
                    ended.err.contains("stdout did not take the whole result: No space left"),
                    "{case}: {ended:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_reader_that_was_gone_before_the_first_line_is_no_failure() {
    let world = World::new().await;
    for (command, code) in commands(&world).await {
        for stream in ["1", "2"] {
            let case = format!("{:?} {stream}", command.get_args().collect::<Vec<_>>());
            let ended = run(unread(&command, stream)).await;
            no_panic(&ended, &case);
            assert_eq!(ended.code, Some(code), "{case}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn a_migration_is_whole_whatever_its_streams_take() {
    for (redirections, more, code) in [
        (">/dev/full", &[][..], 14),
        (">/dev/full", &["--json"], 14),
        (">/dev/full 2>/dev/full", &[], 14),
        ("2>/dev/full", &[], 0),
        (">&- 2>&-", &[], 0),
        ("2>&-", &["--json"], 0),
    ] {
        let world = World::new().await;
        let ended = run(redirected(&world.job("migrate", more), redirections)).await;
        no_panic(&ended, redirections);
        assert_eq!(ended.code, Some(code), "{redirections} {more:?}: {ended:?}");
        world.assert_whole();
    }
    for stream in ["1", "2"] {
        let world = World::new().await;
        let ended = run(unread(&world.job("migrate", &[]), stream)).await;
        no_panic(&ended, stream);
        assert_eq!(ended.code, Some(0), "{stream}: {ended:?}");
        world.assert_whole();
    }
}
