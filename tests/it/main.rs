//! One test binary: every module holds the tests of one boundary.

mod checkpoint;
mod cli;
mod influx;
mod migrate;
mod program;
mod real;
mod report;
mod sim;
mod support;
mod tidy;
mod wire_csv;
mod wire_line;
