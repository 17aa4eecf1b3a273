//! What a bench prints.

use std::path::PathBuf;

use crate::bench::compare::{Comparison, Pair};
use crate::bench::record::{BenchHeader, TrialSink};
use crate::bench::schedule::terms::{Left, PlannedTrial};
use crate::bench::setting::TrialSetting;
use crate::bench::simulate::Rehearsal;
use crate::bench::statistics::Ratio;
use crate::bench::verdict::{BenchVerdict, SettingRow};
use crate::limits::BODY_BYTES_TARGET;
use crate::model::number;
use crate::model::spread::Spread;
use crate::report::stream;
use crate::report::table::{TableHead, TableLayout};
use crate::report::text::{self, clean, fit, wrap};

/// Columns of the source's name below which it gets a line of its own.
const SOURCE_MIN: usize = 12;

/// Items of a list that are shown; the others are counted.
const LISTED_MAX: usize = 6;

/// The columns of a bench behind the transport, and the order in which they leave.
fn heads(bodies: bool) -> [TableHead; 6] {
    [
        TableHead::left("INTERVAL", 8).gap(0),
        TableHead::right(requests_head(bodies), 8),
        TableHead::right("B/VALUE", 9).leaves(2),
        TableHead::left("VALUES/S med (min-max)", 22).leaves(3),
        TableHead::right("OF MAX", 7).leaves(1),
        TableHead::right("WHOLE JOB", 10),
    ]
}

/// The same of two benches side by side.
fn heads_compared(bodies: bool) -> [TableHead; 5] {
    [
        TableHead::left("INTERVAL", 8).gap(0),
        TableHead::right(requests_head(bodies), 8).leaves(3),
        TableHead::right("RUNS", 9).leaves(1),
        TableHead::left("VALUES/S", 18),
        TableHead::left("B/VALUE", 18).gap(1).leaves(2),
    ]
}

/// What may be spent, before anything is.
pub(crate) fn budget_line(bytes: u64, has_quota: bool, ms: Option<u64>, sink: TrialSink) -> String {
    let time = ms.map_or(String::new(), |ms| format!(" and {}", number::duration(ms)));
    let written = match sink {
        TrialSink::Discard => "nothing is written",
        TrialSink::Destination => {
            "written is only into buckets of its own, deleted after each trial"
        }
    };
    let bytes = number::bytes(bytes);
    if has_quota {
        format!("bench spends {bytes} of the source's quota{time} at the most; {written}")
    } else {
        format!("bench reads {bytes}{time} from the source at the most; {written}")
    }
}

/// A bench of a job that reads nothing.
pub(crate) fn nothing_lines(source: &str, why: &[String], is_quiet: bool) -> Vec<String> {
    let columns = columns();
    let source = clean(source, stream::glyphs());
    let mut lines = wrap(&format!("NOTHING TO MEASURE   {source}"), columns, 2);
    if !is_quiet {
        for text in why {
            lines.extend(text::wrap_after(columns, "  ", &clean(text, stream::glyphs())));
        }
        lines.push("  no trial was run, and no file is written".to_owned());
    }
    lines
}

/// A trial that begins.
pub(crate) fn trial_line(number: u64, planned: &PlannedTrial, left: Left) -> String {
    let TrialSetting { interval, transport, concurrency, .. } = planned.setting;
    let what = if planned.warm_up { "warm-up" } else { planned.stratum.name() };
    format!(
        "trial {number}: {transport} {interval} x{concurrency}, {what}, at most {} of {} left",
        number::bytes(planned.bytes_predicted),
        number::bytes(left.bytes)
    )
}

/// The end of a bench.
pub(crate) fn lines(
    header: &BenchHeader,
    verdict: &BenchVerdict,
    files: &[PathBuf],
) -> Vec<String> {
    let columns = columns();
    let mut lines = head(header, verdict, columns);
    lines.extend(wrap(&runs(verdict), columns, 0));
    table(verdict, columns, &mut lines);
    conclusion(header, verdict, &mut lines);
    if !files.is_empty() {
        let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        labelled("FILES", &names.join("  "), &mut lines);
    }
    let seed = header.seed;
    labelled("SEED", &format!("{seed} (--seed {seed} tries the same again)"), &mut lines);
    lines
}

fn columns() -> usize {
    stream::stdout_paper(None).columns
}

fn head(header: &BenchHeader, verdict: &BenchVerdict, columns: usize) -> Vec<String> {
    let written = match header.sink {
        TrialSink::Discard => "sink discard, nothing written",
        TrialSink::Destination => "sink destination, its buckets deleted",
    };
    let spent = number::bytes_of(verdict.bytes_spent, header.budget_bytes);
    let spent = spent.replace('/', " of ");
    let source = clean(&header.source, stream::glyphs());
    let behind = format!("  {written}   spent {spent}");
    let room = columns.saturating_sub(behind.len() + "BENCH ".len());
    if room < SOURCE_MIN.min(source.len()) {
        let first = fit(&format!("BENCH {source}"), columns);
        return std::iter::once(first).chain(wrap(&behind, columns, 2)).collect();
    }
    vec![format!("BENCH {}{behind}", fit(&source, room))]
}

fn runs(verdict: &BenchVerdict) -> String {
    let settings = verdict.rows.len();
    let runs: Vec<u64> = verdict.rows.iter().map(|row| row.runs).collect();
    let (least, most) =
        (runs.iter().min().copied().unwrap_or(0), runs.iter().max().copied().unwrap_or(0));
    let each = if least == most { least.to_string() } else { format!("{least} to {most}") };
    format!(
        "{}, {each} {} each of {}, random order; stopped: {}",
        number::counted(settings as u64, "setting", "settings"),
        if most == 1 { "run" } else { "runs" },
        number::counted(verdict.trials, "trial", "trials"),
        verdict.stopped
    )
}

fn table(verdict: &BenchVerdict, columns: usize, lines: &mut Vec<String>) {
    if verdict.rows.is_empty() {
        lines.push("nothing was measured".to_owned());
        return;
    }
    let bodies = tells_bodies(verdict.rows.iter().map(|row| row.setting));
    let table = TableLayout::new(columns, ("  TRANSPORT", 13, 13), 0, &heads(bodies));
    lines.push(table.head());
    let best = verdict.recommendation.as_ref().map(|best| best.setting);
    for row in &verdict.rows {
        let mark = if best == Some(row.setting) { ">" } else { " " };
        let name = format!("{mark} {}", row.setting.transport);
        lines.push(table.row(&name, &cells(row, bodies)));
    }
}

/// True if the size of bodies has to stand beside the number of requests.
fn tells_bodies(mut settings: impl Iterator<Item = TrialSetting>) -> bool {
    settings.any(|setting| setting.body_bytes != BODY_BYTES_TARGET)
}

fn requests_head(bodies: bool) -> &'static str {
    if bodies { "CONC/MB" } else { "CONC" }
}

fn requests(setting: TrialSetting, bodies: bool) -> String {
    let TrialSetting { concurrency, body_bytes, .. } = setting;
    if bodies {
        format!("{concurrency}/{}", number::ratio(body_bytes as u64, 1_000_000))
    } else {
        concurrency.to_string()
    }
}

fn cells(row: &SettingRow, bodies: bool) -> [String; 6] {
    [
        row.setting.interval.to_string(),
        requests(row.setting, bodies),
        number::ratio(row.milli_bytes_per_value.likely, 1_000),
        speed(row.values_per_s, row.runs),
        format!("{} %", row.deadline_per_mille.div_ceil(10)),
        number::duration_fine(row.whole_ms.likely),
    ]
}

/// `2.4 M (2.3-2.5)`.
fn speed(spread: Spread, runs: u64) -> String {
    let (size, unit) = match spread.high {
        0..1_000 => (1, ""),
        1_000..1_000_000 => (1_000, " k"),
        1_000_000..1_000_000_000 => (1_000_000, " M"),
        _ => (1_000_000_000, " G"),
    };
    let shown = |n| number::ratio(n, size);
    let median = format!("{}{unit}", shown(spread.likely));
    if runs == 1 {
        return format!("{median} (one run)");
    }
    format!("{median} ({}-{})", shown(spread.low), shown(spread.high))
}

const UNSAFE: &str = "no setting that was tried keeps that margin";

/// The end of a bench for who only wants to know what to use.
pub(crate) fn quiet_lines(verdict: &BenchVerdict) -> Vec<String> {
    let mut lines = Vec::new();
    match &verdict.recommendation {
        Some(best) => {
            if !best.is_safe() {
                labelled("WARN", UNSAFE, &mut lines);
            }
            labelled("USE", &usage(best.setting), &mut lines);
        }
        None => lines.push("nothing was measured".to_owned()),
    }
    lines
}

/// The flags of a setting.
fn usage(setting: TrialSetting) -> String {
    let TrialSetting { interval, transport, concurrency, body_bytes } = setting;
    let text =
        format!("--batch-interval {interval} --transport {transport} --concurrency {concurrency}");
    if body_bytes == BODY_BYTES_TARGET {
        return text;
    }
    format!("{text} (bodies of {} were best)", number::bytes(body_bytes as u64))
}

fn conclusion(header: &BenchHeader, verdict: &BenchVerdict, lines: &mut Vec<String>) {
    if let Some(best) = &verdict.recommendation {
        let destination = match header.sink {
            TrialSink::Discard => ". Destination: not measured (--sink destination)",
            TrialSink::Destination => "",
        };
        labelled("LIMITED BY", &format!("{}{destination}", best.limit.words()), lines);
        labelled("USE", &usage(best.setting), lines);
        let as_fast = |row: &&SettingRow| {
            row.setting != best.setting && row.whole_ms.low <= best.whole_ms.high
        };
        let as_fast = verdict.rows.iter().filter(as_fast).count() as u64;
        if as_fast > 0 {
            let others = number::counted(as_fast, "other setting is", "other settings are");
            let text = format!(
                "{others} as fast within the spread of the runs; --repetitions 10 tells more apart"
            );
            labelled("NOISE", &text, lines);
        }
        let time = number::duration_range(best.whole_ms.low, best.whole_ms.high);
        labelled("WHOLE JOB", &format!("{time}, by the runs of this setting"), lines);
        let margin = format!(
            "batches differ {} times; the fullest one may grow {} times before it meets {}",
            number::times(best.variation_per_mille),
            number::times(best.headroom_per_mille),
            best.bound.words()
        );
        labelled("MARGIN", &margin, lines);
        if !best.is_safe() {
            labelled("WARN", UNSAFE, lines);
        }
        let own = verdict.rows.iter().find(|row| row.setting == best.setting);
        if let Some(row) = own.filter(|row| row.setting.transport.0.is_none()) {
            labelled("AUTO", &format!("reads by {} here", row.transports.join(" and ")), lines);
        }
    }
    for text in verdict.not_seen.iter().take(LISTED_MAX) {
        labelled("NOT SEEN", &clean(text, stream::glyphs()), lines);
    }
    if verdict.not_seen.len() > LISTED_MAX {
        labelled("", &format!("and {} more", verdict.not_seen.len() - LISTED_MAX), lines);
    }
}

/// What a rehearsal came to.
pub(crate) fn rehearsal(found: &Rehearsal, lines: &mut Vec<String>) {
    let finish = number::duration(found.whole_ms());
    let windows = found.windows.map_or("no quota".to_owned(), |windows| {
        format!("{} of the quota", number::all_counted(windows, "window", "windows"))
    });
    let text = format!(
        "{}, {}: done after {finish}, {windows}, {}, {}",
        number::counted(found.values, "value", "values"),
        number::bytes(found.bytes),
        number::counted(found.requests, "request", "requests"),
        number::counted(found.batches, "batch", "batches")
    );
    labelled("REHEARSED", &text, lines);
}

/// Two benches side by side.
pub(crate) fn comparison(first: &str, second: &str, found: &Comparison) -> Vec<String> {
    let (first, second) = (clean(first, stream::glyphs()), clean(second, stream::glyphs()));
    let columns = columns();
    let mut lines = wrap(&format!("BENCH {second} as a multiple of {first}"), columns, 6);
    let method = "medians; in brackets the 95 % interval by the percentile bootstrap, 2,000 draws";
    lines.extend(wrap(method, columns, 0));
    let bodies = tells_bodies(found.pairs.iter().map(|pair| pair.setting));
    let table = TableLayout::new(columns, ("  TRANSPORT", 14, 14), 0, &heads_compared(bodies));
    lines.push(table.head());
    let row = |pair: &Pair| {
        table.row(&format!("  {}", pair.setting.transport), &cells_compared(pair, bodies))
    };
    lines.extend(found.pairs.iter().map(row));
    if found.pairs.is_empty() {
        lines.push("no setting was measured by both".to_owned());
    }
    for (label, settings) in
        [("ONLY FIRST", &found.only_first), ("ONLY SECOND", &found.only_second)]
    {
        let texts: Vec<_> = settings.iter().map(ToString::to_string).collect();
        if !texts.is_empty() {
            labelled(label, &texts.join(", "), &mut lines);
        }
    }
    for difference in &found.circumstances {
        let text = format!("{}: {} / {}", difference.what, difference.first, difference.second);
        labelled("DIFFERS", &clean(&text, stream::glyphs()), &mut lines);
    }
    lines
}

fn cells_compared(pair: &Pair, bodies: bool) -> [String; 5] {
    let ratio = |ratio: Option<Ratio>| {
        ratio.map_or("-".to_owned(), |Ratio { ratio, low, high }| {
            format!("{ratio:.2} [{low:.2}, {high:.2}]")
        })
    };
    [
        pair.setting.interval.to_string(),
        requests(pair.setting, bodies),
        format!("{}/{}", pair.runs[0], pair.runs[1]),
        ratio(pair.speed),
        ratio(pair.bytes),
    ]
}

fn labelled(label: &str, text: &str, lines: &mut Vec<String>) {
    lines.extend(text::labelled(columns(), label, text));
}
