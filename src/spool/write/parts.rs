//! Sorted parts on disk, for what is larger than memory.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use super::file_writer::{FileWriter, Purpose};
use super::sorted::{self, Part};
use crate::limits::SPOOL_MERGE_PARTS_MAX;
use crate::spool::error::Error;
use crate::spool::format::columns::Columns;
use crate::spool::read::file_reader::FileReader;
use crate::spool::storage::{Section, Staged, Storage};

/// A file of sorted parts, each a Parquet file of its own.
#[derive(Debug)]
pub(super) struct PartsFile {
    pub(super) staged: Staged,
    file: Arc<File>,
}

impl PartsFile {
    pub(super) fn new(storage: &Storage) -> Result<Self, Error> {
        let (staged, file) = storage.stage()?;
        Ok(Self { staged, file: Arc::new(file) })
    }

    fn name(&self) -> String {
        self.staged.path.display().to_string()
    }

    /// Appends a sorted part; gives its place and length.
    pub(super) fn append(&mut self, columns: Columns, part: Part) -> Result<(u64, u64), Error> {
        let name = self.name();
        let start = (&*self.file).seek(SeekFrom::End(0)).map_err(Error::io(&name))?;
        let out = BufWriter::new(self.file.try_clone().map_err(Error::io(&name))?);
        let mut writer = FileWriter::new(name.clone(), columns, Purpose::Part, out);
        for block in part {
            writer.push(&block?)?;
        }
        let (mut out, _) = writer.finish(&[])?;
        out.flush().map_err(Error::io(&name))?;
        let end = (&*self.file).seek(SeekFrom::End(0)).map_err(Error::io(&name))?;
        Ok((start, end - start))
    }

    fn open(&self, (start, length): (u64, u64)) -> Result<Part, Error> {
        let section = Section::new(Arc::clone(&self.file), start, length);
        Ok(Box::new(FileReader::open(&self.name(), section, None)?))
    }

    /// Merges parts until few enough are left to be merged at one time with `others` more.
    pub(super) fn reduce(
        &mut self,
        mut sections: Vec<(u64, u64)>,
        columns: &Columns,
        others: usize,
    ) -> Result<Vec<Part>, Error> {
        while sections.len() + others > SPOOL_MERGE_PARTS_MAX {
            let mut merged = Vec::new();
            for group in sections.chunks(SPOOL_MERGE_PARTS_MAX) {
                let parts = group.iter().map(|section| self.open(*section));
                let parts = parts.collect::<Result<Vec<_>, _>>()?;
                merged.push(self.append(columns.clone(), sorted::merge(parts))?);
            }
            sections = merged;
        }
        sections.iter().map(|section| self.open(*section)).collect()
    }
}
