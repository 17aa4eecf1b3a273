//! How large a bench runs. Cargo says what it wants by what it passes on.

/// How large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// `cargo bench`: a measurement.
    Whole,
    /// `cargo test`, or `cargo bench -- --test`: only to see that it runs.
    Tiny,
}

impl Size {
    /// What is asked for; nothing where `cargo test` picks tests by name or lists them, since no bench is one of them.
    pub(crate) fn asked() -> Option<Self> {
        let words: Vec<_> = std::env::args().skip(1).collect();
        let has = |flag: &str| words.iter().any(|word| word == flag);
        if has("--test") {
            Some(Self::Tiny)
        } else if has("--bench") {
            Some(Self::Whole)
        } else {
            let picks = has("--list") || words.iter().any(|word| !word.starts_with('-'));
            (!picks).then_some(Self::Tiny)
        }
    }

    /// One of the two.
    pub(crate) fn of<T>(self, whole: T, tiny: T) -> T {
        match self {
            Self::Whole => whole,
            Self::Tiny => tiny,
        }
    }
}
