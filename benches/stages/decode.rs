//! Answers in each form to merged frames, and on to line protocol.

use std::collections::BTreeMap;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use sluice::testing::limits::DECODE_STEP_BYTES_MAX;
use sluice::testing::model::catalogue::Catalogue;
use sluice::testing::model::frame::{FieldType, Frame};
use sluice::testing::wire::answer::{AnswerDecoder, AnswerDecoderSettings};
use sluice::testing::wire::csv::decoder::{CsvDecoderSettings as CsvSettings, Form as CsvForm};
use sluice::testing::wire::frames::series_of::SeriesOf;
use sluice::testing::wire::influxql::decoder::{AskedStatement, Format, InfluxqlDecoderSettings};
use sluice::testing::wire::line::encoder::Encoder;

use super::answers::{self, FIELDS, Form, Kind, SHAPES, Shape};
use super::encode;

#[divan::bench(args = SHAPES, sample_count = 30, sample_size = 1)]
fn to_frames(bencher: Bencher<'_, '_>, shape: &Shape) {
    measure(bencher, shape, |answer| answer.decode(|_| ()));
}

#[divan::bench(args = SHAPES, sample_count = 30, sample_size = 1)]
fn to_lines(bencher: Bencher<'_, '_>, shape: &Shape) {
    measure(bencher, shape, Answer::decode_and_encode);
}

fn measure(bencher: Bencher<'_, '_>, shape: &Shape, work: impl Fn(&Answer) -> u64) {
    let answer = Answer::of(shape);
    // All of it once: the allocator learns from it how much to keep.
    let values = answer.decode_and_encode();
    bencher
        .counter(ItemsCount::new(values))
        .counter(BytesCount::new(answer.body.len()))
        .bench_local(|| assert_eq!(work(&answer), values));
}

/// An answer, and what leads to the decoder for it.
struct Answer {
    body: Vec<u8>,
    settings: AnswerDecoderSettings,
}

impl Answer {
    fn of(shape: &Shape) -> Self {
        let shape = shape.sized();
        Self { body: answers::answer(&shape), settings: settings(&shape) }
    }

    /// Gives each frame away as it comes; tells the values.
    #[inline(never)]
    fn decode(&self, mut take: impl FnMut(&Frame)) -> u64 {
        let mut decoder = AnswerDecoder::new(self.settings.clone());
        let mut frames = Vec::new();
        for step in self.body.chunks(DECODE_STEP_BYTES_MAX) {
            decoder.push(step, &mut frames).expect("a proper answer");
            frames.drain(..).for_each(|frame| take(&frame));
        }
        let totals = decoder.finish(&mut frames).expect("a whole answer");
        frames.drain(..).for_each(|frame| take(&frame));
        totals.values
    }

    #[inline(never)]
    fn decode_and_encode(&self) -> u64 {
        let mut encoder = Encoder::new(encode::settings());
        let (mut bodies, mut rejected) = (Vec::new(), Vec::new());
        let mut values = 0;
        self.decode(|frame| {
            encoder.push(frame, &mut bodies, &mut rejected);
            values += bodies.drain(..).map(|body| body.values).sum::<u64>();
        });
        encoder.finish(&mut bodies);
        assert!(rejected.is_empty(), "nothing here is refused");
        values + bodies.iter().map(|body| body.values).sum::<u64>()
    }
}

fn settings(shape: &Shape) -> AnswerDecoderSettings {
    let catalogue = Arc::new(Catalogue::new((0..shape.hosts).map(answers::series)));
    let keyed = SeriesOf::Keyed { measurement: answers::name("cpu"), catalogue };
    let csv = |form, series| {
        let field_label = "~f".to_owned();
        AnswerDecoderSettings::Csv(CsvSettings {
            form,
            series,
            field_label,
            unescape_strings: false,
        })
    };
    let influxql = |format, series| {
        let kind = match shape.kind {
            Kind::Integer => FieldType::Integer,
            Kind::Float => FieldType::Float,
            Kind::String => FieldType::String,
        };
        let types = FIELDS.iter().map(|field| (answers::name(field), kind));
        let types = types.collect::<BTreeMap<_, _>>().into();
        let statement = AskedStatement { measurement: answers::name("cpu"), types, series };
        AnswerDecoderSettings::Influxql(InfluxqlDecoderSettings {
            format,
            statements: vec![statement],
        })
    };
    match shape.form {
        Form::FluxBounds | Form::Flux => csv(CsvForm::Narrow, SeriesOf::Whole),
        Form::FluxKeyed => csv(CsvForm::Narrow, keyed),
        Form::FluxPivot => csv(CsvForm::Pivoted, keyed),
        Form::MessagePack => influxql(Format::MessagePack, keyed),
        Form::MessagePackAllTags => influxql(Format::MessagePack, SeriesOf::Whole),
        Form::Json => influxql(Format::Json, keyed),
    }
}
