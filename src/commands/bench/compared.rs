//! `bench --compare`: two recorded benches side by side.

use std::path::PathBuf;

use super::screen;
use crate::bench::compare::{self, Comparison};
use crate::bench::record::Recorded;
use crate::commands::error::Error;
use crate::exit::ExitCode;
use crate::report::{json, stream};

/// Compares two files.
pub(super) fn run(first: &str, second: &str, json: bool) -> Result<ExitCode, Error> {
    let found: Comparison = compare::compare(&read(first)?, &read(second)?);
    if json {
        let body = serde_json::to_value(&found).expect("a comparison has nothing that JSON lacks");
        stream::print_exact(json::line("bench_comparison", json::now(), body));
    } else {
        for line in screen::comparison(first, second, &found) {
            stream::print(line);
        }
    }
    Ok(ExitCode::Done)
}

fn read(path: &str) -> Result<Recorded, Error> {
    let path = PathBuf::from(path);
    let text = std::fs::read_to_string(&path)
        .map_err(|source| Error::BenchFile { path: path.clone(), source })?;
    Recorded::parse(&text).map_err(|source| Error::BenchRecord { path, source })
}
