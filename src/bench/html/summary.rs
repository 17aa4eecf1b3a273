//! What the bench came to, in front of everything; and the circumstances, at the end.

use super::text::{escaped, milli, put, times, whole_time};
use super::view::View;
use crate::bench::record::{Header, Trial};
use crate::bench::verdict::{Recommendation, Row};
use crate::model::number;

/// What of the page has to be known first: simulated, without an end.
pub(super) fn notices(view: &View<'_>) -> String {
    let mut notices = Vec::new();
    if view.header.source_version == "simulated" {
        notices.push("Simulated: the source was computed, nothing was measured.".to_owned());
    }
    if view.verdict.is_none() {
        notices.push(format!(
            "This bench ended before its verdict, after {}. What stands here follows from them by the same rules.",
            counted(view.trials.len() as u64, "trial")
        ));
    }
    let mut text = String::new();
    for notice in notices {
        put(&mut text, format_args!("<p class=\"notice\">{}</p>\n", escaped(&notice)));
    }
    text
}

/// The recommendation with its margin, and what limits it.
pub(super) fn answer(view: &View<'_>) -> String {
    let mut text = String::from("<section class=\"answer\" aria-labelledby=\"answer\">\n");
    if let Some(best) = &view.best {
        let title =
            if view.verdict.is_some() { "Recommended setting" } else { "Best setting so far" };
        put(&mut text, format_args!("<h2 id=\"answer\">{title}</h2>\n"));
        text += &flags(best);
        text += "<dl class=\"tiles\">\n";
        let row = view.rows.iter().find(|row| row.setting == best.setting);
        for [name, value, more] in recommended(best, row) {
            text += &tile(&name, &value, &more);
        }
    } else {
        text +=
            "<h2 id=\"answer\">No recommendation</h2>\n<p>No trial says anything of a setting: ";
        text += match view.trials.len() {
            0 => "none was run.</p>\n",
            _ => "none was complete and read dense stretches.</p>\n",
        };
        text += "<dl class=\"tiles\">\n";
    }
    for [name, value, more] in spent(view) {
        text += &tile(&name, &value, &more);
    }
    text + "</dl>\n</section>\n"
}

fn flags(best: &Recommendation) -> String {
    let setting = best.setting;
    let typed = format!(
        "--batch-interval {} --transport {} --concurrency {}",
        setting.interval, setting.transport, setting.concurrency
    );
    format!("<p class=\"flags\"><code>{}</code></p>\n", escaped(&typed))
}

fn tile(name: &str, value: &str, more: &str) -> String {
    let [name, value, more] = [name, value, more].map(escaped);
    format!("<div><dt>{name}</dt><dd><strong>{value}</strong><span>{more}</span></dd></div>\n")
}

fn recommended(best: &Recommendation, row: Option<&Row>) -> Vec<[String; 3]> {
    let whole = best.whole_ms;
    let mut tiles = vec![
        [
            "Whole migration".to_owned(),
            whole_time(whole.likely),
            format!("{} by the trials", number::duration_range(whole.low, whole.high)),
        ],
        ["Limited by".to_owned(), best.limit.words().to_owned(), String::new()],
        [
            "Safety margin".to_owned(),
            times(best.headroom_per_mille),
            format!(
                "The fullest batch may grow so much before it meets {}. Batches differ by {}: {}",
                best.bound.words(),
                times(best.variation_per_mille),
                if best.is_safe() { "safe." } else { "not safe." }
            ),
        ],
    ];
    if let Some(row) = row {
        let (milli_bytes, speed) = (row.milli_bytes_per_value, row.values_per_s);
        tiles.push([
            "Speed".to_owned(),
            format!("{} values/s", number::count(speed.likely)),
            format!(
                "{} to {} in {}",
                number::count(speed.low),
                number::count(speed.high),
                counted(row.runs, "run")
            ),
        ]);
        tiles.push([
            "Cost".to_owned(),
            format!("{} bytes/value", milli(milli_bytes.likely)),
            format!("{} to {}", milli(milli_bytes.low), milli(milli_bytes.high)),
        ]);
    }
    tiles
}

fn spent(view: &View<'_>) -> Vec<[String; 3]> {
    let sum = |number: fn(&Trial) -> u64| -> u64 {
        view.trials.iter().fold(0, |sum, trial| sum.saturating_add(number(trial)))
    };
    let bytes = view.verdict.map_or_else(
        || sum(|trial| trial.bytes_charged).saturating_add(view.header.survey_bytes),
        |verdict| verdict.bytes_spent,
    );
    let ms = view
        .verdict
        .map_or_else(|| sum(|trial| trial.elapsed_us) / 1_000, |verdict| verdict.elapsed_ms);
    let trials = view.verdict.map_or(view.trials.len() as u64, |verdict| verdict.trials);
    let mut tiles = vec![[
        "Spent".to_owned(),
        number::bytes(bytes),
        format!(
            "of {}, in {} and {}",
            number::bytes(view.header.budget_bytes),
            whole_time(ms),
            counted(trials, "trial")
        ),
    ]];
    if let Some(verdict) = view.verdict {
        tiles.push(["Ended by".to_owned(), verdict.stopped.clone(), String::new()]);
    }
    tiles
}

fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", number::grouped(n), if n == 1 { "" } else { "s" })
}

/// What was not measured, and why.
pub(super) fn not_seen(view: &View<'_>) -> String {
    let mut text = String::from("<section class=\"card\">\n<h3>Not measured</h3>\n");
    let Some(verdict) = view.verdict else {
        return text + "<p>Unknown: the bench ended before its verdict.</p>\n</section>\n";
    };
    if verdict.not_seen.is_empty() {
        text += "<p>Nothing: every planned setting and every kind of stretch was read.</p>\n";
    } else {
        text += "<ul>\n";
        for what in &verdict.not_seen {
            put(&mut text, format_args!("<li>{}</li>\n", escaped(what)));
        }
        text += "</ul>\n";
    }
    text + "</section>\n"
}

/// Where and how was measured.
pub(super) fn circumstances(header: &Header) -> String {
    let command = header.command.join(" ");
    let mut text = format!(
        "<section>\n<h2>Circumstances</h2>\n<pre class=\"command\" tabindex=\"0\"><code>{}</code></pre>\n<dl class=\"facts\">\n",
        escaped(&command)
    );
    for (name, value) in facts(header) {
        put(&mut text, format_args!("<dt>{name}</dt><dd>{}</dd>\n", escaped(&value)));
    }
    text + "</dl>\n</section>\n"
}

fn facts(header: &Header) -> Vec<(&'static str, String)> {
    let machine = &header.machine;
    let kernel =
        machine.kernel.as_ref().map_or(String::new(), |kernel| format!(", kernel {kernel}"));
    let memory = machine
        .memory_bytes
        .map_or("memory unknown".to_owned(), |bytes| format!("{} of memory", number::bytes(bytes)));
    let quota = match (header.quota_window_bytes, header.quota_bytes_per_s) {
        (Some(window), Some(rate)) => {
            format!("{} in 5 minutes, {}/s of it taken", number::bytes(window), number::bytes(rate))
        }
        (Some(window), None) => format!("{} in 5 minutes", number::bytes(window)),
        (None, _) => "none".to_owned(),
    };
    let budget_time = header.budget_ms.map_or(String::new(), |ms| format!(", {}", whole_time(ms)));
    vec![
        ("sluice", header.version.clone()),
        ("started", header.started.to_string()),
        (
            "machine",
            format!(
                "{} {}{kernel}, {}, {memory}",
                machine.os,
                machine.arch,
                counted(machine.cpus, "processor")
            ),
        ),
        ("source", header.source.clone()),
        ("version of the source", header.source_version.clone()),
        ("range", format!("{} to {}", header.start, header.stop)),
        ("values in it", number::grouped(header.values)),
        ("values of the trials went to", header.sink.name().to_owned()),
        ("read quota", quota),
        ("time limit for one query", whole_time(header.query_timeout_ms)),
        ("budget", format!("{}{budget_time}", number::bytes(header.budget_bytes))),
        ("survey", number::bytes(header.survey_bytes)),
        ("seed", header.seed.to_string()),
    ]
}
