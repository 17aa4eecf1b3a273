//! SQL.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::engine::{Engine, Named, time_type};
use crate::model::frame::FieldType;
use crate::model::time_type::TimeType;
use crate::spool::tables::{Column, Role, Table};

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

pub(super) fn duckdb(text: &mut String, root: &str, tables: &[Named<'_>]) {
    let is_exact = |named: &&Named<'_>| time_type(named.table) == Some(TimeType::NsUtc);
    if let Some(first) = tables.iter().find(is_exact) {
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

pub(super) fn datafusion(text: &mut String, root: &str, tables: &[Named<'_>]) {
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

pub(super) fn spark(text: &mut String, root: &str, tables: &[Named<'_>]) {
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

pub(super) fn trino(text: &mut String, root: &str, tables: &[Named<'_>]) {
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
        Role::Time(TimeType::NsUtc) => "timestamp(9)",
        Role::Time(TimeType::UsUtc) => "timestamp(6)",
        Role::Tag | Role::Field(FieldType::String) if column.binary => "varbinary",
        Role::Tag | Role::Field(FieldType::String) => "varchar",
        Role::Field(FieldType::Float) => "double",
        Role::Time(TimeType::I64) | Role::Field(FieldType::Integer) => "bigint",
        Role::Field(FieldType::Unsigned) => "decimal(20, 0)",
        Role::Field(FieldType::Boolean) => "boolean",
    }
}
