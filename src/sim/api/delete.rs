//! `/api/v2/delete`: as a real server of 2.9.1 takes it, the stop of the range goes too.

use serde::Deserialize;

use super::write::bucket_of;
use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;
use crate::sim::http::reply::{ApiError, Reply, ReplyBody};
use crate::sim::http::request::HttpRequest;
use crate::sim::view::ServerView;

#[derive(Deserialize)]
struct Asked {
    start: String,
    stop: String,
    #[serde(default)]
    predicate: String,
}

/// Deletes what the predicate takes.
pub(super) fn answer(request: &HttpRequest, view: &ServerView<'_>) -> Result<Reply, ApiError> {
    let invalid = |text: &str| ApiError::plain(400, "invalid", text);
    view.check_org(request).map_err(|(status, text)| ApiError::plain(status, "not found", text))?;
    let asked: Asked = serde_json::from_slice(&request.plain_body()?)
        .map_err(|_| invalid("error decoding json body"))?;
    let time = |text: &str| text.parse::<Timestamp>().map_err(|_| invalid("invalid RFC3339Nano"));
    let (start, stop) = (time(&asked.start)?.ns(), time(&asked.stop)?.ns().saturating_add(1));
    let rules = rules(&asked.predicate).ok_or_else(|| invalid("bad logical expression"))?;
    let bucket = bucket_of(request, view)?;
    let mut buckets = view.store.lock();
    let bucket = buckets.iter_mut().find(|known| known.info.id == bucket.id);
    let bucket = bucket.ok_or_else(|| ApiError::plain(404, "not found", "bucket not found"))?;
    bucket.delete_where(|series| rules.iter().all(|rule| is_met(rule, series)), start, stop);
    Ok(Reply::new(204, &[], ReplyBody::Empty))
}

fn is_met((key, value): &(Name, Name), series: &Series) -> bool {
    if **key == *b"_measurement" {
        return series.measurement == *value;
    }
    series.tags.iter().any(|(own, held)| own == key && held == value)
}

/// `_measurement="m" AND "k"="v"`; `None` for anything else, and for a field.
fn rules(predicate: &str) -> Option<Vec<(Name, Name)>> {
    let (mut rules, mut rest) = (Vec::new(), predicate.trim());
    while !rest.is_empty() {
        if !rules.is_empty() {
            rest = rest.strip_prefix("AND")?.trim_start();
        }
        let (key, after) = word(rest)?;
        let (value, after) = word(after.trim_start().strip_prefix('=')?.trim_start())?;
        if key == "_field" {
            return None;
        }
        rules.push((key.into_bytes().into(), value.into_bytes().into()));
        rest = after.trim_start();
    }
    Some(rules)
}

/// A name, bare or in quotation marks, and what is behind it.
fn word(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let (mut word, mut letters) = (String::new(), quoted.char_indices());
    loop {
        match letters.next()? {
            (at, '"') => return Some((word, &quoted[at + 1..])),
            (_, '\n') => return None,
            (_, '\\') => match letters.next()?.1 {
                'n' => word.push('\n'),
                escaped @ ('\\' | '"' | '\'') => word.push(escaped),
                _ => return None,
            },
            (_, letter) => word.push(letter),
        }
    }
}
