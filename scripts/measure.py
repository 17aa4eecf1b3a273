#!/usr/bin/env python3
"""Measures sluice against the raw ceiling of two InfluxDB 2.x servers, the vendor's Flux task and `influx query --raw |
influx write`, one after the other, and prints a table. The source bucket holds what tsbs_cpu_only.py writes with its
defaults (or with --floats); the destination buckets are made new. Before each run the machine is waited for until it is idle.

The raw ceiling: a keyed InfluxQL reader that throws everything away, and two writers of bodies that were encoded before,
series after series, at the same time. The same content, with no work at the client but moving bytes. It is measured
before and after the runs of sluice, and the faster one counts.

  --task-flux   the script of the migration guide, as published (without it the task is not measured)
  --influx-cli  the influx 2.x command line (likewise)
"""

import os
import re
import subprocess
import time
import types
import urllib.parse

import ends
import run_sluice
import tsbs_cpu_only

START, HOUR, STOP = "2022-01-01T00:00:00Z", "2022-01-01T01:00:00Z", "2022-01-02T00:00:00Z"
READ_PARTS = 8
RUNS = [("auto", "1h"), ("auto", "1d"), ("influxql", "1d"), ("flux-keyed", "1d"), ("flux-pivot", "1d"), ("flux", "1d")]


def row(method, values, seconds, ceiling, source_bytes=None, rss_mib=None, cpu_s=None):
    cells = [method, f"{seconds:.1f}", f"{values / seconds / 1000:.0f} k", f"{values / seconds / ceiling:.2f}",
             "-" if source_bytes is None else f"{source_bytes / values:.1f}",
             "-" if rss_mib is None else f"{rss_mib:.0f}", "-" if cpu_s is None else f"{cpu_s / values * 1e6:.3f}"]
    print("| " + " | ".join(cells) + " |", flush=True)


def ceiling(source, destination, bucket, label, values, prepared):
    """Values per second that the two servers move at once."""
    destination.make_bucket(label)
    queue = iter(prepared)
    span_ns = 86_400_000_000_000 // READ_PARTS

    def read():
        connection = source.connection()
        query = urllib.parse.urlencode({"db": bucket, "epoch": "ns", "chunked": "true"})
        headers = {**source.headers, "Accept": "application/x-msgpack", "Content-Type": "application/vnd.influxql"}
        for part in range(READ_PARTS):
            start = tsbs_cpu_only.START_S * 1_000_000_000 + part * span_ns
            text = (f'SELECT *::field FROM "cpu" WHERE time >= {start} AND time < {start + span_ns} '
                    'GROUP BY "hostname"')
            connection.request("POST", f"/query?{query}", text, headers)
            answer = connection.getresponse()
            buffer, size = bytearray(1 << 20), 0
            while count := answer.readinto(buffer):
                size += count
            if answer.status != 200 or size < values // READ_PARTS:
                raise SystemExit(f"the reader of the ceiling got {size} bytes and status {answer.status}")

    def write():
        connection = destination.connection()
        # Taking the next one is a single step of the interpreter.
        for body in queue:
            destination.post(connection, label, body, "ns")

    ends.wait_until_idle()
    return values / ends.together(read, write, write)


def task(args, source, destination, label):
    """Seconds of three runs of the task, an hour of data each."""
    destination.make_bucket(label)
    destination.make_bucket(f"{label}_progress")
    with open(args.task_flux, encoding="utf-8") as file:
        script = file.read()
    token = source.headers["Authorization"].split()[1]
    for pattern, text in [
        (r"start: 2022-01-01T00:00:00Z", f"start: {START}"), (r"stop: 2022-02-01T00:00:00Z", f"stop: {STOP}"),
        (r"batchBucket: .*", f'batchBucket: "{label}_progress",'), (r"sourceHost: .*", f'sourceHost: "{args.source_host}",'),
        (r"sourceOrg: .*", f'sourceOrg: "{args.source_org}",'), (r"sourceToken: .*", f'sourceToken: "{token}",'),
        (r"sourceBucket: .*", f'sourceBucket: "{args.bucket}",'), (r"destinationBucket: .*", f'destinationBucket: "{label}",'),
        (r"(?m)^option task.*\n", ""), (r"(?m)^.*influxdata/influxdb/secrets.*\n", ""),
    ]:
        script = re.sub(pattern, lambda _, text=text: text, script)
    ends.wait_until_idle()
    begin = time.monotonic()
    for _ in range(3):
        destination.flux(script)
    return time.monotonic() - begin


def pipe(args, destination, label):
    """Seconds of the command line's pipe for an hour of data."""
    destination.make_bucket(label)

    def environment(side):
        with open(getattr(args, f"{side}_token_file"), encoding="utf-8") as file:
            return {**os.environ, "INFLUX_TOKEN": file.read().strip()}

    ends.wait_until_idle()
    begin = time.monotonic()
    query = subprocess.Popen(
        [args.influx_cli, "query", "--raw", "--host", args.source_host, "-o", args.source_org,
         f'from(bucket: "{args.bucket}") |> range(start: {START}, stop: {HOUR})'],
        stdout=subprocess.PIPE, env=environment("source"))
    subprocess.run([args.influx_cli, "write", "--format", "csv", "--host", args.destination_host,
                    "-o", args.destination_org, "-b", label], stdin=query.stdout, check=True,
                   env=environment("destination"))
    if query.wait() != 0:
        raise SystemExit("influx query failed")
    return time.monotonic() - begin


def main():
    parser = ends.parser(__doc__)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--floats", action="store_true")
    parser.add_argument("--task-flux")
    parser.add_argument("--influx-cli")
    args = parser.parse_args()
    source, destination = ends.ends(args)
    run = f"measure_{int(time.time())}"
    values, hour = source.count(args.bucket, START, STOP), source.count(args.bucket, START, HOUR)
    # Times in nanoseconds, as sluice writes them.
    data = types.SimpleNamespace(hosts=100, hours=24, step_s=10, seed=42, floats=args.floats)
    prepared = list(ends.bodies((line[:-1] + "000000000\n" for line in tsbs_cpu_only.lines(data)), 2_000_000))

    before = ceiling(source, destination, args.bucket, f"{run}_c1", values, prepared)
    found = []
    for number, (transport, interval) in enumerate(RUNS):
        summary = run_sluice.migrate(args, args.bucket, f"{run}_{number}", START, STOP, interval, "--transport", transport)
        found.append((f"sluice --transport {transport}, batches of {interval}", summary))
    after = ceiling(source, destination, args.bucket, f"{run}_c2", values, prepared)
    top = max(before, after)

    print("| method | s | values/s | of the ceiling | source B/value | peak MiB | client CPU us/value |\n"
          "|---|---|---|---|---|---|---|")
    row("raw ceiling, first", values, values / before, top)
    row("raw ceiling, again", values, values / after, top)
    for method, summary in found:
        row(method, summary["values"], summary["seconds"], top, summary["source_bytes_decoded"], summary["rss_mib"],
            summary["cpu_s"])
    plain = len(source.flux(f'from(bucket: "{args.bucket}") |> range(start: {START}, stop: {HOUR})'))
    if args.task_flux:
        # The script reads each batch three times: once to write it, and twice for its count.
        row("official task, 3 batches of 1h", 3 * hour, task(args, source, destination, f"{run}_task"), top, 9 * plain)
    if args.influx_cli:
        row("influx query --raw \\| influx write, 1h", hour, pipe(args, destination, f"{run}_cli"), top, plain)


if __name__ == "__main__":
    main()
