//! `export`: a spool as line protocol or annotated CSV. Values in another type than their field has in `data` come last.

mod output;
mod text;

use self::output::{Output, Sizes, shown};
use self::text::{Refusals, Text};
use super::error::Error;
use crate::cli::export::ExportArgs;
use crate::config::env::Env;
use crate::config::export::{ExportConfig, ExportTarget};
use crate::config::values::ExportFormat;
use crate::exit::ExitCode;
use crate::job::load_config::{local_now, say_notices};
use crate::job::spool_part::SpoolPart;
use crate::report::export::ExportReport;
use crate::report::progress::ProgressLine;
use crate::report::stream;
use crate::spool;
use crate::spool::name::Tree;
use crate::spool::state::FileEntry;
use crate::spool::stored::Stored;

/// Runs the command.
pub(crate) fn run(args: &ExportArgs, env: &Env) -> Result<ExitCode, Error> {
    let config = args.config(env, local_now())?;
    say_notices(&config.notices, false);
    let report = export(&config)?;
    let mut lines =
        if config.json { vec![report.json()] } else { report.lines(stream::stdout_paper(None)) };
    if config.quiet {
        lines.truncate(1);
    }
    if !config.json {
        report
            .notes(stream::glyphs())
            .iter()
            .for_each(|note| stream::say(format_args!("notice: {note}")));
    }
    match config.target {
        ExportTarget::Stdout => lines.iter().for_each(stream::say_painted),
        ExportTarget::File(_) => lines.iter().for_each(stream::print_exact),
    }
    Ok(if report.refused_values > 0 { ExitCode::Rejected } else { ExitCode::Done })
}

/// Writes it.
pub fn export(config: &ExportConfig) -> Result<ExportReport, Error> {
    let storage = spool::place::storage(&config.place, &config.surroundings).map_err(Box::new)?;
    let stored = Stored::open(&storage).map_err(Box::new)?;
    let part = SpoolPart::of(&stored, &config.place, &config.filter, (config.start, config.stop))?;
    let selection = part.selection();
    let files = stored.files(&selection);
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let output = Output::begin(&config.target, config.gzip)?;
    let mut progress = ProgressLine::new("verified", bytes, config.json || config.quiet);
    let verified = stored.verify_step_by_step(&selection, |verified| progress.at(verified.bytes));
    // Of a file that is not ended nothing is left.
    verified.map_err(Box::new)?;
    let mut export = Export {
        stored: &stored,
        part: &part,
        text: Text::new(config.format),
        output,
        progress: ProgressLine::new("exported", bytes, config.json || config.quiet),
        bytes_read: 0,
    };
    let conflicts = export.trees(&files)?;
    let Export { text, output, .. } = export;
    let totals = text.totals();
    let sizes = match config.target {
        // A file that holds nothing says nothing to whoever finds it.
        ExportTarget::File(_) if totals.values == 0 && text.refused_values() == 0 => {
            drop(output);
            Sizes { bytes: 0, written_bytes: 0 }
        }
        _ => output.finish()?,
    };
    Ok(report(config, &stored, &part, text, conflicts, sizes))
}

fn report(
    config: &ExportConfig,
    stored: &Stored,
    part: &SpoolPart,
    text: Text,
    (conflict_values, conflict_lines): (u64, u64),
    sizes: Sizes,
) -> ExportReport {
    let totals = text.totals();
    let Refusals { groups, values, more, .. } = text.into_refusals();
    let wanted = stored.job().stop;
    ExportReport {
        place: config.place.clone(),
        target: shown(&config.target),
        format: match config.format {
            ExportFormat::Line => "line protocol",
            ExportFormat::Csv => "annotated CSV",
        },
        gzip: config.gzip,
        range: part.told(),
        nothing: (totals.values == 0 && values == 0).then(|| part.nothing()),
        complete: stored.watermark(),
        wanted,
        values: totals.values,
        lines: totals.lines,
        bytes: sizes.bytes,
        written_bytes: sizes.written_bytes,
        conflict_values,
        conflict_lines,
        line_feeds: totals.line_feeds,
        lacks: stored.rejected(),
        refused_values: values,
        refused: groups,
        refused_more: more,
    }
}

/// An export under way.
struct Export<'a> {
    stored: &'a Stored,
    part: &'a SpoolPart,
    text: Text,
    output: Output,
    progress: ProgressLine,
    bytes_read: u64,
}

impl Export<'_> {
    /// Data, then conflicts; gives values and lines of the latter.
    fn trees(&mut self, files: &[&FileEntry]) -> Result<(u64, u64), Error> {
        let [data, conflicts] = Tree::ALL
            .map(|tree| files.iter().filter(move |file| Tree::of(&file.path) == Some(tree)));
        for file in data {
            self.file(file)?;
        }
        self.end()?;
        let before = self.text.totals();
        for file in conflicts {
            self.file(file)?;
        }
        self.end()?;
        let after = self.text.totals();
        Ok((after.values - before.values, after.lines - before.lines))
    }

    fn file(&mut self, file: &FileEntry) -> Result<(), Error> {
        let files = std::slice::from_ref(file);
        for frame in self.stored.frames_of(files, self.part.range).map_err(Box::new)? {
            let output = &mut self.output;
            self.text.push(&frame.map_err(Box::new)?, |bytes| output.write(bytes))?;
        }
        self.bytes_read += file.bytes;
        self.progress.at(self.bytes_read);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        let output = &mut self.output;
        self.text.finish(|bytes| output.write(bytes))
    }
}
