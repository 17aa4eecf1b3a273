#!/usr/bin/env python3
"""Measures staging to Parquet, compaction and loading between two InfluxDB 2.x servers, and prints a table. The source
bucket holds what tsbs_cpu_only.py writes with its defaults (or with --floats); the destination buckets are made new. Before
each run the machine is waited for until it is idle.

The ceiling of ingest: the same lines, encoded before, series after series, written by two clients at the same time that do
nothing else. It is measured before and after the loads, and the faster one counts. For staging against a run that throws the
values away see `cargo bench --bench pipeline -- --config FILE`.
"""

import os
import tempfile
import time
import types

import ends
import run_sluice
import tsbs_cpu_only

START, STOP = "2022-01-01T00:00:00Z", "2022-01-02T00:00:00Z"
WRITERS = 2


def ceiling(destination, label, values, prepared):
    """Values per second that the destination takes."""
    destination.make_bucket(label)
    queue = iter(prepared)

    def write():
        connection = destination.connection()
        # Taking the next one is a single step of the interpreter.
        for body in queue:
            destination.post(connection, label, body, "ns")

    ends.wait_until_idle()
    return values / ends.together(*[write] * WRITERS)


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def row(what, values, seconds, ceiling=None, spool_bytes=None, summary=None):
    cells = [what, f"{seconds:.1f}", f"{values / seconds / 1000:.0f} k",
             "-" if ceiling is None else f"{values / seconds / ceiling:.2f}",
             "-" if spool_bytes is None else f"{spool_bytes / values:.2f}",
             "-" if summary is None else f"{summary['rss_mib']:.0f}",
             "-" if summary is None else f"{summary['cpu_s'] / values * 1e6:.3f}"]
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = ends.parser(__doc__)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--floats", action="store_true")
    parser.add_argument("--interval", default="1h")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    source, destination = ends.ends(args)
    run = f"spool_{int(time.time())}"
    values = source.count(args.bucket, START, STOP)
    # Times in nanoseconds, as sluice writes them.
    data = types.SimpleNamespace(hosts=100, hours=24, step_s=10, seed=42, floats=args.floats)
    prepared = list(ends.bodies((line[:-1] + "000000000\n" for line in tsbs_cpu_only.lines(data)), 2_000_000))

    with tempfile.TemporaryDirectory() as folder:
        staged = run_sluice.stage(args, args.bucket, folder, START, STOP, args.interval)
        staged_bytes = folder_bytes(folder)
        compacted = run_sluice.run(args, "spool", "compact", folder, "--json")
        compacted_bytes = folder_bytes(folder)
        ceilings, loads = [], []
        for number in range(args.rounds):
            ceilings.append(ceiling(destination, f"{run}_ceiling{number}", values, prepared))
            loads.append(run_sluice.load(args, folder, f"{run}_{number}"))
    top = max(ceilings)
    print("| what | s | values/s | of the ceiling | spool B/value | peak MiB | client CPU us/value |\n"
          "|---|---|---|---|---|---|---|")
    row(f"staging, batches of {args.interval}", values, staged["seconds"], None, staged_bytes, staged)
    row("compaction", values, compacted["seconds"], None, compacted_bytes, compacted)
    for found in ceilings:
        row(f"ceiling of ingest, {WRITERS} writers", values, values / found, top)
    for load in loads:
        row("load", values, load["seconds"], top, compacted_bytes, load)


if __name__ == "__main__":
    main()
