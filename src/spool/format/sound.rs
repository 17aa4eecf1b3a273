//! What every spool must be, whoever wrote it: all that its manifest and its journal can say wrongly under right digests
//! is judged here, for whoever reads or writes it. What a file itself can say wrongly is judged when it is read.
//!
//! | what | must |
//! |---|---|
//! | job | be whole, stop after its start, have shard groups of a second at the least: servers tell whole ones |
//! | batch | begin at the watermark and reach beyond it, or be one that was there, whose files it replaces all |
//! | its record | hold the rows, values and content of its files together |
//! | file | stand where its names, month, range and digest put it: below the spool, nowhere else |
//! | | belong to rising ranges, to those of its batch or of the files that it was merged from |
//! | | have its times in these and in its month, rows, and a value in each |
//! | merged file | hold the values and the content of the files it replaces, which are of its kind |
//! | settled | be names and types that there are, and never change |
//! | all together | be counted in 63 bits |
//! | manifest | be what the records before it say |

use std::collections::BTreeSet;

use super::job::StoredJob;
use super::name::{self, FilePlace, Month};
use super::state::{self, FileEntry, JournalRecord, Settled, SpoolState};
use crate::model::content_digest::ContentDigest;
use crate::model::frame::FieldType;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};

/// What is wrong, for people; after the name of the file that says it.
type Sound = Result<(), String>;

fn must(fits: bool, else_what: &str) -> Sound {
    if fits { Ok(()) } else { Err(else_what.to_owned()) }
}

/// Judges what a manifest says of its job.
pub(crate) fn job(job: &StoredJob) -> Sound {
    let whole = job.job().ok_or("the job is not whole")?;
    must(whole.identity.start <= whole.stop, "its job stops before it starts")?;
    let [shard_group, one_type] = job.lengths_ns();
    let fits = [shard_group, one_type].iter().all(|ns| ns.is_none_or(|ns| ns >= NS_PER_S));
    must(fits, "its shard groups have no length that shard groups have")
}

/// Judges a record that comes next.
pub(crate) fn record(state: &SpoolState, record: &JournalRecord) -> Sound {
    match record {
        JournalRecord::Batch { .. } => batch(state, record),
        JournalRecord::Announce { files } => {
            files.iter().try_for_each(|path| match FilePlace::of(path) {
                Some(_) => Ok(()),
                None => Err(format!("{path:?} is no place of a file")),
            })
        }
        JournalRecord::Begin { .. } | JournalRecord::Doubt { .. } => Ok(()),
        JournalRecord::Compact { files, removed } => merged(state, files, removed),
    }
}

fn batch(state: &SpoolState, record: &JournalRecord) -> Sound {
    let JournalRecord::Batch {
        start,
        stop,
        rows,
        values,
        rejected,
        digest,
        files,
        removed,
        settled,
    } = record
    else {
        return Ok(());
    };
    let range = (*start, *stop);
    must(start < stop, "a batch that stops before it starts")?;
    let known = state.batches.get(start);
    if *start == state.watermark {
        must(removed.is_empty(), "a new batch that replaces files")?;
    } else {
        must(
            known.is_some_and(|known| known.stop == *stop),
            "a batch that does not follow from those before it",
        )?;
        replaced(state, range, removed)?;
    }
    for (measurement, own) in settled {
        must(
            files.iter().any(|file| file.measurement == *measurement),
            "what is settled of a measurement that it does not hold",
        )?;
        settles(state.measurements.get(measurement), measurement, own)?;
    }
    let mut sums = Sums::default();
    for file in files {
        entry(file)?;
        let known = settled.contains_key(&file.measurement)
            || state.measurements.contains_key(&file.measurement);
        let fits = file.batches == [range] && known;
        must(fits, &format!("{} does not belong to the batch", file.path))?;
        sums.add(file)?;
    }
    are_new(state, files, removed)?;
    let held = (sums.rows, sums.values, sums.digest.to_string());
    must(
        held == (u128::from(*rows), u128::from(*values), digest.clone()),
        "the files of the batch do not hold what was read from the source",
    )?;
    must(i64::try_from(*rejected).is_ok(), "more values rejected than can be counted")
}

/// All files of a batch that is written again, and no others.
fn replaced(state: &SpoolState, range: (i64, i64), removed: &[String]) -> Sound {
    let removed: BTreeSet<&String> = removed.iter().collect();
    let mut own = 0;
    for file in state.files.values() {
        if file.batches == [range] {
            must(removed.contains(&file.path), "a batch that replaces some of its files only")?;
            own += 1;
        } else if file.batches.iter().any(|(start, stop)| *start < range.1 && range.0 < *stop) {
            return Err("a batch is written again that was merged with others".to_owned());
        }
    }
    must(own == removed.len(), "a batch that replaces files of others")
}

fn merged(state: &SpoolState, files: &[FileEntry], removed: &[String]) -> Sound {
    let [file] = files else { return Err("files were merged into none, or several".to_owned()) };
    entry(file)?;
    let mut sums = Sums::default();
    let (mut batches, mut times) = (Vec::new(), (i64::MAX, i64::MIN));
    // The bucket may have got another name, which merged files took until version 2 of the format.
    let kind = |file: &FileEntry| (file.tree(), file.measurement.clone(), file.month.clone());
    let distinct: BTreeSet<&String> = removed.iter().collect();
    must(distinct.len() == removed.len(), "a file is merged with itself")?;
    for path in removed {
        let old = state.files.get(path).ok_or("a file is merged that is not there")?;
        must(kind(old) == kind(file), "files of several kinds are merged")?;
        sums.add(old)?;
        batches.extend_from_slice(&old.batches);
        times = (times.0.min(old.time_min), times.1.max(old.time_max));
    }
    are_new(state, files, removed)?;
    let same = state::joined(batches) == file.batches
        && times == (file.time_min, file.time_max)
        && sums.rows >= u128::from(file.rows)
        && (sums.values, sums.digest.to_string()) == (u128::from(file.values), file.digest.clone());
    must(same, "a merged file does not hold what the files hold that it is made of")
}

/// No file takes the place of another one that stays.
fn are_new(state: &SpoolState, files: &[FileEntry], removed: &[String]) -> Sound {
    let mut seen = BTreeSet::new();
    for file in files {
        let taken = state.files.contains_key(&file.path) && !removed.contains(&file.path);
        must(seen.insert(&file.path) && !taken, &format!("{} is there twice", file.path))?;
    }
    Ok(())
}

/// Judges what is said of one file.
fn entry(file: &FileEntry) -> Sound {
    let wrong = |what: &str| Err(format!("{:?}: {what}", file.path));
    let Some(place) = FilePlace::of(&file.path) else { return wrong("no place of a file") };
    let ranges = &file.batches;
    let (Some((start, _)), Some((_, stop))) = (ranges.first(), ranges.last()) else {
        return wrong("it belongs to no batch");
    };
    let rising = ranges.iter().all(|(start, stop)| start < stop)
        && ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
    if !rising {
        return wrong("its batches do not rise");
    }
    let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if file.sha256.len() != 64 || !file.sha256.bytes().all(is_hex) {
        return wrong("it has no SHA-256");
    }
    let at = |ns: i64| Timestamp::from_ns(ns);
    let range = TimeRange { start: at(*start), stop: at(*stop) };
    let stands =
        |name: &str, part: &str| name::decode(name).is_some_and(|name| name::part(&name) == part);
    let own_place = stands(&file.bucket, place.bucket)
        && stands(&file.measurement, place.measurement)
        && place.month.to_string() == file.month
        && place.file == name::file_name(range, &file.sha256);
    if !own_place {
        return wrong("it stands in the place of another file");
    }
    let inside = |ns: i64| ranges.iter().any(|(start, stop)| *start <= ns && ns < *stop);
    let of_month = |ns: i64| Month::of(at(ns)) == place.month;
    let (min, max) = (file.time_min, file.time_max);
    if min > max || !inside(min) || !inside(max) || !of_month(min) || !of_month(max) {
        return wrong("its times lie outside of its batches, or of its month");
    }
    if file.bytes == 0 || file.rows == 0 || file.values < file.rows {
        return wrong("it has no bytes, no rows, or rows without values");
    }
    let is_digest = file.digest.parse().map(|own: ContentDigest| own.to_string());
    if is_digest.as_ref() != Ok(&file.digest) {
        return wrong("its content has no digest");
    }
    Ok(())
}

/// Judges what is settled of a measurement; what was settled before stays.
fn settles(before: Option<&Settled>, measurement: &str, own: &Settled) -> Sound {
    let keys = [
        (&own.keys.bucket, "bucket"),
        (&own.keys.measurement, "measurement"),
        (&own.keys.month, "month"),
    ];
    let fits = name::decode(measurement).is_some()
        && keys.iter().all(|(text, key)| name::is_key(text, key))
        && own.tags.iter().all(|tag| name::decode(tag).is_some())
        && own
            .types
            .iter()
            .all(|(field, kind)| name::decode(field).is_some() && FieldType::named(kind).is_some());
    let stays = before.is_none_or(|before| {
        before.tags.is_subset(&own.tags)
            && before.types.iter().all(|(field, kind)| own.types.get(field) == Some(kind))
    });
    must(fits && stays, &format!("what is settled of the measurement {measurement:?} is strange"))
}

/// What some files hold together.
#[derive(Default)]
struct Sums {
    rows: u128,
    values: u128,
    digest: ContentDigest,
}

impl Sums {
    fn add(&mut self, file: &FileEntry) -> Sound {
        self.rows += u128::from(file.rows);
        self.values += u128::from(file.values);
        let digest = file.digest.parse();
        self.digest.add(digest.map_err(|_| format!("{}: its content has no digest", file.path))?);
        Ok(())
    }
}

/// Judges whether everything together can be counted: nothing that adds it up has to look.
pub(crate) fn totals(state: &SpoolState) -> Sound {
    let of = |count: fn(&FileEntry) -> u64| {
        state.files.values().map(|file| u128::from(count(file))).sum::<u128>()
    };
    let rejected = state.rejected.values().map(|values| u128::from(*values)).sum::<u128>();
    let sums = [of(|file| file.bytes), of(|file| file.rows), of(|file| file.values), rejected];
    must(sums.iter().all(|sum| i64::try_from(*sum).is_ok()), "it holds more than can be counted")
}

/// Judges a manifest by what its records say.
pub(crate) fn manifest(manifest: &SpoolState, said: &SpoolState) -> Sound {
    must(manifest.chain == said.chain, "journal/records holds other records than it knows")?;
    if manifest.files != said.files {
        let all = manifest.files.keys().chain(said.files.keys());
        let differs = |path: &&String| manifest.files.get(*path) != said.files.get(*path);
        let first = all.into_iter().find(differs).cloned().unwrap_or_default();
        return Err(format!("of {first:?} it says what no record says"));
    }
    let same = manifest.watermark == said.watermark
        && manifest.measurements == said.measurements
        && manifest.rejected == said.rejected
        && manifest.leftovers == said.leftovers;
    must(same, "it says what no record says")
}
