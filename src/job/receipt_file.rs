//! The file that `verify` writes its receipt to.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::receipt_error::ReceiptFileError;
use super::whole_file::WholeFile;
use crate::report::receipt::Receipt;

/// A receipt that is to be written.
#[derive(Debug)]
pub(crate) struct ReceiptFile(WholeFile);

impl ReceiptFile {
    /// Makes sure that it can be: what is compared takes its time. A file that is there stays until the new one is whole.
    pub(crate) fn begin(path: &Path) -> Result<Self, ReceiptFileError> {
        let refused = |source| ReceiptFileError::Write { path: path.to_owned(), source };
        let target = match fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                return Err(ReceiptFileError::NoFile { path: path.to_owned() });
            }
            // Where a link leads to a file, that one is meant.
            Ok(_) => fs::canonicalize(path).map_err(refused)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(refused(error)),
        };
        WholeFile::begin(&target).map(Self).map_err(refused)
    }

    /// Writes it.
    pub(crate) fn write(self, receipt: &Receipt) -> Result<(), ReceiptFileError> {
        let Self(mut whole) = self;
        let path = whole.path().to_owned();
        let written = whole.file().write_all(&receipt.to_text()).and_then(|()| whole.finish());
        written.map_err(|source| ReceiptFileError::Write { path, source })
    }
}
