//! The time of the whole migration with each setting.

use super::scale::{Round, Scale, float};
use super::series;
use super::svg::{self, Area, Figure, LineLook, WIDTH};
use super::tables::{HeadCell, table};
use super::text::{in_words, put, tick as tick_text};
use crate::bench::setting::TrialSetting;
use crate::bench::verdict::SettingRow;
use crate::model::number::duration_fine;
use crate::model::spread::Spread;

/// Settings that are drawn; the others are in the table.
const DRAWN_MAX: usize = 15;

const TOP: f64 = 4.0;
const ROW_HEIGHT: f64 = 42.0;
const FOOT: f64 = 30.0;

/// As markup; the best setting first.
pub(super) fn markup(rows: &[SettingRow], best: Option<TrialSetting>) -> String {
    let mut rows: Vec<&SettingRow> = rows.iter().collect();
    rows.sort_by_key(|row| row.whole_ms.likely);
    let drawn = &rows[..rows.len().min(DRAWN_MAX)];
    let height = TOP + ROW_HEIGHT * float(drawn.len() as u64) + FOOT;
    let area = Area { left: 16.0, right: WIDTH - 16.0, top: TOP, bottom: height - FOOT };
    let ends = drawn.iter().flat_map(|row| [row.whole_ms.low, row.whole_ms.high]);
    let scale = Scale::new(&ends.collect::<Vec<_>>(), Round::Time, (area.left, area.right));
    let mut plot = axis(area, &scale);
    for (at, row) in drawn.iter().enumerate() {
        let y = area.top + ROW_HEIGHT * float(at as u64);
        plot += &line(row, best == Some(row.setting), y, area, &scale);
    }
    let mut note =
        "Mark: by the medians; line: from the least to the most that the trials say.".to_owned();
    if scale.is_log() {
        note += " Equal steps are equal ratios.";
    }
    if rows.len() > drawn.len() {
        put(&mut note, format_args!(" The fastest {} of {} settings.", drawn.len(), rows.len()));
    }
    let said = |row: &&SettingRow| {
        let Spread { low, likely, high } = row.whole_ms;
        let times = [likely, low, high].map(duration_fine);
        format!("{}: {}, {} to {}", in_words(row.setting), times[0], times[1], times[2])
    };
    Figure {
        id: "finish",
        title: "Time of the whole migration by setting",
        note: &note,
        description: &(drawn.iter().map(said).collect::<Vec<_>>().join("; ") + "."),
        legend: "",
        height,
        plot: &plot,
        numbers: &numbers(&rows, best),
    }
    .markup()
}

fn axis(area: Area, scale: &Scale) -> String {
    let mut text = String::new();
    for tick in &scale.ticks {
        let x = scale.at(*tick);
        text += &svg::line("rule", (x, area.top), (x, area.bottom));
        let anchor = match x {
            x if x < area.left + 20.0 => "start",
            x if x > area.right - 20.0 => "end",
            _ => "middle",
        };
        let shown = if *tick == 0 { "0".to_owned() } else { tick_text(&duration_fine(*tick)) };
        text += &svg::label("tick", anchor, (x, area.bottom + 19.0), &shown);
    }
    text
}

fn line(row: &SettingRow, is_best: bool, y: f64, area: Area, scale: &Scale) -> String {
    let Spread { low, likely, high } = row.whole_ms;
    let look = LineLook { shape: series::shape(row.setting.transport), variant: 0 };
    let class = look.class();
    let (own, middle) = (in_words(row.setting), y + 30.0);
    let title = format!(
        "{own}: {} ({} to {})",
        duration_fine(likely),
        duration_fine(low),
        duration_fine(high)
    );
    let mut text = String::new();
    let words = if is_best { format!("{own}, recommended") } else { own };
    let weight = if is_best { "name best" } else { "name" };
    text += &svg::label(weight, "start", (area.left, y + 17.0), &words);
    text += &svg::label(weight, "end", (area.right, y + 17.0), &duration_fine(likely));
    text += &svg::line("guide", (area.left, middle), (area.right, middle));
    let ends = [low, high].map(|end| scale.at(end));
    text += &svg::line(&format!("whisker {class}"), (ends[0], middle), (ends[1], middle));
    for end in ends {
        text += &svg::line(&format!("whisker {class}"), (end, middle - 4.0), (end, middle + 4.0));
    }
    text + &look.mark((scale.at(likely), middle), 5.5, &title)
}

fn numbers(rows: &[&SettingRow], best: Option<TrialSetting>) -> String {
    let head = [
        HeadCell::text("setting"),
        HeadCell::number("least"),
        HeadCell::number("likely"),
        HeadCell::number("most"),
        HeadCell::number("by the quota"),
        HeadCell::number("by the work"),
        HeadCell::text("limited by"),
    ];
    let cells = |row: &SettingRow| {
        vec![
            in_words(row.setting),
            duration_fine(row.whole_ms.low),
            duration_fine(row.whole_ms.likely),
            duration_fine(row.whole_ms.high),
            row.quota_ms.map_or("-".to_owned(), |time| duration_fine(time.likely)),
            duration_fine(row.engine_ms.likely),
            row.limit.words().to_owned(),
        ]
    };
    table(
        "Time of the whole migration",
        &head,
        rows.iter().map(|row| (best == Some(row.setting), cells(row))),
    )
}
