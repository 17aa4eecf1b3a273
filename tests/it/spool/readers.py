"""Runs the text of `sluice spool describe --sql ENGINE` in that engine and asks the tables a few questions.

readers.py ENGINE TIME_TYPE TEXT TABLE OTHER...: prints one JSON object with the answers about TABLE, the name of its type of times
and the rows of the OTHER tables.
"""

import json
import sys

engine, time_type, path, name, *others = sys.argv[1:]
# Nanoseconds of what a file counts.
unit = 1000 if time_type == "us-utc" else 1
text = open(path, encoding="utf-8").read()


def statements():
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip()]


def sql(ask, quote, lowest, highest, kind):
    (row,) = ask(
        f"""SELECT count(*), {lowest}, {highest}, sum(i), min(i), max(i), sum(CASE WHEN s = '' THEN 1 ELSE 0 END),
            sum(CASE WHEN s IS NULL THEN 1 ELSE 0 END), sum(CASE WHEN host = 'a' THEN 1 ELSE 0 END),
            sum(CASE WHEN host IS NULL THEN 1 ELSE 0 END), max(u), {kind} FROM {quote}{name}{quote}"""
    )
    *numbers, kind = row
    count = lambda other: int(ask(f"SELECT count(*) FROM {quote}{other}{quote}")[0][0])
    return [int(number) for number in numbers], kind, [count(other) for other in others]


def duckdb():
    import duckdb

    for statement in statements():
        duckdb.sql(statement)
    ask = lambda text: duckdb.sql(text).fetchall()
    of = "{}" if time_type == "i64" else "epoch_ns({})"
    low, high = of.format('min("time")'), of.format('max("time")')
    return sql(ask, '"', low, high, 'any_value(typeof("time"))')


def datafusion():
    from datafusion import SessionContext

    context = SessionContext()
    for statement in statements():
        context.sql(statement)

    def ask(text):
        (batch,) = [batch for batch in context.sql(text).collect() if batch.num_rows]
        return [[column[0].as_py() for column in batch.columns]]

    low, high = f'CAST(min("time") AS BIGINT) * {unit} AS low', f'CAST(max("time") AS BIGINT) * {unit} AS high'
    return sql(ask, '"', low, high, 'arrow_typeof(min("time")) AS kind')


def spark():
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    for statement in statements():
        session.sql(statement)
    ask = lambda text: session.sql(text).collect()
    of = "unix_micros({}) * 1000" if time_type == "us-utc" else "{}"
    return sql(ask, "`", of.format("min(time)"), of.format("max(time)"), "max(typeof(time))")


def python_tables():
    scope = {}
    exec(compile(text, path, "exec"), scope)
    return scope


def polars():
    import polars as pl

    tables = python_tables()["tables"]
    frame = tables[name]
    time = pl.col("time")
    time = time if time_type == "i64" else time.dt.epoch("ns")
    ask = [
        pl.len(),
        time.min().alias("low"),
        time.max().alias("high"),
        pl.col("i").sum(),
        pl.col("i").min().alias("least"),
        pl.col("i").max().alias("most"),
        (pl.col("s") == "").sum().alias("empty"),
        pl.col("s").is_null().sum().alias("null"),
        (pl.col("host") == "a").sum().alias("a"),
        pl.col("host").is_null().sum().alias("none"),
        pl.col("u").max(),
    ]
    rows = [tables[other].select(pl.len()).collect().item() for other in others]
    return list(frame.select(ask).collect().row(0)), str(frame.collect_schema()["time"]), rows


def pandas():
    read = python_tables()["read"]
    frame = read(name)
    time = frame["time"].astype("int64") * unit
    numbers = [
        len(frame),
        time.min(),
        time.max(),
        frame["i"].sum(),
        frame["i"].min(),
        frame["i"].max(),
        (frame["s"] == "").sum(),
        frame["s"].isna().sum(),
        (frame["host"] == "a").sum(),
        frame["host"].isna().sum(),
        frame["u"].max(),
    ]
    rows = [len(read(other)) for other in others]
    return [int(number) for number in numbers], str(frame["time"].dtype), rows


def pyarrow():
    import pyarrow as pa
    import pyarrow.compute as pc

    tables = python_tables()["tables"]
    table = tables[name].to_table()
    time = pc.multiply(table["time"].cast(pa.int64()), unit)
    host = table["host"].cast(pa.string())
    numbers = [
        table.num_rows,
        pc.min(time),
        pc.max(time),
        pc.sum(table["i"]),
        pc.min(table["i"]),
        pc.max(table["i"]),
        pc.sum(pc.equal(table["s"], "")),
        table["s"].null_count,
        pc.sum(pc.equal(host, "a")),
        host.null_count,
        pc.max(table["u"]),
    ]
    numbers = [int(getattr(number, "as_py", lambda: number)()) for number in numbers]
    rows = [tables[other].count_rows() for other in others]
    return numbers, str(table["time"].type), rows


def trino():
    """No server: the text is parsed, and must name the table with its columns."""
    import sqlglot

    create, call = sqlglot.parse("\n".join(statements()[0:1]), dialect="trino"), statements()[1]
    schema = create[0].this
    columns = [[column.name, column.kind.sql("trino")] for column in schema.expressions]
    return [schema.this.name, columns, call], "parsed", []


answers, kind, rows = globals()[engine]()
print(json.dumps({"answers": answers, "kind": kind, "rows": rows}))
