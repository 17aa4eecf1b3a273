//! What several test modules share.

pub(crate) mod cases;

pub(crate) mod golden;

pub(crate) mod influx_write;

pub(crate) mod influxd;

pub(crate) mod random;

pub(crate) mod rig;

pub(crate) mod process;

pub(crate) mod stores;

use std::path::PathBuf;

pub(crate) mod proxy;
pub(crate) mod rows;
pub(crate) mod scripted;
pub(crate) mod tls;
pub(crate) mod virtual_time;

/// The folder of golden exchanges beside the project, if this machine has it: `SLUICE_TEST_GOLDEN`, else
/// `../shared/golden`. Tests that need it say loudly that they skip.
pub(crate) fn golden() -> Option<PathBuf> {
    let dir = std::env::var_os("SLUICE_TEST_GOLDEN").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/golden"),
        PathBuf::from,
    );
    if dir.join("cases").is_dir() {
        Some(dir)
    } else {
        eprintln!(
            "SKIPPED: no golden exchanges at {} (SLUICE_TEST_GOLDEN names another place)",
            dir.display()
        );
        None
    }
}
