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
use crate::report::text::{COLUMNS, clean, fit, wrap};

/// Columns of the labels.
const LABEL: usize = 12;

/// Items of a list that are shown; the others are counted.
const LISTED_MAX: usize = 6;

/// What may be spent, before anything is.
pub(crate) fn budget_line(bytes: u64, ms: Option<u64>, sink: TrialSink) -> String {
    let time = ms.map_or(String::new(), |ms| format!(" and {}", number::duration(ms)));
    let written = match sink {
        TrialSink::Discard => "nothing is written",
        TrialSink::Destination => {
            "written is only into buckets of its own, deleted after each trial"
        }
    };
    format!(
        "bench spends {} of the source's quota{time} at the most; {written}",
        number::bytes(bytes)
    )
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
    let mut lines = vec![head(header, verdict)];
    lines.extend(wrap(&runs(verdict), COLUMNS, 0));
    table(verdict, &mut lines);
    conclusion(header, verdict, &mut lines);
    if !files.is_empty() {
        let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        labelled("FILES", &names.join("  "), &mut lines);
    }
    let seed = header.seed;
    labelled("SEED", &format!("{seed} (--seed {seed} tries the same again)"), &mut lines);
    lines
}

fn head(header: &BenchHeader, verdict: &BenchVerdict) -> String {
    let written = match header.sink {
        TrialSink::Discard => "sink discard, nothing written",
        TrialSink::Destination => "sink destination, its buckets deleted",
    };
    let spent = number::bytes_of(verdict.bytes_spent, header.budget_bytes);
    let spent = spent.replace('/', " of ");
    let behind = format!("  {written}   spent {spent}");
    let room = COLUMNS.saturating_sub(behind.len() + "BENCH ".len());
    format!("BENCH {}{behind}", fit(&clean(&header.source, stream::glyphs()), room))
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

fn table(verdict: &BenchVerdict, lines: &mut Vec<String>) {
    if verdict.rows.is_empty() {
        lines.push("nothing was measured".to_owned());
        return;
    }
    let bodies = tells_bodies(verdict.rows.iter().map(|row| row.setting));
    lines.push(format!(
        "  {:<10} {:<8} {:>7} {:>8}  {:<22} {:>6} {:>9}",
        "TRANSPORT",
        "INTERVAL",
        requests_head(bodies),
        "B/VALUE",
        "VALUES/S med (min-max)",
        "OF MAX",
        "WHOLE JOB"
    ));
    let best = verdict.recommendation.as_ref().map(|best| best.setting);
    for row in &verdict.rows {
        let mark = if best == Some(row.setting) { ">" } else { " " };
        lines.push(format!("{mark} {}", cells(row, bodies)));
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

fn cells(row: &SettingRow, bodies: bool) -> String {
    let TrialSetting { interval, transport, .. } = row.setting;
    format!(
        "{:<10} {:<8} {:>7} {:>8}  {:<22} {:>6} {:>9}",
        transport.to_string(),
        interval.to_string(),
        requests(row.setting, bodies),
        number::ratio(row.milli_bytes_per_value.likely, 1_000),
        speed(row.values_per_s, row.runs),
        format!("{} %", row.deadline_per_mille.div_ceil(10)),
        number::duration(row.whole_ms.likely),
    )
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

fn conclusion(header: &BenchHeader, verdict: &BenchVerdict, lines: &mut Vec<String>) {
    if let Some(best) = &verdict.recommendation {
        let destination = match header.sink {
            TrialSink::Discard => ". Destination: not measured (--sink destination)",
            TrialSink::Destination => "",
        };
        labelled("LIMITED BY", &format!("{}{destination}", best.limit.words()), lines);
        let TrialSetting { interval, transport, concurrency, body_bytes } = best.setting;
        let mut text = format!(
            "--batch-interval {interval} --transport {transport} --concurrency {concurrency}"
        );
        if body_bytes != BODY_BYTES_TARGET {
            text = format!("{text} (bodies of {} were best)", number::bytes(body_bytes as u64));
        }
        labelled("USE", &text, lines);
        let time = number::duration_range(best.whole_ms.low, best.whole_ms.high);
        labelled("WHOLE JOB", &format!("{time}, by the runs of this setting"), lines);
        let margin = format!(
            "batches differ {} times; the fullest one may grow {} times before it meets {}",
            number::ratio(best.variation_per_mille, 1_000),
            number::ratio(best.headroom_per_mille, 1_000),
            best.bound.words()
        );
        labelled("MARGIN", &margin, lines);
        if !best.is_safe() {
            labelled("WARN", "no setting that was tried keeps that margin", lines);
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
    let mut lines = wrap(&format!("BENCH {second} as a multiple of {first}"), COLUMNS, 6);
    let method = "medians; in brackets the 95 % interval by the percentile bootstrap, 2,000 draws";
    lines.push(method.to_owned());
    let bodies = tells_bodies(found.pairs.iter().map(|pair| pair.setting));
    lines.push(format!(
        "  {:<11} {:<8} {:>7}  {:>7}  {:<18} B/VALUE",
        "TRANSPORT",
        "INTERVAL",
        requests_head(bodies),
        "RUNS",
        "VALUES/S"
    ));
    lines.extend(found.pairs.iter().map(|own| pair(own, bodies)));
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

fn pair(pair: &Pair, bodies: bool) -> String {
    let TrialSetting { interval, transport, .. } = pair.setting;
    let ratio = |ratio: Option<Ratio>| {
        ratio.map_or("-".to_owned(), |Ratio { ratio, low, high }| {
            format!("{ratio:.2} [{low:.2}, {high:.2}]")
        })
    };
    let line = format!(
        "  {:<11} {:<8} {:>7}  {:>7}  {:<18} {:<18}",
        transport.to_string(),
        interval.to_string(),
        requests(pair.setting, bodies),
        format!("{}/{}", pair.runs[0], pair.runs[1]),
        ratio(pair.speed),
        ratio(pair.bytes)
    );
    line.trim_end().to_owned()
}

fn labelled(label: &str, text: &str, lines: &mut Vec<String>) {
    for (at, part) in wrap(text, COLUMNS - LABEL, 0).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        lines.push(format!("{label:<LABEL$}{part}"));
    }
}
