//! What other readers see of a spool: tables, each of files whose columns can be read together.

use std::collections::BTreeMap;

use super::stored::{Selection, Stored};
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::Timestamp;
use crate::model::time_type::TimeType;
use crate::spool::error::Error;
use crate::spool::format::columns::{Columns, TIME};
use crate::spool::format::name::{self, PartitionKeys, Tree};
use crate::spool::format::state::FileEntry;

/// What a column is for InfluxDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The time, in this form.
    Time(TimeType),
    /// A tag.
    Tag,
    /// A field of this type.
    Field(FieldType),
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What it is.
    pub role: Role,
    /// Its name in InfluxDB.
    pub name: Name,
    /// Its name in the files.
    pub label: String,
    /// True if its texts are stored as bytes, because one of them is not UTF-8.
    pub binary: bool,
}

impl Column {
    fn order(&self) -> (u8, &Name, Role) {
        let rank = match self.role {
            Role::Time(_) => 0,
            Role::Tag => 1,
            Role::Field(_) => 2,
        };
        (rank, &self.name, self.role)
    }
}

/// Files of one measurement and tree in which each label means one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The measurement.
    pub measurement: Name,
    /// Where its files stand.
    pub tree: Tree,
    /// Keys of its partitions.
    pub keys: PartitionKeys,
    /// The folder of the measurement, below the root of the spool.
    pub folder: String,
    /// Its files, below the root of the spool.
    pub files: Vec<String>,
    /// True if the folder holds no other files.
    pub is_folder: bool,
    /// All columns: time, tags by name, fields by name.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: u64,
    /// Values.
    pub values: u64,
    /// Bytes.
    pub bytes: u64,
    /// Times of the first and the last value.
    pub times: (Timestamp, Timestamp),
}

impl Table {
    fn new(file: &FileEntry, tree: Tree, measurement: Name, keys: PartitionKeys) -> Self {
        let folder = file.path.rsplitn(3, '/').nth(2).unwrap_or_default();
        Self {
            measurement,
            tree,
            keys,
            folder: folder.to_owned(),
            files: Vec::new(),
            is_folder: true,
            columns: Vec::new(),
            rows: 0,
            values: 0,
            bytes: 0,
            times: (Timestamp::from_ns(i64::MAX), Timestamp::from_ns(i64::MIN)),
        }
    }

    /// True if no label would mean two things, and nothing would have two labels.
    fn takes(&self, columns: &[Column]) -> bool {
        // Nearly always; the comparison below takes the square of their number.
        if self.columns == columns {
            return true;
        }
        columns.iter().all(|column| {
            let same = |own: &Column| {
                own.label == column.label || (&own.name, own.role) == (&column.name, column.role)
            };
            self.columns.iter().filter(|own| same(own)).all(|own| own == column)
        })
    }

    fn add(&mut self, file: &FileEntry, columns: Vec<Column>) {
        if self.columns != columns {
            let new = columns.into_iter().filter(|column| !self.columns.contains(column));
            let new: Vec<_> = new.collect();
            self.columns.extend(new);
            self.columns.sort_by(|a, b| a.order().cmp(&b.order()));
        }
        self.files.push(file.path.clone());
        self.rows += file.rows;
        self.values += file.values;
        self.bytes += file.bytes;
        let range = file.range();
        self.times.0 = self.times.0.min(range.start);
        self.times.1 = self.times.1.max(Timestamp::from_ns(file.time_max));
    }
}

impl Stored {
    /// The tables of the spool, by measurement, data before conflicts. Opens each file, but reads its columns only.
    pub fn tables(&self) -> Result<Vec<Table>, Error> {
        let mut tables: BTreeMap<(&str, Option<Tree>), Vec<Table>> = BTreeMap::new();
        for file in self.files(&Selection::ALL) {
            let strange = || Error::damaged(&file.path, "its entry makes no sense");
            let measurement = name::decode(&file.measurement).ok_or_else(strange)?;
            let tree = file.tree().ok_or_else(strange)?;
            let columns = columns_of(self.reader(file, None)?.columns());
            let own = tables.entry((&file.measurement, Some(tree))).or_default();
            if let Some(table) = own.iter_mut().find(|table| table.takes(&columns)) {
                table.add(file, columns);
                continue;
            }
            let settled = self.state().measurements.get(&file.measurement);
            let keys = settled.map(|settled| settled.keys.clone()).unwrap_or_default();
            let mut table = Table::new(file, tree, measurement, keys);
            table.add(file, columns);
            own.push(table);
        }
        let mut strangers = Vec::new();
        for tree in Tree::ALL {
            strangers.append(&mut self.storage().list(tree.folder())?);
        }
        strangers.retain(|path| !self.state().files.contains_key(path));
        for own in tables.values_mut() {
            let alone = own.len() == 1;
            for table in own {
                let inside = |path: &String| {
                    path.strip_prefix(&table.folder).is_some_and(|rest| rest.starts_with('/'))
                };
                table.is_folder = alone && !strangers.iter().any(inside);
            }
        }
        Ok(tables.into_values().flatten().collect())
    }
}

fn columns_of(columns: &Columns) -> Vec<Column> {
    let time = Column {
        role: Role::Time(columns.time),
        name: TIME.as_bytes().into(),
        label: TIME.to_owned(),
        binary: false,
    };
    let tags = columns.tags.iter().map(|tag| Column {
        role: Role::Tag,
        name: tag.name.clone(),
        label: tag.label.clone(),
        binary: tag.binary,
    });
    let fields = columns.fields.iter().map(|field| Column {
        role: Role::Field(field.kind),
        name: field.name.clone(),
        label: field.label.clone(),
        binary: field.binary,
    });
    std::iter::once(time).chain(tags).chain(fields).collect()
}
