//! From two ends that passed the checks to a run that can begin.

use super::{begin, begin_spool, names, proof};
use crate::config::job::JobConfig;
use crate::job::begin::Begun;
use crate::job::destination_facts::{DestinationFacts, watched_by_run};
use crate::job::ends::Ends;
use crate::job::error::Error;
use crate::job::place::Wanted;
use crate::job::plan_run::plan_run;
use crate::job::run::Prepared;
use crate::job::source_facts::SourceFacts;
use crate::pipeline::read::BatchOrigin;
use crate::pipeline::stop::StopSignal;
use crate::pipeline::write::Destination;
use crate::pipeline::write::bucket::DestinationBucket;
use crate::pipeline::write::bucket::type_conflict;

/// Makes what was asked for at the destination, takes the job, and lays the plan of this run.
pub async fn prepare(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    mut destination: Option<&mut DestinationFacts>,
    stop: &StopSignal,
) -> Result<Prepared, Error> {
    // From here on the organization is what the records call it.
    let config = &names::of_source(config, source);
    let (begun, sink) = match (&config.ends.spool, destination.as_deref_mut()) {
        (Some(choice), _) => stop.unless(begin_spool::begin(config, choice, source)).await??,
        (None, Some(destination)) => into_bucket(config, ends, source, destination, stop).await?,
        (None, None) => return Err(Error::Nowhere),
    };
    let laying = plan_run(config, source, &ends.source, begun.job, begun.resume);
    match stop.unless(laying).await.map_err(Error::from).flatten() {
        Ok(job) => {
            let proof = proof::of(
                config,
                Some(&ends.source),
                &ends.destination,
                destination.as_deref(),
                begun.is_shared,
            );
            let source = BatchOrigin::Bucket(Box::new(job), ends.source.clone());
            Ok(Prepared { source, sink, begun, proof })
        }
        Err(error) => Err(begun.give_up(stop, error).await),
    }
}

async fn into_bucket(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: &mut DestinationFacts,
    stop: &StopSignal,
) -> Result<(Begun, Destination), Error> {
    let client = &ends.destination;
    names::check_rejects(names::rejects_file(config)).await?;
    let source_ns = source.survey.shape.shard_group_ns;
    let wanted = Wanted::of(config, source);
    let begun = begin::begin(config, client, destination, Some(source_ns), &wanted, stop).await?;
    let types = source.survey.field_types().map(type_conflict::by_key);
    let policy = config.safety.on_type_conflict;
    let bucket = DestinationBucket::new(
        client.clone(),
        &config.ends.destination_bucket,
        destination.shard_group_ns(source_ns),
        policy,
        watched_by_run(types.as_ref(), source.one_type_ns(), destination, policy),
    )
    .of_id(destination.bucket_id())
    .shared(begun.is_shared);
    Ok((begun, Destination::Bucket(bucket)))
}
