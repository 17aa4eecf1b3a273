//! The one door to all that a test may lack on a machine: servers, engines, rights. What is not there is said on the
//! real standard error, which the test harness does not swallow, and written to a file, which the gate prints last.
//! With `SLUICE_TEST_STRICT=1` a test fails instead, if it lacks what a CI machine can have.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// A line for each test that lacked something: what and why, a tab, the name of the test.
const NOT_RUN: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/not-run.txt");

/// What a test may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The program of an InfluxDB 1.x.
    Influxd1x,
    /// The program of an InfluxDB 2.x, or the address of one that runs: `http://...`.
    Influxd2x,
    /// Its program, for a test that looks at its files.
    Influxd2xProgram,
    /// The CLI of InfluxDB 2.x.
    InfluxCli,
    /// The text of the vendor's guide.
    Guide,
    /// The folder that the golden exchanges were packed of.
    Golden,
    /// A server of S3.
    S3,
    /// A server of Azure Blob Storage.
    Azure,
    /// A Python that has the engines that read Parquet.
    Readers,
    /// A Java, which Spark needs.
    Java,
    /// A Python with nothing but its standard library.
    Python,
    /// The right to mount a small file system.
    Mount,
    /// `script` of util-linux, which gives a program a terminal.
    Terminal,
}

/// How a thing is called and found.
struct Thing {
    name: &'static str,
    /// Why it is not there, in most cases what to do about it.
    lack: &'static str,
    /// A CI machine can have it: `.ci/run` installs it.
    in_ci: bool,
}

impl What {
    const fn thing(self) -> Thing {
        let (name, lack, in_ci) = match self {
            Self::Influxd1x => (
                "real InfluxDB 1.x",
                "SLUICE_TEST_INFLUXD_1X is not set and /usr/bin/influxd is none",
                true,
            ),
            Self::Influxd2x => ("real InfluxDB 2.x", "SLUICE_TEST_INFLUXD is not set", false),
            Self::Influxd2xProgram => {
                ("files of a real InfluxDB 2.x", "SLUICE_TEST_INFLUXD names no program", false)
            }
            Self::InfluxCli => ("the influx CLI", "SLUICE_TEST_INFLUX is not set", false),
            Self::Guide => ("the vendor's guide", "SLUICE_TEST_GUIDE is not set", false),
            Self::Golden => {
                ("the unpacked golden exchanges", "SLUICE_TEST_GOLDEN is not set", false)
            }
            Self::S3 => (
                "a server of S3",
                "SLUICE_TEST_S3 is not set and scripts/s3_server.sh did not run",
                true,
            ),
            Self::Azure => (
                "a server of Azure",
                "SLUICE_TEST_AZURE is not set and scripts/azure_server.sh did not run",
                true,
            ),
            Self::Readers => (
                "readers of Parquet",
                "SLUICE_TEST_READERS is not set and scripts/readers.sh did not run",
                true,
            ),
            Self::Java => ("Spark", "there is no Java", false),
            Self::Python => ("Python", "there is no python3", true),
            Self::Mount => ("a disk that fills up", "this user cannot mount", false),
            Self::Terminal => ("a terminal", "/usr/bin/script is not that of util-linux", true),
        };
        Thing { name, lack, in_ci }
    }

    /// Where it is; the empty path for what has no place.
    fn find(self) -> Option<PathBuf> {
        let own = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(path);
        let file = |path: PathBuf| path.is_file().then_some(path);
        match self {
            Self::Influxd1x => {
                let program = named("SLUICE_TEST_INFLUXD_1X");
                let program = program.unwrap_or_else(|| "/usr/bin/influxd".into());
                let out = Command::new(&program).arg("version").output().ok()?.stdout;
                String::from_utf8_lossy(&out).contains("InfluxDB v1.").then_some(program)
            }
            Self::Influxd2x => named("SLUICE_TEST_INFLUXD"),
            Self::Influxd2xProgram => named("SLUICE_TEST_INFLUXD").and_then(file),
            Self::InfluxCli => named("SLUICE_TEST_INFLUX"),
            Self::Guide => named("SLUICE_TEST_GUIDE"),
            Self::Golden => named("SLUICE_TEST_GOLDEN"),
            Self::S3 => file(named("SLUICE_TEST_S3").unwrap_or_else(|| own("tools/bin/versitygw"))),
            Self::Azure => file(
                named("SLUICE_TEST_AZURE")
                    .unwrap_or_else(|| own("tools/azurite/node_modules/.bin/azurite-blob")),
            ),
            Self::Readers => {
                let python = named("SLUICE_TEST_READERS");
                file(
                    std::path::absolute(python.unwrap_or_else(|| own("readers/bin/python")))
                        .ok()?,
                )
            }
            Self::Java => {
                Command::new("java").arg("-version").output().ok().map(|_| PathBuf::new())
            }
            Self::Python => {
                let out = Command::new("python3").arg("--version").output().ok()?;
                out.status.success().then(|| "python3".into())
            }
            Self::Mount => may_mount().then(PathBuf::new),
            Self::Terminal => {
                let program = PathBuf::from("/usr/bin/script");
                let out = Command::new(&program).arg("--version").output().ok()?.stdout;
                String::from_utf8_lossy(&out).contains("util-linux").then_some(program)
            }
        }
    }
}

/// Where a thing is that a test needs. Where it is not, the test is to end: it is noted, or it fails here.
pub(crate) fn need(what: What) -> Option<PathBuf> {
    let found = what.find();
    if found.is_none() {
        let Thing { name, lack, in_ci } = what.thing();
        assert!(!(in_ci && set("SLUICE_TEST_STRICT")), "{name}: {lack}");
        note(&format!("{name} ({lack})"));
    }
    found
}

/// Token and organization of the InfluxDB 2.x that runs elsewhere.
pub(crate) fn influxd_2x_access() -> (String, String) {
    let text = |name| named(name).unwrap_or_else(|| panic!("{name} is not set"));
    let text = |name| text(name).into_os_string().into_string().unwrap();
    (text("SLUICE_TEST_INFLUXD_TOKEN"), text("SLUICE_TEST_INFLUXD_ORG"))
}

/// Whether files that hold what was expected are to be written anew: `SLUICE_TEST_REWRITE=1`.
pub(crate) fn rewrites() -> bool {
    set("SLUICE_TEST_REWRITE")
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == OsStr::new("1"))
}

/// The file holds what the last run of the tests lacked; each thing is said once.
#[expect(
    clippy::disallowed_methods,
    reason = "what the macros print is swallowed where a test passes"
)]
fn note(lacking: &str) {
    static NOTED: Mutex<(Option<File>, BTreeSet<String>)> = Mutex::new((None, BTreeSet::new()));
    let mut noted = NOTED.lock().unwrap();
    let (file, said) = &mut *noted;
    let file = file.get_or_insert_with(|| {
        std::fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
        File::create(NOT_RUN).unwrap()
    });
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    file.write_all(format!("{lacking}\t{test}\n").as_bytes()).unwrap();
    if said.insert(lacking.to_owned()) {
        // Nobody may read it, which is as well.
        let _ = std::io::stderr().write_all(format!("NOT RUN: {lacking}\n").as_bytes());
    }
}

fn may_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder.path());
    let mounted = mount.output().is_ok_and(|output| output.status.success());
    if mounted {
        let unmounted = Command::new("umount").arg(folder.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{folder:?} stays mounted");
    }
    mounted
}
