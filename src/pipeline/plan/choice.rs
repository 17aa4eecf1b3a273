//! How each measurement is read, chosen when it is met with enough values to be worth a look, and why.
//!
//! Under a quota the transport of the fewest bytes, else the one that costs the source the least work; whatever is chosen
//! falls back to a form that needs to know less, for a slice whose answer does not fit what is known here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::{CATALOGUE_VALUES_MIN, KEYED_VALUES_PER_SERIES_MIN, STATEMENT_VALUES_MIN};
use crate::model::frame::FieldType;
use crate::model::series::{Name, Readable};
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::event::Event;
use crate::pipeline::plan::catalogue::{self, KnownSeries};
use crate::pipeline::plan::cost::LearnedCost;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::job::BucketJob;

/// How one measurement is read.
#[derive(Debug)]
pub struct Choice {
    /// The measurement.
    pub measurement: Name,
    /// How.
    pub transport: Transport,
    /// Its series, for the forms that name key tags only.
    pub known: Option<Arc<KnownSeries>>,
    /// Types of its fields, for the forms that need them.
    pub types: Arc<BTreeMap<Name, FieldType>>,
    /// Why, in words.
    pub reason: String,
    /// What its values cost.
    pub cost: LearnedCost,
    /// What its strings cost, where they are read by themselves.
    pub cost_of_strings: LearnedCost,
}

impl Choice {
    /// The same with all tags in the answer.
    #[must_use]
    pub fn without_catalogue(&self) -> Arc<Self> {
        Arc::new(Self {
            measurement: self.measurement.clone(),
            transport: self.transport,
            known: None,
            types: Arc::clone(&self.types),
            reason: self.reason.clone(),
            cost: LearnedCost::of(self.transport),
            cost_of_strings: LearnedCost::of(self.transport),
        })
    }
}

/// The choices of a run. Each measurement has a lock of its own, so that a look-up that takes long is waited for by those
/// only who need it; the map is locked for an instant.
#[derive(Debug)]
pub struct Choices {
    /// What a value costs to read in plain Flux, whatever the measurement.
    pub flux_cost: LearnedCost,
    made: Mutex<HashMap<Name, Slot>>,
}

/// What is chosen for one measurement, if anything is yet.
type Slot = Arc<tokio::sync::Mutex<Option<ChoiceMade>>>;

#[derive(Debug)]
struct ChoiceMade {
    choice: Arc<Choice>,
    /// Whether its series were looked at; too few values are not worth that.
    looked: bool,
}

impl Choices {
    /// Of a run that has looked at nothing.
    pub fn new() -> Self {
        Self { flux_cost: LearnedCost::of(Transport::Flux), made: Mutex::default() }
    }

    /// The choice for a measurement that holds so many values in the batch at hand.
    pub async fn choice_for(
        &self,
        source: &SourceBucket,
        measurement: &Name,
        values: u64,
    ) -> Result<Arc<Choice>, Error> {
        let look = is_worth_a_look(source, values);
        if let Some(choice) = too_few(source, measurement, values) {
            return Ok(Arc::new(choice));
        }
        let slot = Arc::clone(self.made().entry(measurement.clone()).or_default());
        let mut made = slot.lock().await;
        if let Some(known) = &*made
            && (known.looked || !look)
        {
            return Ok(Arc::clone(&known.choice));
        }
        let choice = Arc::new(choose(source, measurement, values, look, u64::MAX).await?);
        let is_new = made.as_ref().is_none_or(|before| before.choice.transport != choice.transport);
        if is_new && look {
            source.tell(Event::Chosen {
                measurement: Readable(measurement).to_string(),
                transport: choice.transport,
                reason: choice.reason.clone(),
            });
        }
        *made = Some(ChoiceMade { choice: Arc::clone(&choice), looked: look });
        Ok(choice)
    }

    /// The only choice for what Flux does not read.
    pub fn influxql_only(job: &BucketJob, measurement: &Name) -> Option<Arc<Choice>> {
        let fields = job.routes.influxql.get(measurement)?;
        let why = vec!["Flux cannot read it".to_owned()];
        let types = Arc::clone(&fields.types);
        Some(Arc::new(made(measurement, Transport::Influxql, None, types, why)))
    }

    /// Forgets a choice that did not hold: the next batch looks again. A look-up that is under way serves those who wait
    /// for it already.
    pub fn forget(&self, measurement: &[u8]) {
        self.made().remove(measurement);
    }

    fn made(&self) -> MutexGuard<'_, HashMap<Name, Slot>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Choices {
    fn default() -> Self {
        Self::new()
    }
}

/// The choice for a measurement with so many values in a batch, as [`Choices::choice_for`] makes it, but not kept, and without the
/// catalogue of more than `series_max` series: that is for the run.
pub(crate) async fn choice_for_sample(
    source: &SourceBucket,
    measurement: &Name,
    values: u64,
    series_max: u64,
) -> Result<Arc<Choice>, Error> {
    if let Some(choice) = too_few(source, measurement, values) {
        return Ok(Arc::new(choice));
    }
    let look = is_worth_a_look(source, values);
    Ok(Arc::new(choose(source, measurement, values, look, series_max).await?))
}

/// The other transports that can read the same, as far as is known without asking for more series; of the rest why not.
pub(crate) async fn other_choices(
    source: &SourceBucket,
    choice: &Choice,
) -> Result<Vec<(Transport, Result<Arc<Choice>, String>)>, Error> {
    let measurement = &choice.measurement;
    let mut found = Vec::new();
    for transport in Transport::ALL.into_iter().filter(|other| *other != choice.transport) {
        let (known, types) = match (transport, &choice.known) {
            (Transport::Flux, _) => (None, Arc::default()),
            (Transport::Influxql, known) => match source.job.routes.refusal(measurement) {
                None => {
                    let types = Arc::clone(&source.job.routes.influxql[measurement].types);
                    (known.clone(), types)
                }
                Some(refusal) => {
                    found.push((transport, Err(refusal.to_owned())));
                    continue;
                }
            },
            (Transport::FluxKeyed | Transport::FluxPivot, None) => {
                found.push((transport, Err("its series are not known".to_owned())));
                continue;
            }
            (_, Some(known)) => {
                let types = catalogue::field_types(source, measurement).await?;
                if transport == Transport::FluxPivot
                    && let Err(refusal) = may_pivot(known, types.as_ref())
                {
                    found.push((transport, Err(refusal)));
                    continue;
                }
                (Some(Arc::clone(known)), Arc::new(types.unwrap_or_default()))
            }
        };
        found.push((transport, Ok(Arc::new(made(measurement, transport, known, types, vec![])))));
    }
    Ok(found)
}

/// Whether the series are looked at; too few values are not worth that. Who asks for a transport gets it whatever it costs.
fn is_worth_a_look(source: &SourceBucket, values: u64) -> bool {
    values >= CATALOGUE_VALUES_MIN || source.job.transport.is_some()
}

fn too_few(source: &SourceBucket, measurement: &Name, values: u64) -> Option<Choice> {
    let asked_for = source.job.transport.is_some();
    (values < STATEMENT_VALUES_MIN && !asked_for && !has_quota(source)).then(|| {
        let why = vec!["too few values for a statement of its own".to_owned()];
        made(measurement, Transport::Flux, None, Arc::default(), why)
    })
}

/// Goes through the transports from the best to the one that always works.
async fn choose(
    source: &SourceBucket,
    measurement: &Name,
    values: u64,
    look: bool,
    series_max: u64,
) -> Result<Choice, Error> {
    let job = &source.job;
    if let Some(why) = source.flux_only.why(measurement) {
        return Ok(made(measurement, Transport::Flux, None, Arc::default(), vec![why]));
    }
    let quota = has_quota(source);
    let wanted: &[Transport] = match job.transport {
        Some(Transport::Flux) => &[],
        Some(Transport::FluxKeyed) => &[Transport::FluxKeyed],
        Some(Transport::FluxPivot) => &[Transport::FluxPivot, Transport::FluxKeyed],
        Some(Transport::Influxql) => &[Transport::Influxql],
        None if quota => &[Transport::Influxql, Transport::FluxPivot, Transport::FluxKeyed],
        None => &[Transport::Influxql, Transport::FluxKeyed],
    };
    let aim = match job.transport {
        Some(_) => "as asked for",
        None if quota => "fewest bytes",
        None => "least work for the source",
    };
    let mut why = vec![aim.to_owned()];
    let mut known = None;
    for transport in wanted {
        match transport {
            Transport::Influxql => {
                if let Some(refusal) = job.routes.refusal(measurement) {
                    why.push(format!("influxql: {refusal}"));
                    continue;
                }
                let types = Arc::clone(&job.routes.influxql[measurement].types);
                if look {
                    known = look_up(source, measurement, (values, series_max), &mut why).await?;
                }
                return Ok(made(measurement, *transport, known, types, why));
            }
            Transport::FluxKeyed | Transport::FluxPivot => {
                if !look {
                    why.push(format!("{transport}: too few values to look at its series"));
                    continue;
                }
                if known.is_none() {
                    known = look_up(source, measurement, (values, series_max), &mut why).await?;
                }
                let Some(series) = &known else { continue };
                let types = catalogue::field_types(source, measurement).await?;
                if *transport == Transport::FluxPivot
                    && let Err(refusal) = may_pivot(series, types.as_ref())
                {
                    why.push(format!("{transport}: {refusal}"));
                    continue;
                }
                let types = Arc::new(types.unwrap_or_default());
                return Ok(made(measurement, *transport, known, types, why));
            }
            Transport::Flux => {}
        }
    }
    Ok(made(measurement, Transport::Flux, None, Arc::default(), why))
}

fn has_quota(source: &SourceBucket) -> bool {
    source.client.quota().bytes_per_s().is_some()
}

fn made(
    measurement: &Name,
    transport: Transport,
    known: Option<Arc<KnownSeries>>,
    types: Arc<BTreeMap<Name, FieldType>>,
    mut why: Vec<String>,
) -> Choice {
    if let Some(known) = &known {
        let keys: Vec<_> =
            known.catalogue.keys().iter().map(|key| Readable(key).to_string()).collect();
        let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
        why.push(format!("{} series, key tags: {keys}", known.catalogue.len()));
    }
    Choice {
        measurement: measurement.clone(),
        transport,
        known,
        types,
        reason: why.join("; "),
        cost: LearnedCost::of(transport),
        cost_of_strings: LearnedCost::of(Transport::FluxKeyed),
    }
}

/// The catalogue, if it saves more than it costs.
async fn look_up(
    source: &SourceBucket,
    measurement: &Name,
    (values, look_series_max): (u64, u64),
    why: &mut Vec<String>,
) -> Result<Option<Arc<KnownSeries>>, Error> {
    let in_job = values.saturating_mul(source.job.batches_of_whole());
    let series_max = match source.job.transport {
        Some(_) => u64::MAX,
        None => in_job / KEYED_VALUES_PER_SERIES_MIN,
    };
    match catalogue::look_up(source, measurement, series_max, look_series_max).await? {
        Ok(known) => Ok(Some(Arc::new(known))),
        Err(refusal) => {
            why.push(format!("all tags: {refusal}"));
            Ok(None)
        }
    }
}

/// Under pivot a missing string looks like an empty one, and a field called as a tag breaks the query.
fn may_pivot(
    known: &KnownSeries,
    types: Result<&BTreeMap<Name, FieldType>, &String>,
) -> Result<(), String> {
    let types = types.map_err(Clone::clone)?;
    let own: [&[u8]; 4] = [b"_time", b"_value", b"table", b"result"];
    let taken = |name: &&Name| known.catalogue.keys().contains(name) || own.contains(&&***name);
    if let Some(name) = types.keys().find(taken) {
        return Err(format!("field {} is called as a column", Readable(name)));
    }
    if types.values().all(|kind| *kind == FieldType::String) {
        return Err("all its fields are strings".to_owned());
    }
    Ok(())
}
