//! Values that will be refused for their type, as far as counts tell before a run: those of fields whose types the destination
//! knows otherwise.

use std::collections::BTreeSet;

use crate::config::job::JobConfig;
use crate::influx::client::Client;
use crate::job::destination_facts::DestinationFacts;
use crate::job::ends::count;
use crate::job::source_facts::SourceFacts;
use crate::limits::REFUSALS_COUNTED_MAX;
use crate::model::filter::Filter;
use crate::model::number;
use crate::model::series::Readable;
use crate::model::time::TimeRange;
use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;
use crate::report::facts::RowFacts;
use crate::report::preflight::{Finding, Verdict};
use crate::wire::flux::Selection;

/// What is to be known of the limit before a run that rejects such values. A field that is not counted is not told of.
pub(crate) async fn foretold(
    config: &JobConfig,
    client: &Client,
    source: &SourceFacts,
    destination: &DestinationFacts,
    range: TimeRange,
) -> Option<Finding> {
    let limit = config.safety.reject_limit;
    if config.safety.on_type_conflict != ConflictPolicy::Reject || range.is_empty() {
        return None;
    }
    let (mut refused, mut first) = (0, None);
    for (measurement, field) in
        clashing(config, source, destination).into_iter().take(REFUSALS_COUNTED_MAX)
    {
        let filter = Filter {
            measurements: vec![measurement.clone()],
            fields: vec![field.clone()],
            ..config.scope.filter.clone()
        };
        let selection = Selection {
            bucket: &config.ends.source_bucket,
            range,
            filter: &filter,
            measurements: &[],
            without: &[],
        };
        // A forecast is no reason to end: what cannot be counted is seen by the run.
        let Ok(values) = count(client, selection, "count of values of another type").await else {
            continue;
        };
        refused += values;
        first = first.or(Some((measurement, field)));
    }
    let (measurement, field) = first.filter(|_| refused > limit)?;
    let (measurement, field) = (Readable(measurement.as_bytes()), Readable(field.as_bytes()));
    let values = number::all_counted(refused, "value", "values");
    let text = format!(
        "up to {values} would be refused, those of {measurement}.{field} first, and --reject-limit is {}: the run would stop",
        number::grouped(limit)
    );
    Some(Finding {
        code: "P12".to_owned(),
        verdict: Verdict::Warn,
        subject: "types".to_owned(),
        text,
        cure: Some(format!("--reject-limit {refused}, or --on-type-conflict suffix")),
        facts: RowFacts::default(),
    })
}

/// Fields that the destination knows, and by none of the source's types.
fn clashing(
    config: &JobConfig,
    source: &SourceFacts,
    destination: &DestinationFacts,
) -> Vec<(String, String)> {
    let filter = &config.scope.filter;
    let Some(types) = source.survey.field_types() else { return Vec::new() };
    let mut found = Vec::new();
    for (measurement, own) in types.iter().filter(|(name, _)| filter.takes_measurement(name)) {
        for (field, kinds) in own.iter().filter(|(name, _)| filter.takes_field(name)) {
            let theirs = destination.field_types.get(measurement).and_then(|own| own.get(field));
            let differs = |theirs: &BTreeSet<String>| theirs.is_disjoint(kinds);
            if theirs.is_some_and(differs) {
                found.push((measurement.clone(), field.clone()));
            }
        }
    }
    found
}
