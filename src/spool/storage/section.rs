//! A part of a file, read at random.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::limits::SPOOL_STEP_BYTES;
use crate::spool::digest::Sha256;

/// A stretch of a file that is a Parquet file of its own.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    file: Arc<File>,
    start: u64,
    length: u64,
    /// Bytes that were read of it.
    read: Arc<AtomicU64>,
}

impl Section {
    /// So many bytes of a file, from a place on.
    pub(crate) fn new(file: Arc<File>, start: u64, length: u64) -> Self {
        Self { file, start, length, read: Arc::default() }
    }

    /// The same, to be read by somebody else.
    pub(crate) fn anew(&self) -> Self {
        Self::new(Arc::clone(&self.file), self.start, self.length)
    }

    /// Its bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Counts the bytes that are read of it.
    pub(crate) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// The SHA-256 of its bytes.
    pub(crate) fn sha256(&self) -> io::Result<String> {
        let (mut sha256, mut buffer, mut at) = (Sha256::new(), vec![0; SPOOL_STEP_BYTES / 8], 0);
        loop {
            let left = usize::try_from(self.length - at).unwrap_or(usize::MAX).min(buffer.len());
            match self.file.read_at(&mut buffer[..left], self.start + at)? {
                0 => return Ok(sha256.finish()),
                read => {
                    sha256.update(&buffer[..read]);
                    at += read as u64;
                }
            }
        }
    }

    fn count(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Reads on from a place of a section.
pub(crate) struct SectionReader {
    section: Section,
    at: u64,
}

impl Read for SectionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.section.length.saturating_sub(self.at);
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let place = self.section.start + self.at;
        let read = self.section.file.read_at(&mut buffer[..wanted], place)?;
        self.at += read as u64;
        self.section.count(read);
        Ok(read)
    }
}

impl Length for Section {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Section {
    type T = BufReader<SectionReader>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(SectionReader { section: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF("beyond the end of the file".to_owned()));
        }
        let mut buffer = vec![0; length];
        self.file.read_exact_at(&mut buffer, self.start + start)?;
        self.count(length);
        Ok(buffer.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_a_file_of_its_own() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"0123456789").unwrap();
        let section = Section::new(Arc::new(file), 3, 4);
        assert_eq!(section.get_bytes(1, 3).unwrap(), &b"456"[..]);
        for (start, length) in [(2, 3), (5, 0), (u64::MAX, 1)] {
            assert!(section.get_bytes(start, length).is_err(), "{start} {length}");
        }
        let mut rest = String::new();
        section.get_read(2).unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "56");
    }
}
