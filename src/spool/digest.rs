//! SHA-256 of files and texts.

use std::fmt::Write as _;
use std::io::{self, Write};

use ring::digest::{Context, SHA256, digest};

/// Lower-case hexadecimal of the SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// A SHA-256 that is being computed.
pub(super) struct Sha256(Context);

impl Sha256 {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Hashes and counts what goes through.
pub(super) struct HashingWriter<W> {
    inner: W,
    sha256: Sha256,
    bytes: u64,
}

impl<W: Write> HashingWriter<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, sha256: Sha256::new(), bytes: 0 }
    }

    /// The writer, the number of bytes and their digest.
    pub(super) fn finish(self) -> (W, u64, String) {
        (self.inner, self.bytes, self.sha256.finish())
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
