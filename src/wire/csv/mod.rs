//! Annotated CSV to frames.
