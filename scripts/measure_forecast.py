#!/usr/bin/env python3
"""Holds what plan, bench and a rehearsal foretell against a whole migration between two InfluxDB 2.x servers, and prints a
table. The source bucket holds what tsbs_cpu_only.py writes with its defaults (or with --floats); the destination buckets are
made new.

bench writes into buckets of its own on the destination, so its trials have both ends; the migration uses the setting that it
recommends, and plan is asked about that one. The rehearsal is told what the bench has measured: bytes for each value, values
per second, time to the first byte. --quota is kept by all of them, though the source knows nothing of it; with one the
migration takes as long as the quota lets it.
"""

import os
import tempfile
import time

import ends
import run_sluice

START, STOP = "2022-01-01T00:00:00Z", "2022-01-02T00:00:00Z"


def setting_flags(found, *names):
    """The interval, the transport and the number of requests under these names."""
    values = found["interval"], found["transport"], str(found["concurrency"])
    return [word for name, value in zip(names, values) for word in (f"--{name}", value)]


def job(args, quota):
    return ["--source-bucket", args.bucket, "--start", START, "--stop", STOP, "--quota", quota,
            *run_sluice.end(args, "source")]


def bench(args, quota, label):
    with tempfile.TemporaryDirectory() as folder:
        lines = run_sluice.lines(args, "bench", "--json", *job(args, quota), "--sink", "destination",
                                 "--destination-bucket", label, "--out", os.path.join(folder, "bench"), *run_sluice.end(args, "destination"),
                                 *(("--max-transfer", args.max_transfer) if args.max_transfer else ()))
    trials = [line for line in lines if line["message_type"] == "bench_trial"]
    best = lines[-1]["recommendation"]
    same = ("interval", "transport", "concurrency", "body_bytes")
    row = next(row for row in lines[-1]["rows"] if all(row[name] == best[name] for name in same))
    first_bytes = sorted(trial["first_byte_us"]["likely"] for trial in trials if not trial["warm_up"])
    return best, row, first_bytes[len(first_bytes) // 2]


def rehearsal(args, quota, values, best, row, first_byte_us):
    per_value = f"{row['milli_bytes_per_value']['likely'] / 1000:.3f}"
    return run_sluice.lines(
        args, "bench", "--simulate", "--json", "--start", START, "--stop", STOP, "--quota", quota, "--max-transfer", "100GB",
        "--sim-values", str(values), "--sim-bytes-per-value", per_value,
        "--sim-source-rate", str(row["values_per_s"]["likely"]), "--sim-latency", f"{max(1, first_byte_us // 1000)}ms",
        *setting_flags(best, "intervals", "transports", "concurrencies"))[-1]


def row(what, found, actual):
    def cell(name, unit):
        if found.get(name) is None:
            return "-"
        shown = f"{found[name] / unit:.1f}" if unit > 1 else str(found[name])
        return shown if found is actual else f"{shown} ({found[name] / actual[name]:.2f})"
    cells = [what, cell("ms", 1000), cell("bytes", 1_000_000), cell("requests", 1), cell("batches", 1)]
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = ends.parser(__doc__)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--quota", action="append", help="as sluice takes it; may be given more than once")
    parser.add_argument("--max-transfer", help="what bench may spend; its own default without")
    args = parser.parse_args()
    source, _ = ends.ends(args)
    values = source.count(args.bucket, START, STOP)
    for number, quota in enumerate(args.quota or ["none"]):
        label = f"forecast_{int(time.time())}_{number}"
        best, measured, first_byte_us = bench(args, quota, label)
        plan = run_sluice.lines(args, "plan", "--json", *job(args, quota), "--destination-bucket", label, "--create-buckets",
                                *run_sluice.end(args, "destination"),
                                *setting_flags(best, "batch-interval", "transport", "concurrency"))[0]["forecast"]
        rehearsed = rehearsal(args, quota, values, best, measured, first_byte_us)
        run = run_sluice.migrate(args, args.bucket, label, START, STOP, best["interval"], "--transport", best["transport"],
                                 "--concurrency", str(best["concurrency"]), "--quota", quota)
        actual = {"ms": run["elapsed_ms"], "bytes": run["source_bytes_decoded"] + run["source_bytes_survey"],
                  "requests": run["source_requests"], "batches": run["batches_committed"]}
        print(f"\nquota {quota}, {values} values, {best['transport']} {best['interval']} x{best['concurrency']}\n\n"
              "| what | s (of the actual) | MB | requests | batches |\n|---|---|---|---|---|")
        likely = {name: (plan[name] or {}).get("likely") for name in ("time_ms", "bytes", "count_bytes", "requests")}
        row("plan", {"ms": likely["time_ms"], "bytes": likely["bytes"] + likely["count_bytes"],
                     "requests": likely["requests"], "batches": plan["batches"]}, actual)
        row("bench", {"ms": best["whole_ms"]["likely"],
                      "bytes": measured["milli_bytes_per_value"]["likely"] * values // 1000}, actual)
        row("rehearsal", {"ms": rehearsed["whole_ms"], "bytes": rehearsed["bytes"], "requests": rehearsed["requests"],
                          "batches": rehearsed["batches"]}, actual)
        row("migration", actual, actual)


if __name__ == "__main__":
    main()
