//! A signal ends the program within 20 s, whatever hangs: at once before anything is moved, else after the time for open
//! batches. Nothing here can be simulated by a clock: it is about processes, sockets and pipes.

use std::process::{Command, Stdio};
use std::time::Duration;

use sluice::testing::sim::{Fault, Matcher, Rule, Server};
use tokio::time::Instant;

use super::{BUCKET, World};
use crate::support::process::{Ended, Running};
use crate::support::rows;

/// For what must happen at once, on a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(8);
/// The promise, and what a busy machine adds to it.
const IN_TIME: Duration = Duration::from_secs(28);

/// From now on the server takes requests and says nothing.
fn hang(server: &Server, matcher: Matcher) {
    let fault = Fault::Stall { after_bytes: 0, ms: 3_600_000 };
    server.inject(Rule { matcher, times: u32::MAX, fault });
}

/// A server that takes connections and requests, and says nothing.
struct Mute {
    url: String,
    heard: std::sync::Arc<std::sync::atomic::AtomicBool>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Mute {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let noted = std::sync::Arc::clone(&heard);
        let accepting = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut bytes = [0; 1];
                if tokio::io::AsyncReadExt::read(&mut connection, &mut bytes).await.is_ok() {
                    noted.store(true, std::sync::atomic::Ordering::SeqCst);
                }
                open.push(connection);
            }
        });
        Self { url, heard, accepting }
    }

    fn heard(&self) -> bool {
        self.heard.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn ended_after(run: Running, signal: &str, bound: Duration) -> Ended {
    let asked = Instant::now();
    run.signal(signal);
    let ended = run.ended().await;
    assert!(asked.elapsed() < bound, "{:?}\n{ended:?}", asked.elapsed());
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_anything_is_moved_a_signal_is_answered_at_once_with_a_word() {
    let words = [
        ("preflight", &[][..]),
        ("plan", &[]),
        ("migrate", &["--dry-run"]),
        ("migrate", &[]),
        ("migrate", &["--json"]),
        ("bench", &["--max-transfer", "10MB", "--sink", "destination"]),
    ];
    let cases = words.into_iter().flat_map(|word| {
        let signals = [("TERM", 143), ("INT", 130)].into_iter();
        signals.flat_map(move |signal| [true, false].map(|source| (word, signal, source)))
    });
    rows::all_of(cases.map(|((word, more), (signal, code), source)| async move {
        let world = World::new().await;
        let mute = Mute::start().await;
        let flag = if source { "--source-host" } else { "--destination-host" };
        let more = [more, &[flag, &mute.url]].concat();
        let mut run = world.start(world.job(word, &more));
        run.until("a request", |_| mute.heard()).await;
        let ended = ended_after(run, signal, AT_ONCE).await;
        ended.assert_code(code);
        let said = format!("stopped by SIG{signal} before anything was moved");
        assert!(ended.err.contains(&said), "{word} {more:?}: {ended:?}");
        if more.contains(&"--json") {
            let last = ended.lines().pop().unwrap();
            assert_eq!(last["message_type"], "exit_error", "{last}");
            assert_eq!(last["exit"], code, "{last}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_token_command_or_a_file_that_hangs_is_no_reason_to_stay() {
    let world = World::new().await;
    let pipe = world.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    for more in [
        &["--source-token-command", "sleep 600"][..],
        &["--source-token-file", pipe],
        &["--config", pipe],
    ] {
        let mut run = world.start(world.job("preflight", more));
        // Nothing tells from outside when it hangs: the signals are heard before anything is read.
        run.until("its thread for signals", |run| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", run.child.id()));
            status.is_ok_and(|status| catches(&status, 15))
        })
        .await;
        ended_after(run, "TERM", AT_ONCE).await.assert_code(143);
    }
}

/// True if a process has a handler for this signal.
fn catches(status: &str, signal: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (signal - 1)) != 0
}

/// Where a transfer is when the server falls silent.
async fn transfer(hung: &str, matcher: Matcher, signal: &str, code: i32) {
    let world = World::slow().await;
    let mut run = world.start(world.job("migrate", &[]));
    match hung {
        "begin" => hang(&world.oss, matcher.clone()),
        _ => run.until("a write", |_| world.writes(BUCKET) > 0).await,
    }
    match hung {
        "begin" => {
            let begun = |_: &Running| {
                world
                    .oss
                    .records()
                    .iter()
                    .any(|r| r.path == "/api/v2/buckets" && r.method == "POST")
            };
            run.until("the buckets", begun).await;
        }
        "source" => hang(&world.cloud, matcher),
        _ => hang(&world.oss, matcher),
    }
    let ended = ended_after(run, signal, IN_TIME).await;
    ended.assert_code(code);
    assert!(!ended.err.contains("defect"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_ends_within_its_time_whatever_hangs() {
    let mut cases = tokio::task::JoinSet::new();
    let query = |body| Matcher::path("/api/v2/query").body(body);
    cases.spawn(transfer("destination", Matcher::default(), "TERM", 143));
    cases.spawn(transfer("destination", Matcher::default(), "INT", 130));
    cases.spawn(transfer("source", Matcher::default(), "TERM", 143));
    cases.spawn(transfer("destination", Matcher::path("/api/v2/write"), "TERM", 143));
    cases.spawn(transfer("destination", query("\"lease\""), "TERM", 143));
    cases.spawn(transfer("destination", query("batches"), "TERM", 143));
    cases.spawn(transfer("begin", query("\"lease\""), "TERM", 143));
    cases.spawn(transfer("begin", Matcher::path("/api/v2/write").body("lease"), "INT", 130));
    cases.join_all().await;
}

#[tokio::test]
async fn a_second_signal_of_any_kind_leaves_at_once() {
    for (first, second, code) in [("INT", "TERM", 143), ("TERM", "TERM", 143), ("INT", "INT", 130)]
    {
        let world = World::slow().await;
        let mut run = world.start(world.job("migrate", &[]));
        run.until("a write", |_| world.writes(BUCKET) > 0).await;
        hang(&world.oss, Matcher::default());
        run.signal(first);
        let words = format!("stopping: SIG{first}; open batches finish, up to 20 s");
        run.until("its word", |run| run.err().contains(&words)).await;
        ended_after(run, second, AT_ONCE).await.assert_code(code);
    }
}

/// A spool whose export is longer than a pipe.
async fn staged(world: &World) -> String {
    let place = world.folder.path().join("stage").to_str().unwrap().to_owned();
    world.migrate(&["--spool", "parquet", "--spool-dir", &place]).await.assert_code(0);
    place
}

#[tokio::test]
async fn a_pipe_that_nobody_reads_and_a_load_are_no_reason_to_stay() {
    let world = World::new().await;
    let place = staged(&world).await;
    let mut export = world.command(&["export", &place, "--format", "lp", "--output", "-"]);
    export.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = export.spawn().unwrap();
    // Full: the program waits for a reader.
    let full = |child: &std::process::Child| {
        let wait = std::fs::read_to_string(format!("/proc/{}/wchan", child.id()));
        wait.is_ok_and(|wait| wait.contains("pipe"))
    };
    let begun = Instant::now();
    while !full(&child) && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(asked.elapsed() < AT_ONCE, "it stays");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(status.code(), Some(143));

    let mute = Mute::start().await;
    let load = ["load", &place, "--destination-host", &mute.url, "--create-buckets"];
    let mut run = world.start(world.command(&load));
    run.until("a request", |_| mute.heard()).await;
    ended_after(run, "TERM", AT_ONCE).await.assert_code(143);
}

#[tokio::test]
async fn a_result_that_nobody_reads_does_not_keep_a_transfer() {
    let world = World::slow().await;
    // More lines than a pipe holds: 3,600 batches.
    let mut job = world.job("migrate", &["--json", "--batch-interval", "1s"]);
    job.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = job.spawn().unwrap();
    let begun = Instant::now();
    while world.writes(BUCKET) < 300 && begun.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(asked.elapsed() < IN_TIME, "it stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(status.code(), Some(143));
    world.start(world.job("migrate", &[])).ended().await.assert_code(0);
}
