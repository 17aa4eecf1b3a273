//! Faults that were mended, and that a test puts back to see that it would find them.

/// A fault that is put back. Nothing but a test ever sets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Canary {
    /// None: the program as it is meant to be.
    #[default]
    None,
    /// A count that is derived from two others decides that a stretch is empty.
    DerivedZero,
    /// InfluxQL reads the database that is called like the bucket, and is believed.
    GuessedDatabase,
    /// What was decoded of an answer that proves damaged is written.
    DamagedWritten,
}
