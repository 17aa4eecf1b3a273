//! One test binary: every module holds the tests of one boundary.

#![allow(
    clippy::assigning_clones,
    clippy::cast_precision_loss,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    clippy::type_complexity,
    unfulfilled_lint_expectations,
    reason = "tests favour what reads best"
)]

mod bench;
mod checkpoint;
mod cli;
mod differential;
mod influx;
mod migrate;
mod pages;
mod program;
mod proof;
mod real;
mod report;
mod sim;
mod spool;
mod support;
mod tidy;
mod wire_csv;
mod wire_influxql;
mod wire_line;
mod wire_recorded;
