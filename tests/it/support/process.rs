//! The program as a process: started, watched, signalled, waited for. Nothing waits without a bound.

#![allow(clippy::manual_assert, reason = "test support")]
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(3);
/// Longer than any step of a healthy run, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with an empty environment.
pub(crate) fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.env_clear().args(args).stdin(Stdio::null());
    command
}

/// Runs a command that needs no server.
pub(crate) async fn run(command: Command) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    Running::start(command, folder.path()).ended().await
}

/// A process under way; it is killed if the test ends first.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) out: PathBuf,
    pub(crate) err: PathBuf,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A screen as one line.
pub(crate) fn flat(screen: &str) -> String {
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Running {
    pub(crate) fn start(mut command: Command, folder: &Path) -> Self {
        static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (out, err) =
            (folder.join(format!("stdout-{number}")), folder.join(format!("stderr-{number}")));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Self { child: command.spawn().unwrap(), out, err }
    }

    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }

    /// Waits for something that a healthy run does while it goes on.
    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !done(self) {
                if let Some(status) = self.child.try_wait().unwrap() {
                    panic!("{status} before {what}\n{}\n{}", self.out(), self.err());
                }
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("no {what} in {PATIENCE:?}\n{}\n{}", self.out(), self.err());
        }
    }

    /// Sends a signal by the shell's own `kill`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Kills it as the system would, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) async fn ended(mut self) -> Ended {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let Ok(status) = tokio::time::timeout(PATIENCE, waiting).await else {
            panic!("no end in {PATIENCE:?}\n{}\n{}", self.out(), self.err());
        };
        let ended = Ended { code: status.code(), out: self.out(), err: self.err() };
        assert!(!ended.err.contains("panicked"), "{ended:?}");
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has ended, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
    }

    /// The JSON lines of stdout.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}
