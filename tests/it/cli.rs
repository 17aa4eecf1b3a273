//! The boundary between the user and the program: command line, environment, file, profiles, task. Help texts and the
//! tables of the docs are compared with what is written down; `SLUICE_TEST_REWRITE=1` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, in its helper functions too")]

mod ends;
mod help;
mod layers;
mod own;
mod task;
mod values;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use sluice::testing::cli::args::Command;
use sluice::testing::cli::argv;
use sluice::testing::cli::job::JobArgs;
use sluice::testing::config::env::Env;
use sluice::testing::config::error::ConfigError;
use sluice::testing::config::inputs::Inputs;
use sluice::testing::config::job::JobConfig;

/// Looks like a token; may stand in no message.
const CANARY: &str =
    "cAnArY-0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789_abcd==";

const NOW: &str = "2026-11-20T12:00:00Z";

/// Everything a configuration is made of.
#[derive(Default, Clone)]
struct Given<'a> {
    argv: Vec<&'a str>,
    env: Vec<(&'a str, &'a str)>,
    files: BTreeMap<PathBuf, String>,
}

/// What every job needs, by flags and the two token variables.
const ENDS: [&str; 4] = ["--source-host", "https://cloud.example", "--source-bucket", "plant"];

impl<'a> Given<'a> {
    fn job(argv: &[&'a str]) -> Self {
        Self { argv: [&ENDS[..], argv].concat(), ..Self::bare(&[]) }
    }

    fn bare(argv: &[&'a str]) -> Self {
        let env = vec![
            ("HOME", "/home/user"),
            ("INFLUXDB_CLOUD_TOKEN", "cloud-secret"),
            ("INFLUX_TOKEN", "oss-secret"),
        ];
        Self { argv: argv.to_vec(), env, files: BTreeMap::new() }
    }

    fn env(mut self, name: &'a str, value: &'a str) -> Self {
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value));
        self
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(PathBuf::from(path), text.to_owned());
        self
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn inputs(&self) -> Result<Inputs, ConfigError> {
        let env = Env::new(self.env.clone())?;
        Inputs::load(job(&self.argv).typed(), env, &|path| self.read(path))
    }

    fn check(&self) -> Result<JobConfig, ConfigError> {
        self.inputs()?.check(NOW.parse().unwrap())
    }

    fn good(&self) -> JobConfig {
        self.check().unwrap_or_else(|error| panic!("{:?}: {}", self.argv, chain(&error)))
    }

    /// The message, which must not hold a secret.
    fn error(&self) -> String {
        let error = self.check().expect_err("this must be refused");
        let text = chain(&error);
        for secret in [CANARY, "cloud-secret", "oss-secret"] {
            assert!(!text.contains(secret) && !format!("{error:?}").contains(secret), "{text}");
        }
        text
    }
}

fn command(argv: &[&str]) -> Command {
    argv::parse_argv([&["sluice"], argv].concat()).unwrap().command
}

fn job(argv: &[&str]) -> JobArgs {
    match command(&[&["migrate"], argv].concat()) {
        Command::Migrate(args) => args,
        other => panic!("{other:?}"),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").unwrap();
        cause = error.source();
    }
    text
}
