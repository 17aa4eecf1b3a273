//! `migrate --dry-run`: the plan, and the first lines that a run would write. Nothing is written to either end.

use std::collections::BTreeMap;
use std::ops::Range;

use tokio::time::{Duration, sleep};

use crate::config::job::JobConfig;
use crate::estimate::look::{self, SeriesLeft};
use crate::estimate::outlook;
use crate::estimate::tally::{self, Tally};
use crate::exit::ExitCode;
use crate::influx::classify::{RequestKind, is_temporary};
use crate::influx::error::FailureKind;
use crate::job::ends::{Ends, count};
use crate::job::error::Error;
use crate::job::place::JobPlace;
use crate::job::plan_run::plan_look;
use crate::job::source_facts::SourceFacts;
use crate::limits::{
    DECODE_STEP_BYTES_MAX, DRY_RUN_INSTANT_VALUES_MAX, DRY_RUN_LINES_MAX, DRY_RUN_MEASUREMENTS_MAX,
    DRY_RUN_VALUES_MAX, QUOTA_SMALL_BYTES_PREDICTED,
};
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable};
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::error::{Error as Failure, failure_of_answer};
use crate::pipeline::read;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::earliest::earliest;
use crate::report::dry_run::{ChoiceRow, DryRun};
use crate::report::json;
use crate::report::state::Header;
use crate::report::stream::{self, print, print_exact, stdout_is_terminal};
use crate::wire::csv::decoder::{CsvDecoder, CsvDecoderSettings};
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
pub(super) async fn run(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    place: Option<&JobPlace>,
    header: Header,
) -> Result<ExitCode, Error> {
    let job = plan_look(config, ends, source, place).await?;
    let transport = read::transport_name(job.transport);
    let planned = read::planned(job.range, job.plan, job.interval, transport);
    let range = job.plan.range();
    let first = if range.is_empty() {
        None
    } else {
        earliest(&ends.source, source.selection(config, range)).await?
    };
    let context = SourceBucket::unheard(job, ends.source.clone());
    let tally = tally::of(&context, range).await?;
    let outlook = outlook::of(&context, &tally, source.quota.bytes_per_window()).await?;
    let (mut lines, mut lines_missing) = (Vec::new(), Some("the range is empty"));
    let (mut rows, mut choices_more) = (Vec::new(), 0);
    if let Some(first) = first {
        let from_first = TimeRange::new(first, range.stop);
        (lines, lines_missing) = sample_lines(config, ends, source, from_first, &tally).await?;
        (rows, choices_more) = choices(&context, first).await?;
    }
    let dry_run = DryRun {
        source: header.source,
        destination: header.destination,
        planned,
        choices: rows,
        choices_more,
        lines,
        lines_missing,
        outlook,
    };
    if config.output.json {
        print_exact(json::plan::dry_run(&dry_run));
    } else {
        let paper = stream::stdout_paper(None);
        let lines = if config.output.volume.is_quiet() {
            dry_run.last(paper)
        } else {
            dry_run.lines(paper, stdout_is_terminal())
        };
        lines.iter().for_each(print);
    }
    Ok(ExitCode::Done)
}

/// How the largest measurements of the first batch that holds anything are read, and how many more there are.
async fn choices(context: &SourceBucket, first: Timestamp) -> Result<(Vec<ChoiceRow>, u64), Error> {
    let batch = look::batch_at(context, first).await?;
    let mut sums: BTreeMap<&Name, u64> = BTreeMap::new();
    for (name, values) in batch.iter().flat_map(|b| &b.windows).flat_map(|window| &window.counts) {
        *sums.entry(name).or_default() += values;
    }
    let mut names: Vec<_> = sums.into_iter().filter(|(name, _)| !name.is_empty()).collect();
    names.sort_by_key(|(_, values)| std::cmp::Reverse(*values));
    let (mut rows, mut left) = (Vec::new(), SeriesLeft::new());
    for (name, values) in names.iter().take(DRY_RUN_MEASUREMENTS_MAX) {
        let batches = batch.as_slice();
        if let Some(choice) = look::chosen(context, batches, name, *values, &mut left).await? {
            rows.push(ChoiceRow {
                measurement: Readable(name).to_string(),
                transport: choice.transport.name().to_owned(),
                reason: choice.reason.clone(),
            });
        }
    }
    Ok((rows, names.len().saturating_sub(DRY_RUN_MEASUREMENTS_MAX) as u64))
}

/// The first lines of each of the largest measurements, as many as are shown; without a line, why there is none.
async fn sample_lines(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    range: TimeRange,
    tally: &Tally,
) -> Result<(Vec<String>, Option<&'static str>), Error> {
    let sizes = tally.by_size();
    let named: Vec<Vec<Name>> =
        sizes.into_iter().take(DRY_RUN_LINES_MAX).map(|(name, _)| vec![name]).collect();
    // What cannot be told apart is looked at together.
    let named = if named.is_empty() { vec![Vec::new()] } else { named };
    let each = DRY_RUN_LINES_MAX.div_ceil(named.len());
    let (mut lines, mut missing) = (Vec::new(), None);
    for names in &named {
        let of_names = Selection { measurements: names, ..source.selection(config, range) };
        let Some(first) = earliest(&ends.source, of_names).await? else { continue };
        let of_names = Selection { range: TimeRange::new(first, range.stop), ..of_names };
        let (found, why) = first_lines(ends, source, of_names, each).await?;
        lines.extend(found.into_iter().take(each.min(DRY_RUN_LINES_MAX - lines.len())));
        missing = missing.or(why);
        if lines.len() == DRY_RUN_LINES_MAX {
            break;
        }
    }
    Ok((lines, missing))
}

/// Widens the part of a range that begins at its first value until it holds enough lines, or too many values to read for a look. Without a
/// line, why there is none.
async fn first_lines(
    ends: &Ends,
    source: &SourceFacts,
    whole: Selection<'_>,
    enough: usize,
) -> Result<(Vec<String>, Option<&'static str>), Error> {
    let mut lines = Vec::new();
    let (mut values_read, range) = (0, whole.range);
    for length_ns in PARTS_NS {
        let stop = range.start.saturating_add_ns(length_ns);
        let part = TimeRange::new(range.start, stop).intersect(range);
        let selection = Selection { range: part, ..whole };
        let max = if lines.is_empty() { DRY_RUN_INSTANT_VALUES_MAX } else { DRY_RUN_VALUES_MAX };
        match more_lines(ends, selection, values_read..max, &source.survey.field_label).await {
            Ok(Some((values, more))) => (values_read, lines) = (values, more),
            Ok(None) => {}
            Err(TooDear::For(dear)) if lines.is_empty() => return Ok((lines, Some(dear))),
            Err(TooDear::For(_)) => break,
            Err(TooDear::Failed(error)) => return Err(error),
        }
        if lines.len() >= enough || part.stop == range.stop {
            break;
        }
    }
    Ok((lines, None))
}

/// Why a part is not read.
enum TooDear {
    /// A look is not worth it.
    For(&'static str),
    /// It cannot be read.
    Failed(Error),
}

impl From<Error> for TooDear {
    fn from(error: Error) -> Self {
        match &error {
            Error::Influx(influx) if influx.kind() == FailureKind::Timeout => {
                Self::For("the source takes too long over it")
            }
            Error::Influx(influx) if influx.kind() == FailureKind::MemoryLimit => {
                Self::For("the source has too little memory for it")
            }
            _ => Self::Failed(error),
        }
    }
}

/// The lines of a part that holds more values than have been read, and no more than the bound.
async fn more_lines(
    ends: &Ends,
    selection: Selection<'_>,
    values: Range<u64>,
    field_label: &str,
) -> Result<Option<(u64, Vec<String>)>, TooDear> {
    let found = count(&ends.source, selection, "count of the first lines").await?;
    if found <= values.start {
        return Ok(None);
    }
    if found > values.end {
        return Err(TooDear::For("too much stands at one time for a look"));
    }
    Ok(Some((found, read(ends, selection, field_label).await?)))
}

/// The first lines of a part, in the order in which they would be written; asked for again where the trouble may pass.
async fn read(
    ends: &Ends,
    selection: Selection<'_>,
    field_label: &str,
) -> Result<Vec<String>, Error> {
    let mut backoff = ends.source.backoff();
    let mut tries = 0;
    loop {
        let error = match read_once(ends, selection, field_label).await {
            Ok(lines) => return Ok(lines),
            Err(error) => error,
        };
        tries += 1;
        let may_pass = match &error {
            Error::Influx(error) => error.may_pass(),
            Error::Pipeline(Failure::Decode { source, .. }) => {
                is_temporary(RequestKind::Query, &failure_of_answer(source))
            }
            _ => false,
        };
        if !may_pass || tries > ends.source.retries_max() {
            return Err(error);
        }
        sleep(Duration::from_millis(backoff.next_ms())).await;
    }
}

/// Reading stops once there are enough.
async fn read_once(
    ends: &Ends,
    selection: Selection<'_>,
    field_label: &str,
) -> Result<Vec<String>, Error> {
    let what = "first lines";
    let decode = |source| Failure::csv(what, source);
    let admission = ends.source.admit(QUOTA_SMALL_BYTES_PREDICTED).await;
    let stream = ends.source.query(&flux::read(selection, field_label), what).await?;
    let mut stream = stream.charge(admission);
    let mut decoder = CsvDecoder::new(CsvDecoderSettings {
        field_label: field_label.to_owned(),
        unescape_strings: false,
        ..CsvDecoderSettings::default()
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
