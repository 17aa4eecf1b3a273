//! The checkpoint.
