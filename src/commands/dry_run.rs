//! `migrate --dry-run`: the plan, and the first lines that a run would write. Nothing is written to either end.

use super::error::Error;
use super::facts::{Ends, SourceFacts};
use super::{job, print_line};
use crate::config::migrate::MigrateConfig;
use crate::exit::ExitCode;
use crate::limits::{DECODE_STEP_BYTES_MAX, DRY_RUN_LINES_MAX, DRY_RUN_VALUES_MAX};
use crate::model::frame::Frame;
use crate::model::time::{NS_PER_S, TimeRange};
use crate::pipeline::survey;
use crate::report::state::Header;
use crate::report::text::Glyphs;
use crate::report::{dry_run::DryRun, json};
use crate::wire::csv::decoder::{Decoder, DecoderSettings};
use crate::wire::csv::table;
use crate::wire::flux::{self, Selection};
use crate::wire::line::body::EncoderSettings;
use crate::wire::line::encoder::Encoder;
use crate::wire::line::split::split_lines;

/// Lengths of the parts that are tried, from the first value on.
const PARTS_NS: [i64; 8] = [
    1,
    NS_PER_S / 1_000,
    NS_PER_S,
    60 * NS_PER_S,
    3_600 * NS_PER_S,
    86_400 * NS_PER_S,
    30 * 86_400 * NS_PER_S,
    i64::MAX,
];

/// Shows what a run would do.
pub async fn run(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    header: Header,
) -> Result<ExitCode, Error> {
    let planned = job::planned_only(config, ends, source).await?;
    let range = TimeRange::new(planned.resume, planned.job.stop);
    let lines = first_lines(config, ends, source, range).await?;
    let dry_run = DryRun { source: header.source, destination: header.destination, planned, lines };
    if config.json {
        print_line(&json::dry_run(&dry_run));
    } else {
        for line in dry_run.lines(Glyphs::Ascii) {
            print_line(&line);
        }
    }
    Ok(ExitCode::Done)
}

/// Widens the range from its first value on until it holds enough lines, or too many values to read for a look.
async fn first_lines(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    range: TimeRange,
) -> Result<Vec<String>, Error> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let selection = |range| source.selection(config, range);
    let Some(first) = survey::earliest(&ends.source, selection(range)).await? else {
        return Ok(Vec::new());
    };
    let mut lines = Vec::new();
    let mut values_read = 0;
    for length_ns in PARTS_NS {
        let part = TimeRange::new(first, first.saturating_add_ns(length_ns)).intersect(range);
        let values = count(ends, selection(part)).await?;
        if values > DRY_RUN_VALUES_MAX && !lines.is_empty() {
            break;
        }
        if values > values_read {
            lines = read(ends, selection(part), &source.survey.field_label).await?;
            values_read = values;
        }
        if lines.len() >= DRY_RUN_LINES_MAX || part.stop == range.stop {
            break;
        }
    }
    Ok(lines)
}

async fn count(ends: &Ends, selection: Selection<'_>) -> Result<u64, Error> {
    let what = "count of the first lines";
    let answer = ends.source.query_all(&flux::count(selection), what).await?;
    let count = table::single_long(&answer).map_err(|source| Error::Decode { what, source })?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// The first lines of a part, in the order in which they would be written. Reading stops once there are enough.
async fn read(
    ends: &Ends,
    selection: Selection<'_>,
    field_label: &str,
) -> Result<Vec<String>, Error> {
    let what = "first lines";
    let decode = |source| Error::Decode { what, source };
    let mut stream = ends.source.query(&flux::read(selection, field_label), what).await?;
    let mut decoder = Decoder::new(DecoderSettings {
        field_label: field_label.to_owned(),
        unescape_strings: false,
        ..DecoderSettings::default()
    });
    let mut frames = Vec::new();
    while let Some(chunk) = stream.next().await? {
        for step in chunk.chunks(DECODE_STEP_BYTES_MAX) {
            decoder.push(step, &mut frames).map_err(decode)?;
        }
        let rows: usize = frames.iter().map(Frame::rows).sum();
        if rows >= DRY_RUN_LINES_MAX {
            return Ok(encode(&frames));
        }
    }
    decoder.finish(&mut frames).map_err(decode)?;
    Ok(encode(&frames))
}

fn encode(frames: &[Frame]) -> Vec<String> {
    let mut encoder = Encoder::new(EncoderSettings::default());
    let (mut bodies, mut rejected) = (Vec::new(), Vec::new());
    for frame in frames {
        encoder.push(frame, &mut bodies, &mut rejected);
    }
    encoder.finish(&mut bodies);
    bodies
        .iter()
        .flat_map(|body| split_lines(&body.bytes).map(|line| &body.bytes[line]))
        .take(DRY_RUN_LINES_MAX)
        .map(|line| String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
        .collect()
}
