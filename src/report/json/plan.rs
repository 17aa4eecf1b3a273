//! What is known before a run, as JSON lines.

use serde_json::{Value, json};

use super::preflight::findings;
use super::{line, merge, now, plan, with_range};
use crate::model::density::{Cell, Stretch, stretches};
use crate::model::foretold::{Conflict, Forecast, PlanMeasurement};
use crate::model::spread::Spread;
use crate::report::dry_run::{ChoiceRow, DryRun};
use crate::report::plan::{IntervalRow, PlanReport};

/// What a dry run found; line protocol is exact here.
pub(crate) fn dry_run(dry_run: &DryRun) -> String {
    let mut body = plan(&dry_run.planned);
    merge(
        &mut body,
        json!({
            "source": dry_run.source,
            "destination": dry_run.destination,
            "choices": dry_run.choices.iter().map(choice_row).collect::<Vec<_>>(),
            "choices_more": dry_run.choices_more,
            "lines": dry_run.lines,
            "values": dry_run.outlook.values,
            "bytes": dry_run.outlook.bytes,
            "time_ms": dry_run.outlook.time_ms,
        }),
    );
    line("dry_run", now(), body)
}

fn choice_row(row: &ChoiceRow) -> Value {
    json!({"measurement": row.measurement, "transport": row.transport, "reason": row.reason})
}

/// All that a plan found.
pub(crate) fn plan_report(report: &PlanReport) -> String {
    let (dense, empty) = stretches(&report.cells);
    let stretch = |stretch: &Stretch| {
        let density = stretch.per_mille_of_mean;
        let body = json!({"values": stretch.values, "per_mille_of_mean": density});
        with_range(stretch.range, body)
    };
    let cell = |cell: &Cell| with_range(cell.range, json!({"values": cell.values}));
    let conflict = |conflict: &Conflict| {
        json!({
            "measurement": conflict.measurement,
            "field": conflict.field,
            "source_types": conflict.source,
            "destination_types": conflict.destination,
        })
    };
    let types = report.types.iter().map(|(kind, fields)| json!({"type": kind, "fields": fields}));
    let body = json!({
        "source": report.source,
        "destination": report.destination,
        "job_start": report.job.start.to_string(),
        "job_stop": report.job.stop.to_string(),
        "resume": report.resume.to_string(),
        "first_value": report.data.map(|(first, _)| first.to_string()),
        "last_value": report.data.map(|(_, last)| last.to_string()),
        "values": report.values,
        "series": report.series,
        "measurements": report.measurements,
        "uncounted": report.uncounted,
        "density": report.cells.iter().map(cell).collect::<Vec<_>>(),
        "dense": dense.iter().map(stretch).collect::<Vec<_>>(),
        "empty": empty.iter().map(stretch).collect::<Vec<_>>(),
        "largest": report.rows.iter().map(measurement).collect::<Vec<_>>(),
        "rest": report.rest.as_ref().map(measurement),
        "field_types": types.collect::<Vec<_>>(),
        "field_types_from": report.types_from,
        "conflicts": report.conflicts.iter().map(conflict).collect::<Vec<_>>(),
        "not_carried": report.not_carried,
        "values_not_carried": report.lost,
        "interval": interval(&report.interval),
        "forecast": forecast(&report.forecast),
        "findings": findings(&report.findings),
        "quota_bytes_spent": report.quota_bytes_spent,
        "requests_spent": report.requests_spent,
        "exit": report.exit.number(),
    });
    line("plan_report", now(), body)
}

fn measurement(row: &PlanMeasurement) -> Value {
    let others = row.others.iter().map(|(transport, cost)| match cost {
        Ok(milli) => json!({"transport": transport, "milli_bytes_per_value": milli}),
        Err(why) => json!({"transport": transport, "not_usable": why}),
    });
    json!({
        "name": row.name,
        "values": row.values,
        "series": row.series,
        "transport": row.transport,
        "reason": row.reason,
        "milli_bytes_per_value": spread(row.milli_bytes_per_value),
        "samples": row.samples,
        "bytes": spread(row.bytes),
        "others": others.collect::<Vec<_>>(),
    })
}

fn interval(row: &IntervalRow) -> Value {
    let guide = row.guide.map(|guide| {
        json!({
            "limit_bytes": guide.limit_bytes,
            "body_bytes": guide.body_bytes,
            "range_ms": guide.range_ns / 1_000_000,
            "interval_ms": guide.interval_ns / 1_000_000,
            "third_ms": guide.third_ns() / 1_000_000,
        })
    });
    json!({"batch_interval": row.interval, "auto": row.auto, "guide": guide})
}

fn forecast(forecast: &Forecast) -> Value {
    json!({
        "batches": forecast.batches,
        "batches_held": forecast.batches_held,
        "requests": spread(forecast.requests),
        "bytes": spread(forecast.bytes),
        "count_bytes": spread(forecast.count_bytes),
        "quota_window_bytes": forecast.quota_bytes,
        "quota_bytes_per_s": forecast.bytes_per_s,
        "time_ms": forecast.time_ms.map(spread),
        "limited_by": if forecast.quota_bytes.is_some() { "quota, or an unknown engine" } else { "an unknown engine" },
        "spool_bytes": forecast.spool_bytes.map(spread),
        "official_task_ms": forecast.task_ms,
    })
}

fn spread(spread: Spread) -> Value {
    json!({"low": spread.low, "likely": spread.likely, "high": spread.high})
}
