//! What must be true in the end: both ends hold the same, or every difference was named and the code says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluice::testing::model::series::{Readable, Series};
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::sim::{Fault, RequestRecord, Server, StoreChange, StoredValue, Value};

use super::case::Case;
use super::run::Ended;
use super::trouble::Trouble;
use crate::support::digest;
use crate::support::rig::{BATCHES, BUCKET};

type Key = (Arc<Series>, Arc<[u8]>, i64);

/// To the bit.
type Content = BTreeMap<Key, (u8, Vec<u8>)>;

fn exact(value: &Value) -> (u8, Vec<u8>) {
    match value {
        Value::Float(v) => (0, v.to_bits().to_be_bytes().to_vec()),
        Value::Integer(v) => (1, v.to_be_bytes().to_vec()),
        Value::Unsigned(v) => (2, v.to_be_bytes().to_vec()),
        Value::Boolean(v) => (3, vec![u8::from(*v)]),
        Value::String(v) => (4, v.to_vec()),
    }
}

fn content_of(values: Vec<StoredValue>, start: i64, stop: i64) -> Content {
    // The largest stop is beyond the last time.
    let inside =
        |value: &StoredValue| value.time >= start && (value.time < stop || stop >= i64::MAX - 1);
    let cell = |value: StoredValue| ((value.series, value.field, value.time), exact(&value.value));
    values.into_iter().filter(inside).map(cell).collect()
}

/// All that was asked and is different, for one seed.
pub(super) fn tell(case: &Case, source: &Server, destination: &Server) {
    for (end, server) in [("source", source), ("destination", destination)] {
        for record in server.records() {
            let head: String = record.body_head.chars().take(240).collect();
            let head = head.replace('\n', " ");
            let (status, fault) = (record.status, record.fault.unwrap_or_default());
            eprintln!("{end} {} {} {status} {fault} {head}", record.method, record.path);
        }
    }
    if let Some(StoreChange::Write { lines, .. }) = case.trouble.change() {
        eprintln!("written late:\n{}", String::from_utf8_lossy(lines));
    }
    let wanted =
        content_of(source.store().dump(case.bucket), case.content.start, case.content.stop);
    let found = content_of(destination.store().dump(BUCKET), i64::MIN, i64::MAX);
    for difference in differences(&wanted, &found).iter().take(20) {
        let (series, field, time) = &difference.key;
        let show = |content: &Content| {
            content.get(&difference.key).map(|(kind, v)| format!("{kind}:{}", v.escape_ascii()))
        };
        let (wanted, found) = (show(&wanted), show(&found));
        eprintln!("{} {series} {} {time} {wanted:?} {found:?}", difference.what, Readable(field));
    }
}

/// One value that is not the same at both ends.
#[derive(Debug)]
pub(super) struct Difference {
    key: Key,
    pub(super) what: &'static str,
}

fn differences(source: &Content, destination: &Content) -> Vec<Difference> {
    let mut all = Vec::new();
    for (key, value) in source {
        match destination.get(key) {
            Some(found) if found == value => {}
            Some(_) => all.push(Difference { key: key.clone(), what: "wrong" }),
            None => all.push(Difference { key: key.clone(), what: "missing" }),
        }
    }
    let extra = destination.keys().filter(|key| !source.contains_key(*key));
    all.extend(extra.map(|key| Difference { key: key.clone(), what: "extra" }));
    all
}

/// What differs now between both ends, and whether others have changed it at the source.
pub(super) fn differing(
    case: &Case,
    source: &Server,
    destination: &Server,
) -> Vec<(Difference, bool)> {
    let (start, stop) = (case.content.start, case.content.stop);
    let wanted = content_of(source.store().dump(case.bucket), start, stop);
    let found = content_of(destination.store().dump(BUCKET), i64::MIN, i64::MAX);
    let all = differences(&wanted, &found).into_iter();
    all.map(|one| {
        let is_changed = is_changed(case, &one);
        (one, is_changed)
    })
    .collect()
}

/// What is wrong with the end of a case, in a line.
pub(super) fn judge(
    case: &Case,
    ended: &Ended,
    source: &Server,
    destination: &Server,
) -> Result<(), String> {
    let (start, stop) = (case.content.start, case.content.stop);
    let wanted = content_of(source.store().dump(case.bucket), start, stop);
    let found = content_of(destination.store().dump(BUCKET), i64::MIN, i64::MAX);
    if ended.refused {
        let untouched = found.is_empty();
        return if untouched {
            Ok(())
        } else {
            Err("refused, and something was written".to_owned())
        };
    }
    let differences = differences(&wanted, &found);
    let since = Since::of(case, source);
    let unseen = |difference: &Difference| {
        is_changed(case, difference) && since.is_beyond_notice(difference.key.2)
    };
    let noticed: Vec<_> = differences
        .iter()
        .filter(|difference| !is_uncounted(case, difference, &wanted))
        .filter(|difference| !unseen(difference))
        .collect();
    if ended.is_well() && !noticed.is_empty() {
        return Err(format!("exit 0, but {}", describe(case, &noticed)));
    }
    let unnamed: Vec<_> =
        noticed.into_iter().filter(|difference| !is_named(case, difference, ended)).collect();
    if !unnamed.is_empty() {
        return Err(format!("exit {:?}, not named: {}", ended.codes, describe(case, &unnamed)));
    }
    unread(case, ended, source)?;
    digests(case, ended, &differences, destination)?;
    if !ended.is_well() && differences.is_empty() && ended.says_nothing() {
        return Err(format!("exit {:?}, and nothing is wrong or named", ended.codes));
    }
    impatient(case, ended)
}

/// A digest that was recorded of a batch is that of what the destination holds there, unless it has lost something or holds
/// more than the source: then it is not.
fn digests(
    case: &Case,
    ended: &Ended,
    differences: &[Difference],
    destination: &Server,
) -> Result<(), String> {
    let all = destination.store().dump(BUCKET);
    for (range, recorded) in digest::recorded(destination.store(), BATCHES) {
        let Some(recorded) = recorded else { continue };
        let is_inside = |time: i64| range.contains(Timestamp::from_ns(time));
        let held = digest::of(all.iter().filter(|value| is_inside(value.time)));
        let inside: Vec<_> = differences.iter().filter(|one| is_inside(one.key.2)).collect();
        // What was left out was not sent, and what came or went at the source later is no matter of the digest.
        let is_sent = |one: &&&Difference| !is_left_out(one, ended) && !is_changed(case, one);
        let is_lost = matches!(case.trouble, Trouble::Loss { .. })
            && inside.iter().filter(is_sent).any(|one| one.what != "extra");
        match (held == recorded, inside.is_empty(), is_lost) {
            (false, true, _) => return Err(format!("the digest of {range} is of something else")),
            (true, _, true) => return Err(format!("the digest of {range} hides what is missing")),
            _ => {}
        }
    }
    Ok(())
}

/// What is listed by the source and returned to no query is named.
fn unread(case: &Case, ended: &Ended, source: &Server) -> Result<(), String> {
    let (start, stop) = (case.content.start, case.content.stop);
    let names: BTreeSet<_> = source
        .store()
        .unread(case.bucket)
        .into_iter()
        .filter(|value| value.time >= start && value.time < stop)
        .map(|value| Readable(&value.series.measurement).to_string())
        .collect();
    for name in names {
        let named =
            ended.named.iter().any(|text| text.contains(&name)) || ended.rejects.contains(&name);
        if !named || ended.is_well() {
            return Err(format!(
                "exit {:?}, and {name:?}, which no query returns, is not named",
                ended.codes
            ));
        }
    }
    Ok(())
}

/// Trouble that passes once is waited out, but at the very first request.
fn impatient(case: &Case, ended: &Ended) -> Result<(), String> {
    let Trouble::Fault { rule, .. } = &case.trouble else { return Ok(()) };
    // A query that takes too long is no trouble that passes.
    if rule.matcher.skip == 0 || rule.fault == Fault::Timeout || ended.failed.is_empty() {
        return Ok(());
    }
    Err(format!("gave up on one {}: {:?}", rule.fault.name(), ended.failed))
}

/// What the source was asked after the last change of it.
struct Since {
    /// Ranges whose values were counted whole.
    counted: Vec<(i64, i64)>,
    /// Whether values were read.
    read: bool,
}

impl Since {
    fn of(case: &Case, source: &Server) -> Self {
        let records = source.records();
        let at = records.iter().rposition(|record| record.fault == Some("change"));
        // It may never have come.
        let at = at.filter(|_| case.trouble.change().is_some());
        let since = at.map_or(&[][..], |at| &records[at + 1..]);
        let reads = |record: &RequestRecord| {
            record.body_head.contains("rename(") || record.body_head.contains("SELECT")
        };
        Self {
            counted: since.iter().filter_map(counted_range).collect(),
            read: since.iter().any(reads),
        }
    }

    /// Whether nothing could have told of a change at this time: the end of the job had come.
    fn is_beyond_notice(&self, time: i64) -> bool {
        let counted = self.counted.iter().any(|(start, stop)| (*start..*stop).contains(&time));
        !counted && !self.read
    }
}

fn counted_range(record: &RequestRecord) -> Option<(i64, i64)> {
    let text = &record.body_head;
    if !text.contains("count()") || text.contains("filter(") {
        return None;
    }
    let between = |before: &str, behind: &str| {
        let rest = text.split_once(before)?.1;
        rest.split_once(behind)?.0.parse::<Timestamp>().ok()
    };
    Some((between("start: ", ",")?.ns(), between("stop: ", ")")?.ns()))
}

/// Whether the change can be the cause.
fn is_changed(case: &Case, difference: &Difference) -> bool {
    let time = difference.key.2;
    match case.trouble.change() {
        Some(StoreChange::Write { lines, .. }) => {
            let text = String::from_utf8_lossy(lines);
            text.lines().any(|line| line.ends_with(&format!(" {time}")))
        }
        Some(StoreChange::Delete { start, stop, .. }) => (*start..*stop).contains(&time),
        Some(StoreChange::Exchange { .. } | StoreChange::Map(_)) | None => false,
    }
}

/// Whether a value took the place of another one, so that no count tells and only a verification finds it: somebody wrote it
/// late, or the destination forgot it. A carriage return comes with a second write, because Flux drops it from the first.
fn is_uncounted(case: &Case, difference: &Difference, wanted: &Content) -> bool {
    let returns = wanted.get(&difference.key).is_some_and(|(_, value)| value.contains(&b'\r'));
    let forgotten = matches!(case.trouble, Trouble::Loss { .. }) && returns;
    difference.what == "wrong" && (is_changed(case, difference) || forgotten)
}

/// Whether this difference was told. A range in which numbers differ tells of what others changed there, and of nothing
/// that was there all the time.
fn is_named(case: &Case, difference: &Difference, ended: &Ended) -> bool {
    let time = &difference.key.2;
    let within = |ranges: &[TimeRange]| {
        ranges.iter().any(|range| {
            let (start, stop) = (range.start.ns(), range.stop.ns());
            *time >= start && (*time < stop || stop >= i64::MAX - 1)
        })
    };
    // What was read before it was deleted is at the destination, and more than what was acknowledged last.
    let told = within(&ended.changed) || within(&ended.lost);
    let changed = is_changed(case, difference) && told;
    let lost = matches!(case.trouble, Trouble::Loss { .. })
        && difference.what != "extra"
        && within(&ended.lost);
    changed || lost || is_left_out(difference, ended)
}

/// Whether it was told that such values are refused, or returned to no query.
fn is_left_out(difference: &Difference, ended: &Ended) -> bool {
    let (series, _, time) = &difference.key;
    let name = Readable(&series.measurement).to_string();
    // A carriage return is not among what is told of a name.
    let short = name.split("\\r").next().unwrap_or_default();
    let refused = difference.what == "missing" && ended.rejects.contains(short);
    // Where a restart has put it.
    let reached = is_of_first_group(*time)
        && ended.named.iter().any(|text| text.contains("first shard group"));
    refused || reached || ended.named.iter().any(|text| text.contains(&name))
}

/// Whether it may lie in the first shard group of all time, of which a server that was started again returns nothing.
const fn is_of_first_group(time: i64) -> bool {
    time < i64::MIN + 7 * 86_400_000_000_000
}

fn describe(case: &Case, differences: &[&Difference]) -> String {
    let count = |what| differences.iter().filter(|difference| difference.what == what).count();
    let late = differences.iter().filter(|difference| is_changed(case, difference)).count();
    let first = differences.first().map_or_else(String::new, |difference| {
        let (series, field, time) = &difference.key;
        format!("first {} {series} {} {time}", difference.what, Readable(field))
    });
    format!(
        "{} missing, {} extra, {} wrong, {late} of them changed meanwhile, {first}",
        count("missing"),
        count("extra"),
        count("wrong")
    )
}
