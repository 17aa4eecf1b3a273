//! Collects the texts that a configuration is made of. Files are read through a function that the caller gives, so
//! that everything here can be tested without a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::dashboard::DashboardConfig;
use super::ends::{self, EndConfig, TokenSetting};
use super::env::Env;
use super::error::ConfigError;
use super::file;
use super::flag::Typed;
use super::job::JobConfig;
use super::layers::Layers;
use super::origin::ValueOrigin;
use super::profile::{self, Profile};
use super::scope;
use super::shown::ShownValue;
use super::status::StatusConfig;
use super::table::{
    BATCH_BUCKET, CONFIG, DESTINATION_BUCKET, SOURCE_BUCKET, SOURCE_HOST, SPOOL, TASK,
    WAIT_FOR_ENDS,
};
use super::task_record;
use crate::influx::id::is_id;
use crate::limits::CONFIG_BYTES_MAX;
use crate::model::side::Side;
use crate::model::time::Timestamp;

/// Reads a file as text.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// A [`ReadFile`] of the real files, bounded.
pub fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(length).is_ok_and(|length| length <= CONFIG_BYTES_MAX) {
        Ok(text)
    } else {
        Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {CONFIG_BYTES_MAX} bytes"),
        ))
    }
}

/// Where the content of a spool came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Address of the source.
    pub host: String,
    /// Its organization.
    pub org: String,
    /// The bucket.
    pub bucket: String,
}

/// The layers of a command that reads a file: what was typed, the environment, and the file that one of them names. There
/// is no file that is read unasked.
pub fn load_layers(
    typed: Vec<Typed>,
    env: &Env,
    read: ReadFile<'_>,
) -> Result<Layers, ConfigError> {
    let mut layers = Layers::new(typed, env);
    if let Some(named) = layers.plain(CONFIG.flag) {
        let path = Path::new(named.text());
        let keys = file::parse_file(&text(read, path, &named.origin.to_string())?, path)?;
        layers.add_file(keys);
    }
    Ok(layers)
}

/// All texts of one job, read, not yet judged.
#[derive(Debug, Clone)]
pub struct Inputs {
    layers: Layers,
    env: Env,
    source_profile: Option<Profile>,
    destination_profile: Option<Profile>,
    task_id: Option<String>,
}

impl Inputs {
    /// Reads everything that flags, variables and file name.
    pub fn load(typed: Vec<Typed>, env: Env, read: ReadFile<'_>) -> Result<Self, ConfigError> {
        Self::new(load_layers(typed, &env, read)?, env, read)
    }

    /// Reads what the layers name. A task named by its id is left to the caller: [`Inputs::task_id`], then
    /// [`Inputs::set_task`].
    pub fn new(layers: Layers, env: Env, read: ReadFile<'_>) -> Result<Self, ConfigError> {
        let source_profile = load_profile(Side::Source, &layers, &env, read)?;
        let destination_profile = load_profile(Side::Destination, &layers, &env, read)?;
        let mut inputs = Self { layers, env, source_profile, destination_profile, task_id: None };
        if let Some(task) = inputs.layers.plain(TASK.flag) {
            // A file of such a name is written `./0123456789abcdef`.
            if is_id(task.text()) {
                inputs.task_id = Some(task.text().to_owned());
            } else {
                let text = text(read, &task.path(), &task.origin.to_string())?;
                inputs.set_task(&text)?;
            }
        }
        Ok(inputs)
    }

    /// The id of the task whose text is still to be fetched from [`Inputs::destination`].
    pub fn task_id(&self) -> Option<&str> {
        self.task_id.as_deref()
    }

    /// How long the ends are waited for at the start.
    pub fn wait_for_ends_ms(&self) -> Result<u64, ConfigError> {
        Ok(self.layers.find(WAIT_FOR_ENDS)?.unwrap_or(0))
    }

    /// The destination alone: it is needed to fetch the task.
    pub fn destination(&self) -> Result<EndConfig, ConfigError> {
        ends::check_end(
            Side::Destination,
            &self.layers,
            &self.env,
            self.destination_profile.as_ref(),
        )
    }

    /// Takes the Flux text of the task.
    pub fn set_task(&mut self, flux: &str) -> Result<(), ConfigError> {
        let named_by = self
            .layers
            .plain(TASK.flag)
            .map_or(ValueOrigin::Flag(TASK.flag.name), |given| given.origin.clone());
        let record = task_record::parse_task_record(flux)
            .map_err(|cause| ConfigError::Task { named_by, cause })?;
        self.layers.set_task(record);
        self.task_id = None;
        Ok(())
    }

    /// Judges all of it. Relative times count back from `now`.
    pub fn check(&self, now: Timestamp) -> Result<JobConfig, ConfigError> {
        // A spool needs no destination.
        if self.layers.plain(SPOOL.flag).is_some() {
            return self.check_with(ends::no_destination(&self.layers)?, now);
        }
        self.check_with(self.destination()?, now)
    }

    /// Judges the settings of a command that reads the spool of a bucket. There is no end to ask at the source.
    pub fn check_load(&self, spooled: &Spooled, now: Timestamp) -> Result<JobConfig, ConfigError> {
        let source = EndConfig {
            host: spooled.host.clone(),
            host_from: ValueOrigin::Default(SOURCE_HOST.flag.name),
            org: Some(spooled.org.clone()),
            token: TokenSetting::None,
            tls_ca_file: None,
        };
        let ends = (source, spooled.bucket.clone(), self.destination()?);
        let mut config = JobConfig::new(&self.layers, &self.env, ends, now)?;
        // There is no clock of a source.
        let (start, stop) = scope::range_counted(&self.layers, now)?;
        (config.scope.start, config.scope.stop) = (start, stop);
        Ok(config)
    }

    /// Judges the settings of a command that reads several spools: each goes to a bucket of its own.
    pub fn check_several(&self) -> Result<(), ConfigError> {
        match self.layers.given(DESTINATION_BUCKET.flag)? {
            Some(given) => Err(ConfigError::OneBucket { given: given.origin }),
            None => Ok(()),
        }
    }

    /// Judges what a command needs that looks at the progress of jobs.
    pub fn check_status(&self) -> Result<StatusConfig, ConfigError> {
        StatusConfig::new(&self.layers, &self.env, self.destination()?)
    }

    /// Judges what a command needs that installs a dashboard.
    pub fn check_dashboard(&self) -> Result<DashboardConfig, ConfigError> {
        DashboardConfig::new(&self.layers, &self.env, self.destination()?)
    }

    /// The bucket that keeps the progress.
    pub fn batch_bucket(&self) -> Result<String, ConfigError> {
        self.layers.get(BATCH_BUCKET)
    }

    /// Judges all of it for a command that only looks: it may do without a destination.
    pub fn check_to_look(&self, now: Timestamp) -> Result<JobConfig, ConfigError> {
        let profile = self.destination_profile.as_ref();
        let destination = ends::destination_if_given(&self.layers, &self.env, profile)?;
        self.check_with(destination, now)
    }

    /// Judges all of it for a command that compares what was moved: the source may be gone.
    pub fn check_to_verify(&self, now: Timestamp) -> Result<JobConfig, ConfigError> {
        self.has_task()?;
        let source = ends::source_if_given(&self.layers, &self.env, self.source_profile.as_ref())?;
        self.check_ends(source, self.destination()?, now)
    }

    /// The same for one that holds the destination against a spool: nothing is asked of the source, whatever is given of it.
    pub fn check_to_verify_spool(&self, now: Timestamp) -> Result<JobConfig, ConfigError> {
        self.has_task()?;
        self.check_ends(ends::no_source(&self.layers)?, self.destination()?, now)
    }

    fn has_task(&self) -> Result<(), ConfigError> {
        match &self.task_id {
            Some(id) => Err(ConfigError::TaskNotFetched { id: id.clone() }),
            None => Ok(()),
        }
    }

    fn check_with(&self, destination: EndConfig, now: Timestamp) -> Result<JobConfig, ConfigError> {
        self.has_task()?;
        let source =
            ends::check_end(Side::Source, &self.layers, &self.env, self.source_profile.as_ref())?;
        self.check_ends(source, destination, now)
    }

    fn check_ends(
        &self,
        source: EndConfig,
        destination: EndConfig,
        now: Timestamp,
    ) -> Result<JobConfig, ConfigError> {
        let bucket = self.layers.needed(SOURCE_BUCKET)?;
        let config = JobConfig::new(&self.layers, &self.env, (source, bucket, destination), now)?;
        let ends = &config.ends;
        let (source, destination) = (&ends.source, &ends.destination);
        let same_org = source.org.is_some() && source.org == destination.org;
        let same_bucket = ends.source_bucket == ends.destination_bucket;
        if same_org && source.host == destination.host && same_bucket {
            return Err(ConfigError::SameBucket {
                bucket: ShownValue::new(&ends.source_bucket),
                host: source.host.clone(),
            });
        }
        Ok(config)
    }
}

fn text(read: ReadFile<'_>, path: &Path, named_by: &str) -> Result<String, ConfigError> {
    read(path).map_err(|cause| ConfigError::Read {
        path: path.to_owned(),
        named_by: named_by.to_owned(),
        cause,
    })
}

/// The names of the profiles that the influx CLI has; none where there is no file of them.
pub(crate) fn profiles(env: &Env, read: ReadFile<'_>) -> Vec<String> {
    let text = profile_path(env).and_then(|path| read(&path).ok());
    text.map_or_else(Vec::new, |text| profile::names(&text))
}

fn profile_path(env: &Env) -> Option<PathBuf> {
    let default = || Some(env.home()?.join(".influxdbv2").join("configs"));
    env.get("INFLUX_CONFIGS_PATH").map(PathBuf::from).or_else(default)
}

fn load_profile(
    side: Side,
    layers: &Layers,
    env: &Env,
    read: ReadFile<'_>,
) -> Result<Option<Profile>, ConfigError> {
    let Some(named) = layers.plain(ends::profile_flag(side)) else { return Ok(None) };
    let path = profile_path(env)
        .ok_or_else(|| ConfigError::NoProfilePath { name: ShownValue::new(named.text()) })?;
    let text = read(&path).map_err(|cause| ConfigError::NoProfiles {
        path: path.clone(),
        named_by: named.origin.to_string(),
        cause,
    })?;
    profile::find_profile(&text, &path, named.text()).map(Some)
}
