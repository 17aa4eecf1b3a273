//! The fields of one series joined on time: one row for each time, a null where a field has no value.

use std::borrow::Cow;
use std::sync::Arc;

use super::builder::{FrameBuilder, Member, is_too_sparse};
use super::column::Values;
use crate::model::frame::Frame;
use crate::model::series::{Name, Series};

/// One field of a series: its values and their times, which rise.
#[derive(Debug, Clone, Copy)]
pub(in crate::wire) struct Timed<'a> {
    pub(in crate::wire) name: &'a Name,
    pub(in crate::wire) values: &'a Values,
    pub(in crate::wire) times: &'a [i64],
}

/// Hands fields of one series, none of them empty, to the frames. `rows` are all their times, each once, if known.
pub(in crate::wire) fn hand_on(
    fields: &[Timed<'_>],
    rows: Option<&[i64]>,
    series: &Arc<Series>,
    builder: &mut FrameBuilder,
    frames: &mut Vec<Frame>,
) {
    if fields.is_empty() {
        return;
    }
    let groups = by_times(fields);
    if let [group] = groups.as_slice() {
        return builder.append(series, group.times, &dense(group), frames);
    }
    let rows = rows.map_or_else(|| Cow::Owned(union(&groups)), Cow::Borrowed);
    let values = fields.iter().map(|field| field.values.len()).sum();
    if is_too_sparse(rows.len() * fields.len(), values) {
        for group in &groups {
            builder.append(series, group.times, &dense(group), frames);
        }
        return;
    }
    let members: Vec<_> = fields
        .iter()
        .map(|&Timed { name, values, times }| {
            let times = (times.len() < rows.len()).then_some(times);
            Member { name, values, times }
        })
        .collect();
    builder.append(series, &rows, &members, frames);
}

/// Fields with the same times.
struct Group<'a> {
    times: &'a [i64],
    fields: Vec<Timed<'a>>,
}

fn by_times<'a>(fields: &[Timed<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::with_capacity(1);
    for &field in fields {
        let times = field.times;
        let same =
            |group: &&mut Group<'a>| std::ptr::eq(group.times, times) || group.times == times;
        match groups.iter_mut().take(GROUPS_SEARCHED_MAX).find(same) {
            Some(group) => group.fields.push(field),
            None => groups.push(Group { times, fields: vec![field] }),
        }
    }
    groups
}

/// Among more groups than this, fields with the same times need not find each other.
const GROUPS_SEARCHED_MAX: usize = 16;

fn dense<'a>(group: &Group<'a>) -> Vec<Member<'a>> {
    let every_row = |&Timed { name, values, .. }: &Timed<'a>| Member { name, values, times: None };
    group.fields.iter().map(every_row).collect()
}

/// All times, each once, rising.
#[expect(clippy::stable_sort_primitive, reason = "it merges the rising runs that it finds")]
fn union(groups: &[Group<'_>]) -> Vec<i64> {
    let mut times: Vec<i64> = groups.iter().flat_map(|group| group.times.iter().copied()).collect();
    times.sort();
    times.dedup();
    times
}
