//! Speed of each stage that does something for every value, request or batch: one thread, bytes in memory.
//!
//! `cargo bench --bench stages`; a word behind `--` picks the benches whose path matches it, such as `flux-pivot` or
//! `decode::to_lines`. Without `--bench` a tiny size, only to see that it runs.

mod answers;
mod commit;
mod decode;
mod encode;
mod gzip;
mod quota;
mod spool;

#[path = "../empty_spool.rs"]
mod empty_spool;
#[path = "../size.rs"]
mod size;

use divan::Divan;

use self::size::Size;

fn main() {
    if std::env::args().any(|arg| arg == "--bench" || arg == "--test") {
        divan::main();
    } else if Size::asked().is_some() {
        // What else is on the command line is meant for the harness of the tests.
        Divan::default().test_benches();
    }
}

/// One of the two, by what this process was asked for.
fn sized<T>(whole: T, tiny: T) -> T {
    Size::asked().unwrap_or(Size::Tiny).of(whole, tiny)
}
