//! How other engines read a spool: texts that can be run as they are. A test runs each of them.
//!
//! The folder is read as it is, so a snippet stays right when the spool grows. Where the folder of a measurement holds
//! files that are no part of the spool, or one label means two things, the files are listed one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::model::frame::FieldType;
use crate::model::series::schema_label;
use crate::model::time::Timestamp;
use crate::spool::name::Tree;
use crate::spool::tables::{Column, Role, Table, TimeForm};

/// An engine that reads Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQL.
    DuckDb,
    /// Python.
    Polars,
    /// Python.
    Pandas,
    /// Python.
    PyArrow,
    /// SQL.
    DataFusion,
    /// SQL.
    Spark,
    /// SQL of the Hive connector.
    Trino,
}

impl Engine {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::DuckDb,
        Self::Polars,
        Self::Pandas,
        Self::PyArrow,
        Self::DataFusion,
        Self::Spark,
        Self::Trino,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::Polars => "Polars",
            Self::Pandas => "pandas",
            Self::PyArrow => "pyarrow",
            Self::DataFusion => "DataFusion",
            Self::Spark => "Spark",
            Self::Trino => "Trino",
        }
    }

    const fn is_sql(self) -> bool {
        matches!(self, Self::DuckDb | Self::DataFusion | Self::Spark | Self::Trino)
    }

    /// What the engine makes of times of a form. The one place that depends on it.
    const fn times(self, form: TimeForm) -> Times {
        let TimeForm::NsUtc = form;
        let (note, trino) = match self {
            Self::DuckDb => (
                "time is TIMESTAMPTZ_NS from DuckDB 2.0 on. Earlier versions round it down to microseconds without a \
                 word, so the first statement stops them.",
                "",
            ),
            Self::Polars => ("time is Datetime(ns, UTC), exact.", ""),
            Self::Pandas | Self::PyArrow => ("time is timestamp[ns, UTC], exact.", ""),
            Self::DataFusion => ("time is Timestamp(ns, UTC), exact.", ""),
            Self::Spark => (
                "time is a BIGINT of nanoseconds since 1970, exact; timestamp_micros(time div 1000) is the time to the \
                 microsecond. Spark refuses to read such times in any other way.",
                "",
            ),
            Self::Trino => (
                "time is timestamp(9) in UTC, if the connector has hive.timestamp-precision=NANOSECONDS.",
                "timestamp(9)",
            ),
        };
        Times { note, trino }
    }
}

struct Times {
    note: &'static str,
    /// Trino's type.
    trino: &'static str,
}

/// A table with the name that it gets.
struct Named<'a> {
    name: String,
    table: &'a Table,
}

/// The text for the spool in this folder, an absolute path of UTF-8 without control characters.
pub fn text(engine: Engine, root: &str, complete: Timestamp, tables: &[Table]) -> String {
    let mut text = String::new();
    let comment = if engine.is_sql() { "--" } else { "#" };
    let _ =
        writeln!(text, "{comment} {}: the spool {root}, complete up to {complete}.", engine.name());
    let _ = writeln!(text, "{comment} Read it while no run writes to it.");
    let forms: BTreeSet<TimeForm> = tables.iter().filter_map(form).collect();
    for form in &forms {
        let _ = writeln!(text, "{comment} {}", engine.times(*form).note);
    }
    let named = named(tables);
    match engine {
        Engine::DuckDb => duckdb(&mut text, root, &named),
        Engine::DataFusion => datafusion(&mut text, root, &named),
        Engine::Spark => spark(&mut text, root, &named),
        Engine::Trino => trino(&mut text, root, &named),
        Engine::Polars | Engine::Pandas | Engine::PyArrow => {
            python(engine, &mut text, root, &named);
        }
    }
    text
}

fn form(table: &Table) -> Option<TimeForm> {
    table.columns.iter().find_map(|column| match column.role {
        Role::Time(form) => Some(form),
        _ => None,
    })
}

/// Names that differ in more than case.
fn named(tables: &[Table]) -> Vec<Named<'_>> {
    let mut used = BTreeSet::new();
    let name = |table| {
        let Table { measurement, tree, .. }: &Table = table;
        let ending = if *tree == Tree::Conflicts { "_conflicts" } else { "" };
        let base = format!("{}{ending}", schema_label(measurement).replace(char::is_control, "_"));
        let mut name = base.clone();
        let mut number = 1;
        while !used.insert(name.to_lowercase()) {
            number += 1;
            name = format!("{base}_{number}");
        }
        Named { name, table }
    };
    tables.iter().map(name).collect()
}

/// Two columns, partitions included, that an engine which ignores case takes for one.
fn alike(table: &Table) -> Option<(String, String)> {
    let keys = [&table.keys.bucket, &table.keys.measurement, &table.keys.month];
    let labels = keys.into_iter().chain(table.columns.iter().map(|column| &column.label));
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for label in labels {
        if let Some(other) = seen.insert(label.to_lowercase(), label) {
            return Some((other.clone(), label.clone()));
        }
    }
    None
}

/// Says why a table is left out, if the engine would confuse its columns.
fn leave_out(text: &mut String, engine: Engine, Named { name, table }: &Named<'_>) -> bool {
    let Some((one, two)) = alike(table) else { return false };
    let clean = |label: &str| label.replace(char::is_control, "?");
    let _ = writeln!(
        text,
        "-- {} is left out: its columns {} and {} differ in case only, and {} would take one for the other. Polars and \
         pyarrow do not.",
        clean(name),
        clean(&one),
        clean(&two),
        engine.name()
    );
    true
}

fn sql_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn sql_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// With the signs of a pattern taken as they are.
fn duckdb_path(path: &str) -> String {
    let letter = |c| if matches!(c, '*' | '?' | '[') { format!("[{c}]") } else { String::from(c) };
    sql_text(&path.chars().map(letter).collect::<String>())
}

fn duckdb_files(root: &str, table: &Table) -> String {
    let path = |path: &str, ending: &str| {
        let path = duckdb_path(&format!("{root}/{path}"));
        format!("{}{ending}'", &path[..path.len() - 1])
    };
    if table.is_folder {
        return path(&table.folder, "/**/*.parquet");
    }
    let files: Vec<_> = table.files.iter().map(|file| path(file, "")).collect();
    format!("[{}]", files.join(", "))
}

fn duckdb(text: &mut String, root: &str, tables: &[Named<'_>]) {
    if let Some(first) = tables.first() {
        let _ = writeln!(
            text,
            "SELECT CASE typeof(\"time\") WHEN 'TIMESTAMPTZ_NS' THEN 'exact' ELSE error('this DuckDB rounds times to \
             microseconds; use 2.0 or later') END AS times FROM read_parquet({}) LIMIT 1;",
            duckdb_files(root, first.table)
        );
    }
    // Any part of the path that looks like a partition would become a column.
    let partitions = !root.contains('=');
    for named in tables {
        if leave_out(text, Engine::DuckDb, named) {
            continue;
        }
        let _ = writeln!(
            text,
            "CREATE OR REPLACE VIEW {} AS SELECT * FROM read_parquet({}, union_by_name = true, hive_partitioning = \
             {partitions}, hive_types_autocast = false);",
            sql_name(&named.name),
            duckdb_files(root, named.table)
        );
    }
}

/// A path as a URL.
fn file_url(path: &str) -> String {
    let mut url = "file://".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

fn datafusion(text: &mut String, root: &str, tables: &[Named<'_>]) {
    for Named { name, table } in tables {
        let create = |text: &mut String, name: &str, path: &str, partitioned: &str| {
            let url = sql_text(&file_url(path));
            let name = sql_name(name);
            let _ = writeln!(
                text,
                "CREATE EXTERNAL TABLE {name} STORED AS PARQUET{partitioned} LOCATION {url};"
            );
        };
        if table.is_folder {
            let month = format!(" PARTITIONED BY ({})", table.keys.month);
            create(text, name, &format!("{root}/{}/", table.folder), &month);
            continue;
        }
        let mut parts = Vec::new();
        for (at, file) in table.files.iter().enumerate() {
            let part = format!("{name} file {at}");
            create(text, &part, &format!("{root}/{file}"), "");
            parts.push(format!("SELECT * FROM {}", sql_name(&part)));
        }
        let parts = parts.join(" UNION ALL BY NAME ");
        let _ = writeln!(text, "CREATE VIEW {} AS {parts};", sql_name(name));
    }
}

/// With the signs of a pattern taken as they are.
fn hadoop_path(path: &str) -> String {
    let letter = |c| if r"\*?[]{},".contains(c) { format!("\\{c}") } else { String::from(c) };
    path.chars().map(letter).collect()
}

fn spark_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn spark(text: &mut String, root: &str, tables: &[Named<'_>]) {
    text.push_str("SET spark.sql.legacy.parquet.nanosAsLong = true;\n");
    text.push_str("SET spark.sql.caseSensitive = true;\n");
    text.push_str("SET spark.sql.sources.partitionColumnTypeInference.enabled = false;\n");
    for Named { name, table } in tables {
        let folder = format!("{root}/{}", table.folder);
        let mut path = hadoop_path(&folder);
        let mut base = String::new();
        if !table.is_folder {
            let inner = |file: &String| file[table.folder.len() + 1..].to_owned();
            let files: Vec<_> = table.files.iter().map(inner).collect();
            let _ = write!(path, "/{{{}}}", files.join(","));
            base = format!("basePath {}, ", spark_text(&folder));
        }
        let _ = writeln!(
            text,
            "CREATE OR REPLACE TEMPORARY VIEW `{}` USING parquet OPTIONS (path {}, {base}mergeSchema 'true');",
            name.replace('`', "``"),
            spark_text(&path)
        );
    }
}

fn trino(text: &mut String, root: &str, tables: &[Named<'_>]) {
    text.push_str("-- The text was parsed, but not run by a test. Change hive.\"default\" to your catalog and schema.\n");
    for named in tables {
        if leave_out(text, Engine::Trino, named) {
            continue;
        }
        let Named { name, table } = named;
        if !table.is_folder {
            let _ = writeln!(
                text,
                "-- {name} is left out: its folder cannot be read as one table, and Trino reads whole folders."
            );
            continue;
        }
        let columns = table
            .columns
            .iter()
            .map(|column| format!("    {} {}", sql_name(&column.label), trino_type(column)));
        let month = format!("    {} varchar", sql_name(&table.keys.month));
        let columns: Vec<_> = columns.chain([month]).collect();
        let _ = writeln!(
            text,
            "CREATE TABLE hive.\"default\".{} (\n{}\n) WITH (\n    format = 'PARQUET',\n    external_location = {},\n    \
             partitioned_by = ARRAY[{}]\n);\nCALL hive.system.sync_partition_metadata('default', {}, 'ADD');",
            sql_name(name),
            columns.join(",\n"),
            sql_text(&format!("file://{root}/{}", table.folder)),
            sql_text(&table.keys.month),
            sql_text(&name.to_lowercase())
        );
    }
}

fn trino_type(column: &Column) -> &'static str {
    match column.role {
        Role::Time(form) => Engine::Trino.times(form).trino,
        Role::Tag | Role::Field(FieldType::String) if column.binary => "varbinary",
        Role::Tag | Role::Field(FieldType::String) => "varchar",
        Role::Field(FieldType::Float) => "double",
        Role::Field(FieldType::Integer) => "bigint",
        Role::Field(FieldType::Unsigned) => "decimal(20, 0)",
        Role::Field(FieldType::Boolean) => "boolean",
    }
}

/// A text as Python writes it.
fn python_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const POLARS: &str = "\
def table(files):
    return pl.concat([pl.scan_parquet(file, glob=False) for file in files], how=\"diagonal\")
";

const PYARROW: &str = "\
def table(files):
    schema = pa.unify_schemas([pq.read_schema(file) for file in files])
    return ds.dataset(files, schema=schema, format=\"parquet\")
";

/// Whole numbers with gaps would become floats in pandas' own types.
const PANDAS: &str = "
def exact(kind):
    return None if pa.types.is_dictionary(kind) else pd.ArrowDtype(kind)


def read(name, **how):
    return tables[name].to_table(**how).to_pandas(types_mapper=exact)
";

fn python(engine: Engine, text: &mut String, root: &str, tables: &[Named<'_>]) {
    let (imports, note, table) = match engine {
        Engine::Polars => (
            "import polars as pl\n",
            "Each of the tables is a LazyFrame: tables[...].collect()",
            POLARS,
        ),
        Engine::Pandas => (
            "import pandas as pd\nimport pyarrow as pa\nimport pyarrow.dataset as ds\nimport pyarrow.parquet as pq\n",
            "read(name) gives a DataFrame; columns=[...] and filter=... read less of it.",
            PYARROW,
        ),
        _ => (
            "import pyarrow as pa\nimport pyarrow.dataset as ds\nimport pyarrow.parquet as pq\n",
            "Each of the tables is a Dataset: tables[...].to_table()",
            PYARROW,
        ),
    };
    let _ = write!(
        text,
        "# {note}\nfrom pathlib import Path\n\n{imports}\nspool = Path({})\n\n\ndef folder(path):\n    return \
         sorted((spool / path).rglob(\"*.parquet\"))\n\n\n{table}\n\ntables = {{\n",
        python_text(root)
    );
    for Named { name, table } in tables {
        let files = if table.is_folder {
            format!("folder({})", python_text(&table.folder))
        } else {
            let files = table.files.iter().map(|file| format!("spool / {}", python_text(file)));
            format!("[{}]", files.collect::<Vec<_>>().join(", "))
        };
        let _ = writeln!(text, "    {}: table({files}),", python_text(name));
    }
    text.push_str("}\n");
    if engine == Engine::Pandas {
        text.push('\n');
        text.push_str(PANDAS);
    }
}
