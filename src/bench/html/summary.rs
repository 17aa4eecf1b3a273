//! What the bench came to, in front of everything; and the circumstances, at the end.

use super::text::{escaped, milli, put, times};
use super::view::PageView;
use crate::bench::record::{BenchHeader, Trial};
use crate::bench::verdict::{Recommendation, SettingRow};
use crate::model::number;

/// What of the page has to be known first: simulated, without an end.
pub(super) fn notices(view: &PageView<'_>) -> String {
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
pub(super) fn answer(view: &PageView<'_>) -> String {
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

/// What a margin comes to.
const SAFE: &str = "safe";
const UNSAFE: &str = "not safe";

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
    let class = match &*value {
        SAFE => " class=\"safe\"",
        UNSAFE => " class=\"unsafe\"",
        _ => "",
    };
    format!(
        "<div><dt>{name}</dt><dd><strong{class}>{value}</strong><span>{more}</span></dd></div>\n"
    )
}

fn recommended(best: &Recommendation, row: Option<&SettingRow>) -> Vec<[String; 3]> {
    let whole = best.whole_ms;
    let mut tiles = vec![
        [
            "Whole migration".to_owned(),
            number::duration_fine(whole.likely),
            format!("{} by the trials", number::duration_range(whole.low, whole.high)),
        ],
        ["Limited by".to_owned(), best.limit.words().to_owned(), String::new()],
        [
            "Safety margin".to_owned(),
            if best.is_safe() { SAFE } else { UNSAFE }.to_owned(),
            format!(
                "The fullest batch may grow {} before it meets {}; batches differ by {}.",
                times(best.headroom_per_mille),
                best.bound.words(),
                times(best.variation_per_mille)
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

fn spent(view: &PageView<'_>) -> Vec<[String; 3]> {
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
    vec![[
        "Spent".to_owned(),
        number::bytes(bytes),
        format!(
            "of {}, in {} and {}",
            number::bytes(view.header.budget_bytes),
            number::duration_fine(ms),
            counted(trials, "trial")
        ),
    ]]
}

fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", number::grouped(n), if n == 1 { "" } else { "s" })
}

/// What was not measured, and why.
pub(super) fn not_seen(view: &PageView<'_>) -> String {
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

/// What the words of the page mean.
pub(super) fn words() -> String {
    let mut text =
        String::from("<details>\n<summary>What the words mean</summary>\n<dl class=\"facts\">\n");
    for (word, meaning) in WORDS {
        put(&mut text, format_args!("<dt>{word}</dt><dd>{}</dd>\n", escaped(meaning)));
    }
    text + "</dl>\n</details>\n"
}

const WORDS: [(&str, &str); 9] = [
    ("transport", "how the source is read: auto lets migrate choose for each measurement"),
    ("interval", "length of a batch: what is read, written and recorded as one"),
    ("requests", "to the source at one time (--concurrency)"),
    ("bodies", "size of a write request"),
    ("run", "a trial that counts: complete, and of stretches that are not sparse"),
    ("whole migration", "time for the whole range, foretold by what the runs of this setting took"),
    ("bytes/value", "what the quota is charged with for each value, counts and look-ups among it"),
    (
        "longest answer of the limit",
        "the longest answer as a share of the source's time limit for one query",
    ),
    (
        "safety margin",
        "how much fuller than the fullest batch seen one may be before it meets a bound; safe if batches differ by less",
    ),
];

/// Where and how was measured.
pub(super) fn circumstances(view: &PageView<'_>) -> String {
    let header = view.header;
    let command = header.command.join(" ");
    let mut text = format!(
        "<section>\n<h2>Circumstances</h2>\n<pre class=\"command\" tabindex=\"0\"><code>{}</code></pre>\n<dl class=\"facts\">\n",
        escaped(&command)
    );
    let ended = view.verdict.map(|verdict| ("ended by", verdict.stopped.clone()));
    for (name, value) in facts(header).into_iter().chain(ended) {
        put(&mut text, format_args!("<dt>{name}</dt><dd>{}</dd>\n", escaped(&value)));
    }
    text + "</dl>\n</section>\n"
}

fn facts(header: &BenchHeader) -> Vec<(&'static str, String)> {
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
    let budget_time =
        header.budget_ms.map_or(String::new(), |ms| format!(", {}", number::duration_fine(ms)));
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
        ("time limit for one query", number::duration_fine(header.query_timeout_ms)),
        ("budget", format!("{}{budget_time}", number::bytes(header.budget_bytes))),
        ("survey", number::bytes(header.survey_bytes)),
        ("seed", header.seed.to_string()),
    ]
}
