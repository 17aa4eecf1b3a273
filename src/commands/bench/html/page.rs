//! The frame of the page, and its tables.

use super::{escaped, milli, put, time};
use crate::bench::record::{Ending, Header, Trial, Verdict};
use crate::report::number;

/// Colours follow the reader's preference; everything fits a phone, wide tables scroll by themselves.
const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--paper:#fff;--card:#f6f8fa;--rule:#d1d9e0;
--c0:#0b62c4;--c1:#b35900;--c2:#1a7f37;--c3:#8250df;--c4:#a40e26;--mark:#0b62c4}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b1;--paper:#0d1117;--card:#161b22;--rule:#3d444d;
--c0:#6cb6ff;--c1:#f0a35e;--c2:#57c26b;--c3:#c297ff;--c4:#ff8b94;--mark:#6cb6ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:.2rem 0 1rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem;margin:1rem 0}
figure{margin:0;padding:.5rem;background:var(--card);border:1px solid var(--rule);border-radius:6px}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .soft{fill:var(--soft)}
svg .title{font-weight:600}svg .rule{stroke:var(--rule);stroke-width:1}
svg .limit{stroke:var(--c4);stroke-width:1.5;stroke-dasharray:5 3}
svg .g0{fill:var(--c0);stroke:var(--c0)}svg .g1{fill:var(--c1);stroke:var(--c1)}svg .g2{fill:var(--c2);stroke:var(--c2)}
svg .g3{fill:var(--c3);stroke:var(--c3)}svg .g4{fill:var(--c4);stroke:var(--c4)}
svg .line{fill:none;stroke-width:1.5}svg .dot{stroke:none;fill-opacity:.75}svg .bar{stroke:none;fill-opacity:.55}
svg .marked{fill:var(--mark);fill-opacity:1}svg .whisker{stroke:var(--ink);stroke-width:1.5}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap;overflow-wrap:normal}
th:first-child,td:first-child{text-align:left}tr.best td{font-weight:700}
dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.2rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0}code{font-size:.9em}
";

/// The whole document.
pub(super) fn whole(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// What to use, and why.
pub(super) fn verdict(header: &Header, verdict: &Verdict) -> String {
    let mut text = String::from("<dl>\n");
    let mut item = |name: &str, value: &str| {
        put(&mut text, format_args!("<dt>{name}</dt><dd>{value}</dd>\n"));
    };
    match &verdict.recommendation {
        Some(best) => {
            let setting = best.setting;
            let flags = format!(
                "<code>--batch-interval {} --transport {} --concurrency {}</code>",
                setting.interval, setting.transport, setting.concurrency
            );
            item("use", &flags);
            let (low, high) = (best.whole_ms.low, best.whole_ms.high);
            item("whole migration", &number::duration_range(low, high));
            item("limited by", best.limit.words());
            let margin = format!(
                "batches differ {} times; the fullest one may grow {} times before it meets {}",
                milli(best.variation_per_mille),
                milli(best.headroom_per_mille),
                best.bound.words()
            );
            item("margin", &margin);
        }
        None => item("use", "nothing was measured"),
    }
    let spent = number::bytes_of(verdict.bytes_spent, header.budget_bytes).replace('/', " of ");
    item("spent", &format!("{spent} in {}", number::duration(verdict.elapsed_ms)));
    item("stopped", &escaped(&verdict.stopped));
    if !verdict.not_seen.is_empty() {
        item("not seen", &escaped(&verdict.not_seen.join("; ")));
    }
    text.push_str("</dl>\n");
    text
}

fn table(title: &str, head: &[&str], rows: impl Iterator<Item = (bool, Vec<String>)>) -> String {
    let mut text = format!("<h2>{title}</h2>\n<div class=\"wide\"><table>\n<tr>");
    for name in head {
        put(&mut text, format_args!("<th>{name}</th>"));
    }
    text.push_str("</tr>\n");
    for (best, cells) in rows {
        text.push_str(if best { "<tr class=\"best\">" } else { "<tr>" });
        for cell in cells {
            put(&mut text, format_args!("<td>{}</td>", escaped(&cell)));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table></div>\n");
    text
}

/// One row for each setting.
pub(super) fn settings(verdict: &Verdict) -> String {
    let best = verdict.recommendation.as_ref().map(|best| best.setting);
    let head = [
        "transport",
        "interval",
        "requests",
        "body",
        "runs",
        "B/value",
        "values/s",
        "least",
        "most",
        "of limit",
        "whole job",
        "limited by",
    ];
    let rows = verdict.rows.iter().map(|row| {
        let setting = row.setting;
        let cells = vec![
            setting.transport.to_string(),
            setting.interval.to_string(),
            setting.concurrency.to_string(),
            number::bytes(setting.body_bytes as u64),
            row.runs.to_string(),
            milli(row.milli_bytes_per_value.likely),
            number::count(row.values_per_s.likely),
            number::count(row.values_per_s.low),
            number::count(row.values_per_s.high),
            format!("{} %", row.deadline_per_mille.div_ceil(10)),
            number::duration(row.whole_ms.likely),
            row.limit.words().to_owned(),
        ];
        (best == Some(setting), cells)
    });
    table("Settings", &head, rows)
}

/// One row for each trial.
pub(super) fn trials(trials: &[Trial]) -> String {
    let head = [
        "trial",
        "setting",
        "stretch",
        "start",
        "ending",
        "values",
        "charged",
        "values/s",
        "first byte",
        "longest answer",
        "waited",
        "retries",
        "CPU",
        "memory",
    ];
    let optional = |n: Option<u64>, shown: fn(u64) -> String| n.map_or("-".to_owned(), shown);
    let rows = trials.iter().map(|trial| {
        let ending = match &trial.ending {
            Ending::Complete if trial.warm_up => "warm-up".to_owned(),
            Ending::Complete => "complete".to_owned(),
            Ending::Cut { by } => format!("cut by {by}"),
            Ending::Failed { .. } => "failed".to_owned(),
        };
        let cells = vec![
            trial.number.to_string(),
            trial.setting.to_string(),
            trial.stratum.name().to_owned(),
            number::minute(trial.start),
            ending,
            number::count(trial.values),
            number::bytes(trial.bytes_charged),
            number::count(trial.values_per_s()),
            time(trial.first_byte_us.likely),
            time(trial.slice_us.high),
            time(trial.waited_us),
            trial.retries.to_string(),
            optional(trial.cpu_us, time),
            optional(trial.memory_bytes_max, number::bytes),
        ];
        (false, cells)
    });
    table("Trials", &head, rows)
}

/// Where and how it was measured.
pub(super) fn circumstances(header: &Header) -> String {
    let mut text = String::from("<h2>Circumstances</h2>\n<dl>\n");
    let mut item = |name: &str, value: &str| {
        put(&mut text, format_args!("<dt>{name}</dt><dd>{}</dd>\n", escaped(value)));
    };
    let machine = &header.machine;
    let memory = machine.memory_bytes.map_or("memory not told".to_owned(), number::bytes);
    let kernel = machine.kernel.as_deref().unwrap_or("");
    item("command", &header.command.join(" "));
    item("started", &number::minute(header.started));
    item("sluice", &header.version);
    item(
        "machine",
        &format!("{} {} {kernel}, {} processors, {memory}", machine.os, machine.arch, machine.cpus),
    );
    item("source", &format!("{}, {}", header.source, header.source_version));
    item("range", &format!("[{}, {})", header.start, header.stop));
    item("values", &number::grouped(header.values));
    let quota = header
        .quota_window_bytes
        .map_or("none".to_owned(), |bytes| format!("{} in five minutes", number::bytes(bytes)));
    item("quota", &quota);
    item("values went to", header.sink.name());
    item("budget", &number::bytes(header.budget_bytes));
    item("survey", &number::bytes(header.survey_bytes));
    item("seed", &header.seed.to_string());
    text.push_str("</dl>\n");
    text
}
