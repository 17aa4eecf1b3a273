//! Flux annotated CSV: what real servers answered, cut and damaged in every way, and random answers against slow
//! obvious readers.

mod errors_in_answers;
mod golden_answers;
mod random_answers;
mod small_answers;
mod writer;
