//! What one request asks of a range: which measurements and series, in which transport.

use std::fmt;
use std::sync::Arc;

use crate::limits::{AMONG_VALUES_MAX, HELD_SLICE_VALUES_MAX, PIVOT_VALUES_MAX, SLICE_VALUES_MAX};
use crate::model::filter::Filter;
use crate::model::frame::FieldType;
use crate::model::series::{Name, Readable};
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::context::{Context, LearnedCost};
use crate::pipeline::plan::catalogue::Known;
use crate::pipeline::plan::choice::Choice;
use crate::pipeline::plan::window::Layer;
use crate::wire::answer::AnswerDecoderSettings;
use crate::wire::csv::decoder::{CsvDecoderSettings, Form};
use crate::wire::flux::{self, Selection, literal};
use crate::wire::frames::series_of::SeriesOf;
use crate::wire::influxql::decoder as influxql;
use crate::wire::influxql::query::{self, Grouping, SelectStatement};

/// Which of the values of a range a plain Flux query reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that Flux reads, but for fields of several types.
    All,
    /// The same of these measurements.
    Measurements(Vec<Name>),
    /// Fields of several types.
    Mixed,
    /// What Flux reads of these measurements at the largest time.
    LargestTime(Vec<Name>),
}

/// Series with one of these values of one key tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Among {
    key: String,
    values: Arc<[String]>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub enum Target {
    /// Plain Flux.
    Flux(Scope),
    /// The strings that hold a carriage return, escaped by the server.
    CarriageReturns(Scope),
    /// One measurement by its key tags: all fields, or only those that hold strings.
    Keyed(Arc<Choice>, Option<Among>, Kinds),
    /// One measurement by its key tags, the fields of one time in one row; no strings.
    Pivot(Arc<Choice>, Option<Among>),
    /// One statement for each of these measurements; several of them only if they are small.
    Influxql(Vec<Arc<Choice>>, Option<Among>),
}

/// Which fields of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// All.
    All,
    /// Those that hold strings.
    Strings,
}

/// A request that can be sent.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A script.
    Flux(String),
    /// Statements.
    Influxql(Vec<String>),
}

impl Target {
    /// The series that it is about, if not all.
    pub fn among(&self) -> Option<&Among> {
        match self {
            Self::Keyed(_, among, _) | Self::Pivot(_, among) | Self::Influxql(_, among) => {
                among.as_ref()
            }
            Self::Flux(_) | Self::CarriageReturns(_) => None,
        }
    }

    /// The same of some of its series only; plain Flux names no series.
    #[must_use]
    pub fn only_among(self, among: &Among) -> Self {
        match self {
            Self::Keyed(choice, _, kinds) => Self::Keyed(choice, Some(among.clone()), kinds),
            Self::Pivot(choice, _) => Self::Pivot(choice, Some(among.clone())),
            Self::Influxql(choices, _) => Self::Influxql(choices, Some(among.clone())),
            Self::Flux(_) | Self::CarriageReturns(_) => self,
        }
    }

    /// How it is read.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Flux(_) | Self::CarriageReturns(_) => Transport::Flux,
            Self::Keyed(..) => Transport::FluxKeyed,
            Self::Pivot(..) => Transport::FluxPivot,
            Self::Influxql(..) => Transport::Influxql,
        }
    }

    /// What its values cost.
    pub fn cost<'a>(&'a self, context: &'a Context) -> &'a LearnedCost {
        match self {
            Self::Flux(_) | Self::CarriageReturns(_) => &context.cost,
            Self::Keyed(choice, _, Kinds::Strings) => &choice.cost_of_strings,
            Self::Keyed(choice, ..) | Self::Pivot(choice, _) => &choice.cost,
            Self::Influxql(choices, _) => {
                choices.first().map_or(&context.cost, |choice| &choice.cost)
            }
        }
    }

    /// Values that one slice of it should hold.
    pub fn values_max(&self, context: &Context) -> u64 {
        let bound = match self {
            Self::Pivot(..) => PIVOT_VALUES_MAX,
            _ if self.known().is_some() => HELD_SLICE_VALUES_MAX,
            _ => SLICE_VALUES_MAX,
        };
        context.job.values_max(self.cost(context)).min(bound)
    }

    /// The measurement and the series that the answer is restored from. It must be held back until it is sure that
    /// no series was added.
    pub fn known(&self) -> Option<(&Name, &Arc<Known>)> {
        let choice = match self {
            Self::Flux(_) | Self::CarriageReturns(_) => return None,
            Self::Keyed(choice, ..) | Self::Pivot(choice, _) => choice,
            Self::Influxql(choices, _) => choices.first()?,
        };
        choice.known.as_ref().map(|known| (&choice.measurement, known))
    }

    /// True for the fields of a measurement that it reads, as far as they were known when it was chosen.
    pub fn reads(&self, measurement: &Name, field: &Name) -> bool {
        match self {
            Self::Flux(_) | Self::CarriageReturns(_) | Self::Keyed(_, _, Kinds::All) => true,
            Self::Keyed(choice, _, Kinds::Strings) => {
                choice.types.get(field) == Some(&FieldType::String)
            }
            Self::Pivot(choice, _) => choice.types.get(field) != Some(&FieldType::String),
            Self::Influxql(choices, _) => choices.iter().any(|choice| {
                choice.measurement == *measurement && choice.types.contains_key(field)
            }),
        }
    }

    /// The request for a range, and what its answer looks like.
    pub fn ask(&self, context: &Context, range: TimeRange) -> (Ask, AnswerDecoderSettings) {
        let (job, label) = (&context.job, context.job.field_label.as_str());
        match self {
            Self::Flux(scope) => {
                let at_end = matches!(scope, Scope::LargestTime(_));
                let read = if at_end { flux::read_largest_time } else { flux::read };
                let text = scope.select(context, range, |selection| read(selection, label));
                (Ask::Flux(text), AnswerDecoderSettings::Csv(whole(label)))
            }
            Self::CarriageReturns(scope) => {
                let read = |selection: Selection<'_>| match scope {
                    Scope::LargestTime(_) => {
                        flux::read_carriage_returns_at_largest_time(selection, label)
                    }
                    _ => flux::read_carriage_returns(selection, label),
                };
                let settings = CsvDecoderSettings { unescape_strings: true, ..whole(label) };
                (
                    Ask::Flux(scope.select(context, range, read)),
                    AnswerDecoderSettings::Csv(settings),
                )
            }
            Self::Keyed(choice, among, kinds) => {
                let only =
                    (*kinds == Kinds::Strings).then(|| strings(choice, literal::is_field, " or "));
                let text = keyed(context, choice, among.as_ref(), only, range, flux::read_keyed);
                (Ask::Flux(text), AnswerDecoderSettings::Csv(restored(choice, label, Form::Narrow)))
            }
            Self::Pivot(choice, among) => {
                let only = Some(strings(choice, literal::is_other_field, " and "));
                let text = keyed(context, choice, among.as_ref(), only, range, flux::read_pivoted);
                (
                    Ask::Flux(text),
                    AnswerDecoderSettings::Csv(restored(choice, label, Form::Pivoted)),
                )
            }
            Self::Influxql(choices, among) => {
                let statements = choices
                    .iter()
                    .filter_map(|choice| statement(context, choice, among.as_ref(), range))
                    .collect();
                let encoding = job.routes.access.as_ref().map(|access| access.encoding);
                let settings = influxql::InfluxqlDecoderSettings {
                    format: crate::pipeline::read::fetch::format(encoding),
                    statements: choices.iter().map(|choice| expected(choice)).collect(),
                };
                (Ask::Influxql(statements), AnswerDecoderSettings::Influxql(settings))
            }
        }
    }

    /// Parts by measurement or by series, at most about so many; one if it cannot be divided.
    pub fn divided(&self, parts: usize) -> Vec<Self> {
        match self {
            Self::Flux(Scope::Measurements(names)) if names.len() > 1 => {
                let names = names.chunks(names.len().div_ceil(parts.max(2)));
                names.map(|names| Self::Flux(Scope::Measurements(names.to_vec()))).collect()
            }
            Self::Influxql(choices, None) if choices.len() > 1 => {
                let choices = choices.chunks(choices.len().div_ceil(parts.max(2)));
                choices.map(|choices| Self::Influxql(choices.to_vec(), None)).collect()
            }
            Self::Keyed(choice, among, kinds) => {
                let groups = groups(choice, among.as_ref(), parts);
                let one = |among| Self::Keyed(Arc::clone(choice), among, *kinds);
                groups.into_iter().map(one).collect()
            }
            Self::Pivot(choice, among) => {
                let groups = groups(choice, among.as_ref(), parts);
                groups.into_iter().map(|among| Self::Pivot(Arc::clone(choice), among)).collect()
            }
            Self::Influxql(choices, among) if choices.len() == 1 => {
                let groups = groups(&choices[0], among.as_ref(), parts);
                groups.into_iter().map(|among| Self::Influxql(choices.clone(), among)).collect()
            }
            _ => vec![self.clone()],
        }
    }

    /// The same values asked for in a form that needs to know less; `None` if there is none.
    pub fn plain(&self, layer: Layer) -> Option<Self> {
        let flux = |names| Some(Self::Flux(Scope::Measurements(names)));
        match self {
            Self::Keyed(choice, ..) | Self::Pivot(choice, _) => {
                flux(vec![choice.measurement.clone()])
            }
            Self::Influxql(choices, _) if layer == Layer::Plain => {
                flux(choices.iter().map(|choice| choice.measurement.clone()).collect())
            }
            // Flux does not read these: at least all tags can be asked for.
            Self::Influxql(choices, _) if choices.iter().any(|choice| choice.known.is_some()) => {
                let choices = choices.iter().map(|choice| choice.without_catalogue()).collect();
                Some(Self::Influxql(choices, None))
            }
            Self::Flux(_) | Self::CarriageReturns(_) | Self::Influxql(..) => None,
        }
    }

    /// The measurements, if they are named.
    pub fn measurements(&self) -> Vec<&Name> {
        match self {
            Self::Flux(Scope::Measurements(names) | Scope::LargestTime(names))
            | Self::CarriageReturns(Scope::Measurements(names)) => names.iter().collect(),
            Self::Flux(_) | Self::CarriageReturns(_) => Vec::new(),
            Self::Keyed(choice, ..) | Self::Pivot(choice, _) => vec![&choice.measurement],
            Self::Influxql(choices, _) => {
                choices.iter().map(|choice| &choice.measurement).collect()
            }
        }
    }
}

impl Scope {
    /// Calls `text` with the selection of this scope.
    pub fn select<T>(
        &self,
        context: &Context,
        range: TimeRange,
        text: impl FnOnce(Selection<'_>) -> T,
    ) -> T {
        let job = &context.job;
        match self {
            Self::All => text(job.selection(range)),
            Self::Measurements(measurements) => {
                text(Selection { measurements, ..job.selection(range) })
            }
            Self::LargestTime(measurements) => {
                text(Selection { measurements, ..job.selection_of(Layer::LargestTime, range) })
            }
            Self::Mixed => {
                let filter = job.filter_of(Layer::Mixed);
                text(Selection { filter: &filter, ..job.selection_of(Layer::Mixed, range) })
            }
        }
    }
}

/// For messages: which measurements, in which transport.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.measurements();
        match names.as_slice() {
            [] => write!(f, "by {}", self.transport()),
            [one] => write!(f, "of {} by {}", Readable(one), self.transport()),
            [first, rest @ ..] => {
                write!(f, "of {} and {} more by {}", Readable(first), rest.len(), self.transport())
            }
        }
    }
}

/// An answer that names everything.
pub fn whole(label: &str) -> CsvDecoderSettings {
    CsvDecoderSettings {
        form: Form::Narrow,
        series: SeriesOf::Whole,
        field_label: label.to_owned(),
        unescape_strings: false,
    }
}

fn restored(choice: &Choice, label: &str, form: Form) -> CsvDecoderSettings {
    CsvDecoderSettings { series: series_of(choice), form, ..whole(label) }
}

fn series_of(choice: &Choice) -> SeriesOf {
    match &choice.known {
        Some(known) => SeriesOf::Keyed {
            measurement: choice.measurement.clone(),
            catalogue: Arc::clone(&known.catalogue),
        },
        None => SeriesOf::Whole,
    }
}

fn expected(choice: &Choice) -> influxql::AskedStatement {
    influxql::AskedStatement {
        measurement: choice.measurement.clone(),
        types: Arc::clone(&choice.types),
        series: series_of(choice),
    }
}

/// A condition over the fields that hold strings; true for all if there are none.
fn strings(choice: &Choice, test: impl Fn(&[u8]) -> String, join: &str) -> String {
    let fields = choice.types.iter().filter(|(_, kind)| **kind == FieldType::String);
    let tests: Vec<_> = fields.map(|(name, _)| test(name)).collect();
    if tests.is_empty() { "true".to_owned() } else { format!("({})", tests.join(join)) }
}

type KeyedText = fn(Selection<'_>, &str, &[u8], &[Vec<u8>]) -> String;

fn keyed(
    context: &Context,
    choice: &Choice,
    among: Option<&Among>,
    only: Option<String>,
    range: TimeRange,
    text: KeyedText,
) -> String {
    let selection = context.job.selection(range);
    let mut conditions = selection.without.to_vec();
    conditions.extend(only.filter(|only| only != "true"));
    conditions.extend(among.map(Among::condition));
    let keys: Vec<Vec<u8>> = choice
        .known
        .iter()
        .flat_map(|known| known.catalogue.keys())
        .map(|key| key.to_vec())
        .collect();
    let selection = Selection { without: &conditions, ..selection };
    text(selection, &context.job.field_label, &choice.measurement, &keys)
}

fn statement(
    context: &Context,
    choice: &Choice,
    among: Option<&Among>,
    range: TimeRange,
) -> Option<String> {
    let (_, measurement) = context.job.influxql_name(&choice.measurement)?;
    let fields = context.job.routes.influxql.get(&choice.measurement)?;
    let filter = Filter { fields: fields.listed.clone(), ..context.job.filter.clone() };
    let keys: Option<Vec<String>> = choice.known.as_ref().map(|known| {
        known.catalogue.keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    });
    Some(query::select(&SelectStatement {
        measurement,
        range,
        filter: &filter,
        grouping: keys.as_deref().map_or(Grouping::All, Grouping::Keys),
        among: among.map(|among| (among.key.as_str(), &*among.values)),
    }))
}

impl Among {
    /// About `part` of every `whole` series of a measurement, spread evenly, with the numbers of key values kept and of all;
    /// none where one query cannot name a group of them.
    pub fn some(choice: &Choice, part: u64, whole: u64) -> Option<(Self, u64, u64)> {
        let (key, values) = widest_key(choice.known.as_ref()?)?;
        let all = values.len() as u64;
        let most = u64::try_from(AMONG_VALUES_MAX).unwrap_or(u64::MAX);
        let wanted = u128::from(all) * u128::from(part) / u128::from(whole.max(1));
        let kept = u64::try_from(wanted).unwrap_or(u64::MAX).clamp(1, all.clamp(1, most));
        let step = usize::try_from(all / kept).unwrap_or(1).max(1);
        let count = usize::try_from(kept).unwrap_or(1);
        let values: Arc<[String]> = values.into_iter().step_by(step).take(count).collect();
        let kept = values.len() as u64;
        Some((Self { key, values }, kept, all))
    }

    /// A Flux expression that is true for these series.
    pub fn condition(&self) -> String {
        let column = literal::quote(self.key.as_bytes());
        let tests: Vec<_> = self
            .values
            .iter()
            .map(|value| format!("r[{column}] == {}", literal::quote(value.as_bytes())))
            .collect();
        format!("({})", tests.join(" or "))
    }
}

/// Groups of series by the values of the key tag that has most of them; the whole if there is no such tag.
fn groups(choice: &Choice, among: Option<&Among>, parts: usize) -> Vec<Option<Among>> {
    let whole = || vec![among.cloned()];
    let (key, values) = match among {
        Some(among) => (among.key.clone(), among.values.to_vec()),
        None => match choice.known.as_ref().and_then(|known| widest_key(known)) {
            Some(found) => found,
            None => return whole(),
        },
    };
    if values.len() < 2 {
        return whole();
    }
    let length = values.len().div_ceil(parts.max(2)).min(AMONG_VALUES_MAX);
    values
        .chunks(length)
        .map(|values| Some(Among { key: key.clone(), values: values.into() }))
        .collect()
}

/// The key tag of the most values, if every series has it and all values can be named.
fn widest_key(known: &Known) -> Option<(String, Vec<String>)> {
    let all = known.catalogue.keys().iter().filter_map(|key| {
        let values: Option<Vec<String>> = known
            .catalogue
            .values_of(key)
            .into_iter()
            .map(|value| query::nameable(value).filter(|text| !text.is_empty()).map(str::to_owned))
            .collect();
        Some((String::from_utf8(key.to_vec()).ok()?, values?))
    });
    all.max_by_key(|(_, values)| values.len())
}
