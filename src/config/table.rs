//! The settings there are, and how their names are spelt on the command line, in the environment and in the file.

/// How many values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One text or number.
    One,
    /// Any number of texts: the flag is repeated, the variable has one per line, the key takes an array.
    List,
    /// Yes or no.
    Switch,
    /// A program with its arguments: one text that is cut into words, or an array.
    Words,
}

/// The table of the official record.
const MIGRATION: &str = "migration";

/// The tables of the file. Other commands with settings of their own read none.
const TABLES: [&str; 2] = [MIGRATION, "bench"];

/// One setting: a flag `--name`, a variable `SLUICE_NAME` and a key `name` of the file, dashes as underscores. That of one
/// command alone is `SLUICE_COMMAND_NAME`, and its key stands in the command's table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The flag's name.
    pub name: &'static str,
    /// How many values.
    pub kind: Kind,
    /// `migration` for one of the official record, or the command whose alone it is; none for one of every job.
    pub table: Option<&'static str>,
    /// Value where nothing gives one.
    pub default: Option<&'static str>,
}

const fn of(kind: Kind, name: &'static str) -> Setting {
    Setting { name, kind, table: None, default: None }
}

const fn one(name: &'static str) -> Setting {
    of(Kind::One, name)
}

const fn official(name: &'static str) -> Setting {
    one(name).only(MIGRATION)
}

const fn bench(name: &'static str) -> Setting {
    one(name).only("bench")
}

const fn demo(name: &'static str) -> Setting {
    one(name).only("demo")
}

impl Setting {
    const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    const fn only(self, table: &'static str) -> Self {
        Self { table: Some(table), ..self }
    }

    /// One of the nine of the official `migration` record.
    pub fn is_official(&self) -> bool {
        self.table == Some(MIGRATION)
    }

    /// `SLUICE_SOURCE_HOST`, `SLUICE_BENCH_INTERVALS`.
    pub fn variable(&self) -> String {
        let command = self.table.filter(|table| *table != MIGRATION);
        let words = ["sluice"].into_iter().chain(command).chain([self.name]);
        words.collect::<Vec<_>>().join("_").replace('-', "_").to_ascii_uppercase()
    }

    /// `source_host`.
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// `migration.source_host`, `bench.intervals`; none for one that no file gives.
    pub fn full_key(&self) -> Option<String> {
        match self.table {
            None => Some(self.key()),
            Some(table) => is_table(table).then(|| format!("{table}.{}", self.key())),
        }
    }

    /// `sourceHost`: the spelling of the official record.
    pub fn camel(&self) -> String {
        let mut words = self.name.split('-');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |mut camel, word| {
            camel.push_str(&word[..1].to_ascii_uppercase());
            camel.push_str(&word[1..]);
            camel
        })
    }
}

/// Every setting of a job, in the order of the help.
pub const SETTINGS: &[Setting] = &[
    official("source-host"),
    official("source-org"),
    official("source-bucket"),
    one("source-profile"),
    one("source-token-file"),
    of(Kind::Words, "source-token-command"),
    one("destination-host").or("http://localhost:8086"),
    one("destination-org"),
    official("destination-bucket"),
    one("destination-profile"),
    one("destination-token-file"),
    of(Kind::Words, "destination-token-command"),
    of(Kind::Switch, "create-buckets"),
    one("tls-ca-file"),
    official("start").or("earliest"),
    official("stop").or("now"),
    one("settle").or("10m"),
    official("batch-interval").or("auto"),
    official("batch-bucket").or("migration"),
    one("task"),
    of(Kind::Switch, "pause-task"),
    of(Kind::Switch, "adopt"),
    of(Kind::List, "measurement"),
    of(Kind::List, "tag"),
    of(Kind::List, "field"),
    one("predicate"),
    one("quota").or("auto"),
    one("quota-share").or("90%"),
    one("query-timeout").or("90s"),
    one("concurrency").or("2"),
    one("transport").or("auto"),
    one("max-transfer"),
    one("max-duration"),
    one("on-type-conflict").or("stop"),
    one("existing").or("refuse"),
    one("spool"),
    one("spool-dir"),
    one("time-type").or("ns-utc"),
    one("rejects"),
    one("reject-limit").or("10000"),
    of(Kind::Switch, "dry-run"),
    of(Kind::Switch, "yes"),
    of(Kind::Switch, "json"),
    one("color").or("auto"),
];

/// What `bench` takes beside the settings of a job.
pub const BENCH: &[Setting] = &[
    bench("intervals"),
    bench("transports"),
    bench("concurrencies"),
    bench("body-sizes"),
    bench("repetitions").or("3"),
    bench("sink").or("discard"),
    bench("seed"),
    bench("out").or("bench"),
    bench("sim-values").or("1000000000000"),
    bench("sim-bytes-per-value").or("2.1"),
    bench("sim-latency").or("50ms"),
    bench("sim-bandwidth").or("100MB"),
    bench("sim-source-rate").or("5000000"),
];

/// What `export` takes beside some settings of a job.
pub const EXPORT: &[Setting] =
    &[one("format").only("export"), of(Kind::Switch, "gzip").only("export")];

/// What `demo` takes beside some settings of a job.
pub const DEMO: &[Setting] = &[demo("hosts").or("50"), demo("hours").or("6"), demo("seed").or("1")];

/// Every setting there is.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(BENCH).chain(EXPORT).chain(DEMO)
}

/// True for a table of the file.
pub(super) fn is_table(name: &str) -> bool {
    TABLES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_three_ways() {
        let setting = |name| all().find(|setting| setting.name == name).unwrap();
        let interval = setting("batch-interval");
        assert_eq!(
            (interval.variable(), interval.key(), interval.camel()),
            ("SLUICE_BATCH_INTERVAL".into(), "batch_interval".into(), "batchInterval".into())
        );
        let sizes = setting("body-sizes");
        assert_eq!(
            (sizes.variable(), sizes.full_key()),
            ("SLUICE_BENCH_BODY_SIZES".into(), Some("bench.body_sizes".into()))
        );
        assert_eq!(setting("gzip").full_key(), None, "export reads no file");
        assert_eq!(
            SETTINGS.iter().filter(|setting| setting.is_official()).count(),
            8,
            "the nine less sourceToken"
        );
    }
}
