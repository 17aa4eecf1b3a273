//! `spool describe`: what a spool holds, and how other engines read it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::absolute;

use super::opened;
use crate::checkpoint::identity::filter_text;
use crate::cli::spool::EngineWord;
use crate::commands::error::Error;
use crate::config::export::PlaceConfig;
use crate::exit::ExitCode;
use crate::model::filter::Filter;
use crate::model::series::Name;
use crate::report::snippet::{self, Engine};
use crate::report::spool::{SpoolMeasurement, SpoolReport};
use crate::report::stream;
use crate::report::stream::Stdout;
use crate::spool;
use crate::spool::name::Tree;
use crate::spool::stored::Stored;
use crate::spool::tables::{Role, SpoolTable, TableColumn};

pub(super) fn run(config: &PlaceConfig, sql: Option<EngineWord>) -> Result<ExitCode, Error> {
    let stored = opened::open(config)?;
    let tables = stored.tables().map_err(Box::new)?;
    if let Some(word) = sql {
        let root = root(&config.place)?;
        let text = snippet::text(engine(word), &root, stored.watermark(), &tables);
        // A refusal is told at the end.
        let _ = Stdout.write_all(text.as_bytes());
        return Ok(ExitCode::Done);
    }
    let report = report(&config.place, &stored, &tables);
    opened::show(
        config.json,
        || report.json(),
        || opened::told(config, report.lines(stream::stdout_paper(None))),
    );
    Ok(ExitCode::Done)
}

fn engine(word: EngineWord) -> Engine {
    match word {
        EngineWord::DuckDb => Engine::DuckDb,
        EngineWord::Polars => Engine::Polars,
        EngineWord::Pandas => Engine::Pandas,
        EngineWord::PyArrow => Engine::PyArrow,
        EngineWord::DataFusion => Engine::DataFusion,
        EngineWord::Spark => Engine::Spark,
        EngineWord::Trino => Engine::Trino,
    }
}

/// The folder from the root of the file system.
fn root(place: &str) -> Result<String, Error> {
    let none = || Error::NoSnippet { place: place.to_owned() };
    let folder = spool::place::folder(place).ok_or_else(none)?;
    let root = absolute(folder).map_err(|_| none())?.into_os_string();
    let root = root.into_string().map_err(|_| none())?;
    if root.chars().any(char::is_control) {
        return Err(none());
    }
    Ok(root.trim_end_matches('/').to_owned())
}

fn report(place: &str, stored: &Stored, tables: &[SpoolTable]) -> SpoolReport {
    let (job, described) = (stored.job(), stored.describe());
    let mut folders: BTreeMap<&Name, &str> = BTreeMap::new();
    let mut columns: BTreeMap<(&Name, Tree), Vec<TableColumn>> = BTreeMap::new();
    for table in tables {
        folders.entry(&table.measurement).or_insert(&table.folder);
        let own = columns.entry((&table.measurement, table.tree)).or_default();
        let new = table.columns.iter().filter(|column| !own.contains(column));
        let new: Vec<_> = new.cloned().collect();
        own.extend(new);
    }
    let rows = described.measurements.iter().map(|own| {
        let mut of = |tree| columns.remove(&(&own.name, tree)).unwrap_or_default();
        let (data, mut conflicts) = (of(Tree::Data), of(Tree::Conflicts));
        conflicts.retain(|column| matches!(column.role, Role::Field(_)));
        SpoolMeasurement {
            name: own.name.clone(),
            folder: folders.get(&own.name).copied().unwrap_or_default().to_owned(),
            files: own.files,
            bytes: own.bytes,
            rows: own.rows,
            values: own.values,
            conflicts: own.conflicts,
            times: (own.time_min, own.time_max),
            columns: data,
            conflict_columns: conflicts,
        }
    });
    let filter = job.identity.filter;
    SpoolReport {
        place: place.to_owned(),
        host: job.identity.source_host,
        source: (job.source_org, job.source_bucket),
        filter: (filter != filter_text(&Filter::default())).then_some(filter),
        range: described.range,
        wanted: described.wanted.stop,
        shard_group_ns: job.shard_group_ns,
        rejected: stored.rejected(),
        measurements: rows.collect(),
    }
}
