//! See [`sluice::program`].

use sluice::program::{self, ExitCode};

fn main() -> ExitCode {
    program::main()
}
