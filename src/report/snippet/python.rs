//! Python.

use std::fmt::Write as _;

use super::engine::{Engine, Named};

/// A text as Python writes it.
fn python_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const POLARS: &str = "\
def table(files):
    return pl.concat([pl.scan_parquet(file, glob=False) for file in files], how=\"diagonal\")
";

const PYARROW: &str = "\
def table(files):
    schema = pa.unify_schemas([pq.read_schema(file) for file in files])
    return ds.dataset(files, schema=schema, format=\"parquet\")
";

/// Whole numbers with gaps would become floats in pandas' own types.
const PANDAS: &str = "
def exact(kind):
    return None if pa.types.is_dictionary(kind) else pd.ArrowDtype(kind)


def read(name, **how):
    return tables[name].to_table(**how).to_pandas(types_mapper=exact)
";

/// The text.
pub(super) fn text(engine: Engine, text: &mut String, root: &str, tables: &[Named<'_>]) {
    let (imports, note, table) = match engine {
        Engine::Polars => (
            "import polars as pl\n",
            "Each of the tables is a LazyFrame: tables[...].collect()",
            POLARS,
        ),
        Engine::Pandas => (
            "import pandas as pd\nimport pyarrow as pa\nimport pyarrow.dataset as ds\nimport pyarrow.parquet as pq\n",
            "read(name) gives a DataFrame; columns=[...] and filter=... read less of it.",
            PYARROW,
        ),
        _ => (
            "import pyarrow as pa\nimport pyarrow.dataset as ds\nimport pyarrow.parquet as pq\n",
            "Each of the tables is a Dataset: tables[...].to_table()",
            PYARROW,
        ),
    };
    let _ = write!(
        text,
        "# {note}\nfrom pathlib import Path\n\n{imports}\nspool = Path({})\n\n\ndef folder(path):\n    return \
         sorted((spool / path).rglob(\"*.parquet\"))\n\n\n{table}\n\ntables = {{\n",
        python_text(root)
    );
    for Named { name, table } in tables {
        let files = if table.is_folder {
            format!("folder({})", python_text(&table.folder))
        } else {
            let files = table.files.iter().map(|file| format!("spool / {}", python_text(file)));
            format!("[{}]", files.collect::<Vec<_>>().join(", "))
        };
        let _ = writeln!(text, "    {}: table({files}),", python_text(name));
    }
    text.push_str("}\n");
    if engine == Engine::Pandas {
        text.push('\n');
        text.push_str(PANDAS);
    }
}
