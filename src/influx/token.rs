//! A token and where it comes from. It is read late, renewed where its source can be read again, and never shown.

use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::limits::{TOKEN_BYTES_MAX, TOKEN_COMMAND_MS_MAX};

/// The variables that hold tokens. No other program gets to see them.
pub(crate) const TOKEN_VARIABLES: [&str; 2] = ["INFLUXDB_CLOUD_TOKEN", "INFLUX_TOKEN"];

/// An API token. No `Display`; its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token in `text`, without the white space around it.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().trim().to_owned())
    }

    /// For the `Authorization` header and for striking it out of texts; for nothing else.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// Where a token comes from.
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// Known already: from the environment or a profile.
    Given {
        /// The token.
        token: Token,
        /// Where it was found, in words.
        origin: String,
    },
    /// The contents of a file.
    File {
        /// Its path.
        path: PathBuf,
    },
    /// What a command prints.
    Command {
        /// Program and arguments; no shell.
        argv: Vec<String>,
    },
}

/// Why there is no token. Says nothing of its contents.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file or the command's output could not be read.
    #[error("cannot read the token from {origin}: {cause}")]
    Read {
        /// Where it should come from.
        origin: String,
        /// The system's error.
        cause: std::io::Error,
    },
    /// The command ended with an error.
    #[error(
        "the token command {program} failed: {status}; what it said is not shown, because it may hold a token: run it by \
         hand to see it"
    )]
    Command {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The command did not end.
    #[error("the token command {program} gave no token within {wait_ms} ms")]
    Slow {
        /// The program.
        program: String,
        /// How long was waited.
        wait_ms: u64,
    },
    /// Nothing there.
    #[error("the token from {origin} is empty")]
    Empty {
        /// Where it should come from.
        origin: String,
    },
    /// Not one line of printable text.
    #[error("the token from {origin} {problem}")]
    Malformed {
        /// Where it comes from.
        origin: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl TokenSource {
    /// Names where the token comes from; never the token, never a command's arguments.
    pub fn origin(&self) -> String {
        match self {
            Self::Given { origin, .. } => origin.clone(),
            Self::File { path } => format!("file {}", path.display()),
            Self::Command { argv } => format!("command {}", program(argv)),
        }
    }

    /// True if reading again may give another token.
    pub fn is_renewable(&self) -> bool {
        !matches!(self, Self::Given { .. })
    }

    /// Reads the token.
    pub async fn resolve(&self) -> Result<Token, TokenError> {
        Ok(self.read().await?.0)
    }

    /// Reads the token; with what a person should know of its place.
    pub(super) async fn read(&self) -> Result<(Token, Option<String>), TokenError> {
        let (token, doubt) = match self {
            Self::Given { token, .. } => (token.clone(), None),
            Self::File { path } => self.read_file(path.clone()).await?,
            Self::Command { argv } => (self.run(argv, TOKEN_COMMAND_MS_MAX).await?, None),
        };
        if token.0.is_empty() {
            return Err(TokenError::Empty { origin: self.origin() });
        }
        match problem(&token.0) {
            Some(problem) => Err(TokenError::Malformed { origin: self.origin(), problem }),
            None => Ok((token, doubt)),
        }
    }

    /// Why a file cannot be opened, before anything is asked of a server. What is no regular file is not touched: it may give
    /// its text only once.
    pub(crate) fn unreadable_file(&self) -> Option<TokenError> {
        let Self::File { path } = self else { return None };
        let open = || match std::fs::metadata(path)? {
            found if found.is_dir() => Err(std::io::ErrorKind::IsADirectory.into()),
            found if found.is_file() => std::fs::File::open(path).map(drop),
            _ => Ok(()),
        };
        let cause = open().err()?;
        Some(TokenError::Read { origin: named_plainly("file", path), cause })
    }

    async fn read_file(&self, path: PathBuf) -> Result<(Token, Option<String>), TokenError> {
        // On a thread of its own: the file may be a pipe.
        let read = tokio::task::spawn_blocking(move || {
            let open = || {
                let file = std::fs::File::open(&path)?;
                let mode = file.metadata()?.permissions().mode();
                Ok((read_bounded(file)?, mode))
            };
            let read: std::io::Result<(String, u32)> = open();
            read.map_err(|cause| (named_plainly("file", &path), cause))
        });
        let (text, mode) = match read.await {
            Ok(read) => read.map_err(|(origin, cause)| TokenError::Read { origin, cause })?,
            Err(panic) => {
                let (origin, cause) = (self.origin(), std::io::Error::other(panic));
                return Err(TokenError::Read { origin, cause });
            }
        };
        let doubt = (mode & READABLE_BY_OTHERS != 0)
            .then(|| format!("{} can be read by every user of this machine", self.origin()));
        Ok((Token::new(text), doubt))
    }

    async fn run(&self, argv: &[String], wait_ms: u64) -> Result<Token, TokenError> {
        let program = program(argv);
        let mut command = Command::new(&program);
        // What it says on stderr may hold the token, so nobody gets to see it.
        command.args(argv.iter().skip(1)).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        for variable in TOKEN_VARIABLES {
            command.env_remove(variable);
        }
        let mut child = command.spawn().map_err(|cause| {
            let origin = named_plainly("command", Path::new(&program));
            TokenError::Read { origin, cause }
        })?;
        let stdout = child.stdout.take();
        let running = RunningCommand::new(child);
        let read =
            tokio::task::spawn_blocking(move || stdout.map_or(Ok(String::new()), read_bounded));
        let Ok(text) = tokio::time::timeout(Duration::from_millis(wait_ms), read).await else {
            return Err(TokenError::Slow { program, wait_ms });
        };
        let text = text.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let status = tokio::task::spawn_blocking(move || running.ended()).await;
        let status = status.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let status = status.map_err(|cause| self.unreadable(cause))?;
        if !status.success() {
            return Err(TokenError::Command { program, status });
        }
        text.map(Token::new).map_err(|cause| self.unreadable(cause))
    }

    fn unreadable(&self, cause: std::io::Error) -> TokenError {
        TokenError::Read { origin: self.origin(), cause }
    }
}

/// The commands that run now: whoever ends this process ends them too.
static RUNNING: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// Ends the token commands that still run.
pub(crate) fn end_commands() {
    let running = std::mem::take(&mut *RUNNING.lock().unwrap_or_else(PoisonError::into_inner));
    for child in running {
        // One that is waited for has closed its output, and ends by itself.
        if let Ok(mut child) = child.try_lock() {
            // It may have ended in this very moment; then there is nothing left to stop.
            let _ = child.kill();
        }
    }
}

/// A command that ends with this value, if it has not by itself. What it has started beside itself is its own business: a group
/// of its own would keep Ctrl-C and a terminal from a command that asks for a password.
struct RunningCommand(Arc<Mutex<Child>>);

impl RunningCommand {
    fn new(child: Child) -> Self {
        let child = Arc::new(Mutex::new(child));
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&child));
        Self(child)
    }

    fn ended(self) -> std::io::Result<std::process::ExitStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).wait()
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|child| !Arc::ptr_eq(child, &self.0));
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(child.try_wait(), Ok(None)) {
            let _ = child.kill();
            drop(child);
            // On a thread of its own: one that hangs in a disk does not even end then. Nobody misses it if there is none.
            let killed = Arc::clone(&self.0);
            let wait = move || drop(killed.lock().unwrap_or_else(PoisonError::into_inner).wait());
            let _ = std::thread::Builder::new().spawn(wait);
        }
    }
}

/// Permission to read for those who are neither the owner nor of the group.
const READABLE_BY_OTHERS: u32 = 0o004;

/// A file or a program in words. What cannot be found may be a token in the wrong place, so it is only shown where it is
/// plainly a path: it is there, or in a folder that is, or has a beginning or an ending that no token has.
fn named_plainly(kind: &str, path: &Path) -> String {
    let is_named = |part| matches!(part, Component::Normal(_));
    let folder = path.parent().filter(|folder| folder.components().any(is_named));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_ended = name.rsplit_once('.').is_some_and(|(stem, ending)| {
        (1..=20).contains(&stem.len())
            && matches!(ending, "token" | "tok" | "txt" | "secret" | "key" | "env" | "conf")
    });
    let is_begun = path.starts_with("./") || path.starts_with("../");
    let is_there = path.symlink_metadata().is_ok();
    if is_there || is_begun || is_ended || folder.is_some_and(Path::is_dir) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        format!("{kind} {}", path.display())
    } else {
        format!("a {kind} whose name is not shown, because it may be a token itself")
    }
}

/// Why a text can be no token.
pub(crate) fn problem(token: &str) -> Option<&'static str> {
    // As UTF-16 comes out of lossy reading of UTF-8, and as UTF-8 marks itself.
    if token.starts_with('\u{feff}')
        || token.starts_with("\u{fffd}\u{fffd}")
        || token.contains('\0')
    {
        return Some(
            "begins with a byte order mark or is UTF-16, as some editors write text: save it as plain ASCII",
        );
    }
    if token.starts_with('{') {
        return Some("looks like JSON: only the token itself may stand there");
    }
    if is_assignment(token) {
        return Some(
            "looks like NAME=value, as files of variables hold it: only the token itself may stand there",
        );
    }
    let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    (!plain).then_some("holds characters that no token has: it is one line of ASCII without spaces")
}

/// `INFLUX_TOKEN=...`: no token has such a name in front, and base64 ends behind its equals signs.
fn is_assignment(token: &str) -> bool {
    let Some((name, value)) = token.split_once('=') else { return false };
    let name = name.strip_prefix("export ").unwrap_or(name);
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name && name.to_ascii_uppercase().ends_with("TOKEN") && !value.trim_matches('=').is_empty()
}

fn program(argv: &[String]) -> String {
    argv.first().map_or_else(String::new, Clone::clone)
}

fn read_bounded(from: impl std::io::Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    from.take(TOKEN_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > TOKEN_BYTES_MAX) {
        return Err(std::io::Error::other("more text than a token can have"));
    }
    // Bytes that are not UTF-8 become a character that is refused with the others.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary-0123456789";

    #[tokio::test]
    async fn reads_files_and_commands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, format!("  {CANARY}\r\n")).unwrap();
        let file = TokenSource::File { path: path.clone() };
        assert_eq!(file.resolve().await.unwrap(), Token::new(CANARY));
        assert!(file.is_renewable());
        let argv = ["cat".to_owned(), path.display().to_string()].to_vec();
        let command = TokenSource::Command { argv };
        assert_eq!(command.resolve().await.unwrap(), Token::new(CANARY));
        assert_eq!(command.origin(), "command cat");
    }

    #[tokio::test]
    async fn says_why_there_is_no_token_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenSource::File { path: path.clone() };
        assert!(matches!(file.resolve().await, Err(TokenError::Read { .. })));
        std::fs::write(&path, " \n").unwrap();
        assert!(matches!(file.resolve().await, Err(TokenError::Empty { .. })));
        let utf_16: Vec<u8> =
            format!("\u{feff}{CANARY}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bad, word) in [
            (format!("{CANARY}\nsecond line").into_bytes(), "one line"),
            (format!("{CANARY}\u{1f}").into_bytes(), "ASCII"),
            (format!("{CANARY}\u{e9}").into_bytes(), "ASCII"),
            (format!("\u{feff}{CANARY}").into_bytes(), "byte order mark"),
            (utf_16, "UTF-16"),
            (format!("{{\"token\":\"{CANARY}\"}}").into_bytes(), "JSON"),
            (format!("INFLUX_TOKEN={CANARY}").into_bytes(), "NAME=value"),
            (format!("export MY_TOKEN='{CANARY}'").into_bytes(), "NAME=value"),
        ] {
            std::fs::write(&path, bad).unwrap();
            let error = file.resolve().await.unwrap_err();
            assert!(matches!(error, TokenError::Malformed { .. }));
            assert!(error.to_string().contains(word), "{error}");
            assert!(!format!("{error} {error:?}").contains(CANARY));
        }
        std::fs::write(&path, "x".repeat(20_000)).unwrap();
        assert!(matches!(file.resolve().await, Err(TokenError::Read { .. })));
        let fails = TokenSource::Command { argv: vec!["false".into()] };
        assert!(matches!(fails.resolve().await, Err(TokenError::Command { .. })));
        for missing in [vec![CANARY.into()], vec![]] {
            let missing = TokenSource::Command { argv: missing };
            let error = missing.resolve().await.unwrap_err();
            assert!(matches!(error, TokenError::Read { .. }));
            assert!(!error.to_string().contains(CANARY), "{error}");
        }
        // A token where a file should be named; a file that is missing in a folder that is there.
        for (path, shown) in [
            (CANARY.into(), false),
            (format!("/{CANARY}").into(), false),
            (folder.path().join("absent"), true),
        ] {
            let error = TokenSource::File { path }.resolve().await.unwrap_err().to_string();
            assert_eq!(
                (error.contains("absent"), error.contains(CANARY)),
                (shown, false),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_that_all_may_read_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, CANARY).unwrap();
        for (mode, doubted) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let (_, doubt) = TokenSource::File { path: path.clone() }.read().await.unwrap();
            assert_eq!(doubt.is_some(), doubted, "{mode:o}");
        }
    }

    /// Neither what it says on stderr nor a variable with a token passes between the program and the command.
    #[tokio::test]
    async fn a_command_sees_no_tokens_and_its_talk_is_not_seen() {
        let script = format!("echo {CANARY} >&2; exit 3");
        let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let error = TokenSource::Command { argv }.resolve().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("run it by hand") && !shown.contains(CANARY), "{shown}");
    }

    #[tokio::test]
    async fn a_command_that_never_ends_is_stopped() {
        let argv = ["sleep".to_owned(), "1000".to_owned()];
        let slow = TokenSource::Command { argv: argv.to_vec() };
        assert!(matches!(slow.run(&argv, 50).await, Err(TokenError::Slow { wait_ms: 50, .. })));
    }
}
