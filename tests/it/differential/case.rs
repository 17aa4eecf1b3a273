//! One seed's case: a bucket, a source with other buckets beside it, a way to move it, one trouble.

use std::fmt;
use std::sync::Arc;

use sluice::testing::model::transport::Transport;
use sluice::testing::sim::{AccessToken, BucketStore, Dbrp, ServerSettings};

use super::content::Content;
use super::dice::Dice;
use super::trouble::Trouble;
use crate::support::rig::{BUCKET, READ_TOKEN, cloud, oss_source};

/// A bucket with the same series, fields and times, to which names may lead by mistake.
const TWIN: &str = "twin";

/// What the source is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// InfluxQL knows no bucket.
    Cloud,
    /// InfluxQL knows it by a mapping.
    CloudMapped,
    /// InfluxQL knows another bucket by the name of this one.
    CloudTwin,
    /// InfluxQL knows each bucket by its name.
    Oss,
    /// The same, with a token for this bucket alone.
    OssToken,
    /// A mapping leads the name to the twin.
    Shadowed,
    /// Its name has a slash, and the twin's name is the part before it.
    Behind,
    /// The twin is the default of the name, and this bucket has its retention policy.
    OtherDefault,
}

impl Kind {
    fn roll(dice: &mut Dice) -> Self {
        *dice.one(&[
            Self::Cloud,
            Self::CloudMapped,
            Self::CloudTwin,
            Self::Oss,
            Self::Oss,
            Self::Oss,
            Self::OssToken,
            Self::Shadowed,
            Self::Behind,
            Self::OtherDefault,
        ])
    }

    /// Whether InfluxQL reaches the bucket by a name of its own.
    const fn answers_influxql(self) -> bool {
        matches!(self, Self::CloudMapped | Self::Oss | Self::OssToken | Self::OtherDefault)
    }
}

pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) content: Content,
    pub(super) kind: Kind,
    /// The name of the bucket at the source.
    pub(super) bucket: &'static str,
    /// The time from which on the twin is another one.
    twin_differs_from: i64,
    pub(super) transport: Option<Transport>,
    pub(super) staged: bool,
    /// Answers come packed.
    pub(super) gzip: bool,
    pub(super) trouble: Trouble,
}

impl Case {
    pub(super) fn of(seed: u64) -> Self {
        let content = Content::roll(seed);
        let mut dice = Dice::new(seed, 2);
        let kind = Kind::roll(&mut dice);
        let bucket = if kind == Kind::Behind { "telegraf/autogen" } else { BUCKET };
        let any = *dice.one(&Transport::ALL);
        let transport = dice.hits(2, 5).then_some(any);
        let transport =
            transport.filter(|any| *any != Transport::Influxql || kind.answers_influxql());
        let twin_differs_from = match dice.below(3) {
            0 => i64::MIN,
            _ => content.time_at(dice.index(900)),
        };
        let staged = dice.hits(1, 4);
        let gzip = dice.hits(1, 3);
        let trouble = Trouble::roll(seed, &content, bucket, gzip);
        // Several measurements in one answer: the first of them are whole when the last are found to be cut.
        let together = trouble.is_damage() && content.measurements() > 1 && dice.hits(2, 3);
        let transport = if together { Some(Transport::Flux) } else { transport };
        Self { seed, content, kind, bucket, twin_differs_from, transport, staged, gzip, trouble }
    }

    /// What the source serves.
    pub(super) fn store(&self) -> Arc<BucketStore> {
        let store = Arc::new(BucketStore::default());
        // Ids are numbers of a server: those of the two ends must differ.
        for other in ["other-1", "other-2", "other-3", "other-4"] {
            store.create_bucket(other, 0);
        }
        store.create_bucket_with(self.bucket, 0, self.content.shard_s);
        store.write_lp(self.bucket, &self.content.lines()).expect("lines that fit");
        let twin = if self.kind == Kind::Behind { "telegraf" } else { TWIN };
        store.create_bucket_with(twin, 0, self.content.shard_s);
        store.write_lp(twin, &self.content.twin(self.twin_differs_from)).expect("lines that fit");
        if self.content.restarted {
            store.restart();
        }
        store
    }

    pub(super) fn source(&self) -> ServerSettings {
        let mapped = |policy: &str, bucket: &str| Dbrp {
            retention_policy: policy.to_owned(),
            ..Dbrp::default_of(self.bucket, bucket)
        };
        let (mut settings, dbrps) = match self.kind {
            Kind::Cloud => (cloud(), vec![]),
            Kind::CloudMapped => (cloud(), vec![mapped("autogen", self.bucket)]),
            Kind::CloudTwin => (cloud(), vec![mapped("autogen", TWIN)]),
            Kind::Oss | Kind::OssToken | Kind::Behind => (oss_source(), vec![]),
            Kind::Shadowed => (oss_source(), vec![mapped("autogen", TWIN)]),
            Kind::OtherDefault => (oss_source(), vec![mapped("rp", TWIN)]),
        };
        settings.dbrps = dbrps;
        if self.kind == Kind::OssToken {
            settings.tokens = vec![AccessToken::read(READ_TOKEN, self.bucket)];
        }
        settings
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, content, kind, transport, staged, gzip, trouble, .. } = self;
        let transport = transport.map_or("auto", Transport::name);
        let way = if *staged { "through a spool" } else { "directly" };
        let (shape, interval, shard_s) = (content.shape, content.interval, content.shard_s);
        write!(
            f,
            "seed {seed}: {shape:?} in batches of {interval}, shards of {shard_s} s, from {kind:?}, {transport}, {way}, packed {gzip}, {trouble:?}"
        )
    }
}
