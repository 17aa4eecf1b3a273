//! A digest of the content of a bucket.

/// FNV-1a over words: quick, and good enough to tell two contents apart in a test.
pub(super) struct Digest(u64);

impl Digest {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) const fn finish(&self) -> u64 {
        self.0
    }

    pub(crate) fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3);
        self.0 ^= self.0 >> 29;
    }

    pub(super) fn typed(&mut self, kind: u64, bits: u64) {
        self.word(kind);
        self.word(bits);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for &byte in bytes {
            self.word(u64::from(byte));
        }
    }
}
