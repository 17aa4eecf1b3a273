//! One server and the token for it. A token is read late, renewed where its source can be read again, and never shown.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::limits::{TOKEN_BYTES_MAX, TOKEN_COMMAND_MS_MAX};
use crate::model::side::Side;

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
    #[error("the token command {program} failed: {status}")]
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
    #[error("the token from {origin} holds characters that no token has")]
    Malformed {
        /// Where it comes from.
        origin: String,
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
        let token = match self {
            Self::Given { token, .. } => token.clone(),
            Self::File { path } => self.read_file(path.clone()).await?,
            Self::Command { argv } => self.run(argv, TOKEN_COMMAND_MS_MAX).await?,
        };
        if token.0.is_empty() {
            return Err(TokenError::Empty { origin: self.origin() });
        }
        if !token.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Malformed { origin: self.origin() });
        }
        Ok(token)
    }

    async fn read_file(&self, path: PathBuf) -> Result<Token, TokenError> {
        // On a thread of its own: the file may be a pipe.
        let read = tokio::task::spawn_blocking(move || read_bounded(std::fs::File::open(path)?));
        let text = read.await.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        text.map(Token::new).map_err(|cause| self.unreadable(cause))
    }

    async fn run(&self, argv: &[String], wait_ms: u64) -> Result<Token, TokenError> {
        let program = program(argv);
        let mut command = Command::new(&program);
        command.args(argv.iter().skip(1)).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|cause| self.unreadable(cause))?;
        let stdout = child.stdout.take();
        let read =
            tokio::task::spawn_blocking(move || stdout.map_or(Ok(String::new()), read_bounded));
        let Ok(text) = tokio::time::timeout(Duration::from_millis(wait_ms), read).await else {
            // It may have ended in this very moment; then there is nothing left to stop.
            let _ = child.kill();
            let _ = tokio::task::spawn_blocking(move || child.wait()).await;
            return Err(TokenError::Slow { program, wait_ms });
        };
        let text = text.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let status = tokio::task::spawn_blocking(move || child.wait()).await;
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

/// One end: which server, which organization, which token.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Which end it is.
    pub side: Side,
    /// Address as `http://host:port` or `https://host`, with a path if a proxy needs one.
    pub host: String,
    /// Name or id of the organization; Cloud knows it from the token.
    pub org: Option<String>,
    /// Where the token comes from.
    pub token: TokenSource,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary-0123456789";

    #[test]
    fn debug_shows_no_token() {
        let source =
            TokenSource::Given { token: Token::new(CANARY), origin: "INFLUX_TOKEN".into() };
        let endpoint =
            Endpoint { side: Side::Source, host: "http://h".into(), org: None, token: source };
        assert!(!format!("{endpoint:?} {endpoint:#?}").contains(CANARY));
        assert_eq!(endpoint.token.origin(), "INFLUX_TOKEN");
    }

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
        for bad in
            [format!("{CANARY}\nsecond line"), format!("{CANARY}\u{1f}"), format!("{CANARY}\u{e9}")]
        {
            std::fs::write(&path, bad).unwrap();
            let error = file.resolve().await.unwrap_err();
            assert!(matches!(error, TokenError::Malformed { .. }));
            assert!(!format!("{error} {error:?}").contains(CANARY));
        }
        std::fs::write(&path, "x".repeat(20_000)).unwrap();
        assert!(matches!(file.resolve().await, Err(TokenError::Read { .. })));
        let fails = TokenSource::Command { argv: vec!["false".into()] };
        assert!(matches!(fails.resolve().await, Err(TokenError::Command { .. })));
        for missing in [vec!["no-such-program-here".into()], vec![]] {
            let missing = TokenSource::Command { argv: missing };
            assert!(matches!(missing.resolve().await, Err(TokenError::Read { .. })));
        }
    }

    #[tokio::test]
    async fn a_command_that_never_ends_is_stopped() {
        let argv = ["sleep".to_owned(), "1000".to_owned()];
        let slow = TokenSource::Command { argv: argv.to_vec() };
        assert!(matches!(slow.run(&argv, 50).await, Err(TokenError::Slow { wait_ms: 50, .. })));
    }
}
