//! Cells.

use memchr::{memchr, memchr3};

pub(super) fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A cell, in quotes if it needs them.
pub(super) fn cell(out: &mut Vec<u8>, text: &[u8]) {
    if memchr3(b',', b'"', b'\r', text).is_none() && memchr(b'\n', text).is_none() {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for piece in text.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(piece);
        if piece.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}
