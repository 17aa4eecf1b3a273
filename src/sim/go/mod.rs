//! What Go does with numbers, times, texts and patterns.

pub(super) mod regex;
pub(super) mod text;
