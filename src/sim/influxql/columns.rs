//! What stands between `SELECT` and `FROM`, once the fields and tags are known.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::schema::{MeasurementSchema, SYSTEM_FIELDS};
use super::statement::{Cast, SelectItem};
use crate::model::frame::FieldType;

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Take {
    /// No such field.
    Nothing,
    Tag(Arc<[u8]>),
    /// A field as this type; where it has another it is converted or left out.
    Field(Arc<[u8]>, FieldType),
}

#[derive(Debug, Clone)]
pub(super) struct SelectedColumn {
    pub(super) take: Take,
    /// Its name, unless another column has it.
    name: Vec<u8>,
    /// A name that stands whatever the others are called.
    alias: Option<Vec<u8>>,
}

/// Functions of the real server that are not simulated.
const FUNCTIONS: [&str; 14] = [
    "bottom",
    "derivative",
    "difference",
    "distinct",
    "first",
    "last",
    "max",
    "mean",
    "median",
    "min",
    "mode",
    "percentile",
    "sum",
    "top",
];

/// True if values are counted and not read; the error is that of the statement's result.
pub(super) fn check(items: &[SelectItem]) -> Result<bool, String> {
    let mut counted = 0;
    for item in items {
        match item {
            SelectItem::Literal => {
                return Err("field must contain at least one variable".to_owned());
            }
            SelectItem::Call { function, of } => {
                match function.as_str() {
                    "count" => counted += 1,
                    other if FUNCTIONS.contains(&other) => {
                        return Err(format!("{other}() is not simulated"));
                    }
                    other => return Err(format!("undefined function {other}()")),
                }
                if !matches!(**of, SelectItem::Wildcard(_) | SelectItem::Reference { .. }) {
                    return Err("expected field argument in count()".to_owned());
                }
            }
            SelectItem::Wildcard(_) | SelectItem::Reference { .. } => {}
        }
    }
    match counted {
        0 => Ok(false),
        all if all == items.len() => Ok(true),
        _ => Err("mixing aggregate and non-aggregate queries is not supported".to_owned()),
    }
}

/// The columns behind the time. Tags are among them only where they are asked for: by `*` those that do not tell series
/// apart.
pub(super) fn expand(
    items: &[SelectItem],
    schema: &MeasurementSchema<'_>,
    by_all: bool,
    dimensions: &BTreeSet<Arc<[u8]>>,
) -> Vec<SelectedColumn> {
    let mut columns = Vec::new();
    for item in items {
        let (item, function) = match item {
            SelectItem::Call { function, of } => (&**of, Some(function)),
            other => (other, None),
        };
        match item {
            SelectItem::Wildcard(cast) => {
                for take in wildcard(schema, *cast, by_all, dimensions) {
                    let (Take::Field(name, _) | Take::Tag(name)) = &take else { continue };
                    let name = name.to_vec();
                    match function {
                        None => columns.push(SelectedColumn { take, name, alias: None }),
                        // Tags are not counted.
                        Some(_) if matches!(take, Take::Tag(_)) => {}
                        Some(function) => {
                            let alias = Some([function.as_bytes(), b"_", &name].concat());
                            columns.push(SelectedColumn { take, name, alias });
                        }
                    }
                }
            }
            SelectItem::Reference { name, cast } => {
                let take = reference(schema, name, *cast);
                let name = function.unwrap_or(name).as_bytes().to_vec();
                columns.push(SelectedColumn { take, name, alias: None });
            }
            SelectItem::Call { .. } | SelectItem::Literal => {}
        }
    }
    columns
}

fn wildcard(
    schema: &MeasurementSchema<'_>,
    cast: Option<Cast>,
    by_all: bool,
    dimensions: &BTreeSet<Arc<[u8]>>,
) -> Vec<Take> {
    let fields =
        schema.fields.iter().map(|(name, field_type)| Take::Field((*name).into(), *field_type));
    let mut takes: Vec<_> = fields.filter(|_| cast != Some(Cast::Tag)).collect();
    if cast != Some(Cast::Field) && !by_all && !schema.fields.is_empty() {
        let tags = schema.tags.iter().filter(|key| !dimensions.contains(**key));
        takes.extend(tags.map(|key| Take::Tag((*key).into())));
    }
    takes.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    takes
}

/// By name, then by the real server's numbers for types.
fn sort_key(take: &Take) -> (&[u8], u8) {
    match take {
        Take::Nothing => (&[], 0),
        Take::Tag(name) => (name, 7),
        Take::Field(name, FieldType::Float) => (name, 1),
        Take::Field(name, FieldType::Integer) => (name, 2),
        Take::Field(name, FieldType::String) => (name, 3),
        Take::Field(name, FieldType::Boolean) => (name, 4),
        Take::Field(name, FieldType::Unsigned) => (name, 9),
    }
}

fn reference(schema: &MeasurementSchema<'_>, name: &str, cast: Option<Cast>) -> Take {
    let name: Arc<[u8]> = name.as_bytes().into();
    let field = |field_type| Take::Field(Arc::clone(&name), field_type);
    match cast {
        Some(Cast::Tag) => Take::Tag(name),
        Some(Cast::Float) => field(FieldType::Float),
        Some(Cast::Integer) => field(FieldType::Integer),
        Some(Cast::Unsigned) => field(FieldType::Unsigned),
        Some(Cast::String) => field(FieldType::String),
        Some(Cast::Boolean) => field(FieldType::Boolean),
        None | Some(Cast::Field) => match schema.fields.get(&*name) {
            Some(field_type) => field(*field_type),
            // All but the last are known to every measurement.
            None if SYSTEM_FIELDS[..4].contains(&&*name) && !schema.fields.is_empty() => {
                field(FieldType::String)
            }
            None if cast.is_none() && schema.tags.contains(&*name) => Take::Tag(name),
            None => Take::Nothing,
        },
    }
}

/// The names of the columns, each once.
pub(super) fn names(columns: &[SelectedColumn]) -> Vec<Box<[u8]>> {
    let mut taken: HashMap<Vec<u8>, usize> = HashMap::new();
    taken.extend(columns.iter().filter_map(|column| column.alias.clone()).map(|name| (name, 1)));
    let name = |column: &SelectedColumn| {
        if let Some(alias) = &column.alias {
            return alias.clone().into();
        }
        let mut name = column.name.clone();
        if let Some(&count) = taken.get(&name) {
            let numbered = |count: usize| [&name[..], format!("_{count}").as_bytes()].concat();
            // One of so many numbers is free.
            let mut free = (count..=count + columns.len())
                .skip_while(|&count| taken.contains_key(&numbered(count)));
            let count = free.next().unwrap_or(count);
            let resolved = numbered(count);
            taken.insert(name, count + 1);
            name = resolved;
        }
        *taken.entry(name.clone()).or_default() += 1;
        name.into()
    };
    columns.iter().map(name).collect()
}

/// The columns in the order in which storage has them.
pub(super) fn order(columns: &[SelectedColumn]) -> Arc<[usize]> {
    let mut order: Vec<_> = (0..columns.len()).collect();
    order.sort_by(|&a, &b| sort_key(&columns[a].take).cmp(&sort_key(&columns[b].take)));
    order.into()
}
