//! The fields of one series joined on time: one row for each time, a null where a field has no value.

use std::sync::Arc;

use super::frame::{FrameBuilder, Member, is_too_sparse};
use super::series::{Field, SeriesBuffer};
use crate::model::frame::Frame;
use crate::model::series::Series;

/// Hands all that is held of a series to the frames.
pub(super) fn hand_on(
    held: &SeriesBuffer,
    series: &Arc<Series>,
    builder: &mut FrameBuilder,
    frames: &mut Vec<Frame>,
) {
    let leading = held.leading();
    // A field is empty if all it had was handed on before.
    let fields: Vec<&Field> = held.fields().iter().filter(|field| field.values.len() > 0).collect();
    if fields.is_empty() {
        return;
    }
    let groups = by_times(&fields, leading);
    if let [group] = groups.as_slice() {
        return builder.append(series, group.times, &dense(group), frames);
    }
    let union = union(&groups);
    let values = fields.iter().map(|field| field.values.len()).sum();
    if is_too_sparse(union.len() * fields.len(), values) {
        for group in &groups {
            builder.append(series, group.times, &dense(group), frames);
        }
        return;
    }
    let members: Vec<_> = fields
        .iter()
        .map(|&field| {
            let times = field.times(leading);
            Member { field, times: (times.len() < union.len()).then_some(times) }
        })
        .collect();
    builder.append(series, &union, &members, frames);
}

/// Fields with the same times.
struct Group<'a> {
    times: &'a [i64],
    fields: Vec<&'a Field>,
}

fn by_times<'a>(fields: &[&'a Field], leading: &'a [i64]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::with_capacity(1);
    for &field in fields {
        let times = field.times(leading);
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
    group.fields.iter().map(|field| Member { field, times: None }).collect()
}

/// All times, each once, rising.
#[expect(clippy::stable_sort_primitive, reason = "it merges the rising runs that it finds")]
fn union(groups: &[Group<'_>]) -> Vec<i64> {
    let mut times: Vec<i64> = groups.iter().flat_map(|group| group.times.iter().copied()).collect();
    times.sort();
    times.dedup();
    times
}
